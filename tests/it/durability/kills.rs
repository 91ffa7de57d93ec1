//! The program is killed: anywhere, with a spool, in the middle of a drain, beside another; or told to stop.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::{
    FULL, SMALL, Scale,
    place::{Place, drained, find_postmaster, signal},
    report,
    sender::Sender,
};
use crate::support::program::{Serve, create_token};

/// Answers between two kills.
const SOME: usize = 50;

#[tokio::test]
async fn a_killed_receiver_loses_nothing_it_answered() {
    killed_at_random(SMALL).await;
}

#[tokio::test]
#[ignore = "takes minutes: the full size"]
async fn full_receiver_killed_at_random() {
    killed_at_random(FULL).await;
}

async fn killed_at_random(scale: Scale) {
    let mut place = Place::new().await;
    let mut serve = place.serve("a");
    let sender = Sender::start(&serve.url, scale.rate);
    let mut random = fastrand::Rng::with_seed(7);
    let from = Instant::now();
    for _ in 0..scale.kills {
        sender.more(SOME).await;
        sleep(Duration::from_millis(random.u64(0..200))).await;
        serve.signal(Signal::SIGKILL);
        drop(serve);
        serve = place.serve("a");
        sender.moved(&serve.url);
    }
    let until = Instant::now();
    sender.more(SOME).await;
    let run = sender.stop().await;
    drained(&serve).await;
    drop(serve);
    report("receiver killed at random", &run, from, until);
    assert!(!run.silenced);
    place.settle(&run).await;
    place.stop_postgres().await;
}

#[tokio::test]
async fn killed_with_a_spool_and_in_the_middle_of_its_drain() {
    killed_around_the_spool(SMALL, 500).await;
}

#[tokio::test]
#[ignore = "takes minutes: the full size"]
async fn full_killed_with_a_spool_and_in_the_middle_of_its_drain() {
    killed_around_the_spool(FULL, 20_000).await;
}

#[expect(
    clippy::print_stderr,
    reason = "the figures are what a full run is for"
)]
async fn killed_around_the_spool(scale: Scale, each: usize) {
    let mut place = Place::new().await;
    place.stop_postgres().await;
    let mut serve = place.serve("a");
    let sender = Sender::start(&serve.url, scale.rate);
    let from = Instant::now();
    // Nothing is there but the spool.
    for _ in 0..3 {
        sender.more(each).await;
        serve.signal(Signal::SIGKILL);
        drop(serve);
        serve = place.serve("a");
        sender.moved(&serve.url);
    }
    let until = Instant::now();
    let run = sender.stop().await;
    assert!(run.spooled() >= 3 * each);
    place.start_postgres().await;
    // Now it drains. Each life is killed as soon as it has brought some to the log.
    let mut stored = 0;
    let mut unfinished = 0;
    for _ in 0..scale.kills {
        let before = stored;
        while stored == before && stored < run.spooled() {
            stored = place.count_events().await;
        }
        serve.signal(Signal::SIGKILL);
        drop(serve);
        stored = place.count_events().await;
        unfinished += u32::from(stored < run.spooled());
        serve = place.serve("a");
    }
    assert!(unfinished > 0, "none was killed in the middle of the drain");
    drained(&serve).await;
    eprintln!("killed around the spool: {unfinished} kills in the middle of the drain");
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    report("killed around the spool", &run, from, until);
    assert!(!run.silenced);
    place.settle(&run).await;
    place.stop_postgres().await;
}

#[tokio::test]
async fn of_two_receivers_one_is_killed() {
    two_receivers(SMALL).await;
}

#[tokio::test]
#[ignore = "takes minutes: the full size"]
async fn full_of_two_receivers_one_is_killed() {
    two_receivers(FULL).await;
}

async fn two_receivers(scale: Scale) {
    let mut place = Place::new().await;
    let (one, other) = (place.serve("a"), place.serve("b"));
    let sender = Sender::start_to(&[&one.url, &other.url], scale.rate);
    sender.more(5 * SOME).await;
    let from = Instant::now();
    one.signal(Signal::SIGKILL);
    drop(one);
    sender.more(5 * SOME).await;
    let until = Instant::now();
    let run = sender.stop().await;
    // What the killed one had spooled waits for it.
    let one = place.serve("a");
    drained(&one).await;
    drained(&other).await;
    report("one of two receivers killed", &run, from, until);
    assert!(!run.silenced);
    place.settle(&run).await;
    drop((one, other));
    place.stop_postgres().await;
}

