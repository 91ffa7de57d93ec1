//! What is known of each field, and how an event changes that.

use std::{collections::BTreeMap, mem};

use serde::{Deserialize, Serialize};

use super::{Change, Kind, TicketEvent, Turn};
use crate::domain::fields::Value;

/// The fields of a ticket; one that is not here was never seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(super) struct State(BTreeMap<String, Field>);

/// A [`State`] as JSON: each field's last value seen, and whether it still counts.
type Kept = BTreeMap<String, (Value, bool)>;

impl From<Kept> for State {
    fn from(kept: Kept) -> Self {
        let fields = kept.into_iter();
        let fields = fields.map(|(name, (value, known))| (name, Field { value, known }));
        Self(fields.collect())
    }
}

impl From<State> for Kept {
    fn from(state: State) -> Self {
        let fields = state.0.into_iter();
        fields
            .map(|(name, field)| (name, (field.value, field.known)))
            .collect()
    }
}

/// The last value seen, and whether it still counts.
#[derive(Debug, Clone)]
struct Field {
    value: Value,
    /// False from an event on that declared or left out the field without sending a value.
    known: bool,
}

/// What an event did.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// By field name.
    pub(super) changes: Vec<Change>,
    /// By field name.
    pub(super) turns: Vec<Turn>,
    /// True if the event carries nothing, or lacks a field that was known.
    pub(super) lacks_values: bool,
}

impl State {
    /// Folds one event into the state; `creates` for the ticket's created event.
    pub(super) fn step(&mut self, event: &TicketEvent, creates: bool) -> Step {
        let known = self.0.values().filter(|field| field.known).count();
        let mut step = Step::default();
        let mut carried = 0;
        for (name, value) in &event.carried {
            let declared = event.declared.contains(name);
            carried += usize::from(self.carry(name, value, declared, creates, &mut step));
        }
        step.lacks_values = event.carried.is_empty() || carried < known;
        let declared = event.declared.iter();
        for name in declared.filter(|name| !event.carried.contains_key(*name)) {
            self.declare(name, &mut step);
        }
        if step.lacks_values && !event.carried.is_empty() {
            self.leave_out(event, &mut step);
        }
        step.changes.sort_by(|a, b| a.field.cmp(&b.field));
        step.turns.sort_by(|a, b| a.field.cmp(&b.field));
        step
    }

    /// A field that an event carries: the table of kinds in `docs/history.md` from its second line on. True if its value
    /// was known before.
    fn carry(
        &mut self,
        name: &str,
        value: &Value,
        declared: bool,
        creates: bool,
        step: &mut Step,
    ) -> bool {
        let mut change = |kind, from| {
            step.changes.push(Change {
                field: name.to_owned(),
                kind,
                declared,
                from,
                to: Some(value.clone()),
            });
        };
        let turn = || Turn {
            field: name.to_owned(),
            to: Some(value.clone()),
        };
        let Some(last) = self.0.get_mut(name) else {
            if creates {
                change(Kind::Initial, None);
            } else if declared {
                change(Kind::Set, None);
            }
            step.turns.push(turn());
            let (value, known) = (value.clone(), true);
            self.0.insert(name.to_owned(), Field { value, known });
            return false;
        };
        let same = last.value.is_same(value, name);
        let was_known = mem::replace(&mut last.known, true);
        match (was_known, same) {
            (true, false) => change(Kind::Changed, Some(last.value.clone())),
            (false, false) => change(Kind::Set, None),
            (_, true) if declared => change(Kind::Touched, Some(last.value.clone())),
            (_, true) => {}
        }
        if !(was_known && same) {
            step.turns.push(turn());
        }
        // Most fields of an event are as they were: for those nothing is copied.
        if last.value.as_json() != value.as_json() {
            last.value = value.clone();
        }
        was_known
    }

    /// A field that an event declares without a value: the first line of that table.
    fn declare(&mut self, name: &str, step: &mut Step) {
        step.changes.push(Change {
            field: name.to_owned(),
            kind: Kind::NotSent,
            declared: true,
            from: None,
            to: None,
        });
        if let Some(field) = self.0.get_mut(name) {
            field.forget(name, step);
        }
    }

    /// What an event with values does not carry is unknown from here on.
    fn leave_out(&mut self, event: &TicketEvent, step: &mut Step) {
        for (name, field) in &mut self.0 {
            if !event.carried.contains_key(name) {
                field.forget(name, step);
            }
        }
    }

    /// The fields whose values are known, with them.
    pub(super) fn known(self) -> BTreeMap<String, Value> {
        self.0
            .into_iter()
            .filter(|(_, field)| field.known)
            .map(|(name, field)| (name, field.value))
            .collect()
    }
}

impl Field {
    fn forget(&mut self, name: &str, step: &mut Step) {
        if mem::replace(&mut self.known, false) {
            step.turns.push(Turn {
                field: name.to_owned(),
                to: None,
            });
        }
    }
}
