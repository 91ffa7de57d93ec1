//! One step: the next events of a tenant's log, and what has become known since.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    build::{Built, build},
    refold::refold,
    rows::{Added, count},
};
use crate::{
    domain::{
        history::{Fold, TicketEvent},
        ids::{EventId, Position, Tenant, TicketId},
        instant::OccurredAt,
        log::StoredEvent,
    },
    store::{
        PageSize, Store, StoreError,
        projection::{Claim, Known, Projector, Standing, TicketRow},
    },
};

/// How much a step takes: one commit.
#[derive(Debug, Clone, Copy)]
pub enum Stride {
    /// A tenth of a second of work or so, where others wait for their turn.
    Short,
    /// A second or so: the more events of a ticket a step has, the fewer rows are written only to be ended by the next.
    /// And all that there is, from nothing, where that is less work than to go on (see [`Stride::Whole`]).
    Long,
    /// All that there is, from nothing: each ticket is folded and written once, and the indexes are made at the end. As
    /// long as there is one log alone, and nobody is reading; else [`Stride::Long`].
    Whole,
}

/// Fewer events than this are soon projected.
const WHOLE_FROM: i64 = 50_000;

impl Stride {
    fn size(self) -> PageSize {
        PageSize {
            events: match self {
                Self::Short => 1000,
                Self::Long | Self::Whole => 10_000,
            },
            bytes: 16 << 20,
        }
    }

    /// Whether to build from nothing what is projected up to a position only.
    fn is_whole(self, projected: Position, up_to: Position) -> bool {
        match self {
            Self::Short => false,
            // From nothing it is two to three times as fast.
            Self::Long => {
                let waiting = up_to.0 - projected.0;
                waiting >= WHOLE_FROM && waiting / 2 >= projected.0
            }
            Self::Whole => true,
        }
    }
}

/// Events that are taken apart and folded before what they come to is written, or all of one ticket: it takes many times
/// their bytes.
pub(super) const AT_ONCE: usize = 1000;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to do.
    Done,
    /// Another instance is at it.
    Busy,
    /// The projection has moved on to this position, or has taken something into account that has none.
    Moved(Position),
}

/// New events of tickets.
type New = Vec<(TicketId, Vec<StoredEvent>)>;

/// Takes the next events of a tenant up to a position, and what has become known of its conflicts and its
/// feed, into the projection. All of it or, on an error, nothing.
///
/// An event that comes in order is folded on top of its ticket's kept fold; the ticket of any other, and
/// each one that something new is known of, is folded again from its first event, and of its rows only
/// those are written that come out otherwise. What is built from nothing tells `progress` after each
/// part, and each index, how far it is.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`]; [`StoreError::Refused`] is a bug.
pub async fn step(
    store: &Store,
    projector: &mut Projector,
    tenant: &Tenant,
    up_to: Position,
    stride: Stride,
    progress: &(dyn Fn(Built) + Sync),
) -> Result<Step, StoreError> {
    let Some(mut claim) = projector.claim(tenant).await? else {
        return Ok(Step::Busy);
    };
    if stride.is_whole(Position(claim.standing.position), up_to)
        && let Some(bare) = claim.strip().await?
    {
        let standing = build(store, &mut claim, bare, up_to, progress).await?;
        projector.commit(claim, &standing).await?;
        return Ok(Step::Moved(up_to));
    }
    let mut standing = claim.standing.clone();
    // Counted before it is looked at: what comes between is counted at the next step.
    let known = store.count_known(tenant, up_to).await?;
    let after = Position(standing.position);
    let events = store
        .list_events(tenant, after, up_to, stride.size())
        .await?;
    if events.is_empty() && known == standing.known {
        projector.release(claim).await?;
        return Ok(Step::Done);
    }
    let end = events.last().map_or(after, |event| event.position);
    let mut again = take_known(store, tenant, &mut claim, &mut standing, known, up_to).await?;
    count_instants(&mut standing, &events);
    let conflicts = find_conflicts(store, tenant, known, &events).await?;
    for new in by_ticket(events) {
        append(&mut claim, &mut standing, new, &conflicts, &mut again).await?;
    }
    let again: Vec<TicketId> = again.into_iter().collect();
    refold(store, tenant, &mut claim, &mut standing, end, &again).await?;
    standing.position = end.0;
    projector.commit(claim, &standing).await?;
    Ok(Step::Moved(end))
}

/// Takes into account what is known without a position: gives the tickets that it concerns.
async fn take_known(
    store: &Store,
    tenant: &Tenant,
    claim: &mut Claim,
    standing: &mut Standing,
    known: Known,
    head: Position,
) -> Result<BTreeSet<TicketId>, StoreError> {
    let mut concerned = BTreeSet::new();
    let before = std::mem::replace(&mut standing.known, known);
    if before.conflicts != known.conflicts {
        concerned.extend(claim.list_unmarked_conflicts().await?);
    }
    if !standing.settled || (before.facts, before.signs) != (known.facts, known.signs) {
        // Of the whole log, not of the part that is projected: so they are made once for all the steps of
        // a long way, and at its end they are those of its end.
        let (outages, settled) = store.list_outages_and_whether_settled(tenant, head).await?;
        for (from, to) in outages.differences(&standing.outages) {
            concerned.extend(claim.list_meeting(from, to).await?);
        }
        standing.outages = outages;
        standing.settled = settled;
    }
    Ok(concerned)
}

