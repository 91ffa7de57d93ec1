//! Deliveries: durable and answered 200.

mod bulk;
pub(crate) mod projector;

use std::fs;

use super::{
    bars::{Bar, Findings},
    compare::compare,
    load::{Load, TICKETS},
    memory,
    pgbench::Pgbench,
    plan::Plan,
    postgres::Postgres,
    sides::{Server, own::Own, peers::Peer},
    slice::number,
    slow_disk::SlowDisk,
};

/// Deliveries a second of an open loop.
const PER_SECOND: u32 = 5000;

/// Tenants of the mixed load.
const TENANTS: u64 = 50;

/// Statements of pgbench under way at once, as many as the naive side has connections.
const PGBENCH_CLIENTS: u32 = 10;

/// All of it, on one private Postgres and then on one with a slow disk.
pub(crate) async fn run(plan: &Plan, found: &mut Findings) -> anyhow::Result<()> {
    let postgres = Postgres::start_used(None).await?;
    let measured = Box::pin(on_this_disk(&postgres, plan, found)).await;
    let binary = fs::read_link(format!("/proc/{}/exe", postgres.pid));
    let stopped = postgres.stop().await;
    measured.and(stopped)?;
    let slow = match binary {
        Ok(binary) => SlowDisk::prepare(&binary),
        Err(error) => Err(error.into()),
    };
    match slow {
        Ok(slow) => on_slow_disk(&slow, plan, found).await,
        Err(reason) => {
            found.skip("a slower disk", &format!("{reason:#}"));
            Ok(())
        }
    }
}

async fn on_this_disk(
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    found.settings = postgres.settings().await?;
    let load = Load::new(plan.slice, TICKETS)?;
    against_floor(&load, postgres, plan, found).await?;
    against_naive(&load, postgres, plan, found).await?;
    open_loop(&load, postgres, plan, found).await?;
    against_peers(&load, postgres, plan, found).await?;
    against_postgres(&load, postgres, plan, found).await?;
    to_spool(&load, postgres, plan, found).await?;
    Box::pin(projector::run(&load, postgres, plan, found)).await?;
    memory::of_serve(&load, postgres, found).await
}

async fn against_floor(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let floor = Server::floor(postgres.folder()).await?;
    for (connections, bar) in [(64, None), (256, Some(Bar::AtLeast(0.5)))] {
        let log = Server::own(Own::Log, postgres).await?;
        let what = format!("durable, {connections} connections");
        println!("{what}, against the HTTP floor");
        let compared = compare(
            plan,
            (log.name, async || load.closed(&log, connections, 1).await),
            (floor.name, async || {
                load.closed(&floor, connections, 1).await
            }),
        )
        .await?;
        let pipeline = compared.ours.pipeline_us;
        let times = compared.cpu;
        found.ratio(&what, "floor", compared, bar);
        let (at_most, twice) = match bar {
            Some(_) => (Some(Bar::AtMost(34.0)), Some(Bar::AtMost(2.0))),
            None => (None, None),
        };
        let what = format!("CPU an event, server and Postgres, {connections} connections");
        found.row(what.clone(), "", (pipeline, "us"), at_most);
        found.row(what, "floor", (times, "x"), twice);
        log.check_stored().await?;
        if connections == 256 {
            bytes_of_log(&log, found).await?;
        }
    }
    Ok(())
}

async fn against_naive(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let at_least = Some(Bar::AtLeast(4.0));
    let mixes = [
        (64, 1, None),
        (128, 1, at_least),
        (256, 1, None),
        (128, TENANTS, None),
    ];
    for (connections, tenants, bar) in mixes {
        let log = Server::own(Own::Log, postgres).await?;
        let naive = Server::own(Own::Naive, postgres).await?;
        let what = match tenants {
            1 => format!("durable, {connections} connections"),
            _ => format!("durable, {connections} connections, {tenants} tenants mixed"),
        };
        println!("{what}, against one insert a request");
        let compared = compare(
            plan,
            (log.name, async || {
                load.closed(&log, connections, tenants).await
            }),
            (naive.name, async || {
                load.closed(&naive, connections, tenants).await
            }),
        )
        .await?;
        found.ratio(&what, "naive", compared, bar);
        log.check_stored().await?;
        naive.check_stored().await?;
    }
    Ok(())
}

async fn open_loop(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let log = Server::own(Own::Log, postgres).await?;
    let naive = Server::own(Own::Naive, postgres).await?;
    let what = format!("open loop, {PER_SECOND} a second");
    println!("{what}, against one insert a request");
    let compared = compare(
        plan,
        (log.name, async || load.open(&log, PER_SECOND).await),
        (naive.name, async || load.open(&naive, PER_SECOND).await),
    )
    .await?;
    let (p99, tail) = (compared.ours.p99_ms, compared.tail);
    found.ratio(&what, "naive", compared, None);
    let what = format!("p99 from the intended instant, {PER_SECOND} a second");
    found.row(what.clone(), "naive", (tail, "x"), Some(Bar::AtMost(0.2)));
    found.row(what, "", (p99, "ms"), Some(Bar::AtMost(15.0)));
    log.check_stored().await?;
    naive.check_stored().await
}

