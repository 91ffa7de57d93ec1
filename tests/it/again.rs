//! Later arrivals of events, compared with them: at what cost, and what the rest of their batch has to do with it.

use bytes::Bytes;
use serde_json::Value;
use sqlx::Executor;
use ticketlog::{
    domain::delivery::{Delivery, Outcome},
    store::StoreError,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{
    app::{SECRET, sign},
    cluster::TestDb,
    delivery::delivery,
    payload::{self, Payload},
    program::Serve,
};

/// What became of a batch, in its order.
fn words(outcomes: &[Outcome]) -> Vec<&'static str> {
    outcomes.iter().map(Outcome::as_str).collect()
}

/// Another arrival with the same bytes.
fn again(first: &Delivery) -> Delivery {
    let mut again = first.clone();
    again.arrival.arrival_id = Uuid::now_v7();
    again
}

#[tokio::test]
async fn each_gets_its_own_answer_though_some_have_to_be_compared_first() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let known = [payload::created(1), payload::created(2).tenant("Cust2")];
    let stored: Vec<Delivery> = known.iter().map(delivery).collect();
    appender.append(&stored).await.unwrap();
    let new = payload::created(3);
    let copy = |payload: &Payload| delivery(payload.clone().with("WebhookName", "Another"));
    let conflict = |payload: &Payload| delivery(payload.clone().set("status", 2));
    let batch = [
        conflict(&known[1]),
        delivery(&new),
        copy(&known[0]),
        delivery("{"),
        conflict(&new),
        copy(&new),
        again(&stored[0]),
        delivery(payload::created(4).with("Event", "test")),
        conflict(&known[0]),
        stored[1].clone(),
        delivery(payload::created(5).tenant("Cust2")),
        copy(&known[1]),
    ];
    let expected = [
        "conflict",
        "stored",
        "duplicate",
        "parked",
        "conflict",
        "duplicate",
        "duplicate",
        "ignored",
        "conflict",
        "stored",
        "stored",
        "duplicate",
    ];
    assert_eq!(words(&appender.append(&batch).await.unwrap()), expected);
    // The arrivals are in the log: handed in again, by another receiver too, they add nothing.
    let count = "SELECT (SELECT count(*) FROM event) * 100 + (SELECT count(*) FROM delivery)";
    let mut session = db.connect().await;
    let counted: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert_eq!(counted, 4 * 100 + 8);
    let outcomes = db.store.appender().append(&batch).await.unwrap();
    assert_eq!(words(&outcomes), expected);
    let counted: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert_eq!(counted, 4 * 100 + 8);
}

#[tokio::test]
async fn nothing_is_compared_in_the_transaction_that_holds_the_heads() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let known = payload::created(1);
    appender.append(&[delivery(&known)]).await.unwrap();
    // Who compares has to read a body, and now cannot.
    let mut superuser = db.connect_as_superuser().await;
    superuser
        .execute(
            "REVOKE SELECT ON event FROM ticketlog;
             GRANT SELECT (tenant, event_id, position, arrival_id, body_sha256) ON event TO ticketlog",
        )
        .await
        .unwrap();
    let batch = [
        delivery(known.set("status", 2)),
        delivery(payload::created(2)),
    ];
    let failed = appender.append(&batch).await;
    assert!(
        matches!(failed, Err(StoreError::Unavailable(_))),
        "{failed:?}"
    );
    // The rest of the batch was committed before.
    let count = "SELECT count(*) FROM event";
    let events: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(events, 2);
    superuser
        .execute("GRANT SELECT ON event TO ticketlog")
        .await
        .unwrap();
    let outcomes = appender.append(&batch).await.unwrap();
    assert_eq!(words(&outcomes), ["conflict", "stored"]);
}

/// Posts bodies all at once; gives what became of them.
async fn post(serve: &Serve, bodies: Vec<Bytes>) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut under_way = JoinSet::new();
    for body in bodies {
        let request = http
            .post(format!("{}/webhook", serve.url))
            .header("X-SuperOffice-Signature", sign(SECRET, &body))
            .body(body);
        under_way.spawn(async move {
            let answer = request.send().await.unwrap().bytes().await.unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            answer["outcome"].as_str().unwrap().to_owned()
        });
    }
    under_way.join_all().await
}

/// The most memory that a process has had, in MB.
fn most_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024 / 1_000_000
}

#[tokio::test]
async fn a_large_event_is_read_once_however_often_its_id_comes_again() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let db = TestDb::create().await;
    let folder = tempfile::tempdir().unwrap();
    let url = db.url();
    // Long, since nothing here is about time.
    let arguments = [
        "--database-url",
        &url,
        "--log",
        "warn",
        "--commit-timeout",
        "60s",
    ];
    let serve = Serve::start(folder.path(), &arguments);
    let large = payload::created(1).with("Values", "x".repeat(8_000_000));
    assert_eq!(post(&serve, vec![(&large).into()]).await, ["stored"]);
    let before = most_memory(serve.pid());
    let small = |status: i64| Bytes::from(large.clone().without("Values").set("status", status));
    let mut outcomes = post(&serve, (100..200).map(small).collect()).await;
    outcomes.push(
        post(&serve, vec![payload::created(2).into()])
            .await
            .remove(0),
    );
    let (last, first) = outcomes.split_last().unwrap();
    assert!(
        first.iter().all(|outcome| outcome == "conflict"),
        "{first:?}"
    );
    assert_eq!(last, "stored");
    // For each of a hundred it would be 800.
    let more = most_memory(serve.pid()) - before;
    assert!(more < 200, "{more} MB more");
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert!(!log.contains("Could not append"), "{log}");
}
