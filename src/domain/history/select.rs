//! The part of a history that was asked for.

use std::collections::BTreeSet;

use super::{Entry, History, Kind};
use crate::domain::ids::{Actor, EventId};

/// Which entries, in which order. The default is all of them without noise, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only changes of these fields, and entries that have one; all if empty. Naming a bookkeeping field
    /// brings it in.
    pub fields: BTreeSet<String>,
    /// Only by these actors, of which none is nobody whom the sender named; by anybody if empty.
    pub actors: BTreeSet<Option<Actor>>,
    /// Only from this instant on, in ticks of 100 ns.
    pub since_ticks: Option<i64>,
    /// Only before this instant, in ticks of 100 ns.
    pub until_ticks: Option<i64>,
    /// With noise: every event of the ticket.
    pub noise: bool,
    /// Newest first.
    pub newest_first: bool,
}

/// Some entries, and where to go on.
#[derive(Debug)]
pub struct Page {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// The last of them, if others follow.
    pub next: Option<EventId>,
}

impl Selection {
    /// At most `limit` entries after the one of event `after`, or from the start. `None` if the history
    /// has no such event.
    pub fn page(&self, history: History, after: Option<EventId>, limit: usize) -> Option<Page> {
        let mut entries = history.entries;
        if self.newest_first {
            entries.reverse();
        }
        let start = match after {
            None => 0,
            Some(after) => entries.iter().position(|entry| entry.event_id == after)? + 1,
        };
        let mut selected = entries
            .into_iter()
            .skip(start)
            .filter_map(|entry| self.select(entry));
        let page: Vec<Entry> = selected.by_ref().take(limit).collect();
        let more = selected.next().is_some();
        let next = page.last().filter(|_| more).map(|entry| entry.event_id);
        Some(Page {
            entries: page,
            next,
        })
    }

    /// The entry as far as it was asked for.
    fn select(&self, entry: Entry) -> Option<Entry> {
        let ticks = entry.occurred_at.ticks();
        let asked = self.since_ticks.is_none_or(|since| since <= ticks)
            && self.until_ticks.is_none_or(|until| ticks < until)
            && (self.actors.is_empty() || self.actors.contains(&entry.actor));
        if !asked {
            return None;
        }
        if self.fields.is_empty() {
            return if self.noise {
                Some(entry)
            } else {
                entry.without_noise()
            };
        }
        let mut entry = entry;
        entry.changes.retain(|change| {
            let named = self.fields.contains(&change.field);
            named && (self.noise || change.kind != Kind::Touched)
        });
        (!entry.changes.is_empty()).then_some(entry)
    }
}
