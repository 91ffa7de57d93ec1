//! At least once, out of order, from several hooks: every delivery is answered, every event kept once.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde_json::{Value, json};
use ticketlog::domain::{hook::TenantRule, ids::Tenant};
use tokio::task::JoinSet;

use crate::support::{
    app::{SECRET, TestApp, hook, sign},
    payload,
};

/// Delivers bodies all at once; gives the answers in that order.
pub(crate) async fn at_once(app: &TestApp, bodies: Vec<Bytes>) -> Vec<Value> {
    let mut under_way = JoinSet::new();
    for (at, body) in bodies.into_iter().enumerate() {
        let (http, url) = (app.http.clone(), format!("{}/webhook", app.url));
        let signature = sign(SECRET, &body);
        under_way.spawn(async move {
            let request = http
                .post(url)
                .header("X-SuperOffice-Signature", signature)
                .body(body);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "body {at}");
            (
                at,
                serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
            )
        });
    }
    let answers: BTreeMap<usize, Value> = under_way.join_all().await.into_iter().collect();
    answers.into_values().collect()
}

fn outcomes(answers: &[Value]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts
            .entry(answer["outcome"].as_str().unwrap())
            .or_default() += 1;
    }
    counts
}

const HOLES: &str = "SELECT count(*) FROM (
    SELECT position - lag(position, 1, 0::bigint) OVER (PARTITION BY tenant ORDER BY position) AS step
    FROM event) AS steps WHERE step <> 1";

#[tokio::test]
async fn a_thousand_deliveries_of_one_event_are_one_event() {
    let app = TestApp::start().await;
    let payload = payload::created(1);
    let answers = at_once(&app, vec![(&payload).into(); 1000]).await;
    assert_eq!(
        outcomes(&answers),
        BTreeMap::from([("stored", 1), ("duplicate", 999)])
    );
    assert!(
        answers.iter().all(|answer| answer["position"] == 1),
        "all name its place"
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 999);
    app.deliver(payload::changed(1)).await.assert(200);
    assert_eq!(app.count(HOLES).await, 0);
    // Past a thousand only a counter moves.
    at_once(&app, vec![(&payload).into(); 10]).await;
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 1000);
    assert_eq!(
        app.count("SELECT deliveries FROM delivery_overflow").await,
        9
    );
    let event = app
        .read(&format!("/v1/tenants/Cust1/events/{}", payload.event_id()))
        .await;
    assert_eq!(event["deliveries"].as_array().unwrap().len(), 1000);
    assert_eq!(event["uncounted_deliveries"], 9);
    // But a conflict is kept, once, and seen.
    let other = payload.clone().set("status", 2);
    for _ in 0..2 {
        let answer = app.deliver(&other).await.assert(200);
        assert_eq!(answer["outcome"], "conflict");
    }
    let event = app
        .read(&format!("/v1/tenants/Cust1/events/{}", payload.event_id()))
        .await;
    let last = event["deliveries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["outcome"], &last["body"]["FieldValues"]["status"]),
        (&json!("conflict"), &json!(2))
    );
    // With those that are shown, all 1,011 there were.
    assert_eq!(event["deliveries"].as_array().unwrap().len(), 1000);
    assert_eq!(event["uncounted_deliveries"], 11);
    let timeline = app.read("/v1/tenants/Cust1/tickets/1/timeline").await;
    let reasons = timeline["items"][0]["completeness"]["reasons"]
        .as_array()
        .unwrap();
    assert!(reasons.contains(&json!("conflict")), "{timeline}");
}

#[tokio::test]
async fn registration_tests_past_a_thousand_are_only_counted() {
    let app = TestApp::start().await;
    let test = payload::changed(0).with("Event", "test");
    let other = test.clone().with("Changes", json!(["id"]));
    at_once(&app, vec![(&test).into(); 999]).await;
    at_once(&app, vec![(&other).into(); 10]).await;
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 1000);
    assert_eq!(
        app.count("SELECT deliveries FROM delivery_overflow").await,
        9
    );
    // Each body is kept once.
    assert_eq!(
        app.count("SELECT count(*) FROM delivery WHERE body IS NOT NULL")
            .await,
        2
    );
    // Another test is none of these.
    app.deliver(payload::changed(0).with("Event", "test"))
        .await
        .assert(200);
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 1001);
}

