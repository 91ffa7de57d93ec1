//! Bodies that come slowly, and large junk.

use std::time::Duration;

use bytes::Bytes;
use ticketlog::http::{Bodies, BodyLimits};
use tokio::time::timeout;

use crate::support::{
    app::{SECRET, Setup, TestApp, sign},
    cluster::TestDb,
    payload::{self, Payload},
    wire::Wire,
};

const SHORT: Duration = Duration::from_millis(300);

/// Never comes in a test.
const LONG: Duration = Duration::from_mins(1);

async fn start(limits: BodyLimits) -> TestApp {
    let setup = Setup {
        bodies: Bodies::new(limits),
        ..Setup::default()
    };
    TestApp::set_up(TestDb::create().await, setup).await
}

/// A signed event of about this many KiB.
fn large(kib: usize) -> Payload {
    payload::created(1).with("Padding", "x".repeat(kib << 10))
}

/// Large, signed as if it were true, and never whole.
async fn junk(app: &TestApp, sent: usize) -> Wire {
    let mut wire = Wire::connect(&app.url).await;
    wire.announce(&sign("guessed", b""), 1 << 20).await;
    wire.write(vec![b'x'; sent]).await;
    wire
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_answered_408() {
    let app = start(BodyLimits {
        deadline: SHORT,
        ..BodyLimits::default()
    })
    .await;
    let mut wire = Wire::connect(&app.url).await;
    wire.announce(&sign(SECRET, b"hello"), 5).await;
    wire.write("hell").await;
    let (answer, after) = wire.closed().await;
    let head = answer.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 408 request timeout"), "{answer}");
    assert!(head.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.contains("urn:ticketlog:body-slow"), "{answer}");
    assert!(after < LONG, "{after:?}");
}

#[tokio::test]
async fn small_deliveries_do_not_wait_behind_large_junk() {
    let limits = BodyLimits {
        deadline: LONG,
        free_bytes: 4 << 10,
        shared_kib: 64,
        wait: SHORT,
    };
    let app = start(limits).await;
    let junk = [junk(&app, 60 << 10).await, junk(&app, 60 << 10).await];
    let refused = async {
        loop {
            let answer = app.deliver(large(30)).await;
            if answer.status == 503 {
                return answer;
            }
        }
    };
    let refused = timeout(LONG / 2, refused).await.unwrap();
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.json()["type"], "urn:ticketlog:busy");
    for ticket in 1..=50 {
        let delivered = timeout(SHORT * 10, app.deliver(payload::created(ticket)));
        delivered.await.unwrap().assert(200);
    }
    drop(junk);
    let room = async { while app.deliver(large(30)).await.status != 200 {} };
    timeout(LONG / 2, room).await.unwrap();
}

#[tokio::test]
async fn room_is_given_back_by_what_is_taken_and_by_what_is_rejected() {
    let limits = BodyLimits {
        free_bytes: 1 << 10,
        shared_kib: 64,
        wait: SHORT,
        ..BodyLimits::default()
    };
    let app = start(limits).await;
    for _ in 0..10 {
        app.deliver(large(50)).await.assert(200);
        let wrong = app.deliver_to("/webhook", "guessed", large(50)).await;
        wrong.assert(401);
    }
    // More than all the room there is: it goes beyond, alone.
    app.deliver(large(70)).await.assert(200);
    app.deliver(Bytes::from_static(b"{}")).await.assert(200);
}
