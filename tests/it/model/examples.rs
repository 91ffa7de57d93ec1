//! Small histories worked out by hand.

use serde_json::{Value, json};
use uuid::Uuid;

use super::fold::{Stored, state, timeline};

/// 2025-05-19T10:00:00Z in ns.
const TEN: i128 = 1_747_648_800_000_000_000;

/// Event `n` has the id 0…n, and arrives at position n at ten o'clock.
fn stored(n: u8, event: &str, timestamp: &str, changes: &Value, values: &Value) -> Stored {
    let body = json!({
        "EventId": Uuid::from_u128(n.into()).to_string(), "Timestamp": timestamp, "Changes": changes, "Event": event,
        "PrimaryKey": 76, "Entity": "ticket", "ContextIdentifier": "Cust1", "ChangedByAssociateId": 19,
        "WebhookName": "w", "FieldValues": values,
    });
    Stored {
        position: n.into(),
        event_id: Uuid::from_u128(n.into()),
        body: serde_json::to_vec(&body).unwrap(),
        received_at: TEN,
        conflict: false,
    }
}

/// A created event at 09:00.
fn born(n: u8, values: &Value) -> Stored {
    stored(
        n,
        "ticket.created",
        "2025-05-19T09:00:00Z",
        &json!([]),
        values,
    )
}

/// A changed event at 09:0n.
fn moved(n: u8, changes: &Value, values: &Value) -> Stored {
    let timestamp = format!("2025-05-19T09:0{n}:00Z");
    stored(n, "ticket.changed", &timestamp, changes, values)
}

/// The last entry as text: lifecycle, changes as `field kind declared from>to`, state and reasons.
fn last(stored: &[Stored]) -> String {
    let all = timeline(stored, true);
    line(all.as_array().unwrap().last().unwrap())
}

fn line(entry: &Value) -> String {
    let mut words = vec![entry["lifecycle"].as_str().unwrap_or("-").to_owned()];
    for change in entry["changes"].as_array().unwrap() {
        let value = |key| change.get(key).map_or("_".to_owned(), Value::to_string);
        words.push(format!(
            "{} {}{} {}>{};",
            change["field"].as_str().unwrap(),
            change["kind"].as_str().unwrap(),
            if change["declared"] == true {
                ""
            } else {
                " undeclared"
            },
            value("from"),
            value("to"),
        ));
    }
    let completeness = &entry["completeness"];
    words.push(completeness["state"].as_str().unwrap().to_owned());
    for reason in completeness["reasons"].as_array().unwrap() {
        words.push(reason.as_str().unwrap().to_owned());
    }
    words.join(" ")
}

fn ids(timeline: &Value) -> Vec<u64> {
    timeline
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["position"].as_u64().unwrap())
        .collect()
}

#[test]
fn an_entry_has_exactly_these_keys() {
    let mut event = born(1, &json!({"status": 1}));
    let body = String::from_utf8(event.body)
        .unwrap()
        .replace("09:00:00Z", "01:00:00.50+02:00");
    event.body = body.into_bytes();
    assert_eq!(
        timeline(&[event], false),
        json!([{
            "event_id": "00000000-0000-0000-0000-000000000001", "position": 1, "event": "ticket.created",
            "occurred_at": "2025-05-18T23:00:00.50Z", "late": false, "actor": {"id": 19, "label": null},
            "lifecycle": "created", "repeats": null,
            "changes": [{"field": "status", "kind": "initial", "declared": false, "to": 1}],
            "completeness": {"state": "consistent", "reasons": []},
        }])
    );
}

#[test]
fn the_kinds_of_the_table() {
    let first = born(1, &json!({"priority": 2, "owned_by": 1, "x_foo": [1]}));
    let not_sent = moved(2, &json!(["priority", "title", "title"]), &json!({}));
    assert_eq!(
        last(&[first.clone(), not_sent.clone()]),
        "- priority not_sent _>_; title not_sent _>_; unproven no_values"
    );
    assert_eq!(
        state(&[first.clone(), not_sent.clone()]),
        json!({"owned_by": 1, "x_foo": [1]})
    );

    let changed = moved(
        2,
        &json!(["priority"]),
        &json!({"priority": "[I:3]", "owned_by": 0, "x_foo": [1]}),
    );
    assert_eq!(
        last(&[first.clone(), changed]),
        "- priority changed 2>\"[I:3]\"; consistent"
    );
    let touched = moved(
        2,
        &json!(["owned_by"]),
        &json!({"priority": 2.0, "owned_by": 0, "x_foo": [1]}),
    );
    assert_eq!(
        last(&[first.clone(), touched]),
        "- owned_by touched 1>0; unproven no_op"
    );
}

