//! Reads XES with a reader of XML.

use std::collections::BTreeMap;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

/// Attributes by key.
pub(super) type Attributes = BTreeMap<String, String>;

/// A log; what is declared is left out.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) attributes: Attributes,
    pub(super) traces: Vec<Trace>,
}

#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) attributes: Attributes,
    pub(super) events: Vec<Attributes>,
}

impl Trace {
    /// One attribute of each event.
    pub(super) fn all<'a>(&'a self, key: &str) -> Vec<&'a str> {
        let values = self.events.iter().map(|event| event[key].as_str());
        values.collect()
    }
}

/// Panics if the text is no well-formed XML, or is cut.
pub(super) fn log(text: &str) -> Log {
    let mut reader = Reader::from_str(text);
    let mut log = Log::default();
    let mut open: Vec<String> = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                let name = tag.name().as_ref().to_owned();
                match name.as_str() {
                    "trace" => log.traces.push(Trace::default()),
                    "event" => log
                        .traces
                        .last_mut()
                        .unwrap()
                        .events
                        .push(Attributes::new()),
                    "log" | "global" => {}
                    other => panic!("{other} in a log"),
                }
                open.push(name);
            }
            Event::Empty(tag) => {
                let within = open.last().unwrap().as_str();
                let into = match within {
                    "log" => &mut log.attributes,
                    "trace" => &mut log.traces.last_mut().unwrap().attributes,
                    "event" => log.traces.last_mut().unwrap().events.last_mut().unwrap(),
                    _ => continue,
                };
                if let Some((key, value)) = attribute(&tag) {
                    assert_eq!(into.insert(key, value), None, "twice in {within}");
                }
            }
            Event::End(_) => {
                open.pop().unwrap();
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            Event::Text(text) => assert_eq!(text.trim(), "", "text in a log"),
            other => panic!("{other:?} in a log"),
        }
    }
    assert!(open.is_empty(), "cut: {open:?} are open");
    log
}

fn attribute(tag: &BytesStart<'_>) -> Option<(String, String)> {
    let value = |name| {
        let found = tag.try_get_attribute(name).unwrap()?;
        Some(
            found
                .normalized_value(XmlVersion::Explicit1_0)
                .unwrap()
                .into_owned(),
        )
    };
    Some((value("key")?, value("value")?))
}
