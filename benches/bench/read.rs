//! A ticket's timeline, and an audit of somebody's day.

use std::{fmt::Write, fs, time::Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    bars::{Bar, Findings},
    compare::compare,
    filled::Filled,
    load::Again,
    pgbench::Pgbench,
    plan::Plan,
    questions::Sample,
    slice::Slice,
};

/// Tickets whose timelines are asked for; pgbench takes 128 scripts.
const TICKETS: usize = 100;

/// Days of which both sides of an audit have to tell the same.
const DAYS_COMPARED: usize = 10;

/// Connections that ask for timelines.
const CONNECTIONS: u32 = 16;

/// The settings of the program's own sessions for look-ups.
const LOOKING_UP: &str = "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off \
    -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off";

pub(crate) async fn run(filled: &Filled, plan: &Plan, found: &mut Findings) -> anyhow::Result<()> {
    let sample = filled.sample().await?;
    timeline(filled, &sample, plan, found).await?;
    audit(filled, &sample, plan, found).await
}

async fn timeline(
    filled: &Filled,
    sample: &Sample,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let what = format!("timeline, {CONNECTIONS} connections");
    let tickets = sample.tickets(TICKETS);
    let scripts = scripts(filled, &tickets)?;
    let pgbench = filled.pgbench.clone();
    let pgbench = Pgbench::new(pgbench, scripts, &filled.url, (filled.groups(), LOOKING_UP));
    let paths = tickets
        .iter()
        .map(|ticket| format!("/tickets/{ticket}/timeline"));
    let requests: Vec<Vec<u8>> = paths.map(|path| filled.get(&path)).collect();
    let run = filled.run("\"items\":[{");
    let ask = async || {
        let all = (0..CONNECTIONS).map(|_| requests.clone()).collect();
        Ok(run.closed(all, Again::InTurn, plan.slice).await?.0)
    };
    let pgbench = match pgbench {
        Ok(pgbench) => pgbench,
        Err(reason) => {
            found.skip(&format!("{what} against pgbench"), &format!("{reason:#}"));
            return Ok(());
        }
    };
    println!("{what}, against pgbench of the same SELECT");
    let theirs = async || pgbench.run(CONNECTIONS, plan).await;
    let compared = compare(plan, ("REST", ask), ("pgbench", theirs)).await?;
    let p99 = compared.ours.p99_ms;
    found.ratio(&what, "pgbench", compared, Some(Bar::AtLeast(0.6)));
    found.row(
        format!("{what}, p99"),
        "",
        (p99, "ms"),
        Some(Bar::AtMost(5.0)),
    );
    Ok(())
}

/// What the program reads for a timeline, as it asks for it.
fn scripts(filled: &Filled, tickets: &[i64]) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let tenant = filled.tenant.replace('\'', "''");
    let last = filled.events;
    let script = |(nth, ticket): (usize, &i64)| {
        let path = filled.folder.path().join(format!("timeline-{nth}.sql"));
        let mut text = format!("\\set ticket {ticket}\n\\set last {last}\n");
        write!(
            text,
            "SELECT tenant, position, event_id, event.ticket, received_at, stored_at, primary_key, actor, origin, hook,
                 source, name, entity, occurred_text, webhook_name, signature, body
             FROM UNNEST(ARRAY[:ticket]::bigint[]) WITH ORDINALITY AS wanted (ticket, nth)
             CROSS JOIN LATERAL (
                 SELECT * FROM event
                 WHERE tenant = '{tenant}' AND ticket = wanted.ticket AND position <= :last
                 ORDER BY position OFFSET 0) AS event
             ORDER BY nth, position;\n"
        )?;
        fs::write(&path, text)?;
        Ok(path)
    };
    tickets.iter().enumerate().map(script).collect()
}

/// What somebody changed on a day, from what to what: through the projections, and through a view over the log that looks up each
/// event's predecessor; over the log as it is, and with the indexes that one would make for this very question.
async fn audit(
    filled: &Filled,
    sample: &Sample,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let mut session = filled.connect().await?;
    let days = sample.days();
    let paths = days.iter().map(|(actor, day, next)| {
        format!("/changes?actor={actor}&since={day}&until={next}&kind=changed&limit=1000")
    });
    let requests: Vec<Vec<u8>> = paths.map(|path| filled.get(&path)).collect();
    let run = filled.run("\"items\":[");
    let what = "audit of somebody's day";
    let views = [
        ("view", VIEW, Some(Bar::AtLeast(10.0))),
        ("indexed view", INDEXES, None),
    ];
    for (side, statements, bar) in views {
        println!("{what}, against a view that looks up predecessors ({side})");
        sqlx::raw_sql(statements).execute(&mut session).await?;
        agree(
            filled,
            &mut session,
            days.get(..DAYS_COMPARED).unwrap_or(&days),
        )
        .await?;
        let mut next = 0;
        let compared = compare(
            plan,
            ("REST", async || {
                let run = run.closed(vec![requests.clone()], Again::InTurn, plan.slice);
                Ok(run.await?.0)
            }),
            (side, async || {
                let (slice, reached) = look_up(filled, &mut session, &days, next, plan).await?;
                next = reached;
                Ok(slice)
            }),
        )
        .await?;
        found.ratio(what, side, compared, bar);
    }
    Ok(())
}