#[test]
fn the_kinds_of_a_field_that_is_unknown_now() {
    let first = born(1, &json!({"priority": 2, "owned_by": 1, "x_foo": [1]}));
    let not_sent = moved(2, &json!(["priority", "title", "title"]), &json!({}));
    // priority is unknown now, last seen 2.
    let set = moved(
        3,
        &json!([]),
        &json!({"priority": 3, "owned_by": 1, "x_foo": [1]}),
    );
    assert_eq!(
        last(&[first.clone(), not_sent.clone(), set]),
        "- priority set undeclared _>3; consistent"
    );
    let same = moved(
        3,
        &json!([]),
        &json!({"priority": "2", "owned_by": 1, "x_foo": [1]}),
    );
    assert_eq!(
        last(&[first.clone(), not_sent.clone(), same]),
        "- consistent"
    );
    let told = moved(
        3,
        &json!(["priority"]),
        &json!({"priority": "2", "owned_by": 1, "x_foo": [1]}),
    );
    assert_eq!(
        last(&[first.clone(), not_sent, told]),
        "- priority touched 2>\"2\"; unproven no_op"
    );
    // slevel was never seen.
    let new = moved(
        2,
        &json!(["slevel"]),
        &json!({"priority": 2, "owned_by": 1, "slevel": 1, "x_foo": [1]}),
    );
    assert_eq!(last(&[first.clone(), new]), "- slevel set _>1; consistent");
    let silent = moved(
        2,
        &json!([]),
        &json!({"priority": 2, "owned_by": 1, "slevel": 1, "x_foo": [1]}),
    );
    assert_eq!(last(&[first, silent]), "- consistent");
}

#[test]
fn none_values_are_per_field() {
    let before = born(
        1,
        &json!({"category": -1, "contact_id": null, "cust_id": -1, "connect_id": -1, "has_attachment": true}),
    );
    let after = json!({"category": 0, "contact_id": 0, "cust_id": null, "connect_id": null, "has_attachment": "1"});
    assert_eq!(
        last(&[before, moved(2, &json!([]), &after)]),
        "- connect_id changed undeclared -1>null; suspect no_changes_declared"
    );
}

#[test]
fn a_partial_event_makes_the_rest_unknown() {
    let first = born(1, &json!({"status": 1, "priority": 2}));
    let partial = moved(2, &json!([]), &json!({"priority": 2}));
    let next = moved(3, &json!([]), &json!({"priority": 2, "status": 2}));
    assert_eq!(
        last(&[first.clone(), partial.clone()]),
        "- unproven no_values"
    );
    assert_eq!(
        state(&[first.clone(), partial.clone()]),
        json!({"priority": 2})
    );
    assert_eq!(
        last(&[first, partial, next]),
        "closed status set undeclared _>2; consistent"
    );
}

#[test]
fn lifecycle_by_the_move_of_status() {
    let word = |from: i32, to: i32| {
        let text = last(&[
            born(1, &json!({"status": from})),
            moved(2, &json!(["status"]), &json!({"status": to})),
        ]);
        text.split(' ').next().unwrap().to_owned()
    };
    let moves = [
        (4, 1),
        (4, 2),
        (4, 5),
        (2, 0),
        (2, 1),
        (2, 3),
        (2, 4),
        (1, 2),
        (1, 3),
        (1, 5),
        (3, 1),
        (4, 4),
    ];
    assert_eq!(
        moves.map(|(from, to)| word(from, to)).join(" "),
        "restored restored merged reopened reopened reopened deleted closed postponed merged - -"
    );
    // Unknown before: by target only.
    assert_eq!(
        last(&[moved(1, &json!(["status"]), &json!({"status": 1}))]),
        "- status set _>1; suspect starts_late"
    );
}

