//! Headers that events have in common are kept once, and each event shows its own all the same.

use bytes::Bytes;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::support::{
    app::{SECRET, TestApp, sign},
    payload::{self, Payload},
};

const SETS: &str = "SELECT count(*) FROM header_set";

const WITH_A_SET: &str = "SELECT count(*) FROM event WHERE header_set IS NOT NULL";

/// Delivers a ticket's creation as the sender does, but for the id and the version that its headers claim.
async fn deliver(app: &TestApp, payload: &Payload, claimed: &str, agent: &str) {
    let body: Bytes = payload.into();
    let headers = [
        ("X-SuperOffice-Signature", &*sign(SECRET, &body)),
        ("X-SuperOffice-EventId", claimed),
        ("X-SuperOffice-Event", "ticket.created"),
        ("User-Agent", agent),
    ];
    app.post("/webhook", &headers, body).await.assert(200);
}

async fn headers_of(app: &TestApp, payload: &Payload) -> Value {
    let event = format!("/v1/tenants/Cust1/events/{}", payload.event_id());
    app.read(&event).await["headers"].clone()
}

fn expected(claimed: &str, agent: &str) -> Value {
    json!({
        "content-type": "application/json; charset=utf-8", "user-agent": agent,
        "x-superoffice-event": "ticket.created", "x-superoffice-eventid": claimed,
    })
}

#[tokio::test]
async fn headers_that_come_again_are_kept_once() {
    let app = TestApp::start().await;
    let payloads: Vec<Payload> = (1..=6).map(payload::created).collect();
    for payload in &payloads {
        deliver(&app, payload, &payload.event_id(), "NetServer-Webhook/11").await;
    }
    assert_eq!(app.count(SETS).await, 1);
    // All but the first, and the second, which showed that they come again.
    assert_eq!(app.count(WITH_A_SET).await, 4);
    for payload in &payloads {
        let headers = expected(&payload.event_id(), "NetServer-Webhook/11");
        assert_eq!(headers_of(&app, payload).await, headers);
    }
}

#[tokio::test]
async fn headers_that_are_others_each_time_stay_with_their_events() {
    let app = TestApp::start().await;
    let mut deliveries = Vec::new();
    for ticket in 1..=6 {
        let payload = payload::created(ticket);
        // Not as we write an id: what was sent is shown, to the letter.
        let claimed = payload.event_id().to_uppercase();
        deliver(&app, &payload, &claimed, "proxy").await;
        deliveries.push((payload, expected(&claimed, "proxy")));
        let payload = payload::created(ticket + 100);
        let agent = format!("proxy, request {ticket}");
        deliver(&app, &payload, &payload.event_id(), &agent).await;
        let headers = expected(&payload.event_id(), &agent);
        deliveries.push((payload, headers));
    }
    for (payload, headers) in &deliveries {
        assert_eq!(headers_of(&app, payload).await, *headers);
    }
    assert_eq!(app.count(SETS).await, 0);
}

#[tokio::test]
async fn a_receiver_that_cannot_keep_headers_once_keeps_them_with_each_event() {
    let app = TestApp::start().await;
    let mut owner: PgConnection = app.db.connect().await;
    owner
        .execute("REVOKE INSERT ON header_set FROM CURRENT_USER")
        .await
        .unwrap();
    owner.close().await.unwrap();
    for ticket in 1..=6 {
        let payload = payload::created(ticket);
        deliver(&app, &payload, &payload.event_id(), "NetServer-Webhook/11").await;
        let headers = expected(&payload.event_id(), "NetServer-Webhook/11");
        assert_eq!(headers_of(&app, &payload).await, headers);
    }
    assert_eq!(app.count(WITH_A_SET).await, 0);
    assert_eq!(app.count("SELECT count(*) FROM event").await, 6);
}
