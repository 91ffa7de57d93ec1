//! Writers at work while others read.

use futures_util::future::join_all;
use serde_json::Value;

use super::sse::Stream;
use crate::support::{
    app::{Answer, TestApp},
    payload,
};

const WRITERS: i64 = 8;
const EVENTS_EACH: i64 = 60;
const EVENTS: i64 = WRITERS * EVENTS_EACH;
const FEED: &str = "/v1/tenants/Cust1/events";

/// Each through one of two receivers, so that half of the events come without a hint.
async fn write(apps: [&TestApp; 2], writer: i64) {
    for number in 0..EVENTS_EACH {
        let app = apps[usize::try_from(writer % 2).unwrap()];
        // A line end that is none of the frame's or the line's.
        let event = payload::changed(number + 1).set("title", "a\nb\r\n\n");
        app.deliver(event).await.assert(200);
    }
}

/// Asserts that these positions follow one another after `after`, and moves it.
fn count(after: &mut i64, positions: impl IntoIterator<Item = i64>) {
    for position in positions {
        *after += 1;
        assert_eq!(position, *after);
    }
}

fn positions(items: &[Value]) -> Vec<i64> {
    let positions = items.iter().map(|item| item["position"].as_i64().unwrap());
    positions.collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn by_pages(app: &TestApp, wait: &str) {
    let mut after = 0;
    while after < EVENTS {
        let page = app
            .read(&format!("{FEED}?after={after}&limit=37{wait}"))
            .await;
        count(&mut after, positions(page["items"].as_array().unwrap()));
        assert!(page["head"].as_i64().unwrap() >= after);
    }
}

async fn by_lines(app: &TestApp, limit: &str) {
    let mut after = 0;
    while after < EVENTS {
        let path = format!("{FEED}?after={after}&format=ndjson&wait=10{limit}");
        let answer = app.get(&path).await;
        let head: i64 = answer.headers["ticketlog-head"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        count(&mut after, positions(&lines(&answer)));
        // All there was when it began, unless a limit says otherwise.
        assert_eq!(after < head, answer.headers.contains_key("link"));
    }
}

/// Is cut off again and again, in the middle of frames too.
async fn by_stream(app: &TestApp, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut after = 0;
    while after < EVENTS {
        let last = (after > 0).then_some(after);
        let path = format!("{FEED}/stream?after=0");
        let mut stream = Stream::open(app, &path, last).await;
        let until = (after + random.i64(0..60)).min(EVENTS);
        while after < until {
            count(&mut after, stream.position().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_position_comes_once_in_every_form_while_eight_write() {
    let app = TestApp::start().await;
    let other = app.second_receiver().await;
    // Until then the tenant has no log.
    app.deliver(payload::created(1)).await.assert(200);
    let written = async {
        let writers = (0..WRITERS).map(|writer| write([&app, &other], writer));
        join_all(writers).await;
    };
    tokio::join!(
        written,
        by_pages(&app, ""),
        by_pages(&app, "&wait=10"),
        by_lines(&app, ""),
        by_lines(&app, "&limit=23"),
        by_stream(&app, 1),
        by_stream(&other, 2),
    );
    let head = app.read(&format!("{FEED}?after={EVENTS}")).await;
    assert_eq!(head["head"], EVENTS + 1);
}

#[tokio::test]
async fn lines_go_to_the_head_and_a_limit_is_linked() {
    let app = TestApp::start().await;
    for ticket in 1..=5 {
        app.deliver(payload::created(ticket)).await.assert(200);
    }
    let all = app.get(&format!("{FEED}?format=ndjson")).await;
    assert_eq!(positions(&lines(&all)), [1, 2, 3, 4, 5]);
    assert!(!all.headers.contains_key("link"));
    let log_id = app.read("/v1/tenants").await["items"][0]["log_id"].clone();
    assert_eq!(all.headers["ticketlog-log-id"], log_id.as_str().unwrap());
    let page = app.read(&format!("{FEED}?after=2&limit=2")).await;
    assert_eq!(page["log_id"], log_id);
    let some = app
        .get(&format!("{FEED}?format=ndjson&after=1&limit=2"))
        .await;
    assert_eq!(positions(&lines(&some)), [2, 3]);
    assert_eq!(
        some.headers["link"],
        "</v1/tenants/Cust1/events?format=ndjson&limit=2&after=3>; rel=\"next\""
    );
    let none = app.get(&format!("{FEED}?format=ndjson&after=5")).await;
    assert_eq!(
        (lines(&none).len(), none.content_type.as_str()),
        (0, "application/x-ndjson")
    );
    // The same items as a page has.
    let page = app.read(FEED).await;
    assert_eq!(Value::Array(lines(&all)), page["items"]);
}

#[tokio::test]
async fn a_page_of_large_bodies_ends_before_its_limit() {
    let app = TestApp::start().await;
    let large = "x".repeat(7 << 20);
    for ticket in 1..=4 {
        let event = payload::created(ticket).with("Padding", large.as_str());
        app.deliver(event).await.assert(200);
    }
    let first = app.read(FEED).await;
    assert_eq!(positions(first["items"].as_array().unwrap()), [1, 2, 3]);
    assert_eq!(first["next"], 3);
    let second = app.read(&format!("{FEED}?after=3")).await;
    assert_eq!(positions(second["items"].as_array().unwrap()), [4]);
    assert_eq!(second["next"], Value::Null);
}