#[test]
fn a_repeat_folds_as_nothing_and_is_no_boundary() {
    let first = born(1, &json!({"status": 1}));
    let original = stored(
        2,
        "ticket.changed",
        "2025-05-19T09:02:00Z",
        &json!(["status"]),
        &json!({"status": 2}),
    );
    let mut repeat = original.clone();
    (repeat.position, repeat.event_id) = (0, Uuid::from_u128(7));
    let text = String::from_utf8(repeat.body).unwrap();
    repeat.body = text
        .replace("\"w\"", "\"other\"")
        .replace("0002", "0007")
        .into_bytes();
    let all = timeline(&[first.clone(), repeat.clone(), original.clone()], true);
    assert_eq!(ids(&all), [1, 2, 0]);
    assert_eq!(all[2]["repeats"], "00000000-0000-0000-0000-000000000002");
    assert_eq!(line(&all[2]), "- consistent");
    assert_eq!(line(&all[1]), "closed status changed 1>2; consistent");
    // The repeat stands later in order and has a lower position.
    assert_eq!(
        [&all[0]["late"], &all[1]["late"], &all[2]["late"]],
        [true, true, false]
    );
    // It had no changes, so it is not left out as noise.
    assert_eq!(ids(&timeline(&[first, repeat, original], false)), [1, 2, 0]);
}

#[test]
fn order_uses_all_seven_digits_then_created_then_the_id() {
    let at = |n, event, time| stored(n, event, time, &json!([]), &json!({"status": 1}));
    let events = [
        at(1, "ticket.changed", "2025-05-19T09:00:00.1234568"),
        at(2, "ticket.changed", "2025-05-19T11:00:00.1234567+02:00"),
        at(9, "ticket.created", "2025-05-19T09:00:00.1234567Z"),
        at(3, "ticket.changed", "2025-05-19T09:00:00.123456Z"),
        at(4, "ticket.changed", "yesterday"),
    ];
    let all = timeline(&events, true);
    assert_eq!(ids(&all), [3, 9, 2, 1]);
    assert_eq!(all[2]["occurred_at"], "2025-05-19T09:00:00.1234567Z");
    assert_eq!(all[3]["occurred_at"], "2025-05-19T09:00:00.1234568Z");
    assert_eq!(line(&all[0]), "- unproven disorder");
    assert_eq!(line(&all[1]), "created unproven same_instant");
    assert_eq!(line(&all[2]), "- unproven same_instant");
    assert_eq!([&all[0]["late"], &all[1]["late"]], [true, true]);
}

