//! Postgres answers, but not as it should: read-only, full, locked, refusing one row.

use std::time::Duration;

use bytes::Bytes;
use jiff::ToSpan;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use ticketlog::{
    clock,
    domain::{
        delivery::{Arrival, Delivery, KeptHeaders},
        hook::{DEFAULT_HOOK, TenantRule},
        log::Origin,
    },
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    SMALL,
    place::{Place, drained},
    sender::Sender,
};
use crate::support::{
    app::{SECRET, TestApp, sign},
    payload::{self, Payload},
    program::Serve,
};

/// Answers before, in and after a fault.
const SOME: usize = 100;

async fn post(serve: &Serve, payload: &Payload) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = Bytes::from(payload);
    let request = http
        .post(format!("{}/webhook", serve.url))
        .header("X-SuperOffice-Signature", sign(SECRET, &body))
        .body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_commit_that_does_not_come_is_spooled_before_the_sender_tries_again() {
    let mut place = Place::new().await;
    let serve = place.serve("a");
    drained(&serve).await;
    let first = payload::created(1);
    assert_eq!(post(&serve, &first).await["outcome"], "stored");
    let mut other = place.connect().await;
    let mut lock = other.begin().await.unwrap();
    lock.execute("SELECT 1 FROM head FOR UPDATE").await.unwrap();
    let second = payload::changed(1);
    let asked = std::time::Instant::now();
    let answer = post(&serve, &second).await;
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(
        answer,
        json!({"outcome": "spooled", "event_id": second.event_id(), "tenant": "Cust1"})
    );
    // And so at once is what follows.
    let asked = std::time::Instant::now();
    assert_eq!(
        post(&serve, &payload::changed(1)).await["outcome"],
        "spooled"
    );
    assert!(
        asked.elapsed() < Duration::from_millis(900),
        "{:?}",
        asked.elapsed()
    );
    lock.rollback().await.unwrap();
    drained(&serve).await;
    let again = post(&serve, &second).await;
    assert_eq!(
        (&again["outcome"], &again["position"]),
        (&json!("duplicate"), &json!(2))
    );
    let repeats: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery")
        .fetch_one(&mut place.connect().await)
        .await
        .unwrap();
    assert_eq!(
        repeats, 1,
        "the arrival that was spooled is no repeat of itself"
    );
    drop(serve);
    place.stop_postgres().await;
}

