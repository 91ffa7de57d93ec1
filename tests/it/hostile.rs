//! Whatever is signed is answered 200, kept byte for byte, and never costs its neighbours anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};
use sqlx::Executor;
use ticketlog::domain::{
    event::{Reading, content, read},
    hook::TenantRule,
    ids::Tenant,
};

use crate::{
    deliveries::at_once,
    support::{
        app::{MAX_BODY_BYTES, SECRET, TestApp, hook, sign},
        payload::{self, Payload},
    },
};

/// A body whose text holds what no builder makes: `VALUE` stands for raw JSON.
fn with_raw(key: &str, raw: &str) -> Bytes {
    let text =
        String::from_utf8(Bytes::from(payload::changed(1).with(key, "VALUE")).to_vec()).unwrap();
    assert!(text.contains("\"VALUE\""));
    text.replace("\"VALUE\"", raw).into()
}

/// Bodies that are no event of a tenant.
fn not_events() -> Vec<Bytes> {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let mut bodies: Vec<Bytes> = vec![
        "".into(),
        "not json".into(),
        "[]".into(),
        "\"text\"".into(),
        "null".into(),
        "{".into(),
        "{}{}".into(),
        deep.into(),
        "[".repeat(10_000).into(),
        Bytes::from_static(b"\xff\xfe{}"),
        Bytes::from_static(
            b"{\"Event\":\"ticket.changed\",\"ContextIdentifier\":\"Cust1\",\"x\":\"\xff\"}",
        ),
        "{\"Event\":null,\"ContextIdentifier\":\"Cust1\"}".into(),
        "{\"ContextIdentifier\":\"Cust1\"}".into(),
    ];
    for tenant in [
        "\"\"",
        "\"a b\"",
        "\"a\\u0000\"",
        "\"\\ud800\"",
        "null",
        "7",
        "\"../../x\"",
    ] {
        bodies.push(with_raw("ContextIdentifier", tenant));
    }
    bodies
}

/// Bodies that are events of `Cust1`, odd as they are.
#[expect(clippy::too_many_lines, reason = "a table")]
fn odd_events() -> Vec<Bytes> {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let names: Vec<&str> = vec!["status"; 10_000];
    let mut bodies: Vec<Bytes> = vec![
        with_raw("Changes", &format!("[\"{}\"]", "x".repeat(7 << 20))),
        with_raw("Changes", &serde_json::to_string(&names).unwrap()),
        with_raw("Changes", "[1,null,{\"a\":[]},\"status\"]"),
        with_raw(
            "FieldValues",
            &format!("{{\"status\":2,\"x_deep\":{deep}}}"),
        ),
        with_raw("FieldValues", "{\"status\":1,\"status\":2}"),
        with_raw(
            "FieldValues",
            "{\"a\\u0000b\":\"c\\u0000d\",\"\\ud800\":\"\\udfff\",\"status\":\"\\u0000\"}",
        ),
        with_raw(
            "FieldValues",
            "{\"cust_id\":1e400,\"sale_id\":-0.0,\"priority\":99999999999999999999999}",
        ),
    ];
    for raw in [
        "null",
        "7",
        "\"\"",
        "[]",
        "{}",
        "true",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "18446744073709551616",
    ] {
        for key in [
            "Changes",
            "FieldValues",
            "Values",
            "Timestamp",
            "PrimaryKey",
            "EventId",
            "Entity",
            "WebhookName",
            "ChangedByAssociateId",
        ] {
            bodies.push(with_raw(key, raw));
        }
    }
    for name in [
        "contact.changed",
        "list.category.changed",
        "ticket.",
        "webhook.stopped",
        "ticket.a\\u0000b",
        "\\ud800",
        "Test",
    ] {
        bodies.push(with_raw("Event", &format!("\"{name}\"")));
    }
    let bom = Bytes::from([b"\xEF\xBB\xBF", &Bytes::from(payload::created(2))[..]].concat());
    let no_id = payload::changed(1)
        .without("EventId")
        .without("Changes")
        .with("Values", json!({"name": "x"}));
    bodies.extend([bom, no_id.without("FieldValues").into()]);
    bodies
}

