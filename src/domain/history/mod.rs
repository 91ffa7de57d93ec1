//! From the events of one ticket to its timeline: one pure function, used by everything that shows
//! history.
//!
//! SuperOffice sends what each field holds *after* a change, out of order and at least once. [`fold()`]
//! orders the events, leaves out repeats, and walks a state that starts with every field *unknown,
//! never seen*; what differs from the state is a change. The rules are written out in
//! `docs/history.md`.

mod diff;
mod event;
mod evidence;
mod fold;
mod interval;
mod lifecycle;
mod order;
mod select;
mod state;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::{
    diff::{Diff, FieldDiff, Scope, diff},
    event::{TicketEvent, declared_and_carried},
    fold::Fold,
    interval::{FieldInterval, Moment, intervals},
    lifecycle::Lifecycle,
    select::{Page, Selection},
};
use crate::domain::{
    completeness::{Completeness, Confidence},
    feed::Outages,
    fields::{self, Value},
    ids::{Actor, EventId, Position},
    instant::OccurredAt,
};

/// A ticket's history.
#[derive(Debug, Clone)]
pub struct History {
    /// Every dated event of the ticket, oldest first.
    pub entries: Vec<Entry>,
    /// The fields whose values are known after the last event.
    pub state: BTreeMap<String, Value>,
    /// Of the open interval after the last event.
    pub open: Completeness,
}

/// What one event did to its ticket.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The event.
    pub event_id: EventId,
    /// Its place in the log.
    pub position: Position,
    /// `Event` as sent, like `ticket.changed`.
    pub name: String,
    /// When the sender says it happened.
    pub occurred_at: OccurredAt,
    /// When it first arrived.
    pub received_at: Timestamp,
    /// True if an event that stands later in order was stored earlier.
    pub late: bool,
    /// Who did it.
    pub actor: Option<Actor>,
    /// What it did to the ticket as a whole.
    pub lifecycle: Option<Lifecycle>,
    /// The original that this is a repeat of; a repeat changes nothing.
    pub repeats: Option<EventId>,
    /// One for each field that has something to say, by field name.
    pub changes: Vec<Change>,
    /// The fields that from here on hold another known value, or none that is known, by field name.
    /// Not every one is a change: a value can become known, or unknown, without a word.
    pub turns: Vec<Turn>,
    /// Of the interval that ends with this event.
    pub completeness: Completeness,
    /// When that interval began; `None` for a ticket's first event and for a repeat, which end none.
    pub after_ticks: Option<i64>,
}

/// A field that holds something else from an event on.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The field.
    pub field: String,
    /// The known value, as sent; `None` if it is unknown from here on.
    pub to: Option<Value>,
}

/// One field of one ticket in one event.
#[derive(Debug, Clone)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What happened to it.
    pub kind: Kind,
    /// True if the event's `Changes` names it.
    pub declared: bool,
    /// The value before, as sent; `None` if it is not known.
    pub from: Option<Value>,
    /// The value after, as sent; `None` if it is not known.
    pub to: Option<Value>,
}

impl Change {
    /// True for what moves without anybody having changed the ticket.
    pub fn is_noise(&self) -> bool {
        self.kind == Kind::Touched || fields::is_bookkeeping(&self.field)
    }
}

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Declared without a value; from here on the field is unknown.
    NotSent,
    /// First value, by the created event.
    Initial,
    /// From one known value to another.
    Changed,
    /// Declared, with the value it had.
    Touched,
    /// A value after not knowing.
    Set,
}

impl Kind {
    /// All there are, by their words.
    pub const ALL: [Self; 5] = [
        Self::Changed,
        Self::Initial,
        Self::NotSent,
        Self::Set,
        Self::Touched,
    ];

    /// The kind of a word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word for it in SQL, JSON and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Initial => "initial",
            Self::Changed => "changed",
            Self::Touched => "touched",
            Self::Set => "set",
        }
    }
}

impl Entry {
    /// True for `ticket.created`.
    pub fn is_created(&self) -> bool {
        self.name == event::CREATED
    }

    /// The entry without its noise; `None` if it was nothing but noise.
    ///
    /// Left out is only what had changes, all of them noise, has no lifecycle, leaves no doubt and is
    /// no created event: one of an old sender, which says only *that* something changed, stays.
    pub fn without_noise(mut self) -> Option<Self> {
        let had_changes = !self.changes.is_empty();
        self.changes.retain(|change| !change.is_noise());
        let only_noise = had_changes
            && self.changes.is_empty()
            && self.lifecycle.is_none()
            && !self.is_created()
            && self.completeness.confidence() == Confidence::Consistent;
        (!only_noise).then_some(self)
    }
}

/// Rebuilds the history of one ticket from its events and its tenant's outages.
///
/// Input order does not matter, and a repeat counts once under the smallest of its event ids, so late
/// and doubled deliveries give the same answer. Entries come oldest first by (100 ns tick, created
/// before others, event id); changes within one by field name.
///
/// Costs a sort and a map look-up per carried or declared field; never fails.
pub fn fold(events: Vec<TicketEvent>, outages: &Outages) -> History {
    fold_until(events, i64::MAX, outages)
}

/// [`fold()`] up to an instant in ticks (inclusive): no entry is later, and the state is the one of then. What an entry
/// says of its event is what `fold` says of it, for that some later event shows is known: that the ticket was created
/// by one, or that it is the write a `last_changed` tells of.
pub fn fold_until(events: Vec<TicketEvent>, until_ticks: i64, outages: &Outages) -> History {
    let mut fold = Fold::default();
    let entries = fold.extend_until(events, until_ticks, outages);
    History {
        open: fold.open(outages),
        entries,
        state: fold.into_state(),
    }
}
