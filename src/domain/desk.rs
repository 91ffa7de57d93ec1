//! The desk: which tickets a list by state shows, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{fields::Normal, history::History, ids::TicketId};

/// What has to be true of a ticket. The default asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of each of these fields it holds one of some values, told by their keys.
    pub fields: BTreeMap<String, BTreeSet<String>>,
    /// An event of it is at this instant or later, in ticks of 100 ns.
    pub since_ticks: Option<i64>,
    /// How things were at this instant (inclusive), in ticks of 100 ns; how they are if there is none.
    pub as_of_ticks: Option<i64>,
}

/// In which order tickets are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By number, from 1.
    #[default]
    Ticket,
    /// By number, the greatest first.
    TicketDown,
    /// By last event, the one at rest the longest first; then those without a dated event, by number.
    Last,
    /// By last event, the latest first; then those without a dated event, the greatest number first.
    LastDown,
}

/// Where a ticket stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Timestamp of its last event, in ticks; only where that is what the order is by, and if it has one.
    pub last_ticks: Option<i64>,
    /// The ticket.
    pub ticket: TicketId,
}

impl Filter {
    /// Asks for a value of a field in the words of a person ([`Normal::meant`]); several values of one field
    /// are any of them.
    pub fn ask(&mut self, field: &str, text: &str) {
        // Names stand like this in histories.
        let field = field.replace('\0', "\u{FFFD}");
        let key = Normal::meant(&field, text).key();
        self.fields.entry(field).or_default().insert(key);
    }

    /// True if a history, folded up to the instant that is asked for, is of a ticket that was there then and
    /// is as asked.
    pub fn admits(&self, history: &History) -> bool {
        let last = history
            .entries
            .last()
            .map(|entry| entry.occurred_at.ticks());
        let was_there = self.as_of_ticks.is_none() || last.is_some();
        let moved = self
            .since_ticks
            .is_none_or(|since| last.is_some_and(|last| since <= last));
        was_there
            && moved
            && self.fields.iter().all(|(field, keys)| {
                let value = history.state.get(field);
                value.is_some_and(|value| keys.contains(&value.normal(field).key()))
            })
    }
}

impl Order {
    /// True if it is by last event.
    pub fn is_by_last(self) -> bool {
        matches!(self, Self::Last | Self::LastDown)
    }

    /// True if the greatest comes first.
    pub fn is_down(self) -> bool {
        matches!(self, Self::TicketDown | Self::LastDown)
    }

    /// What places are ordered by: the smaller comes first.
    pub fn rank(self, place: Place) -> (i64, i64) {
        let sign = if self.is_down() { -1 } else { 1 };
        let last = match place.last_ticks {
            _ if !self.is_by_last() => 0,
            Some(ticks) => sign * ticks,
            None => i64::MAX,
        };
        (last, sign * place.ticket.number())
    }
}