async fn against_peers(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    for (peer, bar) in [(Peer::FastApi, 7.0), (Peer::Fastify, 4.5)] {
        let there = match peer.start(postgres).await {
            Ok(there) => there,
            Err(reason) => {
                found.skip(peer.name(), &format!("{reason:#}"));
                continue;
            }
        };
        let log = Server::own(Own::Log, postgres).await?;
        let what = "durable, 64 connections";
        println!("{what}, against {}", peer.name());
        let compared = compare(
            plan,
            (log.name, async || load.closed(&log, 64, 1).await),
            (there.name, async || load.closed(&there, 64, 1).await),
        )
        .await?;
        found.ratio(what, there.name, compared, Some(Bar::AtLeast(bar)));
        log.check_stored().await?;
        there.check_stored().await?;
    }
    Ok(())
}

/// What Postgres alone does with the same rows: one a statement, and all at once.
async fn against_postgres(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let log = Server::own(Own::Log, postgres).await?;
    let naive = Server::own(Own::Naive, postgres).await?;
    // The rows that both copy.
    load.closed(&log, 256, 1).await?;
    load.closed(&naive, 64, 1).await?;
    let what = "durable, 256 connections";
    match Pgbench::inserting(&naive, postgres) {
        Ok(pgbench) => {
            println!("{what}, against pgbench with one insert a transaction");
            let compared = compare(
                plan,
                (log.name, async || load.closed(&log, 256, 1).await),
                ("pgbench", async || pgbench.run(PGBENCH_CLIENTS, plan).await),
            )
            .await?;
            pgbench.count(&naive).await?;
            found.ratio(what, "pgbench", compared, None);
        }
        Err(reason) => found.skip("pgbench", &format!("{reason:#}")),
    }
    println!("{what}, against COPY BINARY");
    let mut copy = bulk::Copy::prepare(&log, postgres).await?;
    let compared = compare(
        plan,
        (log.name, async || load.closed(&log, 256, 1).await),
        ("COPY", async || copy.run().await),
    )
    .await?;
    found.ratio(what, "COPY", compared, None);
    log.check_stored().await?;
    naive.check_stored().await
}

async fn to_spool(
    load: &Load,
    postgres: &Postgres,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let log = Server::own(Own::Log, postgres).await?;
    let spool = Server::spooling(postgres.folder()).await?;
    let what = "to the spool, Postgres away, 128 connections";
    println!("{what}, against the normal path");
    let compared = compare(
        plan,
        (spool.name, async || load.closed(&spool, 128, 1).await),
        (log.name, async || load.closed(&log, 128, 1).await),
    )
    .await?;
    found.ratio(what, "log", compared, Some(Bar::AtLeast(0.5)));
    log.check_stored().await
}

async fn on_slow_disk(slow: &SlowDisk, plan: &Plan, found: &mut Findings) -> anyhow::Result<()> {
    let postgres = Postgres::start_used(Some(slow.bin_dir())).await?;
    let measured = async {
        let load = Load::new(plan.slice, TICKETS)?;
        let log = Server::own(Own::Log, &postgres).await?;
        let naive = Server::own(Own::Naive, &postgres).await?;
        let what = "durable, fdatasync 1 ms slower, 128 connections";
        println!("{what}, against one insert a request");
        let compared = compare(
            plan,
            (log.name, async || load.closed(&log, 128, 1).await),
            (naive.name, async || load.closed(&naive, 128, 1).await),
        )
        .await?;
        found.ratio(what, "naive", compared, Some(Bar::AtLeast(6.0)));
        log.check_stored().await?;
        naive.check_stored().await
    };
    let measured = measured.await;
    measured.and(postgres.stop().await)
}

/// Of signed deliveries, with all indexes.
async fn bytes_of_log(log: &Server, found: &mut Findings) -> anyhow::Result<()> {
    let Some(database) = &log.database else {
        return Ok(());
    };
    let all = database
        .number("SELECT pg_total_relation_size('event') + pg_total_relation_size('header_set')");
    let bodies = database.number("SELECT sum(length(body))::bigint FROM event");
    let beside = all.await?.saturating_sub(bodies.await?);
    let beside = number(beside) / number(database.count_events().await?);
    let what = "bytes on disk an event beside its body: log with indexes";
    found.row(what, "", (beside, "B"), Some(Bar::AtMost(450.0)));
    Ok(())
}
