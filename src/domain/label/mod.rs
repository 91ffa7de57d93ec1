//! Labels: the names of ids in lists, each valid from an instant.
//!
//! A list is named by the field whose values the ids are. Who changes tickets is in the list [`ACTORS`]:
//! owners are ejuser ids and actors associate ids, so the same number is another person there.

mod new;
mod recorded;
mod stale;
mod wanted;

use std::collections::BTreeMap;

pub use self::{
    new::{LabelError, MAX_LABEL_CHARS, NewLabel, NewPair, NewRow, Subjects, read_label},
    recorded::{BridgedPair, LabelPlace, RecordedLabel},
    stale::lists_meant,
    wanted::{Labelled, wanted},
};
use crate::domain::{fields::Value, ids::Actor};

/// The list of those who change tickets.
pub const ACTORS: &str = "actor";

/// The list of those who own tickets.
pub const OWNERS: &str = "owned_by";

/// Of a label that holds from the beginning. Before every instant that there is.
pub const BEGINNING: i64 = i64::MIN;

/// Some labels with their history. The default holds none, not even those built in.
#[derive(Debug, Clone, Default)]
pub struct Labels(BTreeMap<String, BTreeMap<i64, Names>>);

/// The names of one id by the instant from which each holds; `None` where it has none from then on.
#[derive(Debug, Clone, Default)]
struct Names {
    own: BTreeMap<i64, Option<String>>,
    /// Of the same person in the other list of people.
    lent: BTreeMap<i64, Option<String>>,
}

impl Labels {
    /// The label of an id in a list that is valid at an instant, in ticks of 100 ns: of its own labels the
    /// one with the greatest `valid_from` up to it. Where no label of its own reaches that far back, what
    /// it was lent holds in the same way.
    pub fn at(&self, list: &str, id: i64, ticks: i64) -> Option<&str> {
        let Names { own, lent } = self.0.get(list)?.get(&id)?;
        let (_, name) = own
            .range(..=ticks)
            .next_back()
            .or_else(|| lent.range(..=ticks).next_back())?;
        name.as_deref()
    }

    /// The label of a field's value at an instant; `None` also for a value that is no id.
    pub fn of_value(&self, field: &str, value: &Value, ticks: i64) -> Option<&str> {
        self.at(field, value.id(field)?, ticks)
    }

    /// The label of who changed something at an instant.
    pub fn of_actor(&self, actor: Option<Actor>, ticks: i64) -> Option<&str> {
        self.at(ACTORS, actor?.0, ticks)
    }

    /// True if a label of its own, or the word that it has none, holds for an id at an instant.
    pub fn has(&self, list: &str, id: i64, ticks: i64) -> bool {
        let names = self.0.get(list).and_then(|ids| ids.get(&id));
        names.is_some_and(|names| names.own.range(..=ticks).next_back().is_some())
    }

    /// Adds a name of an id's own, in the place of one that it has from that instant. `None` says that it
    /// has none from then on.
    pub fn add(&mut self, list: &str, id: i64, from_ticks: i64, name: Option<String>) {
        self.names(list, id).own.insert(from_ticks, name);
    }

    /// Adds a name that the same person has in the other list.
    pub fn lend(&mut self, list: &str, id: i64, from_ticks: i64, name: Option<String>) {
        self.names(list, id).lent.insert(from_ticks, name);
    }

    /// Takes over all names of an id, in the place of those that it has.
    pub fn copy(&mut self, from: &Self, list: &str, id: i64) {
        if let Some(names) = from.0.get(list).and_then(|ids| ids.get(&id)) {
            *self.names(list, id) = names.clone();
        }
    }

    /// Takes over all names of another.
    pub fn extend(&mut self, other: Self) {
        for (list, ids) in other.0 {
            self.0.entry(list).or_default().extend(ids);
        }
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        let names = self.0.values().flat_map(BTreeMap::values);
        let texts = names.flat_map(|names| names.own.values().chain(names.lent.values()));
        texts
            .map(|text| size_of::<(i64, Option<String>)>() + text.as_ref().map_or(0, String::len))
            .sum()
    }

    fn names(&mut self, list: &str, id: i64) -> &mut Names {
        let ids = self.0.entry(list.to_owned()).or_default();
        ids.entry(id).or_default()
    }
}

/// The label that an id has in every tenant as long as its operator gives it no other: the base status and
/// the level of a ticket are the same in all of SuperOffice.
pub fn built_in(list: &str, id: i64) -> Option<&'static str> {
    BUILT_IN
        .iter()
        .find(|(of, number, _)| *of == list && *number == id)
        .map(|(_, _, label)| *label)
}

/// All labels built in, by list and id.
pub const BUILT_IN: [(&str, i64, &str); 9] = [
    ("slevel", 0, "Unknown"),
    ("slevel", 1, "Internal"),
    ("slevel", 2, "External"),
    ("status", 0, "Unknown"),
    ("status", 1, "Active"),
    ("status", 2, "Closed"),
    ("status", 3, "Postponed"),
    ("status", 4, "Deleted"),
    ("status", 5, "Merged"),
];

#[cfg(test)]
mod tests {
    use super::{BEGINNING, Labels};

    #[test]
    fn a_label_holds_from_its_instant_until_the_next() {
        let mut labels = Labels::default();
        let name = |name: &str| Some(name.to_owned());
        labels.add("priority", 1, BEGINNING, name("Low"));
        labels.add("priority", 1, 100, name("Lower"));
        labels.add("priority", 1, 200, None);
        let at = |ticks| labels.at("priority", 1, ticks);
        assert_eq!([at(i64::MIN), at(99)], [Some("Low"); 2]);
        assert_eq!([at(100), at(199)], [Some("Lower"); 2]);
        assert_eq!([at(200), at(i64::MAX)], [None; 2]);
        assert_eq!(labels.at("priority", 2, 100), None);
        assert_eq!(labels.at("category", 1, 100), None);
    }

    #[test]
    fn what_is_lent_holds_until_the_first_of_its_own() {
        let mut labels = Labels::default();
        let name = |name: &str| Some(name.to_owned());
        labels.lend("owned_by", 8, BEGINNING, name("Kari N."));
        labels.lend("owned_by", 8, 150, name("Kari H."));
        labels.add("owned_by", 8, 100, name("Kari, desk"));
        labels.add("owned_by", 8, 200, None);
        let at = |ticks| labels.at("owned_by", 8, ticks);
        assert_eq!(at(99), Some("Kari N."));
        assert_eq!([at(100), at(199)], [Some("Kari, desk"); 2]);
        // Said to have none, which is not to have said nothing.
        assert_eq!(at(200), None);
    }
}