#[tokio::test]
async fn hostile_bodies_are_kept_byte_for_byte_and_harm_nobody() {
    let app = TestApp::start().await;
    let (parked, odd) = (not_events(), odd_events());
    let good: Vec<Bytes> = (0..200)
        .map(|_| payload::changed(3).tenant("Good").into())
        .collect();
    let mut all: Vec<(u32, Bytes)> = Vec::new();
    for body in parked.iter().chain(&odd).chain(&good) {
        let place = u32::try_from(all.len()).unwrap().wrapping_mul(0x9e37_79b9);
        all.push((place, body.clone()));
    }
    all.sort_by_key(|(place, _)| *place);
    at_once(&app, all.into_iter().map(|(_, body)| body).collect()).await;
    let mut session = app.db.connect().await;
    for (table, bodies) in [
        ("SELECT body FROM parked", parked),
        ("SELECT body FROM event WHERE tenant = 'Cust1'", odd),
        ("SELECT body FROM event WHERE tenant = 'Good'", good),
    ] {
        let mut kept: Vec<Vec<u8>> = sqlx::query_scalar(table)
            .fetch_all(&mut session)
            .await
            .unwrap();
        let mut sent: Vec<Vec<u8>> = bodies.iter().map(|body| body.to_vec()).collect();
        kept.sort();
        sent.sort();
        assert!(
            kept == sent,
            "{table}: {} kept, {} sent",
            kept.len(),
            sent.len()
        );
    }
    // And all of it can be read, though not by every parser of JSON: 1e400 and 10,000 brackets are JSON.
    let head = app
        .count("SELECT position FROM head WHERE tenant = 'Cust1'")
        .await;
    let pages = (0..head)
        .step_by(20)
        .map(|after| format!("/v1/tenants/Cust1/events?after={after}&limit=20"));
    let histories = [
        "/v1/tenants/Cust1/tickets/1/timeline?include=noise",
        "/v1/tenants/Cust1/tickets/1",
        "/v1/tenants",
    ];
    for path in histories.map(str::to_owned).into_iter().chain(pages) {
        assert_eq!(app.get(&path).await.status, 200, "{path}");
    }
    assert_eq!(
        app.read_all("/v1/tenants/Good/tickets/3/timeline?include=noise")
            .await
            .len(),
        200
    );
}

