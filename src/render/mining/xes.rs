//! XES, IEEE 1849: a trace for each ticket, an attribute a line.

use std::{borrow::Cow, io};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesStart, Event},
};

use super::{Case, Said, Source};
use crate::domain::{
    history::Entry,
    mining::{Held, SHOWN, Steps, TEAM, shown},
};

/// The extensions of the standard that are used, and the prefix of each one's keys.
const EXTENSIONS: [(&str, &str); 4] = [
    ("Concept", "concept"),
    ("Lifecycle", "lifecycle"),
    ("Organizational", "org"),
    ("Time", "time"),
];

/// A log being written.
#[derive(Debug)]
pub struct Xes {
    source: Source,
    bytes: Vec<u8>,
}

impl Xes {
    /// The parts are to be written in the order in which they are asked for: the head, the cases, the end.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            bytes: Vec::new(),
        }
    }

    /// What comes before all traces.
    ///
    /// # Errors
    /// Only if memory cannot be written to, as of the others.
    pub fn head(&mut self) -> io::Result<Vec<u8>> {
        self.add(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        self.open(
            "log",
            &[
                ("xes.version", "1849.2016"),
                ("xes.features", ""),
                ("xmlns", "http://www.xes-standard.org/"),
            ],
        )?;
        for (name, prefix) in EXTENSIONS {
            let uri = format!("http://www.xes-standard.org/{prefix}.xesext");
            let attributes = [("name", name), ("prefix", prefix), ("uri", &uri)];
            self.empty("extension", &attributes)?;
        }
        self.open("global", &[("scope", "trace")])?;
        self.string("concept:name", "")?;
        self.close("global")?;
        self.open("global", &[("scope", "event")])?;
        self.string("concept:name", "")?;
        self.attribute("date", "time:timestamp", "1970-01-01T00:00:00.000000Z")?;
        self.string("lifecycle:transition", "complete")?;
        self.string("event_id", "")?;
        self.attribute("int", "position", "0")?;
        self.string("completeness", "")?;
        self.close("global")?;
        let keys = ("keys", "concept:name");
        self.empty(
            "classifier",
            &[("name", "Activity"), ("scope", "event"), keys],
        )?;
        let (tenant, position) = (self.source.tenant.to_string(), self.source.position.0);
        self.string("concept:name", &tenant)?;
        self.string("lifecycle:model", "standard")?;
        self.attribute("int", "position", &position.to_string())?;
        Ok(self.take())
    }

    /// The trace of a ticket; nothing if none of its events is dated.
    ///
    /// # Errors
    /// As [`Xes::head`].
    pub fn trace(&mut self, case: &Case<'_>) -> io::Result<Vec<u8>> {
        if case.history.entries.is_empty() {
            return Ok(Vec::new());
        }
        self.open("trace", &[])?;
        self.string("concept:name", &case.ticket.to_string())?;
        let state = case.history.state.iter();
        let state = state.filter_map(|(field, value)| Some((shown(field)?, value)));
        self.values(case, &state.collect())?;
        for (entry, held) in Steps::of(case.history) {
            self.open("event", &[])?;
            self.event(case, entry, &held)?;
            self.close("event")?;
        }
        self.close("trace")?;
        Ok(self.take())
    }

    /// What comes after all traces.
    ///
    /// # Errors
    /// As [`Xes::head`].
    pub fn end(&mut self) -> io::Result<Vec<u8>> {
        self.close("log")?;
        Ok(self.take())
    }

    fn event(&mut self, case: &Case<'_>, entry: &Entry, held: &Held<'_>) -> io::Result<()> {
        let names = case.names;
        let activity = names.activity(self.source.activity, entry, held);
        self.string("concept:name", &activity)?;
        self.attribute(
            "date",
            "time:timestamp",
            &entry.occurred_at.to_microseconds(),
        )?;
        self.string("lifecycle:transition", "complete")?;
        if let Some(actor) = entry.actor {
            let id = actor.0.to_string();
            let name = names.actor(actor);
            self.string("org:resource", name.as_deref().unwrap_or(&id))?;
            self.attribute("int", "actor", &id)?;
        }
        if let Some(team) = held.get(TEAM).filter(|team| !team.is_none(TEAM)) {
            self.string("org:group", &names.value(TEAM, team))?;
        }
        let said = Said::of(entry);
        self.string("event_id", &said.event_id)?;
        self.attribute("int", "position", &said.position.to_string())?;
        if let Some(lifecycle) = said.lifecycle {
            self.string("lifecycle", lifecycle)?;
        }
        if let Some(changes) = &said.changes {
            self.string("changes", changes)?;
        }
        self.string("completeness", said.completeness)?;
        self.values(case, held)
    }

    /// What a ticket holds, of the fields that are shown.
    fn values(&mut self, case: &Case<'_>, held: &Held<'_>) -> io::Result<()> {
        for field in SHOWN {
            if let Some(value) = held.get(field) {
                self.string(field, &case.names.value(field, value))?;
            }
        }
        Ok(())
    }

    fn string(&mut self, key: &str, value: &str) -> io::Result<()> {
        self.attribute("string", key, &allowed(value))
    }

    fn attribute(&mut self, tag: &str, key: &str, value: &str) -> io::Result<()> {
        self.empty(tag, &[("key", key), ("value", value)])
    }

    fn empty(&mut self, tag: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        let tag = BytesStart::new(tag);
        self.add(Event::Empty(
            tag.with_attributes(attributes.iter().copied()),
        ))
    }

    fn open(&mut self, tag: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        let tag = BytesStart::new(tag);
        self.add(Event::Start(
            tag.with_attributes(attributes.iter().copied()),
        ))
    }

    fn close(&mut self, tag: &str) -> io::Result<()> {
        self.add(Event::End(BytesStart::new(tag).to_end()))
    }

    fn add(&mut self, tag: Event<'_>) -> io::Result<()> {
        Writer::new(&mut self.bytes).write_event(tag)?;
        self.bytes.push(b'\n');
        Ok(())
    }

    /// What was added since the last call.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// A text without the characters that XML 1.0 has no way to write, each replaced by U+FFFD: controls but for
/// tab and the ends of lines, U+FFFE and U+FFFF.
fn allowed(text: &str) -> Cow<'_, str> {
    let is_forbidden = |c: char| matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}');
    if text.contains(is_forbidden) {
        text.replace(is_forbidden, "\u{FFFD}").into()
    } else {
        text.into()
    }
}
