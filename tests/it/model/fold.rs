//! A deliberately naive model of one ticket's history: the specification, line by line, from scratch for every event.
//!
//! Quoted comments are sentences of docs/history.md. Where that text leaves something open, a comment says which reading this is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

pub(crate) use super::reading::Stored;
use super::reading::{
    Event, Normal, TICKS_PER_SECOND, decimal, history, instant, is_the_created_event, normal,
    repeats,
};

/// All entries, oldest first; `noise = true` gives every dated event of the ticket.
pub(crate) fn timeline(stored: &[Stored], noise: bool) -> Value {
    timeline_with(stored, noise, &[])
}

/// The same, when the feed had outages: from and to in ticks.
pub(crate) fn timeline_with(stored: &[Stored], noise: bool, outages: &[(i128, i128)]) -> Value {
    let events = history(stored);
    (0..events.len())
        .filter_map(|i| entry(&events, i, noise, outages))
        .collect()
}

/// The state after the last event: `{field: value}` of the fields known.
pub(crate) fn state(stored: &[Stored]) -> Value {
    let state = fold(&history(stored)).into_iter();
    state
        .filter(|(_, seen)| seen.known)
        .map(|(field, seen)| (field, seen.last))
        .collect::<Map<_, _>>()
        .into()
}

const SUSPECT: [&str; 5] = [
    "undeclared_change",
    "no_changes_declared",
    "starts_late",
    "unseen_write",
    "conflict",
];

/// What the fold knows of a field that was carried at least once. A field not in the map was never seen.
struct Seen {
    last: Value,
    known: bool,
}
type State = BTreeMap<String, Seen>;

struct Change {
    field: String,
    kind: &'static str,
    declared: bool,
    from: Option<Value>,
    to: Option<Value>,
}

// ---------------------------------------------------------------- the fold

