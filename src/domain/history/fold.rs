//! A fold under way: what must be known of a ticket's past to fold what comes after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Entry, TicketEvent,
    evidence::{self, Writes},
    lifecycle,
    order::{self, Placed},
    state::State,
};
use crate::domain::{
    completeness::{Completeness, Reason},
    feed::Outages,
    fields::Value,
};

/// Where the fold of a ticket's history stands. Its size depends on the ticket's fields, not on its
/// events; kept as JSON, it goes on as if it had never stopped.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Fold {
    state: State,
    writes: Writes,
    /// Timestamp of the last event, in ticks.
    last_ticks: Option<i64>,
    /// True once the created event is folded.
    created: bool,
    /// True if an entry is in doubt that the write of a later event could clear.
    clearable: bool,
}

impl Fold {
    /// True if folding these events on top gives what folding all of the ticket's gives: they are later
    /// than all before, and change nothing that was said of those.
    pub fn takes(&self, events: &[TicketEvent]) -> bool {
        let Some(last) = self.last_ticks else {
            return true;
        };
        let in_order = |event: &TicketEvent| {
            // Once the created event is there, a further one is like any other.
            event.occurred_at.ticks() > last && (self.created || !event.is_created())
        };
        !self.clearable && events.iter().all(in_order)
    }

    /// Folds events, in any order, on top of those before; [`Fold::takes`] says whether it may. Entries
    /// come as [`super::fold()`] gives them.
    pub fn extend(&mut self, events: Vec<TicketEvent>, outages: &Outages) -> Vec<Entry> {
        self.extend_until(events, i64::MAX, outages)
    }

    /// [`Fold::extend`] by the events up to an instant in ticks (inclusive), knowing the later ones: only the entries
    /// are of use then, and the state, but no more events.
    pub(super) fn extend_until(
        &mut self,
        events: Vec<TicketEvent>,
        until_ticks: i64,
        outages: &Outages,
    ) -> Vec<Entry> {
        let events = order::arrange(events);
        let has_created = self.created || events.iter().any(|placed| placed.event.is_created());
        for placed in &events {
            self.writes.add(placed.event.occurred_at.ticks());
        }
        let entries = events.into_iter();
        entries
            .take_while(|placed| placed.event.occurred_at.ticks() <= until_ticks)
            .map(|placed| self.step(&placed, has_created, outages))
            .collect()
    }

    fn step(&mut self, placed: &Placed, has_created: bool, outages: &Outages) -> Entry {
        let mut entry = placed.blank_entry();
        if placed.repeats.is_some() {
            return entry;
        }
        let ticks = placed.event.occurred_at.ticks();
        let creates = placed.event.is_created() && !self.created;
        self.created |= creates;
        let step = self.state.step(&placed.event, creates);
        entry.lifecycle = lifecycle::of(&step.changes, creates);
        entry.completeness = evidence::weigh(placed, &step, &self.writes);
        let of_interval = match self.last_ticks {
            None => (!creates).then(|| evidence::of_start(has_created)),
            Some(last) => evidence::of_feed(outages, last, ticks),
        };
        entry.completeness.reasons.extend(of_interval);
        self.clearable |= entry.completeness.reasons.contains(&Reason::UnseenWrite);
        entry.changes = step.changes;
        entry.turns = step.turns;
        entry.after_ticks = self.last_ticks.replace(ticks);
        entry
    }

    /// Of the open interval after the last event.
    pub fn open(&self, outages: &Outages) -> Completeness {
        let reason = self
            .last_ticks
            .and_then(|last| evidence::of_feed(outages, last, i64::MAX));
        Completeness {
            reasons: reason.into_iter().collect(),
        }
    }

    /// Timestamp of the last event, in ticks; `None` before the first.
    pub fn last_ticks(&self) -> Option<i64> {
        self.last_ticks
    }

    /// The fields whose values are known, with them.
    pub fn into_state(self) -> BTreeMap<String, Value> {
        self.state.known()
    }
}
