//! How a stream ends, and what does not end it.

use std::time::Duration;

use serde_json::json;
use ticketlog::http::{Followers, server::Limits};
use tokio::time::Instant;

use super::sse::{PATIENCE, Stream};
use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
    payload,
};

const FEED: &str = "/v1/tenants/Cust1/events";
const STREAM: &str = "/v1/tenants/Cust1/events/stream";

#[tokio::test]
async fn all_who_wait_are_let_go_when_the_server_stops() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut stream = Stream::open(&app, STREAM, None).await;
    assert_eq!(stream.position().await, Some(1));
    let waiting_path = format!("{FEED}?after=1&wait=60");
    let waiting = app.read(&waiting_path);
    let stopping = async {
        // The one that waits is in only once the other page has come, or refused; either is fine.
        app.read(FEED).await;
        app.server.stop(PATIENCE * 2);
        stream.position().await
    };
    let start = Instant::now();
    let (page, end) = tokio::join!(waiting, stopping);
    assert_eq!(page["items"], json!([]));
    assert_eq!(end, None);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stream_ends_when_the_store_is_closed() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut stream = Stream::open(&app, STREAM, None).await;
    assert_eq!(stream.position().await, Some(1));
    app.db.store.close().await;
    assert_eq!(stream.position().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_slow_reader_the_server_does_not_read_ahead() {
    // In MiB. Where this was written the kernel's buffers held 6, at both ends together.
    const EVENTS: i64 = 32;
    let setup = Setup {
        limits: Limits {
            stall: PATIENCE * 10,
            ..Limits::default()
        },
        ..Setup::default()
    };
    let app = TestApp::set_up(TestDb::create().await, setup).await;
    let large = "x".repeat(1 << 20);
    for ticket in 1..=EVENTS {
        let event = payload::created(ticket).with("Padding", large.as_str());
        app.deliver(event).await.assert(200);
    }
    let mut slow = Stream::open(&app, STREAM, None).await;
    assert_eq!(slow.position().await, Some(1));
    let whole = app.http.get(format!("{}{FEED}?format=ndjson", app.url));
    let whole = whole.bearer_auth(&app.token).send();
    let mut slow_lines = whole.await.unwrap();
    // By the time this one has seen all, a server that reads ahead would have for the slow ones too.
    let mut fast = Stream::open(&app, STREAM, None).await;
    for position in 1..=EVENTS {
        assert_eq!(fast.position().await, Some(position));
    }
    app.server.stop(PATIENCE * 2);
    let mut seen = 1;
    while let Some(position) = slow.position().await {
        seen += 1;
        assert_eq!(position, seen);
    }
    assert!(seen < EVENTS * 3 / 4, "{seen} events were on their way");
    // It resumes there, from another server.
    let again = TestApp::start_with(app.db, false).await;
    let mut rest = Stream::open(&again, STREAM, Some(seen)).await;
    for position in seen + 1..=EVENTS {
        assert_eq!(rest.position().await, Some(position));
    }
    // Lines have an end, so they are given whole.
    let mut bytes = 0;
    while let Some(chunk) = slow_lines.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert!(bytes > large.len() * usize::try_from(EVENTS).unwrap());
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_let_go() {
    let setup = Setup {
        limits: Limits {
            stall: Duration::from_millis(500),
            ..Limits::default()
        },
        followers: Followers::new(1, PATIENCE),
        ..Setup::default()
    };
    let app = TestApp::set_up(TestDb::create().await, setup).await;
    let large = "x".repeat(4 << 20);
    for ticket in 1..=8 {
        let event = payload::created(ticket).with("Padding", large.as_str());
        app.deliver(event).await.assert(200);
    }
    let _stalled = Stream::open(&app, STREAM, None).await;
    // Its place is free again.
    let start = Instant::now();
    while app.get(&format!("{FEED}?after=8&wait=1")).await.status != 200 {
        assert!(start.elapsed() < PATIENCE, "it still has its place");
    }
}
