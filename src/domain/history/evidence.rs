//! The reasons to doubt the interval that ends with an event.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

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

/// When a ticket's events were written, as far as it matters: the instants modulo [`ZONE_STEP`] that are
/// within [`TOLERANCE`] of one, as ranges in order that do not touch. A handful of ranges covers all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Writes(Vec<(i64, i64)>);

impl Writes {
    /// Adds a write at these ticks.
    pub(super) fn add(&mut self, ticks: i64) {
        let at = ticks.rem_euclid(ZONE_STEP);
        // One that goes over the end goes on at the start.
        for around in [at - ZONE_STEP, at, at + ZONE_STEP] {
            let from = (around - TOLERANCE).max(0);
            let to = (around + TOLERANCE).min(ZONE_STEP - 1);
            if from <= to {
                self.add_range(from, to);
            }
        }
    }

    fn add_range(&mut self, mut from: i64, mut to: i64) {
        self.0.retain(|&(other_from, other_to)| {
            let apart = other_to < from || to < other_from;
            if !apart {
                from = from.min(other_from);
                to = to.max(other_to);
            }
            apart
        });
        let place = self.0.partition_point(|&(other_from, _)| other_from < from);
        self.0.insert(place, (from, to));
    }

    /// True if one of them is within [`TOLERANCE`] of these ticks, going around.
    fn contain(&self, ticks: i64) -> bool {
        let at = ticks.rem_euclid(ZONE_STEP);
        self.0.iter().any(|&(from, to)| from <= at && at <= to)
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
