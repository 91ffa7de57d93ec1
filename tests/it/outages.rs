//! An outage of the feed makes the intervals unproven that meet it, and no others.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::Executor;
use ticketlog::{
    clock,
    domain::hook::{Hooks, TenantRule},
};

use crate::support::{
    app::{SECRET, TestApp, hook},
    payload::{self, Payload},
};

/// A change of a ticket that leaves no doubt, so many minutes after ten.
fn change(ticket: i64, minute: i64) -> Payload {
    payload::changed(ticket)
        .set("priority", 100 + minute)
        .at(&format!("2025-05-19T10:{minute:02}:00Z"))
}

/// Writes down that something happened to the feed just now; empty names are null.
async fn write_fact(app: &TestApp, kind: &str, hook: &str, tenant: &str) {
    let now = clock::now();
    write_fact_at(
        app,
        kind,
        hook,
        tenant,
        &format!("'{now}'"),
        &format!("'{now}'"),
    )
    .await;
}

async fn write_fact_at(app: &TestApp, kind: &str, hook: &str, tenant: &str, from: &str, to: &str) {
    let insert = format!(
        "INSERT INTO feed_fact SELECT gen_random_uuid(), '{kind}', nullif('{hook}', ''),
         nullif('{tenant}', ''), ({from})::timestamptz, ({to})::timestamptz, 1, clock_timestamp()"
    );
    let mut session = app.db.connect().await;
    session.execute(sqlx::AssertSqlSafe(insert)).await.unwrap();
}

/// The minutes of a ticket's entries whose interval is doubted, with all their reasons.
async fn doubted_at(app: &TestApp, tenant: &str, ticket: i64, parameters: &str) -> Vec<String> {
    let path = format!("/v1/tenants/{tenant}/tickets/{ticket}/timeline?include=noise{parameters}");
    let entries = app.read_all(&path).await.into_iter();
    let doubted = entries.filter(|entry| entry["completeness"]["state"] != "consistent");
    doubted
        .map(|entry| {
            let minute = entry["occurred_at"].as_str().unwrap().get(14..16).unwrap();
            format!("{minute} {}", entry["completeness"]["reasons"])
        })
        .collect()
}

async fn doubted(app: &TestApp, ticket: i64) -> Vec<String> {
    doubted_at(app, "Cust1", ticket, "").await
}

/// What a ticket says of its open interval.
async fn open(app: &TestApp, ticket: i64, parameters: &str) -> Value {
    let path = format!("/v1/tenants/Cust1/tickets/{ticket}{parameters}");
    let completeness = &app.read(&path).await["completeness"];
    let open = &completeness["open"];
    if open["state"] == "unproven" {
        assert_eq!(
            *open,
            json!({"state": "unproven", "reasons": ["feed_outage"]})
        );
        let all = completeness["reasons"].as_array().unwrap();
        assert!(all.contains(&json!("feed_outage")));
    }
    open["state"].clone()
}

const NONE: [String; 0] = [];
const OUTAGE: &str = "[\"feed_outage\"]";

async fn deliver(app: &TestApp, payload: Payload) {
    app.deliver(&payload).await.assert(200);
}

/// Two tickets: one whose events lie around what comes next, one whose only interval is before.
async fn app_with_two_tickets() -> TestApp {
    let app = TestApp::start().await;
    for ticket in [1, 2] {
        deliver(&app, payload::created(ticket).at("2025-05-19T10:00:00Z")).await;
    }
    deliver(&app, change(2, 5)).await;
    deliver(&app, change(1, 10)).await;
    app
}

