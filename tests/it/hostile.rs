//! Whatever is signed is answered 200, kept byte for byte, and never costs its neighbours anything.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::Executor;
use ticketlog::domain::{
    event::{content, read},
    hook::TenantRule,
};

use crate::{
    deliveries::at_once,
    support::{
        app::{MAX_BODY_BYTES, SECRET, TestApp, sign},
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
