//! What CI runs: the comparisons that a gross regression shows in, in a minute, in whatever build it is.

use anyhow::ensure;

use super::{
    bars::{Bar, Findings},
    compare::compare,
    host,
    load::{Load, TICKETS},
    plan::Plan,
    postgres::Postgres,
    sides::{Server, own::Own},
    table,
};

/// Deliveries a second of the open loop: few, for a build without optimisation on a machine that does other things.
const PER_SECOND: u32 = 500;

pub(crate) async fn run() -> anyhow::Result<()> {
    let mut found = Findings::new(host::describe(&Plan::GUARD));
    let postgres = Postgres::start(None).await?;
    let measured = measure(&postgres, &mut found).await;
    let stopped = postgres.stop().await;
    table::print_bars(&found);
    measured.and(stopped)?;
    let all_met = found.rows.iter().all(|row| row.met == Some(true));
    ensure!(all_met, "much slower than it was");
    Ok(())
}

/// The bounds are a third or less of what a debug build reached.
async fn measure(postgres: &Postgres, found: &mut Findings) -> anyhow::Result<()> {
    let plan = &Plan::GUARD;
    let load = Load::new(plan.slice, TICKETS)?;
    let floor = Server::floor(postgres.folder()).await?;
    let log = Server::own(Own::Log, postgres).await?;
    let naive = Server::own(Own::Naive, postgres).await?;
    let what = "durable, 64 connections";
    for (other, bar) in [(&floor, 0.1), (&naive, 0.5)] {
        println!("{what}, against {}", other.name);
        let compared = compare(
            plan,
            (log.name, async || load.closed(&log, 64, 1).await),
            (other.name, async || load.closed(other, 64, 1).await),
        )
        .await?;
        found.ratio(what, other.name, compared, Some(Bar::AtLeast(bar)));
    }
    let what = "open loop, 500 a second, p99";
    println!("{what}");
    let compared = compare(
        plan,
        (log.name, async || load.open(&log, PER_SECOND).await),
        (naive.name, async || load.open(&naive, PER_SECOND).await),
    )
    .await?;
    found.row(what, "naive", (compared.tail, "x"), Some(Bar::AtMost(20.0)));
    log.check_stored().await?;
    naive.check_stored().await
}