#[tokio::test]
async fn a_private_postgres_killed_twice_in_a_row_is_restarted_without_a_failure() {
    private_postgres_killed_twice(SMALL).await;
}

#[tokio::test]
#[ignore = "takes minutes: the full size"]
async fn full_private_postgres_killed_twice() {
    private_postgres_killed_twice(FULL).await;
}

async fn private_postgres_killed_twice(scale: Scale) {
    let place = Place::new().await;
    let data_dir = place.data_dir("private");
    let serve = Serve::start(&data_dir, &["--log", "warn"]);
    let sender = Sender::start(&serve.url, scale.rate);
    sender.more(SOME).await;
    let from = Instant::now();
    let first = find_postmaster(&data_dir).unwrap();
    signal(first, Signal::SIGKILL);
    // As soon as there is another.
    let second = loop {
        match find_postmaster(&data_dir) {
            Some(pid) if pid != first => break pid,
            _ => {}
        }
        sleep(Duration::from_millis(1)).await;
    };
    signal(second, Signal::SIGKILL);
    drained(&serve).await;
    let until = Instant::now();
    sender.more(SOME).await;
    let run = sender.stop().await;
    drained(&serve).await;
    report("private postgres killed twice", &run, from, until);
    assert_eq!(run.not_200(), 0);
    let token = create_token(&["--data-dir", data_dir.to_str().unwrap()]);
    let http = reqwest::Client::new();
    for event_id in run.taken().keys() {
        let event = format!("{}/v1/tenants/Cust1/events/{event_id}", serve.url);
        let found = http.get(event).bearer_auth(&token).send().await.unwrap();
        assert_eq!(found.status(), 200, "{event_id}");
    }
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn told_to_stop_under_load_it_answers_what_it_took_and_ends_well() {
    let mut place = Place::new().await;
    let mut serve = place.serve("a");
    let sender = Sender::start(&serve.url, SMALL.rate);
    for _ in 0..3 {
        sender.more(SOME).await;
        let (status, log) = serve.stop();
        assert!(status.success(), "{log}");
        serve = place.serve("a");
        sender.moved(&serve.url);
    }
    sender.more(SOME).await;
    let run = sender.stop().await;
    // Between the two programs nobody listens; but none that was accepted went without an answer.
    let cut = run
        .answers
        .iter()
        .filter(|answer| answer.status.is_some_and(|status| status != 200));
    assert_eq!(cut.count(), 0);
    drained(&serve).await;
    place.settle(&run).await;
    drop(serve);
    place.stop_postgres().await;
}

#[tokio::test]
async fn a_spool_that_cannot_be_drained_is_no_reason_to_fail_or_to_stay() {
    let mut place = Place::new().await;
    place.stop_postgres().await;
    let serve = place.serve("a");
    let sender = Sender::start(&serve.url, SMALL.rate);
    sender.more(SOME).await;
    let run = sender.stop().await;
    let told = Instant::now();
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert!(
        told.elapsed() < Duration::from_secs(10),
        "{:?}",
        told.elapsed()
    );
    assert!(log.contains("drained at the next start"), "{log}");
    place.start_postgres().await;
    let serve = place.serve("a");
    drained(&serve).await;
    place.settle(&run).await;
    drop(serve);
    place.stop_postgres().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_loses_nothing() {
    let mut place = Place::new().await;
    let serve = place.serve("a");
    let sender = Sender::start(&serve.url, SMALL.rate);
    sender.more(SOME).await;
    place.signal_postgres(Signal::SIGSTOP);
    sender.more(SOME).await;
    // A request that never ends keeps the program from ending.
    let mut slow =
        std::net::TcpStream::connect(serve.url.strip_prefix("http://").unwrap()).unwrap();
    std::io::Write::write_all(&mut slow, b"POST /webhook HTTP/1.1\r\nHost: x\r\n").unwrap();
    serve.signal(Signal::SIGTERM);
    serve.signal(Signal::SIGINT);
    let told = Instant::now();
    let (status, log) = serve.stop();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(
        told.elapsed() < Duration::from_secs(5),
        "{:?}",
        told.elapsed()
    );
    drop(slow);
    place.signal_postgres(Signal::SIGCONT);
    let serve = place.serve("a");
    sender.moved(&serve.url);
    let run = sender.stop().await;
    drained(&serve).await;
    place.settle(&run).await;
    drop(serve);
    place.stop_postgres().await;
}
