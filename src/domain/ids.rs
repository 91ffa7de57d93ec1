//! The names things go by. Each id is a type of its own, so that one cannot stand for another.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

/// Longest name of a tenant or hook in characters: SuperOffice's are under 20; the rest is room for
/// overrides, and short enough for a path and a log line.
const MAX_NAME_CHARS: usize = 64;

/// True for names that may stand in a path: 1–64 of `A–Z a–z 0–9 . _ -`.
pub fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.len() <= MAX_NAME_CHARS && name.chars().all(plain)
}

/// The customer a ticket belongs to: 1–64 of `A–Z a–z 0–9 . _ -`, case kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Tenant(String);

impl Tenant {
    /// Reads a tenant's name; `None` if it is empty, too long or holds another character.
    pub fn parse(name: &str) -> Option<Self> {
        is_plain_name(name).then(|| Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of an event in its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventId(pub Uuid);

/// Namespace of the ids made for bodies that bring none. Fixed for ever: another value would give a
/// body that is delivered again another id.
const BODY_NAMESPACE: Uuid = Uuid::from_u128(0x0d3c_8f4e_6a52_4b7b_9c1e_7f2a_55e0_1b64);

impl EventId {
    /// Reads an id in any case, with or without hyphens, braces and surrounding blanks.
    ///
    /// The nil id is `None`: it names nothing, and every sender that has no id sends the same one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Uuid::try_parse(text)
            .ok()
            .filter(|id| !id.is_nil())
            .map(Self)
    }

    /// The id of a body that brings none: a `UUIDv5` of its bytes, so that the same body has it again.
    pub fn of_body(body: &[u8]) -> Self {
        Self(Uuid::new_v5(&BODY_NAMESPACE, body))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Place in a tenant's log, from 1, contiguous; larger means committed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position(pub i64);

/// SuperOffice's number of a ticket, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TicketId(i64);

impl TicketId {
    /// `None` for 0 and below, which name no ticket.
    pub fn new(id: i64) -> Option<Self> {
        (id > 0).then_some(Self(id))
    }

    /// The number.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who changed something: an **associate** id; 0 is the system. Not the id space of `owned_by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Actor(pub i64);

/// A text is no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no actor: those are numbers, or `none` for events that do not say who it was")]
pub struct NoActor(String);

impl Actor {
    /// Whom a text means; `none` is nobody whom the sender named.
    ///
    /// # Errors
    /// [`NoActor`] if it is neither that nor a number.
    pub fn read(text: &str) -> Result<Option<Self>, NoActor> {
        match (text, text.parse()) {
            ("none", _) => Ok(None),
            (_, Ok(id)) => Ok(Some(Self(id))),
            (text, Err(_)) => Err(NoActor(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EventId, Tenant};

    #[test]
    fn an_event_id_is_the_same_in_every_spelling() {
        let plain = EventId::parse("32a093ac-418a-40f1-a14a-f4193ea92b59");
        assert!(plain.is_some());
        for spelling in [
            "32A093AC-418A-40F1-A14A-F4193EA92B59",
            "{32a093ac-418a-40f1-a14a-f4193ea92b59}",
            "  {32A093ac-418a-40f1-a14a-f4193ea92b59}\t",
            "32a093ac418a40f1a14af4193ea92b59",
        ] {
            assert_eq!(EventId::parse(spelling), plain, "{spelling}");
        }
        for none in ["", "0", "00000000-0000-0000-0000-000000000000", "not-an-id"] {
            assert_eq!(EventId::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_tenant_is_short_and_plain() {
        assert!(Tenant::parse("Cust12345").is_some());
        assert!(Tenant::parse(&"a".repeat(64)).is_some());
        for bad in ["", "a b", "a/b", "Ø", "a\0", &"a".repeat(65)] {
            assert_eq!(Tenant::parse(bad), None, "{bad:?}");
        }
    }
}
