//! A ticket's timeline, and an audit of somebody's day.

use std::{fmt::Write, fs, time::Instant};

use anyhow::{Context, ensure};
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

/// What somebody did on a day: through the projections, and through a view over the log that looks up each
/// event's predecessor.
async fn audit(
    filled: &Filled,
    sample: &Sample,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    // Never committed, so a database that was given stays as it is.
    let mut session = filled.connect().await?;
    sqlx::raw_sql(PREDECESSORS).execute(&mut session).await?;
    let days = sample.days();
    let paths = days.iter().map(|(actor, day, next)| {
        format!("/changes?actor={actor}&since={day}&until={next}&include=noise&limit=1000")
    });
    let requests: Vec<Vec<u8>> = paths.map(|path| filled.get(&path)).collect();
    let run = filled.run("\"items\":[");
    let what = "audit of somebody's day";
    println!("{what}, against a view that looks up predecessors");
    let mut next = 0;
    let compared = compare(
        plan,
        ("REST", async || {
            let run = run.closed(vec![requests.clone()], Again::InTurn, plan.slice);
            Ok(run.await?.0)
        }),
        ("view", async || {
            let (slice, reached) = look_up(filled, &mut session, &days, next, plan).await?;
            next = reached;
            Ok(slice)
        }),
    )
    .await?;
    found.ratio(what, "view", compared, Some(Bar::AtLeast(10.0)));
    Ok(())
}

/// As good as one would make it, with an index for the question and one for the look-up.
const PREDECESSORS: &str = "
    BEGIN;
    CREATE INDEX bench_by_actor ON event (tenant, actor, occurred_ticks);
    CREATE INDEX bench_by_order ON event (tenant, ticket, occurred_ticks, event_id);
    CREATE VIEW bench_predecessor AS
    SELECT event.tenant, event.ticket, event.event_id, event.actor, event.occurred_ticks, field.key AS field,
           predecessor.fields -> field.key AS from_value, field.value AS to_value
    FROM event
    LEFT JOIN LATERAL (
        SELECT convert_from(earlier.body, 'UTF8')::jsonb -> 'FieldValues' AS fields
        FROM event AS earlier
        WHERE earlier.tenant = event.tenant AND earlier.ticket = event.ticket
          AND (earlier.occurred_ticks, earlier.event_id) < (event.occurred_ticks, event.event_id)
        ORDER BY earlier.occurred_ticks DESC, earlier.event_id DESC LIMIT 1) AS predecessor ON true
    CROSS JOIN LATERAL jsonb_each(convert_from(event.body, 'UTF8')::jsonb -> 'FieldValues') AS field
    WHERE event.ticket IS NOT NULL AND predecessor.fields -> field.key IS DISTINCT FROM field.value;
    ANALYZE event";

/// Asks the view for one day after the other until the time is over; also where to go on.
async fn look_up(
    filled: &Filled,
    session: &mut PgConnection,
    days: &[(i64, String, String)],
    first: usize,
    plan: &Plan,
) -> anyhow::Result<(Slice, usize)> {
    let groups = filled.groups();
    let used = groups.used();
    let start = Instant::now();
    let mut latencies = Vec::new();
    let mut found = 0;
    let mut nth = first;
    while start.elapsed() < plan.slice {
        let (actor, day, next) = days.get(nth % days.len()).context("no days")?;
        let asked = Instant::now();
        let rows = sqlx::raw_sql(AssertSqlSafe(format!(
            "SELECT * FROM bench_predecessor WHERE tenant = '{}' AND actor = {actor}
                 AND occurred_ticks >= report.ticks('{day}') AND occurred_ticks < report.ticks('{next}')
             ORDER BY occurred_ticks, event_id",
            filled.tenant.replace('\'', "''")
        )))
        .fetch_all(&mut *session)
        .await?;
        found += rows.len();
        latencies.push(asked.elapsed());
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