#[tokio::test]
async fn a_read_only_postgres_is_one_that_is_away() {
    away_and_back(
        &[
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "SELECT pg_reload_conf()",
        ],
        &[
            "SET default_transaction_read_only = off",
            "ALTER SYSTEM RESET default_transaction_read_only",
            "SELECT pg_reload_conf()",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_postgres_without_a_free_connection_is_one_that_is_away() {
    away_and_back(
        &[
            // As when others have taken them all: none is left for the service.
            "ALTER ROLE ticketlog CONNECTION LIMIT 0",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ticketlog'",
        ],
        &["ALTER ROLE ticketlog CONNECTION LIMIT -1"],
    )
    .await;
}

/// Under load, a superuser breaks Postgres with these statements and mends it with those.
async fn away_and_back(breaks: &[&'static str], mends: &[&'static str]) {
    let mut place = Place::new().await;
    let serve = place.serve("a");
    let sender = Sender::start(&serve.url, SMALL.rate);
    sender.more(SOME).await;
    let mut admin = place.connect_as(ticketlog::postgres::SUPERUSER).await;
    for statement in breaks {
        admin.execute(*statement).await.unwrap();
    }
    while !serve.readiness().contains("away") {
        sleep(Duration::from_millis(10)).await;
    }
    sender.more(SOME).await;
    for statement in mends {
        admin.execute(*statement).await.unwrap();
    }
    drained(&serve).await;
    sender.more(SOME).await;
    let run = sender.stop().await;
    drained(&serve).await;
    assert_eq!(run.not_200(), 0);
    assert!(run.spooled() >= SOME / 2);
    place.settle(&run).await;
    drop(serve);
    place.stop_postgres().await;
}

#[tokio::test]
async fn a_row_that_postgres_refuses_blocks_no_other_in_the_spool_either() {
    let mut place = Place::new().await;
    let serve = place.serve("a");
    drained(&serve).await;
    let (poison, worse) = (payload::created(1), payload::created(2));
    let mut admin = place.connect_as(ticketlog::postgres::SUPERUSER).await;
    let ids = [poison.event_id(), worse.event_id()];
    let refuse = format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION 'not this one'; END $$;
         CREATE TRIGGER poison BEFORE INSERT ON event FOR EACH ROW
             WHEN (NEW.event_id IN ('{}', '{}')) EXECUTE FUNCTION refuse();
         CREATE TRIGGER worse BEFORE INSERT ON parked FOR EACH ROW
             WHEN (convert_from(NEW.body, 'UTF8') LIKE '%{}%') EXECUTE FUNCTION refuse();",
        ids[0], ids[1], ids[1],
    );
    admin.execute(sqlx::AssertSqlSafe(refuse)).await.unwrap();
    let answer = post(&serve, &poison).await;
    assert_eq!(answer, json!({"outcome": "parked", "reason": "refused"}));
    // One that is refused even so is kept by us, and does not hold up what follows it.
    assert_eq!(post(&serve, &worse).await["outcome"], "spooled");
    let good = payload::created(3);
    post(&serve, &good).await;
    drained(&serve).await;
    assert_eq!(post(&serve, &good).await["outcome"], "duplicate");
    let aside = std::fs::read_dir(place.data_dir("a").join("spool/aside")).unwrap();
    let aside: Vec<_> = aside.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(aside.len(), 1);
    let kept = String::from_utf8_lossy(&std::fs::read(&aside[0]).unwrap()).into_owned();
    assert!(kept.contains(&worse.event_id()));
    let (status, log) = serve.stop();
    assert!(status.success());
    assert!(log.contains(&aside[0].display().to_string()), "{log}");
    assert!(!log.contains("owned_by"), "no body in the log: {log}");
    place.stop_postgres().await;
}

#[tokio::test]
async fn a_delivery_captured_a_year_ago_is_a_duplicate() {
    let app = TestApp::start().await;
    let body = Bytes::from(payload::created(1));
    let arrival = Arrival {
        arrival_id: Uuid::now_v7(),
        received_at: clock::now() - (365 * 24).hours(),
        origin: Origin::Webhook {
            hook: DEFAULT_HOOK.to_owned(),
            signature: [0; 32],
        },
        headers: KeptHeaders::new(),
    };
    let captured = Delivery::read(body.clone(), &TenantRule::Any, arrival);
    app.db.store.appender().append(&[captured]).await.unwrap();
    assert_eq!(app.deliver(body).await.assert(200)["outcome"], "duplicate");
    assert_eq!(app.count("SELECT count(*) FROM event").await, 1);
}

#[tokio::test]
async fn a_postgres_that_dies_while_it_is_migrated_is_tried_again() {
    let mut place = Place::new().await;
    place.signal_postgres(Signal::SIGSTOP);
    let serve = place.serve("a");
    assert_eq!(
        post(&serve, &payload::created(1)).await["outcome"],
        "spooled"
    );
    place.kill_postgres();
    assert_eq!(
        post(&serve, &payload::created(2)).await["outcome"],
        "spooled"
    );
    place.start_postgres().await;
    drained(&serve).await;
    // In the order in which they came.
    let tickets: Vec<i64> = sqlx::query_scalar("SELECT ticket FROM event ORDER BY position")
        .fetch_all(&mut place.connect().await)
        .await
        .unwrap();
    assert_eq!(tickets, [1, 2]);
    drop(serve);
    place.stop_postgres().await;
}
