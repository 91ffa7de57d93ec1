//! A report over everything.

use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};

use super::{
    bars::{Bar, Findings},
    compare::compare,
    filled::Filled,
    plan::Plan,
    slice::Slice,
};

/// How long tickets were in each status: the next event of the ticket ends each stay. What one would write over
/// the log alone.
const WINDOWS: &str = "
    WITH seen AS (
        SELECT ticket, occurred_ticks, event_id,
               convert_from(body, 'UTF8')::jsonb -> 'FieldValues' ->> 'status' AS status
        FROM event WHERE tenant = 'TENANT' AND ticket IS NOT NULL AND occurred_ticks IS NOT NULL
    ), moved AS (
        SELECT *, lag(status) OVER (PARTITION BY ticket ORDER BY occurred_ticks, event_id) AS before FROM seen
        WHERE status IS NOT NULL
    ), stay AS (
        SELECT status, occurred_ticks AS from_ticks, lead(occurred_ticks) OVER (
            PARTITION BY ticket ORDER BY occurred_ticks, event_id) AS until_ticks
        FROM moved WHERE status IS DISTINCT FROM before
    )
    SELECT status, count(*) AS visits, count(until_ticks) AS closed_visits,
           (sum(until_ticks - from_ticks) / 1e7)::double precision AS seconds,
           (percentile_cont(0.5) WITHIN GROUP (ORDER BY (until_ticks - from_ticks)::double precision) / 1e7) AS median
    FROM stay GROUP BY status ORDER BY status";

pub(crate) async fn run(filled: &Filled, plan: &Plan, found: &mut Findings) -> anyhow::Result<()> {
    let what = "time in status over everything";
    println!("{what}, against window functions over the log");
    let windows = WINDOWS.replace("TENANT", &filled.tenant.replace('\'', "''"));
    agree(filled, &windows).await?;
    let mut session = filled.connect().await?;
    let groups = filled.groups();
    let compared = compare(
        plan,
        ("REST", async || {
            let (used, start) = (groups.used(), Instant::now());
            filled.ask("/reports/time_in_field?field=status").await?;
            once(start, groups.used().since(used))
        }),
        ("windows", async || {
            let groups = filled.postgres_alone();
            let (used, start) = (groups.used(), Instant::now());
            let rows = sqlx::raw_sql(AssertSqlSafe(windows.clone()));
            let rows = rows.fetch_all(&mut session).await?;
            ensure!(!rows.is_empty(), "no status in the log");
            once(start, groups.used().since(used))
        }),
    )
    .await?;
    let times = 1.0 / compared.rate;
    found.ratio(what, "windows", compared, None);
    found.row(
        format!("{what}, time it takes"),
        "windows",
        (times, "x"),
        Some(Bar::AtMost(0.25)),
    );
    Ok(())
}

/// One answer in that time.
pub(crate) fn once(start: Instant, cpu: super::slice::Cpu) -> anyhow::Result<Slice> {
    let elapsed = start.elapsed();
    let mut slice = Slice::new(1, elapsed, cpu)?;
    slice.record(elapsed)?;
    Ok(slice)
}

/// Both have to tell of the same visits but for what only the program knows better: repeats, and values that became
/// unknown.
async fn agree(filled: &Filled, windows: &str) -> anyhow::Result<()> {
    let report = filled.ask("/reports/time_in_field?field=status").await?;
    let items = report.get("items").and_then(Value::as_array);
    let visits = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("visits")?.as_i64());
    let ours: i64 = visits.sum();
    let mut session = filled.connect().await?;
    let rows = sqlx::raw_sql(AssertSqlSafe(windows.to_owned()));
    let mut theirs: i64 = 0;
    for row in rows.fetch_all(&mut session).await? {
        theirs += row.try_get::<i64, _>("visits").context("reading visits")?;
    }
    ensure!(
        (ours - theirs).abs() * 50 <= theirs,
        "the report has {ours} visits, window functions have {theirs}: it is not the same question"
    );
    println!("  visits: {ours} and {theirs}");
    Ok(())
}
