//! Postgres is away: stopped, killed, hanging.

use std::time::Instant;

use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::{
    FULL, SMALL, Scale,
    place::{Place, drained},
    report,
    sender::Sender,
};

/// Answers before the fault, and after it.
const SOME: usize = 100;

#[derive(Clone, Copy, PartialEq)]
enum Outage {
    Stopped,
    Killed,
    Hanging,
}

#[tokio::test]
async fn postgres_stopped_costs_no_delivery() {
    outage(Outage::Stopped, SMALL).await;
}

#[tokio::test]
async fn postgres_killed_costs_no_delivery() {
    outage(Outage::Killed, SMALL).await;
}

#[tokio::test]
async fn postgres_hanging_costs_no_delivery() {
    outage(Outage::Hanging, SMALL).await;
}

#[tokio::test]
#[ignore = "takes minutes: the full size"]
async fn full_postgres_stopped() {
    outage(Outage::Stopped, FULL).await;
}

#[tokio::test]
#[ignore = "takes minutes: the full size"]
async fn full_postgres_killed() {
    outage(Outage::Killed, FULL).await;
}

#[tokio::test]
#[ignore = "takes minutes: the full size"]
async fn full_postgres_hanging() {
    outage(Outage::Hanging, FULL).await;
}

async fn outage(kind: Outage, scale: Scale) {
    let mut place = Place::new().await;
    let serve = place.serve("a");
    let sender = Sender::start(&serve.url, scale.rate);
    sender.more(SOME).await;
    let from = Instant::now();
    match kind {
        Outage::Stopped => place.stop_postgres().await,
        Outage::Killed => place.kill_postgres(),
        Outage::Hanging => place.signal_postgres(Signal::SIGSTOP),
    }
    sleep(scale.outage).await;
    let until = Instant::now();
    match kind {
        Outage::Stopped | Outage::Killed => place.start_postgres().await,
        Outage::Hanging => place.signal_postgres(Signal::SIGCONT),
    }
    sender.more(SOME).await;
    drained(&serve).await;
    sender.more(SOME).await;
    let run = sender.stop().await;
    drained(&serve).await;
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    let name = match kind {
        Outage::Stopped => "postgres stopped",
        Outage::Killed => "postgres killed",
        Outage::Hanging => "postgres hanging",
    };
    report(name, &run, from, until);
    assert_eq!(run.not_200(), 0, "{log}");
    assert!(!run.silenced);
    assert!(run.spooled() > 0);
    assert!(
        run.p99(from, until) < scale.p99,
        "{:?}",
        run.p99(from, until)
    );
    place.settle(&run).await;
    place.stop_postgres().await;
}
