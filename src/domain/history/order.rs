//! The order of a ticket's events, and what follows from it: repeats, late arrivals, shared instants.
//!
//! Deliveries race each other over HTTP, so neither arrival nor position says anything about it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, TicketEvent};
use crate::domain::{
    completeness::Completeness,
    event::{self, Content},
    ids::{EventId, Position},
};

/// An event in its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) event: TicketEvent,
    /// The original that it repeats.
    pub(super) repeats: Option<EventId>,
    /// True if an event later in order has a lower position.
    pub(super) late: bool,
    /// True if another original bears the same tick.
    pub(super) shares_instant: bool,
}

impl Placed {
    /// The entry of an event that did nothing.
    pub(super) fn blank_entry(&self) -> Entry {
        Entry {
            event_id: self.event.event_id,
            position: self.event.position,
            name: self.event.name.clone(),
            occurred_at: self.event.occurred_at.clone(),
            received_at: self.event.received_at,
            late: self.late,
            actor: self.event.actor,
            lifecycle: None,
            repeats: self.repeats,
            changes: Vec::new(),
            turns: Vec::new(),
            completeness: Completeness::default(),
            after_ticks: None,
        }
    }
}

/// Puts events in order: 100 ns tick, created before others, event id.
pub(super) fn arrange(mut events: Vec<TicketEvent>) -> Vec<Placed> {
    events.sort_by_key(|e| (e.occurred_at.ticks(), !e.is_created(), e.event_id));
    let mut placed: Vec<Placed> = events
        .into_iter()
        .map(|event| Placed {
            event,
            repeats: None,
            late: false,
            shares_instant: false,
        })
        .collect();
    placed
        .chunk_by_mut(|a, b| a.event.occurred_at.ticks() == b.event.occurred_at.ticks())
        .filter(|tick| tick.len() > 1)
        .for_each(mark_tick);
    mark_late(&mut placed);
    placed
}

/// Tells the repeats among the events of one tick from those that merely share it, and what repeats say of originals.
fn mark_tick(tick: &mut [Placed]) {
    let mut originals: BTreeMap<(String, Content), EventId> = BTreeMap::new();
    for placed in tick.iter_mut() {
        let key = (
            placed.event.name.clone(),
            event::content(&placed.event.body),
        );
        let id = placed.event.event_id;
        // Events of one name stand by id, so the first of equal content has the smallest.
        let original = *originals.entry(key).or_insert(id);
        placed.repeats = (original != id).then_some(original);
    }
    // A repeat ends no interval: what speaks against it speaks against its original.
    let disputed: BTreeSet<EventId> = (tick.iter())
        .filter(|placed| placed.event.conflict)
        .filter_map(|placed| placed.repeats)
        .collect();
    for placed in tick.iter_mut().filter(|placed| placed.repeats.is_none()) {
        placed.event.conflict |= disputed.contains(&placed.event.event_id);
        placed.shares_instant = originals.len() > 1;
    }
}

fn mark_late(placed: &mut [Placed]) {
    let mut lowest_later = Position(i64::MAX);
    for placed in placed.iter_mut().rev() {
        placed.late = lowest_later < placed.event.position;
        lowest_later = lowest_later.min(placed.event.position);
    }
}
