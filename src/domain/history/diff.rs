//! What became of a ticket between two instants.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, History};
use crate::domain::{
    completeness::{Completeness, Confidence},
    fields::{self, Value},
    ids::Actor,
};

/// Which fields and which of their changes a difference is made of. The default is all of them without
/// noise.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only these fields; all if empty. Naming a bookkeeping field brings it in.
    pub fields: BTreeSet<String>,
    /// With noise.
    pub noise: bool,
}

/// The net difference between a ticket at one instant and at a later one.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The fields that hold another value, or were changed on the way, by name.
    pub fields: Vec<FieldDiff>,
    /// Events in between, repeats not counted.
    pub events: usize,
    /// Of the intervals that end with these events, and of what is left until the later instant.
    pub completeness: Completeness,
    /// How many of the intervals that end with these events are in each state.
    pub intervals: BTreeMap<Confidence, usize>,
}

/// One field between two instants.
#[derive(Debug, Clone)]
pub struct FieldDiff {
    /// The field.
    pub field: String,
    /// The value at the earlier instant, as sent; `None` if it was not known.
    pub from: Option<Value>,
    /// The value at the later instant, as sent; `None` if it was not known.
    pub to: Option<Value>,
    /// Its changes in between.
    pub steps: usize,
    /// Who made them; `None` for somebody of whom no event says who it was.
    pub actors: BTreeSet<Option<Actor>>,
}

impl FieldDiff {
    /// True if the field holds another value at the end, is known no longer or was not known before; values
    /// are compared in normal form.
    pub fn is_changed(&self) -> bool {
        let normal = |value: &Option<Value>| value.as_ref().map(|value| value.normal(&self.field));
        normal(&self.from) != normal(&self.to)
    }
}

impl Scope {
    fn takes_field(&self, field: &str) -> bool {
        if self.fields.is_empty() {
            self.noise || !fields::is_bookkeeping(field)
        } else {
            self.fields.contains(field)
        }
    }

    fn takes(&self, change: &Change) -> bool {
        self.takes_field(&change.field) && (self.noise || change.kind != super::Kind::Touched)
    }
}

/// The difference between two histories of one ticket: `from` of its events up to an instant, `to` of the
/// same and those after it up to a later one.
///
/// Differences add up: of a field, `from` of the first with `to` of the last and the sum of the steps is the
/// difference over both. Costs a look-up for each field and each change in between.
pub fn diff(from: &History, to: &History, scope: &Scope) -> Diff {
    let between = || to.entries.iter().skip(from.entries.len());
    let originals = || between().filter(|entry| entry.repeats.is_none());
    let mut steps: BTreeMap<&str, (usize, BTreeSet<Option<Actor>>)> = BTreeMap::new();
    for entry in originals() {
        for change in entry.changes.iter().filter(|change| scope.takes(change)) {
            let (count, actors) = steps.entry(&change.field).or_default();
            *count += 1;
            actors.insert(entry.actor);
        }
    }
    let names = from.state.keys().chain(to.state.keys()).map(String::as_str);
    let names: BTreeSet<&str> = names.chain(steps.keys().copied()).collect();
    let names = names.into_iter().filter(|name| scope.takes_field(name));
    let fields = names.map(|name| {
        let (steps, actors) = steps.get(name).cloned().unwrap_or_default();
        FieldDiff {
            field: name.to_owned(),
            from: from.state.get(name).cloned(),
            to: to.state.get(name).cloned(),
            steps,
            actors,
        }
    });
    let fields = fields.filter(|field| field.steps > 0 || field.is_changed());
    let mut intervals = BTreeMap::new();
    for entry in originals() {
        *intervals
            .entry(entry.completeness.confidence())
            .or_insert(0) += 1;
    }
    let reasons = originals().flat_map(|entry| entry.completeness.reasons.iter());
    Diff {
        fields: fields.collect(),
        events: originals().count(),
        completeness: Completeness {
            reasons: reasons.chain(&to.open.reasons).copied().collect(),
        },
        intervals,
    }
}