/// In a transaction that is never committed, so that a database that was given stays as it is. Without the
/// bookkeeping, which the program leaves out too.
const VIEW: &str = "
    BEGIN;
    CREATE VIEW bench_predecessor AS
    SELECT event.tenant, event.ticket, event.event_id, event.actor, event.occurred_ticks, field.key AS field,
           predecessor.fields -> field.key AS from_value, field.value AS to_value
    FROM event
    CROSS JOIN LATERAL (
        SELECT convert_from(earlier.body, 'UTF8')::jsonb -> 'FieldValues' AS fields
        FROM event AS earlier
        WHERE earlier.tenant = event.tenant AND earlier.ticket = event.ticket
          AND (earlier.occurred_ticks, earlier.event_id) < (event.occurred_ticks, event.event_id)
        ORDER BY earlier.occurred_ticks DESC, earlier.event_id DESC LIMIT 1) AS predecessor
    CROSS JOIN LATERAL jsonb_each(convert_from(event.body, 'UTF8')::jsonb -> 'FieldValues') AS field
    WHERE event.ticket IS NOT NULL AND field.key <> 'last_changed'
      AND predecessor.fields -> field.key <> field.value";

/// One for the question and one for the look-up.
const INDEXES: &str = "
    CREATE INDEX bench_by_actor ON event (tenant, actor, occurred_ticks);
    CREATE INDEX bench_by_order ON event (tenant, ticket, occurred_ticks, event_id);
    ANALYZE event";

/// Both have to tell of the same changes but for a few: the program knows repeats, and when a value is unknown.
async fn agree(
    filled: &Filled,
    session: &mut PgConnection,
    days: &[(i64, String, String)],
) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (0, 0);
    for (actor, day, next) in days {
        let path =
            format!("/changes?actor={actor}&since={day}&until={next}&kind=changed&return=count");
        let count = filled.ask(&path).await?;
        ours += count
            .get("count")
            .and_then(Value::as_u64)
            .context("no count")?;
        let rows = sqlx::raw_sql(AssertSqlSafe(asked(filled, *actor, day, next)));
        theirs += u64::try_from(rows.fetch_all(&mut *session).await?.len())?;
    }
    ensure!(
        ours.abs_diff(theirs) * 20 <= theirs,
        "the program has {ours} changes, the view has {theirs}: it is not the same question"
    );
    println!("  changes of {} days: {ours} and {theirs}", days.len());
    Ok(())
}

/// What somebody changed on a day, asked of the view.
fn asked(filled: &Filled, actor: i64, day: &str, next: &str) -> String {
    format!(
        "SELECT * FROM bench_predecessor WHERE tenant = '{}' AND actor = {actor}
             AND occurred_ticks >= report.ticks('{day}') AND occurred_ticks < report.ticks('{next}')
         ORDER BY occurred_ticks, event_id",
        filled.tenant.replace('\'', "''")
    )
}

/// Asks the view for one day after the other until the time is over; also where to go on.
async fn look_up(
    filled: &Filled,
    session: &mut PgConnection,
    days: &[(i64, String, String)],
    first: usize,
    plan: &Plan,
) -> anyhow::Result<(Slice, usize)> {
    let groups = filled.postgres_alone();
    let used = groups.used();
    let start = Instant::now();
    let mut latencies = Vec::new();
    let mut found = 0;
    let mut nth = first;
    while start.elapsed() < plan.slice {
        let (actor, day, next) = days.get(nth % days.len()).context("no days")?;
        let begun = Instant::now();
        let rows = sqlx::raw_sql(AssertSqlSafe(asked(filled, *actor, day, next)));
        let rows = rows.fetch_all(&mut *session).await?;
        found += rows.len();
        latencies.push(begun.elapsed());
        nth += 1;
    }
    ensure!(found > 0, "the view knows of no changes");
    let cpu = groups.used().since(used);
    let mut slice = Slice::new(u64::try_from(latencies.len())?, start.elapsed(), cpu)?;
    for latency in latencies {
        slice.record(latency)?;
    }
    Ok((slice, nth))
}
