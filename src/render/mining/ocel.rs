//! OCEL 2.0 as JSON: events with the objects that they are of, which are tickets, those who changed them,
//! owners and teams.
//!
//! The standard names the lists but not their order. The types of events and all objects but tickets are
//! known only at the end, so they come there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Case, Said, Source};
use crate::domain::{
    fields::Value,
    history::{Entry, History},
    mining::{Held, OWNER, SHOWN, Steps, TEAM, shown},
};

/// From when on something holds of which no beginning is known, by the standard.
const ALWAYS: &str = "1970-01-01T00:00:00Z";

/// Of a value that is not known from an instant on.
const UNKNOWN: &str = "unknown";

/// What is said of an event beside its activity.
const EVENT_ATTRIBUTES: [(&str, &str); 4] = [
    ("position", "integer"),
    ("lifecycle", "string"),
    ("changes", "string"),
    ("completeness", "string"),
];

/// A log being written. What it keeps grows with the people, teams and activities in it, not with its events.
#[derive(Debug)]
pub struct Ocel {
    source: Source,
    /// All but tickets, by type and id, with their labels.
    objects: BTreeMap<(&'static str, String), Option<String>>,
    activities: BTreeSet<String>,
    /// True until something is in the list that is being written.
    is_first: bool,
}

#[derive(Serialize)]
struct Type<'a> {
    name: &'a str,
    attributes: Vec<Declared<'a>>,
}

#[derive(Serialize)]
struct Declared<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    of: &'a str,
}

#[derive(Serialize)]
struct EventJson<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    activity: &'a str,
    time: String,
    attributes: Vec<Attribute<'a>>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct ObjectJson<'a> {
    id: String,
    #[serde(rename = "type")]
    of: &'a str,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct Attribute<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    value: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Owned(String),
    Integer(i64),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    object_id: String,
    qualifier: &'static str,
}

