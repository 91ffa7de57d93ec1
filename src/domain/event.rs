//! From the bytes of a body to what it is: an event of a tenant, a test, or something to park.
//!
//! Reading cannot fail: after a valid signature no content is refused. The rules are the table
//! "Reading a body" of `docs/history.md`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{
    hook::TenantRule,
    ids::{Actor, EventId, Tenant, TicketId},
    instant::OccurredAt,
    json::{self, Object},
};

/// Name of the event that SuperOffice sends when a webhook is registered.
const TEST: &str = "test";

/// What a body turned out to be.
#[derive(Debug, Clone)]
pub enum Reading {
    /// An event of a tenant.
    Event(Box<Event>),
    /// The registration test: answered, recorded as a delivery, no event.
    Test {
        /// The tenant it names.
        tenant: Tenant,
        /// The id in its body.
        event_id: EventId,
    },
    /// A validly signed body that cannot be an event of a tenant.
    Parked(ParkReason),
}

/// An event as far as the log needs to know it; the body stays the truth.
///
/// No text in here holds a NUL or a lone surrogate, which Postgres cannot hold as text: both read as
/// U+FFFD.
#[derive(Debug, Clone)]
pub struct Event {
    /// The tenant: the hook's override, else the body's `ContextIdentifier`.
    pub tenant: Tenant,
    /// Identity in the tenant.
    pub event_id: EventId,
    /// `Event`, like `ticket.changed`.
    pub name: String,
    /// `Entity`; absent on events about the webhook itself.
    pub entity: Option<String>,
    /// `PrimaryKey`, if it is an integer or its decimal text.
    pub primary_key: Option<i64>,
    /// The ticket whose history this is part of; `None` for all that is stored without ticket history.
    pub ticket: Option<TicketId>,
    /// `ChangedByAssociateId`.
    pub actor: Option<Actor>,
    /// `Timestamp`; `None` if absent or unreadable: then the event is in no history.
    pub occurred_at: Option<OccurredAt>,
    /// `WebhookName`.
    pub webhook_name: Option<String>,
}

/// Why a body was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// Not a JSON object.
    NotAnObject,
    /// No `Event` that is a string.
    NoEventName,
    /// No tenant: no override, and no `ContextIdentifier` that can be one.
    NoTenant,
    /// It names a tenant that its hook may not speak for.
    ForeignTenant,
    /// Postgres understood the event and refused to store it.
    Refused,
}

impl ParkReason {
    /// The word for it in SQL, JSON and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::NoEventName => "no_event_name",
            Self::NoTenant => "no_tenant",
            Self::ForeignTenant => "foreign_tenant",
            Self::Refused => "refused",
        }
    }

    /// What was wrong and what would be right, for people: what is said of the body, after "it" or a colon.
    pub fn explain(self) -> &'static str {
        match self {
            Self::NotAnObject => "is not a JSON object",
            Self::NoEventName => "has no Event that is a string, like \"ticket.changed\"",
            Self::NoTenant => {
                "has no ContextIdentifier of 1 to 64 letters, digits, '.', '_' or '-' that could name its tenant"
            }
            Self::ForeignTenant => "names a tenant that its hook may not speak for",
            Self::Refused => "was refused by the database",
        }
    }
}

/// Reads a body. Never fails; costs one pass over the bytes.
pub fn read(body: &[u8], tenants: &TenantRule) -> Reading {
    let Some(object) = Object::parse(body) else {
        return Reading::Parked(ParkReason::NotAnObject);
    };
    let text = |name: &str| object.find(name).and_then(json::text).map(storable);
    let Some(name) = text("Event") else {
        return Reading::Parked(ParkReason::NoEventName);
    };
    let tenant = match tenant_of(text("ContextIdentifier").as_deref(), tenants) {
        Ok(tenant) => tenant,
        Err(reason) => return Reading::Parked(reason),
    };
    let event_id = text("EventId")
        .and_then(|id| EventId::parse(&id))
        .unwrap_or_else(|| EventId::of_body(body));
    if name == TEST {
        return Reading::Test { tenant, event_id };
    }
    let primary_key = object.find("PrimaryKey").and_then(json::integer);
    Reading::Event(Box::new(Event {
        tenant,
        event_id,
        ticket: ticket_of(&name, primary_key),
        name,
        entity: text("Entity"),
        primary_key,
        actor: object
            .find("ChangedByAssociateId")
            .and_then(json::integer)
            .map(Actor),
        occurred_at: text("Timestamp").and_then(|at| OccurredAt::parse(&at)),
        webhook_name: text("WebhookName"),
    }))
}

