//! Projecting a whole log at once, ticket by ticket, into tables that hold nothing.
//!
//! Each ticket is folded once, from its first event to its last, so that no row is written only to be changed by a
//! later step, and the rows' indexes are made when all rows are there.

use std::collections::VecDeque;

use super::{
    refold::fold_whole,
    rows::Added,
    step::{AT_ONCE, length},
};
use crate::{
    domain::ids::{Position, Tenant, TicketId},
    store::{
        Store, StoreError, TicketEvents, TicketSize,
        projection::{Bare, Claim, Standing, TicketRow},
    },
};

/// Tickets that are looked for at once.
const TICKETS: usize = 10_000;

/// Most bytes of the bodies that are folded at once, but for those of one ticket.
const BYTES: i64 = 16 << 20;

/// Writes what a tenant's log up to a position comes to into its stripped tables, and dresses them; gives where the
/// projection stands then. `progress` is told how many events of tickets are projected so far.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub(super) async fn build(
    store: &Store,
    claim: &mut Claim,
    bare: Bare,
    up_to: Position,
    progress: &(dyn Fn(Position) + Sync),
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
    if let Some((first, last)) = store.find_ends(&tenant, up_to).await? {
        (standing.first_at, standing.last_at) = (Some(first), Some(last));
    }
    let mut parts = Parts::of(store, &tenant);
    let mut read = Vec::new();
    let mut projected = 0;
    loop {
        let next = async {
            match parts.next().await? {
                None => Ok(None),
                Some(part) => store.list_histories(&tenant, &part, up_to).await.map(Some),
            }
        };
        // Postgres looks for the next tickets while these are folded.
        let write = write(claim, &mut standing, read);
        let (next, written) = tokio::try_join!(next, write)?;
        projected += written;
        progress(Position(projected));
        match next {
            Some(next) => read = next,
            None => break,
        }
    }
    claim.dress(bare).await?;
    Ok(standing)
}

/// Folds tickets and writes them; gives how many events they have.
async fn write(
    claim: &mut Claim,
    standing: &mut Standing,
    read: Vec<TicketEvents>,
) -> Result<i64, StoreError> {
    let mut added = Added::default();
    let mut rows: Vec<(TicketId, TicketRow)> = Vec::with_capacity(read.len());
    for found in read {
        let ticket = found.ticket;
        let (row, entries) = fold_whole(found, &standing.outages);
        added.add(ticket, &entries);
        standing.undated += row.undated;
        standing.sums.replace(None, &row);
        rows.push((ticket, row));
    }
    standing.tickets += length(rows.len());
    // An index in whose order the rows are costs half of what another does.
    added.rows.sort();
    claim.insert_rows(&added.rows).await?;
    claim.write_tickets(&rows).await?;
    Ok(rows.iter().map(|(_, row)| row.events).sum())
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