impl Ocel {
    /// The parts are to be written in the order in which they are asked for: the head, the events of all
    /// cases, the middle, the tickets of all cases, the end.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            objects: BTreeMap::new(),
            activities: BTreeSet::new(),
            is_first: true,
        }
    }

    /// What comes before all events.
    ///
    /// # Errors
    /// Only if memory cannot be written to, as of the others.
    pub fn head(&self) -> serde_json::Result<Vec<u8>> {
        let label = [("label", "string")];
        let shown = SHOWN.map(|field| (field, "string"));
        let types = [
            of_type("actor", &label),
            of_type("owner", &label),
            of_type("team", &label),
            of_type("ticket", &shown),
        ];
        let types = serde_json::to_string(&types)?;
        Ok(format!("{{\"objectTypes\":{types},\n\"events\":[").into_bytes())
    }

    /// The events of a ticket.
    ///
    /// # Errors
    /// As [`Ocel::head`].
    pub fn events(&mut self, case: &Case<'_>) -> serde_json::Result<Vec<u8>> {
        let mut out = Vec::new();
        for (entry, held) in Steps::of(case.history) {
            self.event(case, entry, &held, &mut out)?;
        }
        Ok(out)
    }

    fn event(
        &mut self,
        case: &Case<'_>,
        entry: &Entry,
        held: &Held<'_>,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        let said = Said::of(entry);
        let activity = case.names.activity(self.source.activity, entry, held);
        let text = |name, value| Attribute {
            name,
            time: None,
            value: Content::Text(value),
        };
        let mut attributes = vec![Attribute {
            name: "position",
            time: None,
            value: Content::Integer(said.position),
        }];
        attributes.extend(said.lifecycle.map(|word| text("lifecycle", word)));
        attributes.extend(
            said.changes
                .as_deref()
                .map(|fields| text("changes", fields)),
        );
        attributes.push(text("completeness", said.completeness));
        let event = EventJson {
            id: &said.event_id,
            activity: &activity,
            time: entry.occurred_at.to_microseconds(),
            attributes,
            relationships: self.related(case, entry, held),
        };
        self.add(&event, out)?;
        if !self.activities.contains(&activity) {
            self.activities.insert(activity);
        }
        Ok(())
    }

    /// The ticket of an event, who did it, and who had the ticket after it.
    fn related(&mut self, case: &Case<'_>, entry: &Entry, held: &Held<'_>) -> Vec<Relationship> {
        let mut related = vec![Relationship {
            object_id: id("ticket", &case.ticket.to_string()),
            qualifier: "ticket",
        }];
        if let Some(actor) = entry.actor {
            let object = ("actor", actor.0.to_string());
            related.push(Relationship {
                object_id: id(object.0, &object.1),
                qualifier: "actor",
            });
            self.objects
                .entry(object)
                .or_insert_with(|| case.names.actor(actor));
        }
        for (field, of) in [(OWNER, "owner"), (TEAM, "team")] {
            let Some(value) = held.get(field) else {
                continue;
            };
            if let Some(has) = having(field, of, value) {
                let object = (of, value.normal(field).key());
                self.objects
                    .entry(object)
                    .or_insert_with(|| case.names.label(field, value));
                related.push(has);
            }
        }
        related
    }

    /// What comes between the events and the tickets.
    pub fn middle(&mut self) -> Vec<u8> {
        self.is_first = true;
        b"\n],\n\"objects\":[".to_vec()
    }

    /// A ticket with all that it held, and who has it now; nothing if none of its events is dated.
    ///
    /// # Errors
    /// As [`Ocel::head`].
    pub fn ticket(&mut self, case: &Case<'_>) -> serde_json::Result<Vec<u8>> {
        let mut out = Vec::new();
        if case.history.entries.is_empty() {
            return Ok(out);
        }
        let has = |field, of| having(field, of, case.history.state.get(field)?);
        let relationships = [has(OWNER, "owner"), has(TEAM, "team")];
        let ticket = ObjectJson {
            id: id("ticket", &case.ticket.to_string()),
            of: "ticket",
            attributes: held_over_time(case.history, case),
            relationships: relationships.into_iter().flatten().collect(),
        };
        self.add(&ticket, &mut out)?;
        Ok(out)
    }

    /// What comes after all tickets.
    ///
    /// # Errors
    /// As [`Ocel::head`].
    pub fn end(&mut self) -> serde_json::Result<Vec<u8>> {
        let mut out = Vec::new();
        for ((of, key), label) in std::mem::take(&mut self.objects) {
            let label = label.map(|label| Attribute {
                name: "label",
                time: Some(ALWAYS.to_owned()),
                value: Content::Owned(label),
            });
            let object = ObjectJson {
                id: id(of, &key),
                of,
                attributes: label.into_iter().collect(),
                relationships: Vec::new(),
            };
            self.add(&object, &mut out)?;
        }
        let types = self.activities.iter();
        let types: Vec<Type<'_>> = types.map(|name| of_type(name, &EVENT_ATTRIBUTES)).collect();
        let types = serde_json::to_string(&types)?;
        out.extend(format!("\n],\n\"eventTypes\":{types}}}\n").into_bytes());
        Ok(out)
    }

    /// Adds to the list that is being written.
    fn add(&mut self, item: &impl Serialize, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let between: &[u8] = if self.is_first { b"\n" } else { b",\n" };
        self.is_first = false;
        out.extend(between);
        serde_json::to_writer(out, item)
    }
}

/// Every value of the fields that are shown, from the event on that it stands at, oldest first.
fn held_over_time<'a>(history: &History, case: &Case<'_>) -> Vec<Attribute<'a>> {
    let mut attributes = Vec::new();
    for entry in &history.entries {
        for turn in &entry.turns {
            let Some(name) = shown(&turn.field) else {
                continue;
            };
            let value = match &turn.to {
                Some(value) => Content::Owned(case.names.value(name, value)),
                None => Content::Text(UNKNOWN),
            };
            attributes.push(Attribute {
                name,
                time: Some(entry.occurred_at.to_microseconds()),
                value,
            });
        }
    }
    attributes
}

/// The object that a field names; `None` if it names nobody.
fn having(field: &'static str, of: &str, value: &Value) -> Option<Relationship> {
    (!value.is_none(field)).then(|| Relationship {
        object_id: id(of, &value.normal(field).key()),
        qualifier: field,
    })
}

/// An id is unique among the objects of all types.
fn id(of: &str, key: &str) -> String {
    format!("{of}:{key}")
}

fn of_type<'a>(name: &'a str, attributes: &[(&'a str, &'a str)]) -> Type<'a> {
    let attributes = attributes.iter();
    Type {
        name,
        attributes: attributes.map(|(name, of)| Declared { name, of }).collect(),
    }
}