fn tenant_of(claimed: Option<&str>, tenants: &TenantRule) -> Result<Tenant, ParkReason> {
    let claimed = claimed.and_then(Tenant::parse);
    match tenants {
        TenantRule::Override(tenant) => Ok(tenant.clone()),
        TenantRule::Any => claimed.ok_or(ParkReason::NoTenant),
        TenantRule::Accept(accepted) => match claimed {
            None => Err(ParkReason::NoTenant),
            Some(tenant) if accepted.contains(&tenant) => Ok(tenant),
            Some(_) => Err(ParkReason::ForeignTenant),
        },
    }
}

/// `ticket.<verb>` with a primary key from 1 is ticket history; the verb is what follows the last dot,
/// so that `ticket.x.changed` is another entity.
fn ticket_of(name: &str, primary_key: Option<i64>) -> Option<TicketId> {
    let verb = name.strip_prefix("ticket.")?;
    if verb.is_empty() || verb.contains('.') {
        return None;
    }
    primary_key.and_then(TicketId::new)
}

/// Replaces NUL, the one character that Rust's strings hold and Postgres' do not.
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{FFFD}")
    } else {
        text
    }
}

/// The keys that SuperOffice documents, less those that say which copy of an event this is:
/// `WebhookName` differs between two subscriptions to the same event.
pub const CONTENT_KEYS: [&str; 9] = [
    "ChangedByAssociateId",
    "Changes",
    "ContextIdentifier",
    "Entity",
    "Event",
    "FieldValues",
    "PrimaryKey",
    "Timestamp",
    "Values",
];

/// What a body says, whoever sent it under whichever id: two bodies have the *same content* exactly if
/// these are equal. Unknown top-level keys are custom properties of the subscription and do not count.
///
/// A body that is no object is its own content.
pub fn content(body: &[u8]) -> Content {
    match json::find_members(body, &CONTENT_KEYS) {
        Some(found) => Content::Members(found.map(|value| value.map(json::canonical))),
        None => Content::Bytes(body.to_vec()),
    }
}

/// See [`content`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// The canonical texts of the documented keys.
    Members([Option<String>; CONTENT_KEYS.len()]),
    /// A body that is no JSON object.
    Bytes(Vec<u8>),
}

impl Content {
    /// The same exactly if the content is, as far as SHA-256 tells: what is kept of a body of megabytes to compare
    /// others with.
    pub fn digest(&self) -> ContentDigest {
        let mut digest = Sha256::new();
        match self {
            Self::Members(members) => {
                digest.update([0]);
                for member in members {
                    // Its length first, so that nothing in one can look like the next.
                    let length = member.as_ref().map(|text| text.len().to_string());
                    digest.update(length.as_deref().unwrap_or("-"));
                    digest.update(":");
                    digest.update(member.as_deref().unwrap_or_default());
                }
            }
            Self::Bytes(bytes) => {
                digest.update([1]);
                digest.update(bytes);
            }
        }
        ContentDigest(digest.finalize().into())
    }
}

/// See [`Content::digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentDigest([u8; 32]);

#[cfg(test)]
mod tests {
    use super::{Event, ParkReason, Reading, content, read};
    use crate::domain::{
        hook::TenantRule,
        ids::{EventId, Tenant},
    };

