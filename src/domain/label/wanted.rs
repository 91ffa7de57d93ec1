//! Which labels an answer needs, so that one query finds them all.

use std::collections::{BTreeMap, BTreeSet};

use super::ACTORS;
use crate::domain::{
    fields::Value,
    history::{Change, Diff, Entry},
    ids::Actor,
    log::StoredEvent,
};

/// Something that is shown with labels.
pub trait Labelled {
    /// Adds the lists and ids that it shows.
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>);
}

/// The lists and ids that some things show, for `Store::find_labels`.
pub fn wanted<'a, T: Labelled + 'a>(
    things: impl IntoIterator<Item = &'a T>,
) -> BTreeSet<(String, i64)> {
    let mut wanted = BTreeSet::new();
    for thing in things {
        thing.want(&mut wanted);
    }
    wanted
}

impl Labelled for Actor {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        wanted.insert((ACTORS.to_owned(), self.0));
    }
}

impl<T: Labelled> Labelled for Option<T> {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        if let Some(thing) = self {
            thing.want(wanted);
        }
    }
}

/// A field and its value.
impl Labelled for (&str, &Value) {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        let (field, value) = self;
        if let Some(id) = value.id(field) {
            wanted.insert(((*field).to_owned(), id));
        }
    }
}

/// The values of fields by name, as of one ticket.
impl Labelled for BTreeMap<String, Value> {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        for (field, value) in self {
            (field.as_str(), value).want(wanted);
        }
    }
}

impl Labelled for Change {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        for value in [&self.from, &self.to].into_iter().flatten() {
            (self.field.as_str(), value).want(wanted);
        }
    }
}

impl Labelled for Entry {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        self.actor.want(wanted);
        for change in &self.changes {
            change.want(wanted);
        }
    }
}

impl Labelled for Diff {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        for field in &self.fields {
            for value in [&field.from, &field.to].into_iter().flatten() {
                (field.field.as_str(), value).want(wanted);
            }
            for actor in &field.actors {
                actor.want(wanted);
            }
        }
    }
}

impl Labelled for StoredEvent {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        self.event.actor.want(wanted);
    }
}
