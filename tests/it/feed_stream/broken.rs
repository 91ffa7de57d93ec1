//! A log that is not the one that was followed, and a database that is away for a while.

use std::time::Duration;

use serde_json::json;
use sqlx::Executor;
use ticketlog::http::Followers;

use super::sse::{PATIENCE, Stream};
use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
    payload,
    program::{printed, ticketlog},
};

const FEED: &str = "/v1/tenants/Cust1/events";
const STREAM: &str = "/v1/tenants/Cust1/events/stream";

/// `tenant renew-log`, as it belongs to a restore; what it printed, and its errors.
fn renew<const N: usize>(url: &str, of: [&str; N]) -> (String, String) {
    let mut command = ticketlog(["tenant", "renew-log"]);
    command.args(of).args(["--database-url", url]);
    printed(&command.output().unwrap())
}

async fn log_id(app: &TestApp, tenant: &str) -> String {
    let page = app.read(&format!("/v1/tenants/{tenant}/events")).await;
    page["log_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn another_log_is_named() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let log_id = app.read(FEED).await["log_id"].as_str().unwrap().to_owned();
    app.read(&format!("{FEED}?log_id={log_id}")).await;
    // A log never gets shorter, so whoever was further has followed another one.
    for query in ["after=2", "after=2&wait=60", "after=2&format=ndjson"] {
        let problem = app.get(&format!("{FEED}?{query}")).await.assert(409);
        assert_eq!(problem["type"], "urn:ticketlog:log-replaced");
        assert!(problem["detail"].as_str().unwrap().contains("ends at 1"));
    }
    let mut stream = Stream::open(&app, STREAM, Some(2)).await;
    let reset = stream.frame().await.unwrap();
    assert!(reset.is("reset") && reset.id.is_none(), "{reset:?}");
    assert_eq!(
        reset.json(),
        json!({"log_id": log_id, "head": 1, "after": 2})
    );
    assert_eq!(stream.frame().await, None);

    renew(&app.db.url(), ["--all"]);
    let problem = app
        .get(&format!("{FEED}?log_id={log_id}"))
        .await
        .assert(409);
    assert_eq!(problem["type"], "urn:ticketlog:log-replaced");
    let mut stream = Stream::open(&app, &format!("{STREAM}?log_id={log_id}"), Some(1)).await;
    assert!(stream.frame().await.unwrap().is("reset"));
}

#[tokio::test]
async fn a_log_that_is_replaced_meanwhile_ends_the_stream_with_a_word() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut stream = Stream::open(&app, STREAM, None).await;
    assert_eq!(stream.position().await, Some(1));
    renew(&app.db.url(), ["Cust1"]);
    app.deliver(payload::created(2)).await.assert(200);
    let reset = stream.named().await.unwrap();
    assert!(reset.is("reset") && reset.id.is_none(), "{reset:?}");
    assert_eq!(stream.frame().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_event_of_a_log_that_is_renewed_is_told() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let id = log_id(&app, "Cust1").await;
    let path = format!("{FEED}?after=1&wait=60&log_id={id}");
    let url = app.db.url();
    let renewing = tokio::task::spawn_blocking(move || renew(&url, ["Cust1"]));
    let start = tokio::time::Instant::now();
    let (answer, renewed) = tokio::join!(app.get(&path), renewing);
    assert!(renewed.unwrap().0.contains(&id));
    assert_eq!(answer.assert(409)["type"], "urn:ticketlog:log-replaced");
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_restored_log_is_renewed_by_command() {
    let app = TestApp::start().await;
    for tenant in ["Cust1", "Cust2", "Cust3"] {
        let event = payload::created(1).tenant(tenant);
        app.deliver(event).await.assert(200);
    }
    let first = log_id(&app, "Cust1").await;
    let second = log_id(&app, "Cust2").await;
    let third = log_id(&app, "Cust3").await;

    let (out, log) = renew(&app.db.url(), ["Cust1", "Nobody"]);
    assert_eq!(out, "");
    assert!(log.contains("no event of a tenant \"Nobody\""), "{log}");
    assert_eq!(log_id(&app, "Cust1").await, first);
    for wrong in [&[][..], &["Cust1", "--all"]] {
        let mut command = ticketlog(["tenant", "renew-log"]);
        let output = command.args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }

    let (out, _) = renew(&app.db.url(), ["Cust2", "Cust1"]);
    let now = log_id(&app, "Cust1").await;
    let line = format!("Cust1: log {first} up to position 1 is now log {now}");
    assert_eq!(out.lines().next(), Some(line.as_str()));
    assert!(out.contains("has to start again from 0"), "{out}");
    assert_ne!(now, first);
    assert_ne!(log_id(&app, "Cust2").await, second);
    assert_eq!(log_id(&app, "Cust3").await, third);

    let (out, _) = renew(&app.db.url(), ["--all"]);
    assert_eq!(out.matches("is now log").count(), 3, "{out}");
    assert_ne!(log_id(&app, "Cust3").await, third);
    // Nothing else of a log changes.
    app.deliver(payload::created(2)).await.assert(200);
    assert_eq!(app.read(FEED).await["head"], 2);
}

#[tokio::test]
async fn a_stream_outlasts_a_database_that_is_away() {
    let setup = Setup {
        followers: Followers::new(10, Duration::from_millis(700)),
        ..Setup::default()
    };
    let app = TestApp::set_up(TestDb::create().await, setup).await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut stream = Stream::open(&app, STREAM, None).await;
    assert_eq!(stream.position().await, Some(1));
    let mut superuser = app.db.connect_as_superuser().await;
    let allow = |connections: i32| {
        let name = &app.db.name;
        sqlx::AssertSqlSafe(format!(
            "ALTER DATABASE {name} CONNECTION LIMIT {connections}"
        ))
    };
    superuser.execute(sqlx::raw_sql(allow(0))).await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    superuser.execute(cut).await.unwrap();
    // It looks once a second, so by then it has found out.
    for _ in 0..4 {
        let frame = stream.frame().await.unwrap();
        assert_eq!(frame.comment.as_deref(), Some("keep-alive"));
    }
    app.get(FEED).await.assert(503);
    superuser.execute(sqlx::raw_sql(allow(-1))).await.unwrap();
    let start = tokio::time::Instant::now();
    while app.deliver(payload::created(2)).await.json()["outcome"] == "conflict" {
        assert!(start.elapsed() < PATIENCE);
    }
    assert_eq!(stream.position().await, Some(2));
}
