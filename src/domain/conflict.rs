//! Bodies that came under one event id and do not say the same, and what exactly differs.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{
    event::CONTENT_KEYS,
    ids::{EventId, Position, TicketId},
    json::{self, MAX_CANONICAL_DEPTH, Object},
};

/// An event whose id also came with other content.
#[derive(Debug, Clone)]
pub struct ConflictSummary {
    /// The event.
    pub event_id: EventId,
    /// Its place in the log.
    pub position: Position,
    /// The ticket, if it is part of a ticket's history.
    pub ticket: Option<TicketId>,
    /// `Event` of the body that counts.
    pub name: String,
    /// Deliveries with other content that are kept.
    pub deliveries: i64,
    /// When the first of them arrived.
    pub first_at: Timestamp,
    /// When the last of them arrived.
    pub last_at: Timestamp,
}

/// A body with other content than the one that counts. Its Debug shows no content.
#[derive(Clone)]
pub struct OtherBody {
    /// SHA-256.
    pub sha256: Vec<u8>,
    /// When it first arrived.
    pub received_at: Timestamp,
    /// Through which hook, or from which file.
    pub came_from: String,
    /// Deliveries with these bytes that are kept.
    pub deliveries: usize,
    /// What it says differently.
    pub differences: Vec<Difference>,
}

impl fmt::Debug for OtherBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherBody")
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

/// One value in which two bodies differ. Its Debug shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// The keys that lead to it, outermost first; none if a body is no object.
    pub path: Vec<String>,
    /// The JSON in the body that counts; `None` if it has no such key.
    pub stored: Option<String>,
    /// The JSON in the other body; `None` if it has no such key.
    pub other: Option<String>,
}

impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Difference")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What differs in the content of two bodies, in the order of the keys; none exactly if
/// [`content`](crate::domain::event::content) is equal.
///
/// Objects are gone into, arrays are compared as a whole, because their order counts.
pub fn differences(stored: &[u8], other: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    match (Object::parse(stored), Object::parse(other)) {
        (Some(ours), Some(theirs)) => {
            for key in CONTENT_KEYS {
                let mut path = vec![key.to_owned()];
                let (ours, theirs) = (ours.find(key), theirs.find(key));
                compare(&mut path, ours, theirs, MAX_CANONICAL_DEPTH, &mut found);
            }
        }
        (None, None) if stored == other => {}
        _ => found.push(Difference {
            path: Vec::new(),
            stored: Some(String::from_utf8_lossy(stored).into_owned()),
            other: Some(String::from_utf8_lossy(other).into_owned()),
        }),
    }
    found
}

/// `depth`: levels that may still be gone into, as many as [`json::canonical`] does.
fn compare(
    path: &mut Vec<String>,
    ours: Option<&RawValue>,
    theirs: Option<&RawValue>,
    depth: usize,
    found: &mut Vec<Difference>,
) {
    let canonical = |value: &RawValue| json::canonical_within(value, depth);
    if ours.map(canonical) == theirs.map(canonical) {
        return;
    }
    if let (Some(ours), Some(theirs), Some(depth)) = (
        ours.and_then(json::comparable_members),
        theirs.and_then(json::comparable_members),
        depth.checked_sub(1),
    ) {
        let names = ours.iter().chain(theirs.iter()).map(|(name, _)| name);
        for name in names.collect::<BTreeSet<_>>() {
            path.push(name.to_owned());
            compare(path, ours.find(name), theirs.find(name), depth, found);
            path.pop();
        }
        return;
    }
    let text = |value: Option<&RawValue>| value.map(|value| value.get().to_owned());
    found.push(Difference {
        path: path.clone(),
        stored: text(ours),
        other: text(theirs),
    });
}

#[cfg(test)]
mod tests {
    use super::differences;
    use crate::domain::event::content;

    /// `path: stored → other`, one a line.
    fn shown(stored: &str, other: &str) -> String {
        let found = differences(stored.as_bytes(), other.as_bytes());
        let same = content(stored.as_bytes()) == content(other.as_bytes());
        assert_eq!(found.is_empty(), same, "{stored} {other}");
        let lines = found.iter().map(|difference| {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
            format!(
                "{}: {} → {}",
                difference.path.join("."),
                value(&difference.stored),
                value(&difference.other)
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_differs_is_named_by_its_keys() {
        let stored = r#"{"Event":"e","PrimaryKey":1,"FieldValues":{"status":1,"x":{"a":1,"b":2}},"Changes":["id"]}"#;
        let other = r#"{"Event":"e","FieldValues":{"priority":null,"x":{"b":3,"a":1},"status":1},"Changes":["id","x"]}"#;
        assert_eq!(
            shown(stored, other),
            "Changes: [\"id\"] → [\"id\",\"x\"]\n\
             FieldValues.priority: - → null\n\
             FieldValues.x.b: 2 → 3\n\
             PrimaryKey: 1 → -"
        );
    }

    #[test]
    fn what_is_no_content_makes_no_difference() {
        for (stored, other) in [
            (
                r#"{"Event":"e","WebhookName":"a"}"#,
                r#"{"zz":1,"Event":"\u0065"}"#,
            ),
            (
                r#"{"FieldValues":{"a":1,"b":[ 2 ]}}"#,
                r#"{"FieldValues":{"b":[2],"a":0,"a":1}}"#,
            ),
            ("not json", "not json"),
        ] {
            assert_eq!(shown(stored, other), "");
        }
    }

    #[test]
    fn what_cannot_be_taken_apart_differs_as_a_whole() {
        assert_eq!(
            shown(
                r#"{"FieldValues":{"\ud800":1,"a":1}}"#,
                r#"{"FieldValues":{"\ud801":1,"a":1}}"#
            ),
            r#"FieldValues: {"\ud800":1,"a":1} → {"\ud801":1,"a":1}"#
        );
        assert_eq!(shown("a", r#"{"Event":"e"}"#), r#": a → {"Event":"e"}"#);
        let deep = |inner: &str| {
            format!(
                "{{\"Values\":{}{inner}{}}}",
                "{\"a\":".repeat(10),
                "}".repeat(10)
            )
        };
        // Ten levels down only the bytes count, as they do for the content.
        assert_eq!(shown(&deep("1"), &deep(" 1")).lines().count(), 1);
    }
}
