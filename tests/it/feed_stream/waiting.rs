//! Waiting for what is not there yet.

use std::time::Duration;

use serde_json::json;
use ticketlog::http::Followers;
use tokio::{task::JoinSet, time::Instant};

use super::sse::{PATIENCE, Stream};
use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
    payload,
};

const FEED: &str = "/v1/tenants/Cust1/events";
const STREAM: &str = "/v1/tenants/Cust1/events/stream";

async fn start(followers: Followers) -> TestApp {
    let setup = Setup {
        followers,
        ..Setup::default()
    };
    TestApp::set_up(TestDb::create().await, setup).await
}

#[tokio::test]
async fn who_waits_is_answered_as_soon_as_an_event_is_stored() {
    const ROUNDS: i64 = 10;
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut waited = Duration::ZERO;
    for after in 1..=ROUNDS {
        let path = format!("{FEED}?after={after}&wait=60");
        let reading = async {
            let page = app.read(&path).await;
            assert_eq!(page["items"][0]["position"], after + 1);
            Instant::now()
        };
        let writing = async {
            app.deliver(payload::changed(1)).await.assert(200);
            Instant::now()
        };
        let (read_at, written_at) = tokio::join!(reading, writing);
        waited += read_at.saturating_duration_since(written_at);
    }
    // Looking once a second would take about a second each time.
    assert!(waited < Duration::from_secs(4), "{waited:?}");
}

#[tokio::test]
async fn what_another_receiver_stores_is_seen_without_a_hint() {
    let app = TestApp::start().await;
    let other = app.second_receiver().await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut stream = Stream::open(&app, STREAM, None).await;
    assert_eq!(stream.position().await, Some(1));
    for after in 1..=3 {
        let path = format!("{FEED}?after={after}&wait=60");
        let reading = app.read(&path);
        let writing = other.deliver(payload::changed(1));
        let start = Instant::now();
        let (page, written) = tokio::join!(reading, writing);
        written.assert(200);
        assert_eq!(page["items"][0]["position"], after + 1);
        assert!(start.elapsed() < PATIENCE / 2);
        assert_eq!(stream.position().await, Some(after + 1));
    }
}

#[tokio::test]
async fn a_wait_for_nothing_is_an_empty_page() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let start = Instant::now();
    let page = app.read(&format!("{FEED}?after=1&wait=1")).await;
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        (&page["items"], &page["next"], &page["head"]),
        (&json!([]), &json!(null), &json!(1))
    );
    // Another tenant's events are none of ours.
    let path = format!("{FEED}?after=1&wait=2&format=ndjson");
    let foreign = app.deliver(payload::created(1).tenant("Other"));
    let (answer, foreign) = tokio::join!(app.get(&path), foreign);
    foreign.assert(200);
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
}

#[tokio::test]
async fn only_events_have_an_id() {
    let app = start(Followers::new(10, Duration::from_millis(20))).await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut stream = Stream::open(&app, &format!("{STREAM}?after=1"), None).await;
    let hello = stream.frame().await.unwrap();
    assert!(hello.is("hello") && hello.retry.is_some(), "{hello:?}");
    let log_id = &app.read("/v1/tenants").await["items"][0]["log_id"];
    assert_eq!(
        hello.json(),
        json!({"log_id": log_id, "head": 1, "after": 1})
    );
    assert_eq!(hello.id, None);
    let mut keep_alives = 0;
    for round in 2..=4 {
        let mut quiet = 0;
        while quiet < 2 {
            let frame = stream.frame().await.unwrap();
            assert_eq!((frame.id, frame.event, frame.data), (None, None, None));
            assert_eq!(frame.comment.as_deref(), Some("keep-alive"));
            quiet += 1;
            keep_alives += 1;
        }
        app.deliver(payload::changed(1)).await.assert(200);
        let event = stream.named().await.unwrap();
        assert!(event.is("event"), "{event:?}");
        assert_eq!(
            (event.id, &event.json()["position"]),
            (Some(round), &json!(round))
        );
        let page = app.read(&format!("{FEED}?after={}", round - 1)).await;
        assert_eq!(event.json(), page["items"][0]);
    }
    assert_eq!(keep_alives, 6);
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_id() {
    let app = TestApp::start().await;
    for ticket in 1..=4 {
        app.deliver(payload::created(ticket)).await.assert(200);
    }
    for (path, last, first) in [
        (STREAM.to_owned(), None, 1),
        (format!("{STREAM}?after=2"), None, 3),
        (format!("{STREAM}?after=2"), Some(1), 2),
        (STREAM.to_owned(), Some(3), 4),
        (STREAM.to_owned(), Some(0), 1),
    ] {
        let mut stream = Stream::open(&app, &path, last).await;
        assert_eq!(stream.position().await, Some(first), "{path} {last:?}");
    }
    for bad in ["", "x", "-1", "+1", "1.0", "1 2", "9223372036854775808"] {
        let answer = app.get_with(STREAM, &[("Last-Event-ID", bad)]).await;
        let problem = answer.assert(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("Last-Event-ID must be"), "{detail}");
    }
}

#[tokio::test]
async fn what_the_feed_cannot_do_is_said() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    for (query, word) in [
        ("after=-1", "after"),
        ("wait=61", "wait"),
        ("wait=-1", "wait"),
        ("wait=x", "wait"),
        ("log_id=1", "log_id"),
        ("limit=0&format=ndjson", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let problem = app.get(&format!("{FEED}?{query}")).await.assert(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{query}: {detail}");
    }
    for query in ["after=-1", "wait=1", "log_id=1"] {
        app.get(&format!("{STREAM}?{query}")).await.assert(400);
    }
    for path in ["", "?wait=60", "?format=ndjson", "/stream"] {
        app.get(&format!("/v1/tenants/Nobody/events{path}"))
            .await
            .assert(404);
    }
}

#[tokio::test]
async fn only_so_many_may_stay() {
    let app = start(Followers::new(1, PATIENCE)).await;
    app.deliver(payload::created(1)).await.assert(200);
    let stream = Stream::open(&app, STREAM, None).await;
    let waiting = format!("{FEED}?wait=1");
    for path in [STREAM, &waiting, &format!("{FEED}?format=ndjson")] {
        let full = app.get(path).await;
        assert_eq!(full.headers["retry-after"], "1");
        let problem = full.assert(503);
        assert_eq!(problem["type"], "urn:ticketlog:too-many-followers");
    }
    // A page is not stayed for.
    app.read(FEED).await;
    drop(stream);
    while app.get(&waiting).await.status != 200 {
        tokio::task::yield_now().await;
    }
    // Nor does one who hangs up keep a place.
    let mut waiters = JoinSet::new();
    while app.get(&waiting).await.status != 503 {
        // None, or it found the place taken by the look at it.
        if waiters.is_empty() || waiters.try_join_next().is_some() {
            let request = app.http.get(format!("{}{FEED}?after=1&wait=60", app.url));
            waiters.spawn(request.bearer_auth(&app.token).send());
        }
    }
    waiters.shutdown().await;
    while app.get(&waiting).await.status != 200 {
        tokio::task::yield_now().await;
    }
}
