//! The feed: a follower sees every position once, in order, whoever writes meanwhile.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;

use crate::support::{
    app::{SECRET, TestApp, sign},
    cluster::TestDb,
    payload,
    program::Serve,
};

const WRITERS: i64 = 8;
const EVENTS_EACH: i64 = 250;
const TENANTS: [&str; 3] = ["A", "B", "Cc"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_sees_every_position_once_while_two_processes_write() {
    let db = TestDb::create().await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let servers: Vec<Serve> = folders
        .iter()
        .map(|folder| Serve::start(folder.path(), &["--database-url", &db.url()]))
        .collect();
    // It holds a transaction id and must hold up nobody.
    let mut idle = db.connect().await;
    let mut idle = idle.begin().await.unwrap();
    idle.execute("CREATE TABLE unrelated (id integer)")
        .await
        .unwrap();

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let url = servers[usize::try_from(writer).unwrap() % servers.len()]
            .url
            .clone();
        writers.spawn(write(url, writer));
    }
    let app = TestApp::start_with(db, false).await;
    let mut readers = JoinSet::new();
    for tenant in TENANTS {
        readers.spawn(follow(app.url.clone(), app.token.clone(), tenant));
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    let mut seen = 0;
    while let Some(followed) = readers.join_next().await {
        seen += followed.unwrap();
    }
    assert_eq!(seen, WRITERS * EVENTS_EACH);
    idle.rollback().await.unwrap();
    for server in servers {
        let (status, log) = server.stop();
        assert!(status.success(), "{log}");
        assert!(!log.contains("ERROR"), "{log}");
    }
}

/// Posts events of all tenants in turn, each writer starting with another.
async fn write(url: String, writer: i64) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for number in 0..EVENTS_EACH {
        let tenant = TENANTS[usize::try_from(writer + number).unwrap() % TENANTS.len()];
        let body: Bytes = payload::changed(number + 1).tenant(tenant).into();
        let signature = sign(SECRET, &body);
        let request = http
            .post(format!("{url}/webhook"))
            .header("X-SuperOffice-Signature", signature);
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

/// Follows a tenant's feed to the number of its events; asserts that no position is skipped or doubled.
async fn follow(url: String, token: String, tenant: &str) -> i64 {
    let offset = i64::try_from(TENANTS.iter().position(|t| *t == tenant).unwrap()).unwrap();
    let count = i64::try_from(TENANTS.len()).unwrap();
    let expected: i64 = (0..WRITERS)
        .map(|writer| {
            (0..EVENTS_EACH)
                .filter(|number| (writer + number) % count == offset)
                .count()
        })
        .map(|events| i64::try_from(events).unwrap())
        .sum();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut after = 0;
    while after < expected {
        let path = format!("{url}/v1/tenants/{tenant}/events?after={after}&limit=50");
        let response = http.get(path).bearer_auth(&token).send().await.unwrap();
        if response.status() == 404 {
            // Nothing was received yet.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let page: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        for item in page["items"].as_array().unwrap() {
            after += 1;
            assert_eq!(item["position"], after);
        }
        let head = page["head"].as_i64().unwrap();
        assert!(
            head >= after,
            "head {head} is behind what was shown: {after}"
        );
        assert_eq!(
            page["next"],
            if after < head {
                json!(after)
            } else {
                Value::Null
            }
        );
    }
    after
}

#[tokio::test]
async fn positions_are_shown_only_once_their_predecessors_are() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    // Another receiver holds the head: what it will store comes before what we send now.
    let mut other = app.db.connect().await;
    let mut other = other.begin().await.unwrap();
    other
        .execute("SELECT 1 FROM head WHERE tenant = 'Cust1' FOR UPDATE")
        .await
        .unwrap();
    let mut waiting = JoinSet::new();
    let (http, url) = (app.http.clone(), app.url.clone());
    let body: Bytes = payload::changed(1).into();
    let signature = sign(SECRET, &body);
    waiting.spawn(async move {
        let request = http
            .post(format!("{url}/webhook"))
            .header("X-SuperOffice-Signature", signature);
        request.body(body).send().await.unwrap().status()
    });
    // Other tenants' feeds do not wait for it, nor does this tenant's reader.
    let page = app.read("/v1/tenants/Cust1/events").await;
    assert_eq!(
        (&page["head"], page["items"].as_array().unwrap().len()),
        (&json!(1), 1)
    );
    other.rollback().await.unwrap();
    assert_eq!(waiting.join_next().await.unwrap().unwrap(), 200);
    let page = app.read("/v1/tenants/Cust1/events?after=1").await;
    assert_eq!(
        (&page["head"], &page["items"][0]["position"]),
        (&json!(2), &json!(2))
    );
}
