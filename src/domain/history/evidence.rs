//! The reasons to doubt the interval that ends with an event.

use jiff::{SignedDuration, Timestamp};

use super::{Change, Kind, TicketEvent, order::Placed, state::Step};
use crate::domain::{
    completeness::{Completeness, Reason},
    feed::Outages,
    fields,
    instant::{OccurredAt, ticks_of_timestamp},
};

/// Ticks of 100 ns in a second.
const SECOND: i64 = 10_000_000;

/// All zones in use differ from UTC by a multiple of this, so that an instant without a zone can be
/// compared with one in UTC modulo it.
const ZONE_STEP: i64 = 15 * 60 * SECOND;

/// How far `last_changed` may be from the Timestamp of the write it belongs to.
const TOLERANCE: i64 = 60 * SECOND;

/// How far ahead of its arrival a Timestamp may be before the sender's clock is doubted.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The instants at which the stored events of a ticket were written, modulo [`ZONE_STEP`], in order.
#[derive(Debug)]
pub(super) struct Writes(Vec<i64>);

impl Writes {
    pub(super) fn of(events: &[Placed]) -> Self {
        let tick = |placed: &Placed| placed.event.occurred_at.ticks().rem_euclid(ZONE_STEP);
        let mut ticks: Vec<i64> = events.iter().map(tick).collect();
        ticks.sort_unstable();
        Self(ticks)
    }

    /// True if one of them is within [`TOLERANCE`] of these ticks, going around.
    fn contain(&self, ticks: i64) -> bool {
        let at = ticks.rem_euclid(ZONE_STEP);
        let next = self.0.partition_point(|write| *write < at);
        let neighbours = [
            next.checked_sub(1).and_then(|before| self.0.get(before)),
            self.0.get(next),
            self.0.first(),
            self.0.last(),
        ];
        neighbours.into_iter().flatten().any(|write| {
            let apart = (write - at).abs();
            apart.min(ZONE_STEP - apart) <= TOLERANCE
        })
    }
}

/// The reason of a ticket's first entry that is not its created event.
pub(super) fn of_start(has_created: bool) -> Reason {
    if has_created {
        Reason::Disorder
    } else {
        Reason::StartsLate
    }
}

/// The reason of an interval between two instants in which the feed was not what it should be.
pub(super) fn of_feed(outages: &Outages, after_ticks: i64, before_ticks: i64) -> Option<Reason> {
    let meets = outages.meet(after_ticks, before_ticks);
    meets.then_some(Reason::FeedOutage)
}

/// All other reasons.
pub(super) fn weigh(placed: &Placed, step: &Step, writes: &Writes) -> Completeness {
    let event = &placed.event;
    let of_event = [
        (event.conflict, Reason::Conflict),
        (placed.shares_instant, Reason::SameInstant),
        (step.lacks_values, Reason::NoValues),
        (is_skewed(event), Reason::ClockSkew),
    ];
    let of_event = of_event
        .into_iter()
        .filter_map(|(holds, reason)| holds.then_some(reason));
    let of_changes = step
        .changes
        .iter()
        .filter_map(|change| of_change(event, change, writes));
    Completeness {
        reasons: of_event.chain(of_changes).collect(),
    }
}

fn is_skewed(event: &TicketEvent) -> bool {
    let latest = event
        .received_at
        .saturating_add(MAX_AHEAD)
        .unwrap_or(Timestamp::MAX);
    event.occurred_at.ticks() > ticks_of_timestamp(latest)
}

fn of_change(event: &TicketEvent, change: &Change, writes: &Writes) -> Option<Reason> {
    match change.kind {
        Kind::Touched => Some(Reason::NoOp),
        Kind::Changed if change.field == "last_changed" => {
            let text = change
                .to
                .as_ref()
                .filter(|to| !to.is_none("last_changed"))?
                .as_text()?;
            // In the tenant's zone, which nothing names: read as if it were UTC.
            let moved_to = OccurredAt::parse(&text)?;
            (!writes.contain(moved_to.ticks())).then_some(Reason::UnseenWrite)
        }
        Kind::Changed if change.declared => None,
        Kind::Changed if event.declared.is_empty() => Some(Reason::NoChangesDeclared),
        Kind::Changed => {
            let implied = (event.declared.iter()).any(|name| fields::implies(name, &change.field));
            Some(if implied {
                Reason::ImpliedChange
            } else {
                Reason::UndeclaredChange
            })
        }
        Kind::NotSent | Kind::Initial | Kind::Set => None,
    }
}