#[tokio::test]
async fn other_content_under_a_known_id_is_a_conflict_and_the_first_counts() {
    let app = TestApp::start().await;
    let first = payload::created(1);
    let other = first.clone().set("status", 2);
    app.deliver(&first).await.assert(200);
    for _ in 0..2 {
        let answer = app.deliver(&other).await.assert(200);
        assert_eq!(
            (&answer["outcome"], &answer["position"]),
            (&json!("conflict"), &json!(1))
        );
    }
    let event = app
        .read(&format!("/v1/tenants/Cust1/events/{}", first.event_id()))
        .await;
    assert_eq!(event["body"]["FieldValues"]["status"], 1);
    let deliveries = event["deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), 2);
    assert_eq!(deliveries[0]["body"]["FieldValues"]["status"], 2);
    // The same bytes are kept once.
    assert_eq!(deliveries[1]["body_sha256"], deliveries[0]["body_sha256"]);
    assert!(deliveries[1].get("body").is_none(), "{event}");
    let timeline = app.read("/v1/tenants/Cust1/tickets/1/timeline").await;
    assert_eq!(timeline["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        timeline["items"][0]["completeness"],
        json!({"state": "suspect", "reasons": ["conflict"]})
    );
    assert_eq!(
        app.read("/v1/tenants/Cust1/tickets/1").await["fields"]["status"],
        1
    );
}

#[tokio::test]
async fn what_says_the_same_is_a_duplicate() {
    let app = TestApp::start().await;
    let outcome = async |body: Bytes| app.deliver(body).await.assert(200)["outcome"].clone();
    let first = payload::created(1)
        .with("Changes", json!(["id", "status"]))
        .with("custom", 1);
    let text = String::from_utf8(Bytes::from(&first).to_vec()).unwrap();
    assert_eq!(outcome((&first).into()).await, "stored");
    // Two webhooks, custom properties, other white space and order.
    assert_eq!(
        outcome(first.clone().with("WebhookName", "Another").into()).await,
        "duplicate"
    );
    assert_eq!(
        outcome(
            first
                .clone()
                .without("custom")
                .with("more", json!({"a": 1}))
                .into()
        )
        .await,
        "duplicate"
    );
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        outcome(serde_json::to_vec_pretty(&value).unwrap().into()).await,
        "duplicate"
    );
    let reordered = text.replacen('{', "{\"PrimaryKey\":1,", 1);
    assert_eq!(outcome(reordered.into()).await, "duplicate");
    // Not the same: the order of Changes, how a number is written, an absent key.
    assert_eq!(
        outcome(
            first
                .clone()
                .with("Changes", json!(["status", "id"]))
                .into()
        )
        .await,
        "conflict"
    );
    assert_eq!(
        outcome(text.replace("\"status\":1", "\"status\":1.0").into()).await,
        "conflict"
    );
    assert_eq!(
        outcome(first.clone().without("Entity").into()).await,
        "conflict"
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 1);
}

#[tokio::test]
async fn a_batch_with_itself_in_it_is_told_apart() {
    let app = TestApp::start().await;
    let first = payload::created(1);
    let conflict = first.clone().set("status", 2);
    let bodies: Vec<Bytes> = (0..200)
        .flat_map(|_| {
            [
                (&first).into(),
                (&conflict).into(),
                payload::changed(1).into(),
            ]
        })
        .collect();
    let answers = at_once(&app, bodies).await;
    let counts = outcomes(&answers);
    // Whichever of the two came first has 199 duplicates, the other 200 conflicts.
    assert_eq!(
        counts,
        BTreeMap::from([("stored", 201), ("duplicate", 199), ("conflict", 200)])
    );
    assert_eq!(app.count(HOLES).await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM delivery WHERE body IS NOT NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn two_tenants_may_share_an_id() {
    let app = TestApp::start().await;
    let payload = payload::created(1);
    for tenant in ["A", "B"] {
        let answer = app
            .deliver(payload.clone().tenant(tenant))
            .await
            .assert(200);
        assert_eq!(
            (&answer["outcome"], &answer["position"]),
            (&json!("stored"), &json!(1))
        );
        assert_eq!(answer["tenant"], tenant);
    }
}

#[tokio::test]
async fn a_hook_speaks_only_for_its_tenants() {
    let app = TestApp::start().await;
    let tenant = |name: &str| Tenant::parse(name).unwrap();
    app.hooks.send_replace(Arc::new(BTreeMap::from([
        (
            "acme".to_owned(),
            hook(&["a"], TenantRule::Override(tenant("Acme"))),
        ),
        (
            "online".to_owned(),
            hook(
                &["o"],
                TenantRule::Accept(vec![tenant("Cust1"), tenant("Cust2")]),
            ),
        ),
    ])));
    let answer = app
        .deliver_to("/webhook/acme", "a", payload::created(1).tenant("Default"))
        .await;
    assert_eq!(answer.assert(200)["tenant"], "Acme");
    let answer = app
        .deliver_to("/webhook/online", "o", payload::created(1).tenant("Cust2"))
        .await;
    assert_eq!(answer.assert(200)["tenant"], "Cust2");
    let foreign = payload::created(1).tenant("Acme");
    let answer = app
        .deliver_to("/webhook/online", "o", &foreign)
        .await
        .assert(200);
    assert_eq!(
        answer,
        json!({"outcome": "parked", "reason": "foreign_tenant"})
    );
    assert_eq!(
        app.count("SELECT count(*) FROM event WHERE tenant = 'Acme'")
            .await,
        1
    );
    assert_eq!(
        app.count("SELECT count(*) FROM parked WHERE hook = 'online'")
            .await,
        1
    );
    // One hook's secret is not another's, and there is no hook `default` any more.
    app.deliver_to("/webhook/online", "a", payload::created(2))
        .await
        .assert(401);
    app.deliver_to("/webhook", SECRET, payload::created(2))
        .await
        .assert(404);
}

#[tokio::test]
async fn of_the_headers_only_the_senders_own_are_kept() {
    let app = TestApp::start().await;
    let payload = payload::created(1);
    let body: Bytes = (&payload).into();
    let headers = [
        ("X-SuperOffice-Signature", &*sign(SECRET, &body)),
        (
            "X-Superoffice-Eventid",
            "{11111111-2222-3333-4444-555555555555}",
        ),
        ("X-SuperOffice-Event", "ticket.deleted"),
        ("X-SuperOffice-Retry", "2"),
        ("User-Agent", "NetServer-Webhook/10.3"),
        ("X-Hook-Test", "true"),
        ("Authorization", "Bearer secret"),
        ("X-Api-Key", "secret"),
    ];
    app.post("/webhook", &headers, body).await.assert(200);
    let event = app
        .read(&format!("/v1/tenants/Cust1/events/{}", payload.event_id()))
        .await;
    assert_eq!(
        event["headers"],
        json!({
            "content-type": "application/json; charset=utf-8", "user-agent": "NetServer-Webhook/10.3",
            "x-hook-test": "true", "x-superoffice-event": "ticket.deleted",
            "x-superoffice-eventid": "{11111111-2222-3333-4444-555555555555}", "x-superoffice-retry": "2",
        })
    );
    // The body is signed, the headers are not: it decides.
    assert_eq!(
        (&event["event"], &event["header_mismatch"]),
        (&json!("ticket.created"), &json!(true))
    );
    assert_eq!(event["signature"], headers[0].1);
    assert_eq!(app.count("SELECT retry::bigint FROM event").await, 2);
}

#[tokio::test]
async fn a_repeat_under_a_new_id_is_kept_linked_and_changes_nothing() {
    let app = TestApp::start().await;
    let original = payload::changed(1)
        .with("EventId", "00000000-0000-4000-8000-000000000001")
        .set("status", 2);
    let repeat = original
        .clone()
        .with("EventId", "00000000-0000-4000-8000-000000000002")
        .with("WebhookName", "x");
    // Whatever comes first, the smaller id is the original.
    app.deliver(&repeat).await.assert(200);
    app.deliver(&original).await.assert(200);
    app.deliver(payload::created(1).at("2025-05-01T00:00:00Z"))
        .await
        .assert(200);
    let timeline = app.read("/v1/tenants/Cust1/tickets/1/timeline").await;
    let entries = timeline["items"].as_array().unwrap();
    assert_eq!(entries[1]["event_id"], original.event_id());
    assert_eq!(entries[1]["lifecycle"], "closed");
    assert_eq!(
        (&entries[2]["repeats"], &entries[2]["changes"]),
        (&json!(original.event_id()), &json!([]))
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 3);
}

#[tokio::test]
async fn an_import_that_is_later_signed_says_so() {
    let app = TestApp::start().await;
    let payload = payload::created(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.ndjson");
    std::fs::write(&file, Bytes::from(&payload)).unwrap();
    let output = crate::support::program::ticketlog(["import", "--database-url", &app.db.url()])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = format!("/v1/tenants/Cust1/events/{}", payload.event_id());
    let event = app.read(&path).await;
    assert_eq!(
        (&event["origin"], &event["confirmed"]),
        (&json!("import"), &json!(false))
    );
    assert_eq!(event["source"], file.to_str().unwrap());
    app.deliver(&payload).await.assert(200);
    let event = app.read(&path).await;
    assert_eq!(
        (&event["origin"], &event["confirmed"]),
        (&json!("import"), &json!(true))
    );
}

#[tokio::test]
async fn two_receivers_that_get_the_same_events_keep_each_once() {
    let app = TestApp::start().await;
    let other = app.second_receiver().await;
    for round in 0..20 {
        let bodies: Vec<Bytes> = (0..8).map(|_| payload::changed(1).into()).collect();
        let (ours, theirs) = tokio::join!(
            at_once(&app, bodies.clone()),
            at_once(&other, bodies.clone())
        );
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let both = [ours.clone(), theirs.clone()];
            let expected = BTreeMap::from([("duplicate", 1), ("stored", 1)]);
            assert_eq!(outcomes(&both), expected, "round {round}");
            assert_eq!(ours["position"], theirs["position"], "round {round}");
        }
        // The next batch of each is expected to be new again.
        app.deliver(payload::changed(1)).await.assert(200);
        other.deliver(payload::changed(1)).await.assert(200);
    }
    assert_eq!(app.count(HOLES).await, 0);
    assert_eq!(app.count("SELECT count(*) FROM event").await, 200);
    assert_eq!(app.count("SELECT max(position) FROM event").await, 200);
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 160);
}