#[test]
fn noise_is_left_out_by_default() {
    let full = json!({"status": 1, "last_changed": "2025-05-19T11:00:00"});
    let later = json!({"status": 1, "last_changed": "2025-05-19T11:03:00"});
    let events = [
        born(1, &full),
        moved(2, &json!(["id", "read_by_owner"]), &full), // opened: only noise
        moved(3, &json!([]), &later),                     // only last_changed moved
        moved(4, &json!([]), &later),                     // nothing at all: had no changes
        moved(5, &json!([]), &Value::Null),               // an old sender
        moved(6, &json!(["status"]), &later),             // touched: in doubt
        moved(7, &json!(["title", "id"]), &later),
    ];
    let shown = timeline(&events, false);
    assert_eq!(ids(&shown), [1, 4, 5, 6, 7]);
    assert_eq!(
        line(&shown[0]),
        "created status initial undeclared _>1; consistent"
    );
    assert_eq!(line(&shown[1]), "- consistent");
    assert_eq!(line(&shown[2]), "- unproven no_values");
    assert_eq!(line(&shown[3]), "- unproven no_op");
    assert_eq!(line(&shown[4]), "- title not_sent _>_; consistent");
    assert_eq!(ids(&timeline(&events, true)), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_further_created_event_folds_like_changed_and_stays() {
    let second = stored(
        2,
        "ticket.created",
        "2025-05-19T09:02:00Z",
        &json!(["status", "slevel"]),
        &json!({"status": 1, "slevel": 2, "sale_id": 9}),
    );
    let all = [born(1, &json!({"status": 1})), second];
    assert_eq!(
        last(&all),
        "- slevel set _>2; status touched 1>1; unproven no_op"
    );
    // Events before the created event: it folds where it stands.
    let first = moved(1, &json!([]), &json!({"status": 2}));
    let mut born = born(2, &json!({"status": 1, "priority": 3}));
    born.body = String::from_utf8(born.body)
        .unwrap()
        .replace("09:00", "09:05")
        .into_bytes();
    assert_eq!(
        last(&[first, born]),
        "created priority initial undeclared _>3; status changed undeclared 2>1; suspect no_changes_declared"
    );
}

#[test]
fn undeclared_and_implied_moves() {
    let before = json!({"status": 1, "ticket_status": 1, "contact_id": 5, "cust_id": 6, "connect_id": -1, "priority": 1});
    let case = |changes: Value, field: &str| {
        let mut after = before.clone();
        after[field] = json!(2);
        let text = last(&[born(1, &before), moved(2, &changes, &after)]);
        text.rsplit("; ").next().unwrap().to_owned()
    };
    assert_eq!(
        case(json!(["title"]), "priority"),
        "suspect undeclared_change"
    );
    assert_eq!(case(json!([]), "priority"), "suspect no_changes_declared");
    assert_eq!(case(Value::Null, "status"), "suspect no_changes_declared");
    assert_eq!(
        case(json!(["ticket_status"]), "status"),
        "unproven implied_change no_op"
    );
    assert_eq!(
        case(json!(["status"]), "ticket_status"),
        "unproven implied_change no_op"
    );
    assert_eq!(
        case(json!(["cust_id"]), "contact_id"),
        "unproven implied_change no_op"
    );
    assert_eq!(
        case(json!(["contact_id"]), "cust_id"),
        "suspect no_op undeclared_change"
    );
    assert_eq!(
        case(json!(["status"]), "connect_id"),
        "unproven implied_change no_op"
    );
    assert_eq!(
        case(json!(["ticket_status"]), "connect_id"),
        "suspect no_op undeclared_change"
    );
}

#[test]
fn last_changed_must_be_the_write_of_a_stored_event() {
    // The events are at 09:00 and 09:02 UTC; the zone may be any whole number of quarters away.
    let case = |written: &str| {
        let first = json!({"last_changed": "2025-05-19T11:00:00"});
        last(&[
            born(1, &first),
            moved(2, &json!([]), &json!({"last_changed": written})),
        ])
        .contains("unseen_write")
    };
    assert!(!case("2025-05-19T14:47:00"));
    assert!(!case("2025-05-19T11:03:00"), "60 s are tolerated");
    assert!(case("2025-05-19T11:03:01"));
    assert!(!case("2025-05-19T10:59:00"), "60 s before the first event");
    assert!(case("2025-05-19T10:58:59"));
    assert!(!case("0001-01-01T00:00:00") && !case("soon"));
    let silent = stored(
        3,
        "ticket.changed",
        "2025-05-19T09:06:00Z",
        &json!([]),
        &Value::Null,
    );
    let first = born(1, &json!({"last_changed": "2025-05-19T11:00:00"}));
    let second = moved(
        2,
        &json!([]),
        &json!({"last_changed": "2025-05-19T11:06:00"}),
    );
    let all = timeline(&[first, second, silent], true);
    assert_eq!(
        line(&all[1]).rsplit("; ").next(),
        Some("consistent"),
        "a later event counts too"
    );
}

#[test]
fn conflict_and_clock_skew() {
    let mut event = moved(2, &json!(["title"]), &json!({"status": 1}));
    event.conflict = true;
    assert_eq!(
        last(&[born(1, &json!({"status": 1})), event]),
        "- title not_sent _>_; suspect conflict"
    );
    // Received 2025-05-19T10:00:00Z: a day ahead is allowed, a tick more is not.
    let skew = |time: &str| {
        last(&[stored(
            1,
            "ticket.created",
            time,
            &json!([]),
            &json!({"status": 1}),
        )])
        .contains("clock_skew")
    };
    assert!(!skew("2025-05-20T10:00:00.0000000Z"));
    assert!(skew("2025-05-20T10:00:00.0000001Z"));
}

#[test]
fn instants_that_can_be_read() {
    let at = |text: &str| {
        timeline(
            &[stored(1, "ticket.created", text, &json!([]), &Value::Null)],
            true,
        )[0]["occurred_at"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(
        at("2024-02-29T23:30:00.1234567-00:45").as_deref(),
        Some("2024-03-01T00:15:00.1234567Z")
    );
    assert_eq!(
        at("2025-01-01T00:15:00+00:30").as_deref(),
        Some("2024-12-31T23:45:00Z")
    );
    assert_eq!(
        at("9999-12-31T23:59:59.9999999Z").as_deref(),
        Some("9999-12-31T23:59:59.9999999Z")
    );
    assert_eq!(
        at("2017-01-01T00:59:60.5+01:00").as_deref(),
        Some("2016-12-31T23:59:60.5Z")
    );
    assert_eq!(
        at("0001-01-01T00:00:00").as_deref(),
        Some("0001-01-01T00:00:00Z")
    );
    for text in [
        "",
        "2025-02-29T00:00:00Z",
        "2025-01-01",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:00:00.Z",
        "2025-13-01T00:00:00Z",
    ] {
        assert_eq!(at(text), None, "{text}");
    }
}

#[test]
fn the_actor_is_an_integer_or_nothing() {
    let id = |text: &str| {
        let mut event = born(1, &json!({}));
        let body = String::from_utf8(event.body).unwrap();
        event.body = body
            .replace("AssociateId\":19", &format!("AssociateId\":{text}"))
            .into_bytes();
        timeline(&[event], true)[0]["actor"]["id"].clone()
    };
    assert_eq!(
        ["0", "\"19\"", "null", "\"x\"", "true", "1.5"].map(id),
        [
            json!(0),
            json!(19),
            json!(null),
            json!(null),
            json!(null),
            json!(null)
        ]
    );
}

/// How often each kind, lifecycle, state and reason comes: a generator that never makes a case tests nothing.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are read by a person")]
fn the_generator_reaches_every_case() {
    use std::collections::BTreeMap;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |key: String| *counts.entry(key).or_default() += 1;
    for seed in 0..300 {
        let made = super::histories::sample(seed, 20);
        assert_eq!(made.len(), 20);
        let again = super::histories::sample(seed, 20);
        assert_eq!(format!("{made:?}"), format!("{again:?}"));
        for made in &made {
            let body: Value = serde_json::from_slice(&made.body).unwrap();
            let id = body["EventId"].as_str().unwrap().trim();
            assert_eq!(Uuid::parse_str(id).unwrap(), made.event_id);
        }
        let log: Vec<Stored> = log(&made);
        let ids: std::collections::BTreeSet<_> = log.iter().map(|event| event.event_id).collect();
        assert_eq!(ids.len(), 20);
        let all = timeline(&log, true);
        let entries = all.as_array().unwrap();
        count(format!("undated {}", (20 - entries.len()).min(2)));
        let shown = timeline(&log, false).as_array().unwrap().len();
        (shown..entries.len()).for_each(|_| count("left out".to_owned()));
        for entry in entries {
            count(format!("lifecycle {}", entry["lifecycle"]));
            count(format!("late {}", entry["late"]));
            let (state, changes) = (&entry["completeness"]["state"], entry["changes"].as_array());
            if state == "consistent" && changes.unwrap().is_empty() && entry["repeats"].is_null() {
                count("no change at all, consistent, no repeat".to_owned());
            }
            count(format!("repeats {}", entry["repeats"].is_string()));
            count(format!("actor {}", entry["actor"]["id"]));
            count(format!("state {}", entry["completeness"]["state"]));
            for reason in entry["completeness"]["reasons"].as_array().unwrap() {
                count(format!("reason {reason}"));
            }
            for change in entry["changes"].as_array().unwrap() {
                count(format!(
                    "kind {} declared {}",
                    change["kind"], change["declared"]
                ));
            }
        }
    }
    for (key, count) in counts {
        println!("{count:6} {key}");
    }
}

fn log(made: &[super::histories::Made]) -> Vec<Stored> {
    let numbered = (1..).zip(made);
    let stored = numbered.map(|(position, made)| Stored {
        position,
        event_id: made.event_id,
        body: made.body.clone(),
        received_at: made.received_at,
        conflict: made.other.is_some(),
    });
    stored.collect()
}

proptest::proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(made in super::histories::history(), turn in 0..30_usize) {
        let log = log(&made);
        let mut turned = log.clone();
        turned.rotate_left(turn.min(log.len()));
        let strip = |log: &[Stored]| timeline(log, true);
        proptest::prop_assert_eq!(strip(&log), strip(&turned));
        proptest::prop_assert_eq!(state(&log), state(&turned));
    }
}