/// "Fold the ordered events over a state that starts with every field unknown, never seen."
fn fold(events: &[Event<'_>]) -> State {
    let mut state = State::new();
    for event in events {
        // Repeats "fold as nothing". An original always stands before its repeats, so a prefix of the history will do.
        if repeats(events, event).is_some() {
            continue;
        }
        let (declared, carried) = (event.declared(), event.carried());
        for (field, seen) in &mut state {
            // "FieldValues with at least one key: every known field it lacks becomes unknown too."
            let lacking = !carried.is_empty() && !carried.contains_key(field);
            // "declared, not carried; the field is unknown from here on"
            let not_sent = declared.contains(field) && !carried.contains_key(field);
            seen.known = seen.known && !lacking && !not_sent;
        }
        for (field, value) in carried {
            // Also a value that only looks different (1, then true) becomes what the state gives as sent.
            state.insert(
                field,
                Seen {
                    last: value,
                    known: true,
                },
            );
        }
    }
    state
}

/// "For each event, each field that is carried or declared, first line that fits"; "come by field name".
fn changes(before: &State, event: &Event<'_>, is_the_created_event: bool) -> Vec<Change> {
    let (declared, carried) = (event.declared(), event.carried());
    let fields: BTreeSet<&String> = declared.iter().chain(carried.keys()).collect();
    let mut found = Vec::new();
    for field in fields {
        let declared = declared.contains(field);
        let seen = before.get(field);
        let known = seen.is_some_and(|seen| seen.known);
        let value = carried.get(field);
        let last = seen.map(|seen| &seen.last);
        let equals = value
            .zip(last)
            .is_some_and(|(value, last)| normal(field, value) == normal(field, last));
        let differs = value.is_some() && last.is_some() && !equals;
        let (kind, from, to) = if declared && value.is_none() {
            ("not_sent", None, None)
        } else if is_the_created_event && last.is_none() {
            ("initial", None, value)
        } else if known && differs {
            ("changed", last, value)
        } else if declared && equals {
            // CHOICE 2: `from` is the earlier value as it was sent then, also where the field is unknown now.
            ("touched", last, value)
        } else if !known && (declared || differs) {
            ("set", None, value)
        } else {
            continue; // "carried otherwise: the state becomes known, or stays"
        };
        found.push(Change {
            field: field.clone(),
            kind,
            declared,
            from: from.cloned(),
            to: to.cloned(),
        });
    }
    found
}

// ---------------------------------------------------------------- entries

fn entry(events: &[Event<'_>], i: usize, noise: bool, outages: &[(i128, i128)]) -> Option<Value> {
    let event = events.get(i)?;
    let repeats = repeats(events, event);
    let created = is_the_created_event(events, event);
    let before = fold(events.get(..i)?);
    let (changes, lifecycle, reasons) = if repeats.is_some() {
        (Vec::new(), None, BTreeSet::new())
    } else {
        let changes = changes(&before, event, created);
        let mut reasons = reasons(events, i, &before, &changes);
        // "an interval that meets an outage": to touch an end of it is not to meet it.
        let last = i.checked_sub(1).and_then(|last| events.get(last));
        if let Some(last) = last.map(|last| last.at.ticks) {
            let meets = |(from, to): &(i128, i128)| last.max(*from) < event.at.ticks.min(*to);
            if outages.iter().any(meets) {
                reasons.insert("feed_outage");
            }
        }
        let lifecycle = if created {
            Some("created")
        } else {
            lifecycle(&changes)
        };
        (changes, lifecycle, reasons)
    };
    let strongest = if reasons.iter().any(|reason| SUSPECT.contains(reason)) {
        "suspect"
    } else if reasons.is_empty() {
        "consistent"
    } else {
        "unproven"
    };
    // "An entry is left out only if it had changes and all are noise, has no lifecycle and ends no interval in doubt."
    // An entry that had no change at all stays. In doubt = not consistent.
    let only_noise = !changes.is_empty() && changes.iter().all(is_noise);
    let left_out = only_noise && lifecycle.is_none() && reasons.is_empty();
    // "The entry of a created event is never left out." Nor is that of a further one.
    if !noise && left_out && !event.is_called_created() {
        return None;
    }
    let shown = changes.iter().filter(|change| noise || !is_noise(change));
    Some(json!({
        "event_id": event.stored.event_id.to_string(),
        "position": event.stored.position,
        "event": event.name,
        "occurred_at": event.at.utc,
        // "an event later in order has a lower position". A repeat is such an event too.
        "late": events.iter().skip(i + 1).any(|later| later.stored.position < event.stored.position),
        "actor": {"id": actor(event), "label": null},
        "lifecycle": lifecycle,
        "repeats": repeats.map(|id| id.to_string()),
        "changes": shown.map(change_json).collect::<Value>(),
        "completeness": {"state": strongest, "reasons": reasons},
    }))
}

/// "`from`/`to` are present only when known".
fn change_json(change: &Change) -> Value {
    let mut object =
        json!({"field": change.field, "kind": change.kind, "declared": change.declared});
    if let Some(map) = object.as_object_mut() {
        map.extend(change.from.clone().map(|from| ("from".to_owned(), from)));
        map.extend(change.to.clone().map(|to| ("to".to_owned(), to)));
    }
    object
}

fn actor(event: &Event<'_>) -> Value {
    let number = match event.body.get("ChangedByAssociateId") {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => decimal(text).and_then(|digits| digits.parse::<i64>().ok()),
        _ => None,
    };
    number.map_or(Value::Null, Value::from)
}

/// "Noise: kind `touched`, and the bookkeeping fields".
fn is_noise(change: &Change) -> bool {
    let prefixes = ["read_", "first_read_", "time_spent_", "real_time_", "dbi_"];
    change.kind == "touched"
        || ["id", "last_changed"].contains(&change.field.as_str())
        || prefixes
            .iter()
            .any(|prefix| change.field.starts_with(prefix))
}

/// "`restored` (4 → any but 5), `reopened` (2 → 0, 1 or 3), else by target: `merged` (5), `deleted` (4), `closed` (2),
/// `postponed` (3); null otherwise; from unknown only if status is `set`".
fn lifecycle(changes: &[Change]) -> Option<&'static str> {
    let status = changes.iter().find(|change| change.field == "status")?;
    if !["changed", "set"].contains(&status.kind) {
        return None;
    }
    let number = |value: &Option<Value>| match normal("status", value.as_ref()?) {
        Normal::Integer(text) => Some(text),
        _ => None,
    };
    let (from, to) = (number(&status.from), number(&status.to));
    match (from.as_deref(), to.as_deref()) {
        (Some("4"), to) if to != Some("5") => Some("restored"),
        (Some("2"), Some("0" | "1" | "3")) => Some("reopened"),
        (_, Some("5")) => Some("merged"),
        (_, Some("4")) => Some("deleted"),
        (_, Some("2")) => Some("closed"),
        (_, Some("3")) => Some("postponed"),
        _ => None,
    }
}

// ---------------------------------------------------------------- completeness

/// The reasons of the interval that ends with event `i`, which is no repeat.
fn reasons(
    events: &[Event<'_>],
    i: usize,
    before: &State,
    changes: &[Change],
) -> BTreeSet<&'static str> {
    let mut reasons = BTreeSet::new();
    let Some(event) = events.get(i) else {
        return reasons;
    };
    let (declared, carried) = (event.declared(), event.carried());
    for change in changes {
        let implied = match change.field.as_str() {
            // "`status` ⇄ `ticket_status`, `contact_id` by `cust_id`, `connect_id` by `status`"
            "status" => declared.contains("ticket_status"),
            "ticket_status" | "connect_id" => declared.contains("status"),
            "contact_id" => declared.contains("cust_id"),
            _ => false,
        };
        // "a known value other than last_changed moved"
        if change.kind == "changed" && !change.declared && change.field != "last_changed" {
            reasons.insert(match (declared.is_empty(), implied) {
                (true, _) => "no_changes_declared",
                (false, true) => "implied_change",
                (false, false) => "undeclared_change",
            });
        }
        // "a declared field arrived with the value it had"
        if change.kind == "touched" {
            reasons.insert("no_op");
        }
        if change.field == "last_changed" && change.kind == "changed" && is_unseen(events, change) {
            reasons.insert("unseen_write");
        }
    }
    // "FieldValues without, or lacking a field known before"
    let lacks = before
        .iter()
        .any(|(field, seen)| seen.known && !carried.contains_key(field));
    if carried.is_empty() || lacks {
        reasons.insert("no_values");
    }
    // "first entry, no created event in the log; `disorder` if it stands later". An undated one does not count.
    if i == 0 && !event.is_called_created() {
        let later = events.iter().any(Event::is_called_created);
        reasons.insert(if later { "disorder" } else { "starts_late" });
    }
    // Of a repeat too, for its own entry ends no interval.
    let id = event.stored.event_id;
    let is_same =
        |other: &Event<'_>| other.stored.event_id == id || repeats(events, other) == Some(id);
    if events
        .iter()
        .any(|other| other.stored.conflict && is_same(other))
    {
        reasons.insert("conflict");
    }
    // "Two events on one tick that are no repeats of each other: both get the reason `same_instant`."
    let mut same_tick = events
        .iter()
        .filter(|other| other.at.ticks == event.at.ticks && other.stored.event_id != id);
    if same_tick.any(|other| repeats(events, other) != Some(id)) {
        reasons.insert("same_instant");
    }
    // "Over a day ahead of arrival: kept, reason `clock_skew`"
    if event.at.ticks * 100 - event.stored.received_at > 86_400 * TICKS_PER_SECOND * 100 {
        reasons.insert("clock_skew");
    }
    reasons
}

/// "`last_changed` moved to an instant that is the write of no stored event of the ticket: compared with the Timestamps
/// modulo 15 minutes, tolerance 60 s". Any dated event will do, earlier, later or a repeat.
fn is_unseen(events: &[Event<'_>], change: &Change) -> bool {
    let Some(value) = &change.to else {
        return false;
    };
    if normal("last_changed", value) == Normal::NoneValue {
        return false; // None is no instant, nor is what cannot be read.
    }
    let Some(written) = value.as_str().and_then(instant) else {
        return false;
    };
    !events.iter().any(|event| {
        let quarter = 15 * 60 * TICKS_PER_SECOND;
        let apart = (written.ticks - event.at.ticks).rem_euclid(quarter);
        apart.min(quarter - apart) <= 60 * TICKS_PER_SECOND
    })
}