    fn event(body: &str) -> Event {
        match read(body.as_bytes(), &TenantRule::Any) {
            Reading::Event(event) => *event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_ticket_with_a_number_has_ticket_history() {
        let of = |name: &str, key: &str| {
            event(&format!(
                r#"{{"Event":"{name}","PrimaryKey":{key},"ContextIdentifier":"T"}}"#
            ))
            .ticket
            .map(super::TicketId::number)
        };
        assert_eq!(of("ticket.changed", "76"), Some(76));
        assert_eq!(of("ticket.escalated", "\"76\""), Some(76));
        assert_eq!(of("ticket.changed", "9223372036854775807"), Some(i64::MAX));
        for key in ["0", "-1", "null", "1.5", "9223372036854775808", "[]"] {
            assert_eq!(of("ticket.changed", key), None, "{key}");
        }
        for name in [
            "contact.changed",
            "ticket.",
            "ticket",
            "ticket.status.changed",
            "x.ticket.changed",
        ] {
            assert_eq!(of(name, "76"), None, "{name}");
        }
    }

    #[test]
    fn a_body_without_a_usable_id_has_the_same_one_each_time() {
        let nil = "00000000-0000-0000-0000-000000000000";
        for id in [
            String::new(),
            format!(r#""EventId":"{nil}","#),
            r#""EventId":"x","#.into(),
        ] {
            let body = format!(r#"{{{id}"Event":"ticket.changed","ContextIdentifier":"T"}}"#);
            assert_eq!(event(&body).event_id, EventId::of_body(body.as_bytes()));
        }
    }

    #[test]
    fn a_tenant_comes_from_the_override_or_from_the_body_within_the_rule() {
        let tenant = |name: &str| Tenant::parse(name).unwrap();
        let body = br#"{"Event":"ticket.changed","ContextIdentifier":"Default"}"#;
        let reason = |rule: &TenantRule, body: &[u8]| match read(body, rule) {
            Reading::Event(event) => Ok(event.tenant),
            Reading::Parked(reason) => Err(reason),
            Reading::Test { .. } => unreachable!("no test here"),
        };
        let acme = TenantRule::Override(tenant("acme"));
        assert_eq!(reason(&acme, body), Ok(tenant("acme")));
        assert_eq!(reason(&acme, br#"{"Event":"x"}"#), Ok(tenant("acme")));
        assert_eq!(reason(&TenantRule::Any, body), Ok(tenant("Default")));
        assert_eq!(
            reason(&TenantRule::Any, br#"{"Event":"x"}"#),
            Err(ParkReason::NoTenant)
        );
        let accept = TenantRule::Accept(vec![tenant("A"), tenant("Default")]);
        assert_eq!(reason(&accept, body), Ok(tenant("Default")));
        assert_eq!(
            reason(&accept, br#"{"Event":"x","ContextIdentifier":"B"}"#),
            Err(ParkReason::ForeignTenant)
        );
    }

    #[test]
    fn every_reason_can_be_said_of_a_body() {
        for reason in ParkReason::ALL {
            let verb = reason.explain().split(' ').next();
            let verbs = ["is", "has", "names", "was"];
            assert!(verb.is_some_and(|verb| verbs.contains(&verb)), "{reason:?}");
        }
    }

    #[test]
    fn what_postgres_cannot_hold_does_not_reach_a_text_column() {
        let event = event(r#"{"Event":"a\u0000b","Entity":"\ud800","ContextIdentifier":"T"}"#);
        assert_eq!(event.name, "a\u{FFFD}b");
        assert!(event.entity.unwrap().contains('\u{FFFD}'));
    }

    #[test]
    fn copies_for_two_subscriptions_have_the_same_content() {
        let one = content(br#"{"Event":"e","WebhookName":"a","x":1,"Changes":["id"]}"#);
        assert_eq!(
            one,
            content(br#"{"Changes":[ "id" ],"Event":"e","WebhookName":"b"}"#)
        );
        assert_ne!(one, content(br#"{"Changes":["id","id"],"Event":"e"}"#));
        assert_ne!(one, content(br#"{"Event":"e"}"#));
    }

    #[test]
    fn digests_are_the_same_exactly_if_contents_are() {
        let bodies: [&[u8]; 9] = [
            br#"{"Event":"e","Changes":["id"],"WebhookName":"a"}"#,
            br#"{"Changes":[ "id" ],"x":{},"Event":"\u0065"}"#,
            br#"{"Event":"e","Entity":["id"]}"#,
            br#"{"Event":"e","Changes":"","Entity":""}"#,
            br#"{"Event":"e","Changes":"\"\""}"#,
            br#"{"Event":"e"}"#,
            br"{}",
            b"[]",
            b"",
        ];
        for one in bodies {
            for other in bodies {
                let (one, other) = (content(one), content(other));
                assert_eq!(one.digest() == other.digest(), one == other);
            }
        }
    }
}
