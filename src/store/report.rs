//! Reports: the files that come with the program, and how any is run.

use std::sync::LazyLock;

use serde_json::value::RawValue;
use sqlx::{
    AssertSqlSafe, Column, Connection, Executor, PgConnection, Row, SqlSafeStr, Statement as _,
    postgres::PgRow,
};

use super::{Store, StoreError};
use crate::domain::{
    doubt::Extent,
    feed::Outages,
    ids::Tenant,
    report::{Arguments, MAX_BYTES, MAX_ROWS, Report, Statement},
};

/// Begins what a report runs in.
const BEGIN: &str =
    "BEGIN READ ONLY; SET LOCAL statement_timeout = '60s'; SET LOCAL timezone = 'UTC'";

/// Memory for one sort or one table of groups: reports sort hundreds of thousands of rows, a few at a time.
const WORK_MEM: &str = "SET LOCAL work_mem = '64MB'";

/// The files, by name.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("reports/", $name, ".sql")))),+]
    };
}

/// All that come with the program, in the order of the documentation.
static BUILT_IN: LazyLock<Vec<Report>> = LazyLock::new(|| {
    let files = files![
        "time_in_field",
        "transitions",
        "reopens",
        "owner_changes",
        "handovers",
        "ping_pong",
        "resolution",
        "first_response",
        "throughput",
        "backlog_as_of",
        "changes_by_field",
        "changes_by_actor",
        "unassigned_time",
        "feed_completeness",
    ];
    let reports = files.map(|(name, text)| Report::parse(name, text));
    // A test holds that each can be read.
    reports.into_iter().flatten().collect()
});

/// What a report found.
#[derive(Debug)]
pub struct ReportRows {
    /// The names of its columns, in order.
    pub columns: Vec<String>,
    /// Its rows in order, each an object of its columns in order.
    pub rows: Vec<Box<RawValue>>,
    /// True if there are more than [`MAX_ROWS`], or more than [`MAX_BYTES`] of them: the rest is left out.
    pub capped: bool,
}

/// An answer of a report, and how far it can be relied on.
#[derive(Debug)]
pub struct ReportAnswer {
    /// What it found.
    pub found: ReportRows,
    /// The part of the intervals between the tenant's events, within the report's time, in which something was missed.
    pub suspect_share: f64,
    /// The part of which the evidence is thin.
    pub unproven_share: f64,
}

/// The reports that come with the program.
pub fn built_in_reports() -> &'static [Report] {
    &BUILT_IN
}

impl Store {
    /// Runs a report, one of the operator's own as the tenant's role for it, and counts what is in doubt between its
    /// `since` and `until`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::TooLong`] if it takes longer than 60 s; [`StoreError::Refused`] for a
    /// value that Postgres cannot take; [`StoreError::Report`] for whatever Postgres has against one of the operator's
    /// or its role.
    pub async fn run_report(
        &self,
        tenant: &Tenant,
        report: &Report,
        arguments: &Arguments,
    ) -> Result<ReportAnswer, StoreError> {
        let found = if report.own {
            self.run_own_report(tenant, report, arguments).await?
        } else {
            let mut connection = self.reads.acquire().await?;
            let found = run(&mut connection, &report.statement(arguments), arguments).await;
            found.map_err(StoreError::of_report)?
        };
        let extent = Extent {
            since_ticks: arguments.ticks("since"),
            until_ticks: arguments.ticks("until"),
            ..Extent::default()
        };
        // They say something of the open intervals alone.
        let outages = Outages::default();
        let (counts, _) = self.count_intervals(tenant, &extent, &outages).await?;
        let (suspect_share, unproven_share) = counts.shares();
        Ok(ReportAnswer {
            found,
            suspect_share,
            unproven_share,
        })
    }
}

/// Lets Postgres read a statement; gives the names of its columns.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    statement: &Statement,
) -> Result<Vec<String>, sqlx::Error> {
    let sql = AssertSqlSafe(statement.sql.clone());
    let prepared = connection.prepare(sql.into_sql_str()).await?;
    let columns = prepared.columns().iter();
    Ok(columns.map(|column| column.name().to_owned()).collect())
}

/// Runs a statement in a transaction of its own that can change nothing.
pub(super) async fn run(
    connection: &mut PgConnection,
    statement: &Statement,
    arguments: &Arguments,
) -> Result<ReportRows, sqlx::Error> {
    let mut tx = connection.begin_with(BEGIN).await?;
    tx.execute(WORK_MEM).await?;
    let columns = prepare(&mut tx, statement).await?;
    // As JSON, for an operator's own report may give columns of any type. What is past the most bytes comes as null, so
    // that it never leaves Postgres.
    let sql = format!(
        "SELECT CASE WHEN bytes <= {MAX_BYTES} THEN json END FROM (
         SELECT json, sum(octet_length(json)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM (
         SELECT row_to_json(answer)::text AS json FROM (\n{}\n) AS answer LIMIT {}) AS line) AS counted",
        statement.sql,
        MAX_ROWS + 1
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for name in &statement.names {
        query = query.bind(arguments.value(name).to_owned());
    }
    let lines = query
        .persistent(false)
        .try_map(|row: PgRow| {
            let json: Option<String> = row.try_get(0)?;
            let raw = json.map(RawValue::from_string).transpose();
            raw.map_err(|error| sqlx::Error::Decode(error.into()))
        })
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    let found = lines.len();
    let rows: Vec<_> = lines
        .into_iter()
        .map_while(|line| line)
        .take(MAX_ROWS)
        .collect();
    let capped = rows.len() < found;
    Ok(ReportRows {
        columns,
        rows,
        capped,
    })
}
