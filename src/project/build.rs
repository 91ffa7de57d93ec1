//! Projecting a whole log at once, ticket by ticket, into tables that hold nothing.
//!
//! Each ticket is folded once, from its first event to its last, so that no row is written only to be changed by a
//! later step, and the rows' indexes are made when all rows are there.

use std::collections::VecDeque;

use tokio::{sync::mpsc, task::yield_now};

use super::{
    refold::fold_whole,
    rows::Added,
    step::{AT_ONCE, length},
};
use crate::{
    domain::{
        feed::Outages,
        ids::{Position, Tenant, TicketId},
    },
    store::{
        Store, StoreError, TicketEvents,
        projection::{Bare, Claim, Standing, TicketRow, TicketSize},
    },
};

/// Tickets that are looked for at once.
const TICKETS: usize = 10_000;

/// Most bytes of the bodies that are folded at once, but for those of one ticket.
const BYTES: i64 = 16 << 20;

/// How far building at once has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// The rows of so many events of tickets are written.
    Events(i64),
    /// All rows are, and so many of the indexes are made.
    Indexes {
        /// Of these.
        made: usize,
        /// All that there will be.
        of: usize,
    },
}

/// Writes what a tenant's log up to a position comes to into its stripped tables, and dresses them; gives where the
/// projection stands then. `progress` is told after each part, and each index, how far it is.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub(super) async fn build(
    store: &Store,
    claim: &mut Claim,
    bare: Bare,
    up_to: Position,
    progress: &(dyn Fn(Built) + Sync),
) -> Result<Standing, StoreError> {
    let tenant = claim.tenant().clone();
    let mut standing = Standing {
        position: up_to.0,
        // Counted before it is looked at: what comes between is counted at the next step.
        known: store.count_known(&tenant, up_to).await?,
        ..Standing::default()
    };
    (standing.outages, standing.settled) = store
        .list_outages_and_whether_settled(&tenant, up_to)
        .await?;
    let outages = standing.outages.clone();
    let (read, to_fold) = mpsc::channel(1);
    let (folded, to_write) = mpsc::channel(1);
    // Postgres reads one part and writes another while a third is folded.
    let (ends, ..) = tokio::try_join!(
        store.find_ends(&tenant, up_to),
        read_all(store, &tenant, up_to, read),
        fold_all(to_fold, &outages, folded),
        write_all(to_write, claim, &mut standing, progress),
    )?;
    if let Some((first, last)) = ends {
        (standing.first_at, standing.last_at) = (Some(first), Some(last));
    }
    let made = |made, of| progress(Built::Indexes { made, of });
    claim.dress(bare, &made).await?;
    Ok(standing)
}

/// Reads the events of all tickets, by ticket, and hands them on in parts.
async fn read_all(
    store: &Store,
    tenant: &Tenant,
    up_to: Position,
    read: mpsc::Sender<Vec<TicketEvents>>,
) -> Result<(), StoreError> {
    let mut parts = Parts::of(store, tenant);
    while let Some(part) = parts.next().await? {
        let histories = store.list_histories(tenant, &part, up_to).await?;
        if read.send(histories).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Folds each part's tickets, and lets others have a turn after each.
async fn fold_all(
    mut to_fold: mpsc::Receiver<Vec<TicketEvents>>,
    outages: &Outages,
    folded: mpsc::Sender<Folded>,
) -> Result<(), StoreError> {
    while let Some(part) = to_fold.recv().await {
        let mut all = Folded::default();
        for found in part {
            let ticket = found.ticket;
            let (row, entries) = fold_whole(found, outages);
            all.added.add(ticket, &entries);
            all.tickets.push((ticket, row));
            yield_now().await;
        }
        if folded.send(all).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Writes each part, and counts it.
async fn write_all(
    mut to_write: mpsc::Receiver<Folded>,
    claim: &mut Claim,
    standing: &mut Standing,
    progress: &(dyn Fn(Built) + Sync),
) -> Result<(), StoreError> {
    let mut projected = 0;
    while let Some(Folded { tickets, added }) = to_write.recv().await {
        claim.insert_rows(&added.rows).await?;
        claim.write_tickets(&tickets).await?;
        standing.tickets += length(tickets.len());
        for (_, row) in &tickets {
            standing.undated += row.undated;
            standing.sums.replace(None, row);
            projected += row.events;
        }
        progress(Built::Events(projected));
    }
    Ok(())
}

/// What tickets come to.
#[derive(Default)]
struct Folded {
    tickets: Vec<(TicketId, TicketRow)>,
    added: Added,
}

/// A tenant's tickets by number, so many at a time that they have [`AT_ONCE`] events and [`BYTES`], or one.
struct Parts<'a> {
    store: &'a Store,
    tenant: &'a Tenant,
    /// Found and not given yet.
    found: VecDeque<TicketSize>,
    /// The last one found.
    last: Option<TicketId>,
    /// That was the last one there is.
    is_last: bool,
}

impl<'a> Parts<'a> {
    fn of(store: &'a Store, tenant: &'a Tenant) -> Self {
        Self {
            store,
            tenant,
            found: VecDeque::new(),
            last: None,
            is_last: false,
        }
    }

    /// `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<TicketId>>, StoreError> {
        let mut part = Vec::new();
        let (mut events, mut bytes) = (0, 0);
        loop {
            if self.found.is_empty() && !self.is_last {
                self.find().await?;
            }
            let Some(next) = self.found.front() else {
                break;
            };
            events += next.events;
            bytes += next.bytes;
            if !part.is_empty() && (events > length(AT_ONCE) || bytes > BYTES) {
                break;
            }
            part.push(next.ticket);
            self.found.pop_front();
        }
        Ok(Some(part).filter(|part| !part.is_empty()))
    }

    async fn find(&mut self) -> Result<(), StoreError> {
        let found = self
            .store
            .list_ticket_sizes(self.tenant, self.last, TICKETS)
            .await?;
        self.is_last = found.len() < TICKETS;
        self.last = found.last().map(|last| last.ticket).or(self.last);
        self.found.extend(found);
        Ok(())
    }
}
