//! Wrong signatures in a row.

use std::num::NonZeroU32;

use bytes::Bytes;
use ticketlog::http::Quota;

use crate::support::{
    app::{Answer, MAX_BODY_BYTES, SECRET, Setup, TestApp, sign},
    cluster::TestDb,
    payload,
    program::Serve,
};

/// Rejected requests of an address before it is told to wait; one comes back each second.
const BURST: usize = 5;

async fn start() -> TestApp {
    let setup = Setup {
        quota: Quota::new(NonZeroU32::new(5).unwrap()),
        proxies: ["127.0.0.1/32".parse().unwrap()].into_iter().collect(),
        ..Setup::default()
    };
    TestApp::set_up(TestDb::create().await, setup).await
}

/// As a proxy on this machine passes it on.
async fn unsigned_from(app: &TestApp, client: &str) -> Answer {
    app.post("/webhook", &[("X-Forwarded-For", client)], "{}")
        .await
}

async fn until_refused(app: &TestApp, client: &str) -> Answer {
    for _ in 0..100 {
        let answer = unsigned_from(app, client).await;
        if answer.status != 401 {
            return answer;
        }
    }
    panic!("never refused");
}

#[tokio::test]
async fn past_its_quota_an_address_is_told_to_wait() {
    let app = start().await;
    for _ in 0..BURST {
        unsigned_from(&app, "203.0.113.9").await.assert(401);
    }
    let refused = until_refused(&app, "203.0.113.9").await;
    assert_eq!(refused.headers["connection"], "close");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.content_type, "application/problem+json");
    assert!(refused.headers.contains_key("x-request-id"));
    let problem = refused.assert(429);
    assert_eq!(problem["type"], "urn:ticketlog:too-many-rejected");
}

#[tokio::test]
async fn a_signed_delivery_is_taken_whatever_its_address_did() {
    let app = start().await;
    until_refused(&app, "127.0.0.1").await.assert(429);
    for ticket in 1..=20 {
        app.deliver(payload::created(ticket)).await.assert(200);
    }
    let wrong = app.deliver_to("/webhook", "guessed", payload::created(1));
    wrong.await.assert(429);
}

#[tokio::test]
async fn others_are_not_told_to_wait() {
    let app = start().await;
    until_refused(&app, "2001:db8::1").await.assert(429);
    unsigned_from(&app, "2001:db8::ffff").await.assert(429);
    unsigned_from(&app, "2001:db8:0:1::1").await.assert(401);
    unsigned_from(&app, "203.0.113.9").await.assert(401);
}

#[tokio::test]
async fn other_refusals_keep_their_answers() {
    let app = start().await;
    until_refused(&app, "127.0.0.1").await.assert(429);
    let too_large = vec![b'x'; MAX_BODY_BYTES + 1];
    app.deliver(too_large).await.assert(413);
    app.post("/webhook/unknown", &[], "{}").await.assert(404);
}

#[tokio::test]
async fn the_log_names_requests_and_is_neither_flooded_nor_told_secrets() {
    const REJECTED: usize = 60;

    let folder = tempfile::tempdir().unwrap();
    let app = start().await;
    let url = app.db.url();
    let arguments = ["--database-url", &url, "--log", "trace"];
    let serve = Serve::start(&folder.path().join("data"), &arguments);
    let webhook = format!("{}/webhook", serve.url);
    let body = Bytes::from(payload::created(1).with("Marker", "in-the-body"));
    let signature = sign("guessed", &body);
    let mut first_id = String::new();
    for attempt in 0..REJECTED {
        let request = app.http.post(&webhook).body(body.clone());
        let request = request.header("X-SuperOffice-Signature", &signature);
        let answer = request.send().await.unwrap();
        if attempt == 0 {
            assert_eq!(answer.status(), 401);
            let id = answer.headers()["x-request-id"].to_str().unwrap();
            id.clone_into(&mut first_id);
        }
    }
    let right = sign(SECRET, &body);
    let request = app.http.post(&webhook).body(body);
    let request = request.header("X-SuperOffice-Signature", &right);
    assert_eq!(request.send().await.unwrap().status(), 200);

    let (_, log) = serve.stop();
    let rejected = log.matches("A delivery was rejected").count();
    assert!((30..REJECTED).contains(&rejected), "{rejected} lines");
    assert_eq!(log.matches("past the quota").count(), 1);
    let line = log.lines().find(|line| line.contains(&first_id)).unwrap();
    assert!(line.contains("127.0.0.1"), "{line}");
    for secret in [SECRET, "guessed", &signature, &right, "in-the-body"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
