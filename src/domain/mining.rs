//! Histories as process mining reads them: a ticket is a case, an event of its history is one of its events,
//! and each event is of an activity.
//!
//! Names are those of one instant for all of a log, unlike in a timeline, which shows each label as it was:
//! one who was renamed would else be two persons, and a status two activities.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
};

use super::{
    fields::Value,
    history::{Change, Entry, History, Kind, Lifecycle},
    ids::Actor,
    label::{Labelled, Labels},
};

/// The fields of which a log says what a ticket held after each event.
pub const SHOWN: [&str; 5] = [OWNER, "priority", TEAM, "status", TICKET_STATUS];

/// The field that names who owns a ticket.
pub const OWNER: &str = "owned_by";

/// The field that names the team of a ticket.
pub const TEAM: &str = "project_id";

const TICKET_STATUS: &str = "ticket_status";

/// What an event is called where several fields changed and none of them is a status: the first of these,
/// else the first by name.
const RANKED: [&str; 5] = ["status", OWNER, TEAM, "priority", "category"];

/// Of an event that says no more than that something changed.
const CHANGED: &str = "changed";

/// What the activity of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// The most telling thing that it did, see [`Names::activity`].
    Step,
    /// What it did to the ticket as a whole, else `changed`.
    Lifecycle,
    /// The base status that the ticket has after it.
    Status,
    /// The `ticket_status` that the ticket has after it.
    TicketStatus,
    /// The names of the fields that it changed.
    Fields,
}

/// The known values of the fields [`SHOWN`].
pub type Held<'a> = BTreeMap<&'static str, &'a Value>;

/// The entries of a history that are no repeats, in its order, each with what the ticket held after it.
#[derive(Debug)]
pub struct Steps<'a> {
    entries: slice::Iter<'a, Entry>,
    held: Held<'a>,
}

impl<'a> Steps<'a> {
    /// Those of a history.
    pub fn of(history: &'a History) -> Self {
        Self {
            entries: history.entries.iter(),
            held: Held::new(),
        }
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = (&'a Entry, Held<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.find(|entry| entry.repeats.is_none())?;
        for turn in &entry.turns {
            let Some(field) = shown(&turn.field) else {
                continue;
            };
            match &turn.to {
                Some(value) => self.held.insert(field, value),
                None => self.held.remove(field),
            };
        }
        Some((entry, self.held.clone()))
    }
}

/// The name of a field among those that are shown.
pub fn shown(field: &str) -> Option<&'static str> {
    SHOWN.into_iter().find(|shown| *shown == field)
}

/// What a log shows of a history.
impl Labelled for History {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        for entry in &self.entries {
            entry.actor.want(wanted);
            for turn in &entry.turns {
                if let (Some(field), Some(value)) = (shown(&turn.field), &turn.to) {
                    (field, value).want(wanted);
                }
            }
        }
    }
}

/// The names of one instant.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Those of all that is shown.
    pub labels: &'a Labels,
    /// The instant, in ticks of 100 ns.
    pub ticks: i64,
}

impl Names<'_> {
    /// The label of a value, `none` for a none-value without one, else the value: a string's text, or JSON.
    pub fn value(&self, field: &str, value: &Value) -> String {
        match self.label(field, value) {
            Some(label) => label,
            None if value.is_none(field) => "none".to_owned(),
            None => value
                .as_text()
                .unwrap_or_else(|| value.as_json().to_owned()),
        }
    }

    /// The label of a value.
    pub fn label(&self, field: &str, value: &Value) -> Option<String> {
        let label = self.labels.of_value(field, value, self.ticks);
        label.map(ToOwned::to_owned)
    }

    /// The label of who changes tickets.
    pub fn actor(&self, actor: Actor) -> Option<String> {
        let label = self.labels.of_actor(Some(actor), self.ticks);
        label.map(ToOwned::to_owned)
    }

    /// The activity of an event, after which the ticket held what is given.
    ///
    /// [`Activity::Step`] is the first that fits: the lifecycle; the `ticket_status` that it changed to; the
    /// name of the most telling field that it changed, like `owned_by changed`; `changed`. A status without
    /// a label is `ticket_status 3`, one that is not known `ticket_status unknown`.
    pub fn activity(&self, activity: Activity, entry: &Entry, held: &Held<'_>) -> String {
        match activity {
            Activity::Step => self.step(entry),
            Activity::Lifecycle => word(entry).unwrap_or(CHANGED).to_owned(),
            Activity::Status => self.status("status", held.get("status").copied()),
            Activity::TicketStatus => self.status(TICKET_STATUS, held.get(TICKET_STATUS).copied()),
            Activity::Fields if entry.lifecycle == Some(Lifecycle::Created) => {
                Lifecycle::Created.as_str().to_owned()
            }
            Activity::Fields => match &*fields(entry) {
                [] => CHANGED.to_owned(),
                fields => fields.join(", "),
            },
        }
    }

    fn step(&self, entry: &Entry) -> String {
        if let Some(word) = word(entry) {
            return word.to_owned();
        }
        let told = |change: &&Change| change.field == TICKET_STATUS && change.kind != Kind::Touched;
        if let Some(Change { to: Some(to), .. }) = entry.changes.iter().find(told) {
            return self.status(TICKET_STATUS, Some(to));
        }
        let rank = |field: &&str| RANKED.iter().position(|ranked| ranked == field);
        let fields = fields(entry).into_iter();
        let most = fields.min_by_key(|field| rank(field).unwrap_or(RANKED.len()));
        most.map_or_else(|| CHANGED.to_owned(), |field| format!("{field} changed"))
    }

    fn status(&self, field: &str, value: Option<&Value>) -> String {
        let Some(value) = value else {
            return format!("{field} unknown");
        };
        self.label(field, value)
            .unwrap_or_else(|| format!("{field} {}", value.normal(field).key()))
    }
}

fn word(entry: &Entry) -> Option<&'static str> {
    entry.lifecycle.map(Lifecycle::as_str)
}

/// The names of the fields that an event changed, noise left out, in order.
pub fn fields(entry: &Entry) -> Vec<&str> {
    let changes = entry.changes.iter().filter(|change| !change.is_noise());
    changes.map(|change| change.field.as_str()).collect()
}
