//! What the projector costs deliveries, and how fast it comes after them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::sleep;

use super::PER_SECOND;
use crate::{
    bars::{Bar, Findings},
    compare::compare,
    database::Database,
    load::Load,
    plan::Plan,
    postgres::Postgres,
    sides::{Server, own::Own},
    slice::number,
};

/// Longest time in which nothing moves.
const STUCK: Duration = Duration::from_mins(2);

/// How far the projector is.
const PROJECTED: &str = "SELECT COALESCE(sum(position), 0)::bigint FROM projection";

/// Between looks how far it is.
const POLL: Duration = Duration::from_millis(10);

pub(super) async fn run(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let database = Database::create(postgres.endpoint(), "serve").await?;
    let serve = Server::serve("serve", postgres, database).await?;
    let database = serve.database.as_ref().context("no database")?;
    serve.takes_deliveries().await?;
    let log = Server::own(Own::Log, postgres).await?;
    let what = format!("open loop, {PER_SECOND} a second, with the projector");
    println!("{what}, against without");
    let compared = compare(
        plan,
        (serve.name, async || {
            let slice = load.open(&serve, PER_SECOND).await?;
            // So that it does not run on in the other's slice.
            caught_up(database).await?;
            Ok(slice)
        }),
        (log.name, async || load.open(&log, PER_SECOND).await),
    )
    .await?;
    let p99 = compared.ours.p99_ms;
    found.ratio(&what, "log", compared, Some(Bar::AtLeast(0.85)));
    found.row(what, "", (p99, "ms p99"), None);
    serve.check_stored().await?;
    println!("durable, 256 connections, with the projector, against without");
    let compared = compare(
        plan,
        (serve.name, async || {
            let slice = load.closed(&serve, 256, 1).await?;
            caught_up(database).await?;
            Ok(slice)
        }),
        (log.name, async || load.closed(&log, 256, 1).await),
    )
    .await?;
    found.ratio(
        "durable, 256 connections, with the projector",
        "log",
        compared,
        None,
    );
    serve.check_stored().await?;
    drop((serve, log));
    catching_up(load, postgres, plan, found).await
}

/// A log grows without a projector, and `serve` finds it: first when nothing of it is projected, then when half of it is.
async fn catching_up(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let database = Database::create(postgres.endpoint(), "behind").await?;
    let mut projected = 0;
    for what in [
        "projector catching up, from nothing",
        "projector catching up, from half of the log",
    ] {
        let log = Server::own_on(Own::Log, "log", postgres, database.clone()).await?;
        while database.count_events().await? < projected + plan.backlog {
            load.closed(&log, 256, 1).await?;
        }
        drop(log);
        // The start of the program counts too.
        let start = Instant::now();
        let serve = Server::serve("behind", postgres, database.clone()).await?;
        caught_up(&database).await?;
        let seconds = start.elapsed().as_secs_f64();
        drop(serve);
        let head = database.count_events().await?;
        let rate = number(head - projected) / seconds;
        found.row(what, "", (rate, "events/s"), Some(Bar::AtLeast(25_000.0)));
        projected = head;
    }
    Ok(())
}

/// Waits until all of the log is projected.
pub(crate) async fn caught_up(database: &Database) -> anyhow::Result<()> {
    let head = database
        .number("SELECT COALESCE(sum(position), 0)::bigint FROM head")
        .await?;
    until(database, PROJECTED, head).await.map(drop)
}

/// Asks until a number has been reached, and gives it.
async fn until(database: &Database, query: &'static str, wanted: u64) -> anyhow::Result<u64> {
    let mut session = database.connect().await?;
    let (mut last, mut moved_at) = (0, Instant::now());
    loop {
        let number: i64 = sqlx::query_scalar(query).fetch_one(&mut session).await?;
        let number = u64::try_from(number)?;
        if number >= wanted {
            return Ok(number);
        }
        if number != last {
            (last, moved_at) = (number, Instant::now());
        }
        ensure!(moved_at.elapsed() < STUCK, "it is stuck at {number}");
        sleep(POLL).await;
    }
}
