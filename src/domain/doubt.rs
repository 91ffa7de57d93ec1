//! The intervals between events that are not consistent, and how many there are.

use std::collections::BTreeSet;

use crate::domain::{
    completeness::{Confidence, Reason},
    ids::{EventId, Position, TicketId},
    instant::OccurredAt,
};

/// Whose intervals, and of when: an interval is of the instant at which it ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// Of these tickets; of all if empty.
    pub tickets: BTreeSet<TicketId>,
    /// That end at this instant or later, in ticks of 100 ns.
    pub since_ticks: Option<i64>,
    /// That end before this instant, in ticks of 100 ns.
    pub until_ticks: Option<i64>,
}

/// Which intervals in doubt are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Within this.
    pub extent: Extent,
    /// In one of these states; in any doubt if empty.
    pub states: BTreeSet<Confidence>,
    /// For one of these reasons; for any if empty.
    pub reasons: BTreeSet<Reason>,
    /// Those that end last come first.
    pub newest_first: bool,
}

/// An interval in doubt.
#[derive(Debug, Clone)]
pub struct Doubt {
    /// Its ticket.
    pub ticket: TicketId,
    /// The event that it ends with.
    pub event_id: EventId,
    /// That event's place in the log.
    pub position: Position,
    /// Timestamp of the event that it began with; `None` if it ends with the ticket's first.
    pub from_at: Option<OccurredAt>,
    /// Timestamp of the event that it ends with.
    pub to_at: OccurredAt,
    /// How far it can be relied on: a word of [`Confidence`].
    pub state: String,
    /// Why: words of [`Reason`].
    pub reasons: Vec<String>,
}

/// How many intervals between two events are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nothing contradicts.
    pub consistent: i64,
    /// Nothing contradicts, but the evidence is thin.
    pub unproven: i64,
    /// Something was missed.
    pub suspect: i64,
}

/// How many tickets' intervals after the last event are in each state; none of them can be suspect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenCounts {
    /// Nothing contradicts.
    pub consistent: i64,
    /// They meet an outage of the feed.
    pub unproven: i64,
}

impl Counts {
    /// The part of all intervals that is suspect, and the part that is unproven; 0 of none.
    pub fn shares(self) -> (f64, f64) {
        let all = self.consistent + self.unproven + self.suspect;
        (share(self.suspect, all), share(self.unproven, all))
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a share of more than 2^53 intervals may be off in its last digit"
)]
fn share(part: i64, all: i64) -> f64 {
    if all == 0 {
        0.0
    } else {
        part as f64 / all as f64
    }
}
