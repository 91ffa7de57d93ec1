//! Deliveries into a log that has grown: larger indexes are descended further, and fewer of their pages are in memory.

use anyhow::ensure;

use super::{
    bars::{Bar, Findings},
    compare::compare,
    database::Database,
    filled::program,
    load::{Load, request::TENANT},
    plan::Plan,
    postgres::Postgres,
    process,
    sides::{Server, own::Own},
};

/// Connections that deliver.
const CONNECTIONS: u32 = 128;

/// Events of a ticket, as `ticketlog generate` makes them.
const EVENTS_A_TICKET: u64 = 10;

/// Against an empty log, both right after a checkpoint, when the first change of each page is written whole to the WAL, and
/// in the time that follows.
///
/// # Errors
/// If it cannot be filled, or one of the logs does not hold what it answered.
pub(crate) async fn run(events: u64, plan: &Plan, found: &mut Findings) -> anyhow::Result<()> {
    let postgres = Postgres::start(None).await?;
    found.settings = postgres.settings().await?;
    let measured = Box::pin(measure(&postgres, events, plan, found)).await;
    measured.and(postgres.stop().await)
}

async fn measure(
    postgres: &Postgres,
    events: u64,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let database = Database::create(postgres.endpoint(), "grown").await?;
    println!("Filling a log with {events} events");
    let mut generate = program(&database.url());
    generate.args([
        "generate",
        "--tenant",
        TENANT,
        "--events",
        &events.to_string(),
    ]);
    process::run(&mut generate).await?;
    let load = Load::new(plan.slice, events / EVENTS_A_TICKET)?;
    let grown = Server::own_on(Own::Log, "grown", postgres, database.clone()).await?;
    let empty = Server::own(Own::Log, postgres).await?;
    postgres.checkpoint().await?;
    for when in ["right after a checkpoint", "later"] {
        let what =
            format!("durable, {CONNECTIONS} connections, {events} events in the log, {when}");
        println!("{what}, against an empty log");
        let compared = compare(
            plan,
            (grown.name, async || {
                load.closed(&grown, CONNECTIONS, 1).await
            }),
            (empty.name, async || {
                load.closed(&empty, CONNECTIONS, 1).await
            }),
        )
        .await?;
        found.ratio(&what, empty.name, compared, Some(Bar::AtLeast(0.75)));
    }
    empty.check_stored().await?;
    let (stored, answered) = (database.count_events().await?, grown.answered());
    ensure!(
        stored == events + answered,
        "{events} events were there and {answered} were answered as stored, {stored} are"
    );
    Ok(())
}