#[tokio::test]
async fn a_downtime_doubts_the_intervals_that_meet_it_and_no_others() {
    let app = app_with_two_tickets().await;
    write_fact(&app, "downtime", "", "").await;
    assert_eq!(open(&app, 1, "").await, "unproven");
    assert_eq!(open(&app, 2, "").await, "unproven");
    assert_eq!(doubted(&app, 1).await, NONE);
    // Of another ticket: the outage ends here, although ticket 1 says nothing until 30.
    deliver(&app, payload::created(3).at("2025-05-19T10:20:00Z")).await;
    deliver(&app, change(1, 30)).await;
    deliver(&app, change(1, 40)).await;
    deliver(&app, change(3, 41)).await;
    deliver(&app, change(2, 42)).await;
    assert_eq!(doubted(&app, 1).await, [format!("30 {OUTAGE}")]);
    assert_eq!(doubted(&app, 2).await, [format!("42 {OUTAGE}")]);
    assert_eq!(doubted(&app, 3).await, NONE);
    for ticket in [1, 2, 3] {
        assert_eq!(open(&app, ticket, "").await, "consistent");
    }
    // As of an instant within the outage, and before it.
    for (as_of, state) in [
        ("10:10", "consistent"),
        ("10:15", "unproven"),
        ("10:40", "consistent"),
    ] {
        let parameters = format!("?as_of=2025-05-19T{as_of}:00Z");
        assert_eq!(open(&app, 1, &parameters).await, state, "{as_of}");
    }
    // A late event within the outage parts the interval in two, both in doubt.
    deliver(&app, change(1, 15)).await;
    assert_eq!(
        doubted(&app, 1).await,
        [format!("15 {OUTAGE}"), format!("30 {OUTAGE}")]
    );
}

#[tokio::test]
async fn what_was_known_at_a_position_stays_as_it_was() {
    let app = app_with_two_tickets().await;
    deliver(&app, change(1, 20)).await;
    let before = doubted_at(&app, "Cust1", 1, "&known_at=5").await;
    assert_eq!(before, NONE);
    write_fact(&app, "downtime", "", "").await;
    deliver(&app, change(1, 30)).await;
    let with = [format!("30 {OUTAGE}")];
    assert_eq!(doubted(&app, 1).await, with);
    assert_eq!(open(&app, 1, "?known_at=4").await, "consistent");
    // Written down while position 5 was the head.
    assert_eq!(open(&app, 1, "?known_at=5").await, "unproven");
    write_fact(&app, "downtime", "", "").await;
    assert_eq!(open(&app, 1, "").await, "unproven");
    deliver(&app, change(1, 40)).await;
    assert_eq!(doubted_at(&app, "Cust1", 1, "&known_at=6").await, with);
    assert_eq!(doubted(&app, 1).await.len(), 2);
}

#[tokio::test]
async fn what_superoffice_says_of_its_webhook_doubts_its_tenant_alone() {
    for stop in ["webhook.stopped", "webhook.errors"] {
        let app = app_with_two_tickets().await;
        let other = |payload: Payload| payload.tenant("Cust2");
        deliver(&app, other(payload::created(1).at("2025-05-19T10:00:00Z"))).await;
        let about = payload::changed(1)
            .with("Event", stop)
            .without("Entity")
            .at("2025-05-19T10:15:00Z");
        deliver(&app, about).await;
        deliver(&app, other(change(1, 20))).await;
        assert_eq!(open(&app, 1, "").await, "unproven");
        let started = payload::changed(1)
            .with("Event", "webhook.started")
            .without("Entity")
            .at("2025-05-19T10:19:00Z");
        deliver(&app, started).await;
        deliver(&app, change(1, 18)).await;
        deliver(&app, change(1, 30)).await;
        deliver(&app, change(1, 40)).await;
        assert_eq!(
            doubted(&app, 1).await,
            [format!("18 {OUTAGE}"), format!("30 {OUTAGE}")]
        );
        assert_eq!(doubted_at(&app, "Cust2", 1, "").await, NONE);
    }
}

