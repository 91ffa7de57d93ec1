//! What must hold of any bytes at all: one function a fuzz target, which panics where it does not.
//!
//! `tests/it/fuzz.rs` includes this file and runs each over its checked-in corpus.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use jiff::Timestamp;
use ticketlog::{
    domain::{
        conflict::differences,
        delivery::{Arrival, Delivery, KeptHeaders},
        event::{Reading, content},
        feed::Outages,
        history::{Entry, History, TicketEvent, fold},
        hook::TenantRule,
        ids::{Position, Tenant},
        instant::OccurredAt,
        label::Labels,
        log::{Origin, StoredEvent},
        page::{decode_cursor, encode_cursor},
        signature,
    },
    render::{json::EntryJson, terminal},
};
use uuid::Uuid;

/// An event of every field, to hold what is read from the fuzzer's body against.
const CREATED: &[u8] = br#"{"EventId":"32a093ac-418a-40f1-a14a-f4193ea92b59",
    "Timestamp":"2025-05-19T09:56:33.1554128Z","Changes":["status"],"Event":"ticket.created",
    "PrimaryKey":76,"Entity":"ticket","ContextIdentifier":"Cust1","ChangedByAssociateId":19,
    "WebhookName":"w","FieldValues":{"category":2,"connect_id":-1,"contact_id":2,
    "created_at":"2025-05-16T14:25:37","cust_id":5,"has_attachment":1,
    "last_changed":"2025-05-19T11:56:33","owned_by":8,"priority":2,"project_id":0,"sale_id":0,
    "slevel":1,"status":1,"ticket_status":1,"ticket_type":1}}"#;

/// The query of the cursors.
const QUERY: &str = "search T";

/// A body: reading it, its content, its fields and a history with it in.
///
/// What stands after a NUL byte, which no JSON holds, is a second body.
pub fn body(bytes: &[u8]) {
    let (one, other) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (bytes.get(..at), bytes.get(at + 1..)),
        None => (Some(bytes), None),
    };
    let (one, other) = (one.unwrap_or_default(), other.unwrap_or(CREATED));
    // The log holds an id once.
    let mut ids = BTreeSet::new();
    let stored: Vec<StoredEvent> = [one, other, CREATED]
        .into_iter()
        .zip(1..)
        .filter_map(|(body, position)| read(body, position))
        .filter(|stored| ids.insert(stored.event.event_id))
        .collect();
    assert!(content(one) == content(one), "a content equals itself");
    assert!(
        differences(one, one).is_empty(),
        "nothing differs from itself"
    );
    compare(one, other);
    history(&stored);
    assert_harmless(&terminal::escaped(one));
    assert_harmless(&terminal::lines(one, "  ").replace('\n', ""));
}

/// Reads a body under each kind of rule; gives the event that it is for any tenant.
fn read(body: &[u8], position: i64) -> Option<StoredEvent> {
    let under = |rule: &TenantRule| {
        let arrival = Arrival {
            arrival_id: Uuid::from_u128(7),
            received_at: Timestamp::UNIX_EPOCH,
            origin: Origin::Unsigned {
                hook: "default".to_owned(),
            },
            headers: KeptHeaders::new(),
        };
        let delivery = Delivery::read(Bytes::copy_from_slice(body), rule, arrival);
        assert!(*delivery.body == *body, "a body is kept byte for byte");
        delivery
    };
    let acme = Tenant::parse("Acme")?;
    under(&TenantRule::Accept(vec![acme.clone()]));
    if let Reading::Event(event) = under(&TenantRule::Override(acme.clone())).reading {
        assert!(event.tenant == acme, "an override decides");
    }
    let delivery = under(&TenantRule::Any);
    let Reading::Event(event) = delivery.reading else {
        return None;
    };
    let texts = [
        Some(&event.name),
        event.entity.as_ref(),
        event.webhook_name.as_ref(),
    ];
    for text in texts.into_iter().flatten() {
        assert!(!text.contains('\0'), "Postgres holds no NUL");
    }
    if let Some(at) = &event.occurred_at {
        instant(at);
    }
    Some(StoredEvent {
        position: Position(position),
        event: *event,
        received_at: Timestamp::UNIX_EPOCH,
        stored_at: Timestamp::UNIX_EPOCH,
        origin: delivery.arrival.origin,
        body: body.to_vec(),
    })
}