#[tokio::test]
async fn ids_are_read_in_every_spelling_and_made_where_there_are_none() {
    let app = TestApp::start().await;
    let id = "32a093ac-418a-40f1-a14a-f4193ea92b59";
    for (spelling, outcome) in [
        (id.to_owned(), "stored"),
        (id.to_uppercase(), "duplicate"),
        (format!("{{{id}}}"), "duplicate"),
        (format!(" {id} "), "duplicate"),
    ] {
        let answer = app
            .deliver(payload::changed(1).with("EventId", spelling))
            .await
            .assert(200);
        assert_eq!(
            (&answer["outcome"], &answer["event_id"]),
            (&json!(outcome), &json!(id))
        );
    }
    for body in [
        payload::changed(1).without("EventId"),
        payload::changed(1).with("EventId", "00000000-0000-0000-0000-000000000000"),
        payload::changed(1).with("EventId", 7),
        payload::changed(1).with("EventId", "none"),
    ] {
        let first = app.deliver(&body).await.assert(200);
        let again = app.deliver(&body).await.assert(200);
        assert_eq!(
            (&first["outcome"], &again["outcome"]),
            (&json!("stored"), &json!("duplicate"))
        );
        assert_eq!(first["event_id"], again["event_id"]);
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn timestamps_go_out_as_they_came_in() {
    let app = TestApp::start().await;
    let spellings = [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2018-04-24T08:13:02Z", "2018-04-24T08:13:02Z"),
        ("2018-04-24T08:13:02.8Z", "2018-04-24T08:13:02.8Z"),
        ("2018-04-24T08:13:02.80Z", "2018-04-24T08:13:02.80Z"),
        (
            "2018-04-24T08:13:02.8352175Z",
            "2018-04-24T08:13:02.8352175Z",
        ),
        (
            "2018-04-24T08:13:02.8352176Z",
            "2018-04-24T08:13:02.8352176Z",
        ),
        (
            "2018-04-24T08:13:02.835217699",
            "2018-04-24T08:13:02.835217699Z",
        ),
        ("2018-04-24T10:13:03.00+02:00", "2018-04-24T08:13:03.00Z"),
        (
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:59.9999999Z",
        ),
    ];
    for (at, (sent, _)) in spellings.iter().enumerate().rev() {
        let number = format!("00000000-0000-4000-8000-{at:012}");
        app.deliver(
            payload::changed(1)
                .at(sent)
                .with("EventId", number)
                .set("status", at),
        )
        .await
        .assert(200);
    }
    for undated in [
        json!(null),
        json!("yesterday"),
        json!(7),
        json!("2018-02-30T00:00:00Z"),
    ] {
        app.deliver(payload::changed(1).with("Timestamp", undated))
            .await
            .assert(200);
    }
    let timeline = app
        .read("/v1/tenants/Cust1/tickets/1/timeline?include=noise")
        .await;
    let shown: Vec<&str> = timeline["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["occurred_at"].as_str().unwrap())
        .collect();
    let expected: Vec<&str> = spellings.iter().map(|(_, utc)| *utc).collect();
    assert_eq!(shown, expected);
    assert_eq!(app.read("/v1/tenants/Cust1/tickets/1").await["undated"], 4);
    app.settle().await;
    assert_eq!(app.read("/v1/tenants").await["items"][0]["undated"], 4);
    // Further ahead of us than any clock goes wrong.
    let last = &timeline["items"][8]["completeness"]["reasons"];
    assert!(
        last.as_array().unwrap().contains(&json!("clock_skew")),
        "{last}"
    );
}

#[tokio::test]
async fn a_registration_test_is_answered_and_seen_but_is_no_event() {
    let app = TestApp::start().await;
    let answer = app
        .deliver(payload::changed(0).with("Event", "test"))
        .await
        .assert(200);
    assert_eq!(
        (&answer["outcome"], answer.get("position")),
        (&json!("ignored"), None)
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM delivery WHERE outcome = 'ignored' AND body IS NOT NULL")
            .await,
        1
    );
    // Nor does it take a position from what follows.
    assert_eq!(
        app.deliver(payload::created(1)).await.assert(200)["position"],
        1
    );
}

#[tokio::test]
async fn an_event_that_the_database_refuses_is_parked_and_its_neighbours_are_stored() {
    let app = TestApp::start().await;
    let mut superuser = app.db.connect_as_superuser().await;
    let poison = "ALTER TABLE event ADD CONSTRAINT poison CHECK (primary_key <> 666)";
    superuser.execute(poison).await.unwrap();
    let body = |at: i64| -> Payload { payload::changed(if at == 77 { 666 } else { 1 }) };
    let answers = at_once(&app, (0..200).map(|at| body(at).into()).collect()).await;
    let parked: Vec<usize> = (0..200)
        .filter(|at| answers[*at]["outcome"] == "parked")
        .collect();
    assert_eq!(parked, [77]);
    assert_eq!(
        answers[77],
        json!({"outcome": "parked", "reason": "refused"})
    );
    let mut positions: Vec<i64> = answers
        .iter()
        .filter_map(|answer| answer["position"].as_i64())
        .collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=199).collect::<Vec<i64>>());
    assert_eq!(
        app.count("SELECT count(*) FROM parked WHERE reason = 'refused'")
            .await,
        1
    );
}

#[tokio::test]
async fn only_size_is_refused() {
    let app = TestApp::start().await;
    let filled = |bytes: usize| {
        let body: Bytes = payload::created(1).with("custom", "").into();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let room = bytes - text.len();
        Bytes::from(text.replace(
            "\"custom\":\"\"",
            &format!("\"custom\":\"{}\"", "x".repeat(room)),
        ))
    };
    assert_eq!(
        app.deliver(filled(MAX_BODY_BYTES)).await.assert(200)["outcome"],
        "stored"
    );
    let too_large = app.deliver(filled(MAX_BODY_BYTES + 1)).await;
    assert_eq!(too_large.content_type, "application/problem+json");
    let problem = too_large.assert(413);
    assert_eq!(problem["type"], "urn:ticketlog:too-large");
    // Neither the type nor the encoding that a header claims matters.
    for (name, value) in [
        ("Content-Type", "text/plain"),
        ("Content-Type", "\u{ff}"),
        ("Content-Encoding", "gzip"),
    ] {
        let body: Bytes = payload::changed(1).into();
        let signature = sign(SECRET, &body);
        let request = app.http.post(format!("{}/webhook", app.url)).body(body);
        let request = request
            .header("X-SuperOffice-Signature", signature)
            .header(name, value);
        assert_eq!(
            request.send().await.unwrap().status(),
            200,
            "{name}: {value}"
        );
    }
    for path in ["/webhook", "/webhook/default"] {
        assert_eq!(
            app.get(path).await.assert(405)["type"],
            "urn:ticketlog:wrong-method"
        );
    }
}

#[tokio::test]
async fn names_too_long_for_an_index_are_told_by_their_start() {
    let app = TestApp::start().await;
    let mut random = fastrand::Rng::with_seed(1);
    // Random, for Postgres takes what it can compress.
    let mut letters =
        |count: usize| -> String { (0..count).map(|_| random.alphanumeric()).collect() };
    let declared = payload::changed(1).with("Changes", json!([letters(5000), letters(2000)]));
    app.deliver(declared).await.assert(200);
    let carried = [letters(3600), letters(2500)];
    let moved = payload::changed(1).at("2025-05-19T10:00:00Z");
    let moved = moved
        .set(&carried[0], letters(3))
        .set(&carried[1], letters(3000));
    app.deliver(moved).await.assert(200);
    let changes = app.read_all("/v1/tenants/Cust1/changes").await;
    let long_names = |items: &[Value]| -> BTreeSet<String> {
        let names = items
            .iter()
            .map(|item| item["field"].as_str().unwrap().to_owned());
        names.filter(|name| name.contains('…')).collect()
    };
    let shown = long_names(&changes);
    assert_eq!(shown.len(), 4);
    for name in &carried {
        let (start, _) = name.split_at(120);
        assert!(
            shown.iter().any(|short| short.starts_with(start)),
            "{shown:?}"
        );
    }
    let entries = app.read_all("/v1/tenants/Cust1/tickets/1/timeline").await;
    let told: Vec<Value> = entries
        .iter()
        .flat_map(|entry| entry["changes"].as_array().unwrap().clone())
        .collect();
    assert_eq!(long_names(&told), shown);
    let field = shown.first().unwrap();
    let path = format!("/v1/tenants/Cust1/reports/transitions?field={field}");
    app.get(&path).await.assert(200);
    for path in [
        "/v1/tenants/Cust1/tickets",
        "/v1/tenants/Cust1/reports/changes_by_field",
    ] {
        app.get(path).await.assert(200);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn reading_never_fails(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        for rule in [TenantRule::Any, TenantRule::Accept(vec![])] {
            read(&bytes, &rule);
            read(text.as_bytes(), &rule);
            read(format!("{{\"Event\":{text},\"Timestamp\":\"{text}\"}}").as_bytes(), &rule);
        }
        prop_assert_eq!(content(&bytes), content(&bytes));
    }

    #[test]
    fn the_order_of_members_is_no_content(values in prop::collection::btree_map("[A-Za-z]{1,8}", any::<i64>(), 0..8)) {
        let write = |members: Vec<(&String, &i64)>| {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{\"Event\":\"x\",\"FieldValues\":{{{}}}}}", members.join(","))
        };
        let forth = write(values.iter().collect());
        let back = write(values.iter().rev().collect());
        prop_assert_eq!(content(forth.as_bytes()), content(back.as_bytes()));
        let parsed: BTreeMap<String, Value> = serde_json::from_str(&forth).unwrap();
        prop_assert!(parsed.contains_key("Event"));
    }
}

fn id_of(body: &[u8]) -> String {
    match read(body, &TenantRule::Any) {
        Reading::Event(event) => event.event_id.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The same body with a custom property of another subscription in front.
fn copy_of(body: &[u8]) -> Bytes {
    let brace = body.iter().position(|byte| *byte == b'{').unwrap();
    let (before, after) = body.split_at(brace + 1);
    Bytes::from([before, b"\"zz_custom\":[1],", after].concat())
}

#[tokio::test]
async fn an_odd_event_goes_out_as_it_came_and_a_copy_of_it_is_a_duplicate() {
    let app = TestApp::start().await;
    let originals = odd_events();
    at_once(&app, originals.clone()).await;
    let copies: Vec<Bytes> = originals.iter().map(|body| copy_of(body)).collect();
    let answers = at_once(&app, copies.clone()).await;
    for ((original, copy), answer) in originals.iter().zip(&copies).zip(answers) {
        // One without an id of its own has its bytes' id.
        let known = id_of(original) == id_of(copy);
        let outcome = if known { "duplicate" } else { "stored" };
        let start = String::from_utf8_lossy(&original[..original.len().min(200)]);
        assert_eq!(answer["outcome"], outcome, "{start}");
        let path = format!("/v1/tenants/Cust1/events/{}", id_of(original));
        let shown = app.get(&path).await;
        assert_eq!(shown.status, 200, "{start}");
        let shown = std::str::from_utf8(&shown.body).unwrap();
        let sent = std::str::from_utf8(original).unwrap();
        // A byte order mark is no part of JSON and would break the answer.
        assert!(
            shown.contains(sent.trim_start_matches('\u{feff}')),
            "{start}"
        );
        assert!(serde_json::from_str::<&RawValue>(shown).is_ok(), "{start}");
    }
}

#[tokio::test]
async fn a_primary_key_is_an_integer_or_its_text_and_only_from_one_on_a_ticket() {
    let app = TestApp::start().await;
    let mut expected: Vec<(Option<i64>, Option<i64>)> = Vec::new();
    for (raw, primary_key, ticket) in [
        ("76", Some(76), Some(76)),
        ("\"76\"", Some(76), Some(76)),
        ("9223372036854775807", Some(i64::MAX), Some(i64::MAX)),
        ("9223372036854775808", None, None),
        ("0", Some(0), None),
        ("-1", Some(-1), None),
        ("-9223372036854775808", Some(i64::MIN), None),
        ("76.0", None, None),
        ("1e2", None, None),
        ("\"x\"", None, None),
        ("true", None, None),
        ("[76]", None, None),
        ("null", None, None),
    ] {
        let answer = app.deliver(with_raw("PrimaryKey", raw)).await.assert(200);
        assert_eq!(answer["outcome"], "stored", "{raw}");
        expected.push((primary_key, ticket));
    }
    let absent = payload::changed(1).without("PrimaryKey");
    app.deliver(absent).await.assert(200);
    expected.push((None, None));
    let mut session = app.db.connect().await;
    let kept = "SELECT primary_key, ticket FROM event ORDER BY position";
    let kept: Vec<(Option<i64>, Option<i64>)> =
        sqlx::query_as(kept).fetch_all(&mut session).await.unwrap();
    assert_eq!(kept, expected);
    assert_eq!(
        app.read_all("/v1/tenants/Cust1/tickets/76/timeline?include=noise")
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn every_number_of_digits_and_every_offset_goes_out_as_the_same_instant() {
    let app = TestApp::start().await;
    let mut instants: Vec<(String, String)> = (0..=9)
        .map(|digits| {
            let point = if digits == 0 { "" } else { "." };
            let fraction: String = "123456789".chars().take(digits).collect();
            let text = format!("2018-04-24T08:13:02{point}{fraction}Z");
            (text.clone(), text)
        })
        .collect();
    for (sent, utc) in [
        ("2018-04-24T22:13:03.10+14:00", "2018-04-24T08:13:03.10Z"),
        ("2018-04-23T20:13:04-12:00", "2018-04-24T08:13:04Z"),
        (
            "2018-04-24T13:43:05.0000001+0530",
            "2018-04-24T08:13:05.0000001Z",
        ),
        ("2018-04-24T05:13:06-03", "2018-04-24T08:13:06Z"),
        ("2018-04-24T08:13:07+00:00", "2018-04-24T08:13:07Z"),
        ("2018-04-24T08:13:08", "2018-04-24T08:13:08Z"),
    ] {
        instants.push((sent.to_owned(), utc.to_owned()));
    }
    let mut deliveries: Vec<(usize, Payload)> = instants
        .iter()
        .enumerate()
        .map(|(at, (sent, _))| {
            // From the seventh digit on the ids decide; by themselves they would have it the other way.
            let number = if (7..=9).contains(&at) { at } else { 100 - at };
            let id = format!("00000000-0000-4000-8000-{number:012}");
            (
                at * 7 % 16,
                payload::changed(1)
                    .at(sent)
                    .with("EventId", id)
                    .set("status", at),
            )
        })
        .collect();
    deliveries.sort_by_key(|(place, _)| *place);
    for (_, delivery) in deliveries {
        app.deliver(delivery).await.assert(200);
    }
    let timeline = app
        .read_all("/v1/tenants/Cust1/tickets/1/timeline?include=noise")
        .await;
    let shown: Vec<&str> = timeline
        .iter()
        .map(|entry| entry["occurred_at"].as_str().unwrap())
        .collect();
    let expected: Vec<&str> = instants.iter().map(|(_, utc)| utc.as_str()).collect();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn all_that_is_not_about_a_ticket_is_stored_without_ticket_history() {
    let app = TestApp::start().await;
    let about = |name: &str, entity: &str| {
        payload::changed(7)
            .with("Event", name)
            .with("Entity", entity)
    };
    let deleted = about("associate.deleted", "associate")
        .without("EventId")
        .without("Changes")
        .without("FieldValues")
        .with("Values", json!({"associate_id": 7, "name": "[I:6]"}));
    let events = [
        about("contact.changed", "contact"),
        about("list.category.changed", "list").with("FieldValues", json!({})),
        about("chatsession.created", "chatsession"),
        about("y_rental.changed", "y_rental"),
        about("webhook.started", "").without("Entity"),
        about("webhook.stopped", "").without("Entity"),
        about("webhook.errors", "").without("Entity"),
        deleted,
    ];
    for (at, event) in events.iter().enumerate() {
        let answer = app.deliver(event).await.assert(200);
        assert_eq!(
            (&answer["outcome"], &answer["position"]),
            (&json!("stored"), &json!(at + 1))
        );
    }
    let feed = app.read("/v1/tenants/Cust1/events").await;
    let shown: Vec<(&str, Option<&str>)> = feed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["event"].as_str().unwrap(), item["entity"].as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("contact.changed", Some("contact")),
            ("list.category.changed", Some("list")),
            ("chatsession.created", Some("chatsession")),
            ("y_rental.changed", Some("y_rental")),
            ("webhook.started", None),
            ("webhook.stopped", None),
            ("webhook.errors", None),
            ("associate.deleted", Some("associate")),
        ]
    );
    app.get("/v1/tenants/Cust1/tickets/7").await.assert(404);
}

#[tokio::test]
async fn of_a_key_that_stands_twice_the_last_counts_also_for_whose_it_is() {
    let app = TestApp::start().await;
    let last = payload::changed(1);
    let text = String::from_utf8(Bytes::from(&last).to_vec()).unwrap();
    let first = "{\"Event\":\"test\",\"ContextIdentifier\":\"Other\",\"EventId\":\"32a093ac-418a-40f1-a14a-f4193ea92b59\",";
    let answer = app.deliver(text.replacen('{', first, 1)).await.assert(200);
    assert_eq!(
        answer,
        json!({"outcome": "stored", "event_id": last.event_id(), "tenant": "Cust1", "position": 1})
    );
    // A hook that may speak for the first is not believed about the last.
    let other = TenantRule::Accept(vec![Tenant::parse("Other").unwrap()]);
    app.hooks.send_replace(Arc::new(BTreeMap::from([(
        "other".to_owned(),
        hook(&["o"], other),
    )])));
    let answer = app
        .deliver_to("/webhook/other", "o", text.replacen('{', first, 1))
        .await;
    assert_eq!(
        answer.assert(200),
        json!({"outcome": "parked", "reason": "foreign_tenant"})
    );
}

#[tokio::test]
async fn poison_is_parked_byte_for_byte_wherever_and_however_often_it_stands() {
    let app = TestApp::start().await;
    let mut superuser = app.db.connect_as_superuser().await;
    for poison in [
        "ALTER TABLE event ADD CONSTRAINT poison CHECK (primary_key IS DISTINCT FROM 666)",
        "ALTER TABLE delivery ADD CONSTRAINT poison CHECK (webhook_name <> 'poison')",
    ] {
        superuser.execute(poison).await.unwrap();
    }
    let again = payload::changed(1);
    app.deliver(&again).await.assert(200);
    let is_poison = |at: usize| at == 0 || at == 127 || at.is_multiple_of(16) || at == 65;
    let bodies: Vec<Bytes> = (0..128)
        .map(|at| match at {
            // Refused as a delivery of an event that is known.
            64 | 65 => again.clone().with("WebhookName", "poison").into(),
            at if is_poison(at) => payload::changed(666).into(),
            _ => payload::changed(1).into(),
        })
        .collect();
    let answers = at_once(&app, bodies.clone()).await;
    for (at, answer) in answers.iter().enumerate() {
        let outcome = if is_poison(at) { "parked" } else { "stored" };
        assert_eq!(answer["outcome"], outcome, "{at}");
    }
    let mut session = app.db.connect().await;
    let kept = "SELECT body FROM parked WHERE reason = 'refused'";
    let mut kept: Vec<Vec<u8>> = sqlx::query_scalar(kept)
        .fetch_all(&mut session)
        .await
        .unwrap();
    let mut sent: Vec<Vec<u8>> = bodies.iter().map(|body| body.to_vec()).collect();
    let mut place = 0..;
    sent.retain(|_| is_poison(place.next().unwrap()));
    kept.sort();
    sent.sort();
    assert!(kept == sent, "{} kept, {} sent", kept.len(), sent.len());
    assert_eq!(app.count("SELECT count(*) FROM event").await, 119);
    assert_eq!(app.count("SELECT max(position) FROM event").await, 119);
    assert_eq!(app.count("SELECT position FROM head").await, 119);
}

/// Any name but those with U+FFFD: a lone surrogate reads as that too, so objects with such names are
/// compared by their bytes.
fn readable_name() -> impl Strategy<Value = String> {
    "\\PC{0,4}".prop_map(|name| name.replace('\u{FFFD}', "?"))
}

/// Any JSON value, four levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[\\x00-\\x{ff}]{0,6}|\\PC{0,6}|\\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\}?|2018-04-24T08:13:0[0-9].[0-9]{0,8}Z"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(readable_name(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

/// A body with any values under the documented keys.
fn any_body() -> impl Strategy<Value = Value> {
    let keys = [
        "EventId",
        "Timestamp",
        "Changes",
        "Event",
        "PrimaryKey",
        "Entity",
        "ContextIdentifier",
        "ChangedByAssociateId",
        "WebhookName",
        "FieldValues",
        "Values",
    ];
    let members =
        prop::collection::btree_map(prop::sample::select(keys.to_vec()), any_json(), 0..11);
    members.prop_map(|members| {
        let named = members
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        let mut body: Value = named.collect();
        // Otherwise hardly any were events.
        body["Event"] = json!("ticket.changed");
        body["ContextIdentifier"] = json!("Cust1");
        body
    })
}

/// Writes a value with its members backwards, every character of a text escaped, and white space.
fn written_otherwise(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push_str("{\r\n ");
            for (at, (name, value)) in members.iter().rev().enumerate() {
                out.push_str(if at == 0 { "" } else { " , " });
                written_otherwise(&Value::from(name.as_str()), out);
                out.push_str("\t:\n");
                written_otherwise(value, out);
            }
            out.push('}');
        }
        Value::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                out.push_str(if at == 0 { " " } else { " ,\n" });
                written_otherwise(element, out);
            }
            out.push(']');
        }
        Value::String(text) => {
            out.push('"');
            out.extend(text.encode_utf16().map(|unit| format!("\\u{unit:04X}")));
            out.push('"');
        }
        other => out.push_str(&other.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_values_under_the_documented_keys_are_an_event(body in any_body()) {
        match read(body.to_string().as_bytes(), &TenantRule::Any) {
            Reading::Event(event) => prop_assert_eq!(event.name, "ticket.changed"),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn how_a_body_is_written_is_no_content(body in any_body()) {
        let mut otherwise = String::new();
        written_otherwise(&body, &mut otherwise);
        let plain = body.to_string();
        prop_assert_eq!(content(plain.as_bytes()), content(otherwise.as_bytes()));
    }

    #[test]
    fn another_value_of_a_documented_key_is_other_content(body in any_body(), value in any_json()) {
        let mut other = body.clone();
        other["FieldValues"] = value;
        let same = body.get("FieldValues") == other.get("FieldValues");
        let equal = content(body.to_string().as_bytes()) == content(other.to_string().as_bytes());
        prop_assert_eq!(equal, same);
    }

    #[test]
    fn a_cut_or_damaged_body_never_makes_reading_fail(body in any_body(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = body.to_string().into_bytes();
        let at = at.index(bytes.len());
        read(&bytes[..at], &TenantRule::Any);
        content(&bytes[..at]);
        bytes[at] = byte;
        read(&bytes, &TenantRule::Any);
        prop_assert_eq!(content(&bytes), content(&bytes));
    }
}