#[tokio::test]
async fn a_run_at_a_hook_doubts_the_tenants_of_that_hook_until_it_brings_something() {
    let app = TestApp::start().await;
    let any = || hook(&[SECRET], TenantRule::Any);
    let hooks = Hooks::from([("a".to_owned(), any()), ("b".to_owned(), any())]);
    app.hooks.send_replace(Arc::new(hooks));
    let deliver = async |hook: &str, payload: Payload| {
        let path = format!("/webhook/{hook}");
        app.deliver_to(&path, SECRET, &payload).await.assert(200);
    };
    let at = |minute: i64| format!("2025-05-19T10:{minute:02}:00Z");
    // Cust1 comes through both, Cust2 through b alone.
    deliver("a", payload::created(1).at(&at(0))).await;
    deliver("b", payload::created(1).at(&at(1)).tenant("Cust2")).await;
    deliver("b", change(1, 2)).await;
    write_fact(&app, "wrong_signatures", "a", "").await;
    write_fact(&app, "retries", "b", "Cust3").await;
    deliver("b", change(1, 3)).await;
    deliver("b", change(1, 4).tenant("Cust2")).await;
    let of_a: Vec<String> = [2, 3].map(|minute| format!("0{minute} {OUTAGE}")).into();
    assert_eq!(doubted(&app, 1).await, of_a);
    assert_eq!(open(&app, 1, "").await, "unproven");
    deliver("a", change(1, 5)).await;
    deliver("a", change(1, 6)).await;
    let of_a: Vec<String> = [2, 3, 5].map(|minute| format!("0{minute} {OUTAGE}")).into();
    assert_eq!(doubted(&app, 1).await, of_a);
    assert_eq!(doubted_at(&app, "Cust2", 1, "").await, NONE);
    write_fact(&app, "retries", "b", "Cust2").await;
    deliver("b", change(1, 7).tenant("Cust2")).await;
    deliver("a", change(1, 8)).await;
    assert_eq!(
        doubted_at(&app, "Cust2", 1, "").await,
        [format!("07 {OUTAGE}")]
    );
    assert_eq!(doubted(&app, 1).await, of_a);
}

#[tokio::test]
async fn every_instant_is_found_in_a_long_log() {
    let app = TestApp::start().await;
    deliver(&app, payload::created(1).at("2025-05-19T10:00:00Z")).await;
    for minute in 1..58 {
        deliver(&app, change(1, minute)).await;
    }
    let mut expected = Vec::new();
    for minute in [1, 2, 3, 7, 20, 31, 32, 33, 56] {
        // Right when the event before was stored; positions are minutes plus one.
        let stored = format!("SELECT stored_at FROM event WHERE position = {minute}");
        write_fact_at(&app, "downtime", "", "", &stored, &stored).await;
        expected.push(format!("{minute:02} {OUTAGE}"));
    }
    assert_eq!(doubted(&app, 1).await, expected);
    // From within one gap to within another.
    write_fact_at(
        &app,
        "downtime",
        "",
        "",
        "SELECT stored_at FROM event WHERE position = 40",
        "SELECT stored_at FROM event WHERE position = 43",
    )
    .await;
    let doubted = doubted(&app, 1).await;
    for minute in 40..=43 {
        assert!(
            doubted.contains(&format!("{minute} {OUTAGE}")),
            "{doubted:?}"
        );
    }
    assert_eq!(doubted.len(), expected.len() + 4);
}

#[tokio::test]
async fn what_was_imported_knows_no_outage() {
    let app = app_with_two_tickets().await;
    let mut superuser = app.db.connect_as_superuser().await;
    superuser
        .execute(
            "INSERT INTO head SELECT 'Imported', gen_random_uuid(), position, stored_at FROM head;
             INSERT INTO event (tenant, position, event_id, ticket, occurred_ticks, received_at, stored_at,
                 arrival_id, origin, source, name, occurred_text, headers, body_sha256, body)
             SELECT 'Imported', position, event_id, ticket, occurred_ticks, received_at, stored_at,
                 arrival_id, 'import', 'f', name, occurred_text, '{}', body_sha256, body FROM event",
        )
        .await
        .unwrap();
    write_fact_at(
        &app,
        "downtime",
        "",
        "",
        "SELECT min(stored_at) FROM event",
        "now()",
    )
    .await;
    assert_eq!(open(&app, 1, "").await, "unproven");
    assert_eq!(doubted_at(&app, "Imported", 1, "").await, NONE);
    let ticket = app.read("/v1/tenants/Imported/tickets/1").await;
    assert_eq!(ticket["completeness"]["open"]["state"], "consistent");
}