/// Those of the events whose id also came with other content.
async fn find_conflicts(
    store: &Store,
    tenant: &Tenant,
    known: Known,
    events: &[StoredEvent],
) -> Result<BTreeSet<EventId>, StoreError> {
    if known.conflicts == 0 {
        return Ok(BTreeSet::new());
    }
    let ids: Vec<EventId> = events.iter().map(|event| event.event.event_id).collect();
    let all = Position(i64::MAX);
    store.list_conflicts(tenant, &ids, all).await
}

/// Those of tickets, [`AT_ONCE`] or one ticket's at a time.
fn by_ticket(events: Vec<StoredEvent>) -> Vec<New> {
    let mut tickets: BTreeMap<TicketId, Vec<StoredEvent>> = BTreeMap::new();
    for event in events {
        if let Some(ticket) = event.event.ticket {
            tickets.entry(ticket).or_default().push(event);
        }
    }
    let mut parts: Vec<New> = Vec::new();
    let mut room = 0;
    for (ticket, events) in tickets {
        if events.len() > room {
            parts.push(New::new());
            room = AT_ONCE;
        }
        room = room.saturating_sub(events.len());
        if let Some(part) = parts.last_mut() {
            part.push((ticket, events));
        }
    }
    parts
}

/// The dated ones of events, taken apart, and how many are not.
fn take_apart(events: Vec<StoredEvent>, conflicts: &BTreeSet<EventId>) -> (Vec<TicketEvent>, i64) {
    let all = events.len();
    let dated: Vec<TicketEvent> = events
        .into_iter()
        .filter_map(|event| {
            let conflict = conflicts.contains(&event.event.event_id);
            TicketEvent::read(event, conflict)
        })
        .collect();
    let undated = length(all - dated.len());
    (dated, undated)
}

/// Folds what comes in order on top of what is there, and writes it; puts the other tickets to those to fold again.
async fn append(
    claim: &mut Claim,
    standing: &mut Standing,
    new: New,
    conflicts: &BTreeSet<EventId>,
    again: &mut BTreeSet<TicketId>,
) -> Result<(), StoreError> {
    let numbers: Vec<i64> = new.iter().map(|(ticket, _)| ticket.number()).collect();
    let before = claim.find_tickets(&numbers).await?;
    standing.tickets += length(new.len()) - length(before.len());
    let mut added = Added::default();
    let mut rows = Vec::with_capacity(new.len());
    for (ticket, events) in new {
        let (dated, undated) = take_apart(events, conflicts);
        standing.undated += undated;
        let before = before.get(&ticket);
        let mut row = before.cloned().unwrap_or_default();
        let mut fold = read_fold(ticket, &row)?;
        if again.contains(&ticket) || !fold.takes(&dated) {
            again.insert(ticket);
            continue;
        }
        row.events += length(dated.len()) + undated;
        row.undated += undated;
        let entries = fold.extend(dated, &standing.outages);
        count(&mut row, &entries);
        added.add(ticket, &entries);
        row.fold = write_fold(&fold);
        standing.sums.replace(before, &row);
        rows.push((ticket, row));
    }
    // Before the new intervals are there, which are open too.
    claim.close_intervals(&added.ends).await?;
    claim.insert_rows(&added.rows).await?;
    claim.write_tickets(&rows).await
}

fn read_fold(ticket: TicketId, row: &TicketRow) -> Result<Fold, StoreError> {
    let Some(fold) = &row.fold else {
        return Ok(Fold::default());
    };
    serde_json::from_str(fold).map_err(|_| StoreError::Corrupt {
        table: "ticket",
        column: "fold",
        row: ticket.to_string(),
    })
}

/// `None` for one that nothing was folded into.
pub(super) fn write_fold(fold: &Fold) -> Option<String> {
    fold.last_ticks()?;
    // Texts, numbers and raw JSON always have a JSON form.
    serde_json::to_string(fold).ok()
}

fn count_instants(standing: &mut Standing, events: &[StoredEvent]) {
    let instants = events
        .iter()
        .filter_map(|event| event.event.occurred_at.as_ref());
    let before =
        |a: &OccurredAt, b: &Option<OccurredAt>| b.as_ref().is_none_or(|b| a.ticks() < b.ticks());
    let after =
        |a: &OccurredAt, b: &Option<OccurredAt>| b.as_ref().is_none_or(|b| a.ticks() > b.ticks());
    for at in instants {
        if before(at, &standing.first_at) {
            standing.first_at = Some(at.clone());
        }
        if after(at, &standing.last_at) {
            standing.last_at = Some(at.clone());
        }
    }
}

pub(super) fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
