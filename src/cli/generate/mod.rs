//! `generate`: fills new tenants with tickets that never were, to try the program at size.
//!
//! The bodies are made, then read and stored as an import's; only the way into the log is shorter.

mod arrivals;
mod body;
mod busy;
mod chance;
mod desk;
mod pipeline;
mod ticket;

use std::{process::ExitCode, thread, time::Instant};

use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use self::{arrivals::Arrivals, desk::Plan, pipeline::Pipeline};
use super::{database::Database, hooks::tenant, print};
use crate::{
    config::Shared,
    domain::{ids::Tenant, instant::ticks_of_timestamp},
    store::{Bulk, Store},
};

/// Ticks of 100 ns in a day.
const DAY: i64 = 86_400 * busy::SECOND;

/// Arguments of `generate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog generate --tenant Demo --data-dir /tmp/demo\n  \
    ticketlog generate --tenant Big --events 10000000 --tickets 1000000 --data-dir /tmp/big\n\n\
    The same seed and figures give the same bodies. A tenant that has events is left alone: this is for trying\n\
    the program at size, and nothing in a log can be taken back. The history follows by itself.")]
pub(super) struct GenerateArgs {
    /// The tenant to make; with --tenants the beginning of their names: Demo-1, Demo-2 …
    #[arg(long)]
    tenant: String,
    /// How many tenants share the events and tickets.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=1000))]
    tenants: i64,
    /// Events in all.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    events: i64,
    /// Tickets in all; without it a tenth of the events.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    tickets: Option<i64>,
    /// Another seed, other tickets.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Nothing happens before this instant.
    #[arg(long, default_value = "2023-01-01T00:00:00Z", value_name = "INSTANT")]
    since: jiff::Timestamp,
    /// Nothing happens from this instant on; a day after --since or later.
    #[arg(long, default_value = "2025-01-01T00:00:00Z", value_name = "INSTANT")]
    until: jiff::Timestamp,
    /// People who change something in a tenant.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    actors: i64,
}

/// Makes the tenants one after the other.
pub(super) async fn run(shared: &Shared, args: GenerateArgs) -> anyhow::Result<ExitCode> {
    // Never by accident into the log of a service that runs here.
    ensure!(
        shared.names_a_log(),
        "say into which log with --data-dir or --database-url: made-up events cannot be taken out again"
    );
    let plans = plans(&args)?;
    let database = Database::open(shared).await?;
    let done = fill(&database.store, plans).await;
    database.close().await?;
    print(&done?);
    Ok(ExitCode::SUCCESS)
}

fn plans(args: &GenerateArgs) -> anyhow::Result<Vec<Plan>> {
    let (since, until) = (
        ticks_of_timestamp(args.since),
        ticks_of_timestamp(args.until),
    );
    ensure!(
        until - since >= DAY,
        "--until must be a day after --since or later"
    );
    let tickets = args.tickets.unwrap_or((args.events / 10).max(args.tenants));
    ensure!(
        args.tenants <= tickets && tickets <= args.events,
        "{} events of {tickets} tickets of {} tenants: each ticket has an event at least, each tenant a ticket",
        args.events,
        args.tenants
    );
    (0..args.tenants)
        .map(|nth| {
            let share = |all: i64| all / args.tenants + i64::from(nth < all % args.tenants);
            let name = match args.tenants {
                1 => args.tenant.clone(),
                _ => format!("{}-{}", args.tenant, nth + 1),
            };
            Ok(Plan {
                tenant: tenant(&name)?,
                // The larger shares of both go to the first, so that none has more tickets than events.
                tickets: share(tickets),
                events: share(args.events),
                since,
                until,
                actors: args.actors,
                // Far apart, for a tenant uses the seed after its own, too.
                seed: args
                    .seed
                    .wrapping_mul(1_000_003)
                    .wrapping_add(nth.unsigned_abs() * 2),
            })
        })
        .collect()
}

/// Gives what is to be printed at the end.
async fn fill(store: &Store, plans: Vec<Plan>) -> anyhow::Result<String> {
    let mut logs = Vec::new();
    // All before the first is filled.
    for plan in &plans {
        refuse_if_known(store, &plan.tenant).await?;
    }
    for plan in plans {
        let bulk = store
            .begin_log(&plan.tenant)
            .await
            .context("beginning a log")?;
        logs.push((bulk.with_context(|| has_events(&plan.tenant))?, plan));
    }
    let events: i64 = logs.iter().map(|(_, plan)| plan.events).sum();
    let tickets: i64 = logs.iter().map(|(_, plan)| plan.tickets).sum();
    let tenants = logs.len();
    let bar = progress_bar(events);
    let begun = Instant::now();
    for (bulk, plan) in logs {
        let name = plan.tenant.clone();
        fill_one(bulk, plan, &bar)
            .await
            .with_context(|| format!("filling {name}"))?;
    }
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    let noun = if tenants == 1 { "tenant" } else { "tenants" };
    let in_all = u32::try_from(events).map_or(f64::INFINITY, f64::from);
    Ok(format!(
        "{events} events of {tickets} tickets of {tenants} {noun} in {seconds:.1} s, {:.0} events/s",
        in_all / seconds
    ))
}

async fn refuse_if_known(store: &Store, tenant: &Tenant) -> anyhow::Result<()> {
    let head = store.find_head(tenant).await?;
    ensure!(head.is_none_or(|head| head.0 == 0), has_events(tenant));
    Ok(())
}

fn has_events(tenant: &Tenant) -> String {
    format!("the tenant \"{tenant}\" has events already; made-up ones go into new tenants only")
}

async fn fill_one(mut bulk: Bulk, plan: Plan, bar: &ProgressBar) -> anyhow::Result<()> {
    let planned = plan.events;
    let readers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    let mut pipeline = Pipeline::start(Arrivals::new(plan), readers).context("starting threads")?;
    let mut stored = 0;
    while let Some(rows) = pipeline.next().await {
        let count = u64::try_from(rows.len())?;
        bulk.append(rows).await?;
        stored += count;
        bar.inc(count);
    }
    bulk.close().await?;
    // A thread that died ends the rows early.
    ensure!(
        i64::try_from(stored) == Ok(planned),
        "only {stored} events of {planned} were made"
    );
    Ok(())
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(events: i64) -> ProgressBar {
    let bar = ProgressBar::new(events.unsigned_abs());
    match ProgressStyle::with_template("{bar:40} {percent}% {per_sec} {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
