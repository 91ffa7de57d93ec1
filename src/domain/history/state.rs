//! What is known of each field, and how an event changes that.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Change, Kind, TicketEvent, Turn};
use crate::domain::fields::{Normal, Value};

/// The fields of a ticket; one that is not here was never seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(super) struct State(BTreeMap<String, Field>);

/// A [`State`] as JSON: each field's last value seen, and whether it still counts.
type Kept = BTreeMap<String, (Value, bool)>;

impl From<Kept> for State {
    fn from(kept: Kept) -> Self {
        let fields = kept.into_iter().map(|(name, (value, known))| {
            let normal = value.normal(&name);
            let field = Field {
                value,
                normal,
                known,
            };
            (name, field)
        });
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
    normal: Normal,
    /// False from an event on that declared or left out the field without sending a value.
    known: bool,
}

/// What an event did.
#[derive(Debug)]
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
        let names: BTreeSet<&String> = event.declared.iter().chain(event.carried.keys()).collect();
        let lacks_values = event.carried.is_empty()
            || (self.0.iter()).any(|(name, f)| f.known && !event.carried.contains_key(name));
        let mut changes = Vec::new();
        let mut turns = Vec::new();
        for name in names {
            let declared = event.declared.contains(name);
            let carried = event.carried.get(name);
            turns.extend(self.turn(name, carried));
            changes.extend(self.step_field(name, carried, declared, creates));
        }
        if !event.carried.is_empty() {
            let left_out = self.0.iter_mut();
            let left_out =
                left_out.filter(|(name, field)| field.known && !event.carried.contains_key(*name));
            for (name, field) in left_out {
                field.known = false;
                turns.push(Turn {
                    field: name.clone(),
                    to: None,
                });
            }
            turns.sort_by(|a, b| a.field.cmp(&b.field));
        }
        Step {
            changes,
            turns,
            lacks_values,
        }
    }

    /// What a field turns to with an event that declares or carries it; to be asked before the step.
    fn turn(&self, name: &str, carried: Option<&Value>) -> Option<Turn> {
        let held = self.0.get(name).filter(|field| field.known);
        let stays = match (held, carried) {
            (None, None) => true,
            (Some(held), Some(value)) => held.normal == value.normal(name),
            (None, Some(_)) | (Some(_), None) => false,
        };
        (!stays).then(|| Turn {
            field: name.to_owned(),
            to: carried.cloned(),
        })
    }

    /// The table of kinds, first line that fits.
    fn step_field(
        &mut self,
        name: &str,
        carried: Option<&Value>,
        declared: bool,
        creates: bool,
    ) -> Option<Change> {
        let change = |kind, from, to| Change {
            field: name.to_owned(),
            kind,
            declared,
            from,
            to,
        };
        let Some(value) = carried else {
            if let Some(field) = self.0.get_mut(name) {
                field.known = false;
            }
            return Some(change(Kind::NotSent, None, None));
        };
        let seen = Field {
            value: value.clone(),
            normal: value.normal(name),
            known: true,
        };
        let to = Some(value.clone());
        let kind_and_from = match self.0.get(name) {
            None if creates => Some((Kind::Initial, None)),
            None => declared.then_some((Kind::Set, None)),
            Some(last) => match (last.known, last.normal == seen.normal) {
                (true, false) => Some((Kind::Changed, Some(last.value.clone()))),
                (true, true) => declared.then(|| (Kind::Touched, Some(last.value.clone()))),
                (false, true) => declared.then(|| (Kind::Touched, Some(last.value.clone()))),
                (false, false) => Some((Kind::Set, None)),
            },
        };
        self.0.insert(name.to_owned(), seen);
        kind_and_from.map(|(kind, from)| change(kind, from, to))
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