fn instant(at: &OccurredAt) {
    let again = OccurredAt::parse(at.as_sent()).map(|again| again.ticks());
    assert!(
        again == Some(at.ticks()),
        "what was sent reads the same again"
    );
    let utc = OccurredAt::parse(at.as_utc()).map(|utc| (utc.ticks(), utc.as_utc().to_owned()));
    let expected = (at.ticks(), at.as_utc().to_owned());
    assert!(utc == Some(expected), "what is shown is the same instant");
}

/// Two bodies have the same content exactly if nothing differs, from either side.
fn compare(one: &[u8], other: &[u8]) {
    let found = differences(one, other);
    assert!(found.is_empty() == (content(one) == content(other)));
    let back = differences(other, one);
    assert!(found.len() == back.len());
    for (there, back) in found.iter().zip(&back) {
        assert!(there.path == back.path);
        assert!((&there.stored, &there.other) == (&back.other, &back.stored));
    }
}

/// Neither the order in which events come nor how often counts.
fn history(stored: &[StoredEvent]) {
    let events = || stored.iter().cloned();
    let of = |events: Vec<StoredEvent>| {
        let read = events
            .into_iter()
            .filter_map(|event| TicketEvent::read(event, false));
        fold(read.collect(), &Outages::default())
    };
    let forth = of(events().collect());
    let back = of(events().rev().collect());
    assert!(shown(&forth) == shown(&back), "the order of arrival counts");
    for event in events().filter_map(|event| TicketEvent::read(event, false)) {
        for (field, value) in &event.carried {
            assert!(value.normal(field) == value.normal(field));
            let _ = (value.is_none(field), value.as_text(), value.id(field));
        }
    }
    let quiet = forth.entries.iter().cloned();
    assert!(quiet.filter_map(Entry::without_noise).count() <= forth.entries.len());
}

fn shown(history: &History) -> String {
    let labels = Labels::default();
    let entries = history.entries.iter().cloned();
    let entries = entries.map(|entry| EntryJson::new(entry, &labels));
    let entries: Vec<EntryJson> = entries.collect();
    let json = serde_json::to_string(&(entries, &history.state));
    json.unwrap()
}

/// Nothing that a terminal obeys.
fn assert_harmless(text: &str) {
    assert!(!text.contains(char::is_control), "a terminal would obey it");
}

/// The header of a signature: what is read is written the same.
pub fn signature(bytes: &[u8]) {
    if let Ok(read) = signature::decode(bytes) {
        let written = signature::encode(&read);
        assert!(
            written.as_bytes() == bytes.trim_ascii(),
            "one text a signature"
        );
        assert!(signature::decode(written.as_bytes()) == Ok(read));
    }
    if let Some(first) = bytes.first_chunk::<32>() {
        let written = signature::encode(first);
        assert!(signature::decode(written.as_bytes()) == Ok(*first));
    }
}

/// A cursor: as text, and as the JSON inside one; what is read is written the same.
pub fn cursor(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read_cursor(text);
    }
    // Past the digest of the query, which no fuzzer guesses.
    let ours = URL_SAFE_NO_PAD.decode(encode_cursor(QUERY, &0)).unwrap();
    let head = ours.strip_suffix(b"0}").unwrap();
    let token = [head, bytes, b"}"].concat();
    read_cursor(&URL_SAFE_NO_PAD.encode(token));
    let key = String::from_utf8_lossy(bytes).into_owned();
    let cursor = encode_cursor(QUERY, &(i64::MIN, &key));
    assert!(decode_cursor(QUERY, &cursor) == Ok((i64::MIN, key)));
}

fn read_cursor(cursor: &str) {
    if let Ok(at) = decode_cursor::<i64>(QUERY, cursor) {
        assert!(encode_cursor(QUERY, &at) == cursor);
    }
    if let Ok(at) = decode_cursor::<(Option<i64>, String, Uuid)>(QUERY, cursor) {
        assert!(encode_cursor(QUERY, &at) == cursor);
    }
}
