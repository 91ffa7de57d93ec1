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
};

const FEED: &str = "/v1/tenants/Cust1/events";
const STREAM: &str = "/v1/tenants/Cust1/events/stream";

/// As when a backup is restored, or the database made anew.
async fn give_another_identity(app: &TestApp) {
    let mut session = app.db.connect().await;
    session
        .execute("UPDATE head SET log_id = gen_random_uuid()")
        .await
        .unwrap();
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

    give_another_identity(&app).await;
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
    give_another_identity(&app).await;
    app.deliver(payload::created(2)).await.assert(200);
    let reset = stream.named().await.unwrap();
    assert!(reset.is("reset") && reset.id.is_none(), "{reset:?}");
    assert_eq!(stream.frame().await, None);
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
