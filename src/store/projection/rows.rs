//! Rows of the projections, and how they are read.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Claim, StoreError};
use crate::domain::ids::TicketId;

/// A row of `ticket`; the default is that of one without events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketRow {
    /// Its events in the log, dated or not.
    pub events: i64,
    /// Those that are not.
    pub undated: i64,
    /// Timestamp of its first dated event.
    pub first_ticks: Option<i64>,
    /// Timestamp of its last.
    pub last_ticks: Option<i64>,
    /// Intervals that nothing speaks against.
    pub consistent: i64,
    /// Intervals that are unproven.
    pub unproven: i64,
    /// Intervals that are suspect.
    pub suspect: i64,
    /// Where the fold of its history stands, as JSON; `None` if nothing is dated.
    pub fold: Option<String>,
}

/// A row of `entry`; the first two are its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the columns, which migrations/0004_projection.sql describes"
)]
pub struct EntryRow {
    pub ticket: i64,
    pub event_id: Uuid,
    pub position: i64,
    pub ticks: i64,
    pub creates: bool,
    pub actor: Option<i64>,
    pub lifecycle: Option<String>,
    pub repeats: Option<Uuid>,
    pub after_ticks: Option<i64>,
    pub confidence: String,
    /// By name, with commas between.
    pub reasons: String,
}

/// A row of `change`; the first three are its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the columns, which migrations/0004_projection.sql describes"
)]
pub struct ChangeRow {
    pub ticket: i64,
    pub event_id: Uuid,
    pub nth: i32,
    pub position: i64,
    pub ticks: i64,
    pub actor: Option<i64>,
    pub field: String,
    pub kind: String,
    pub declared: bool,
    pub noise: bool,
    pub from_value: Option<String>,
    pub to_value: Option<String>,
    pub from_key: Option<String>,
    pub to_key: Option<String>,
    pub occurred_text: Option<String>,
}

/// A row of `field_interval`; the first three are its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the columns, which migrations/0004_projection.sql describes"
)]
pub struct IntervalRow {
    pub ticket: i64,
    pub field: String,
    pub from_event: Uuid,
    pub from_ticks: i64,
    pub until_event: Option<Uuid>,
    pub until_ticks: Option<i64>,
    pub value: String,
    pub key: String,
}

/// Rows of some tickets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Of `entry`.
    pub entries: Vec<EntryRow>,
    /// Of `change`.
    pub changes: Vec<ChangeRow>,
    /// Of `field_interval`.
    pub intervals: Vec<IntervalRow>,
}

impl Rows {
    /// Those of these rows that are not among others, column for column.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        Self {
            entries: difference(&self.entries, &others.entries),
            changes: difference(&self.changes, &others.changes),
            intervals: difference(&self.intervals, &others.intervals),
        }
    }
}

fn difference<T: Ord + Clone>(rows: &[T], others: &[T]) -> Vec<T> {
    let others: BTreeSet<&T> = others.iter().collect();
    let rows = rows.iter().filter(|row| !others.contains(row));
    rows.cloned().collect()
}

impl Claim {
    /// The rows of `ticket` of these tickets.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_tickets(
        &mut self,
        tickets: &[i64],
    ) -> Result<BTreeMap<TicketId, TicketRow>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT found.ticket AS "ticket!", events AS "events!", undated AS "undated!", first_ticks,
                      last_ticks, consistent AS "consistent!", unproven AS "unproven!",
                      suspect AS "suspect!", fold
               FROM UNNEST($2::bigint[]) AS wanted (ticket)
               CROSS JOIN LATERAL (
                   SELECT * FROM ticket
                   WHERE tenant = $1 AND ticket.ticket = wanted.ticket LIMIT 1) AS found"#,
            self.tenant.as_str(),
            tickets,
        )
        .fetch_all(&mut self.connection)
        .await?;
        let found = rows.into_iter().filter_map(|row| {
            let found = TicketRow {
                events: row.events,
                undated: row.undated,
                first_ticks: row.first_ticks,
                last_ticks: row.last_ticks,
                consistent: row.consistent,
                unproven: row.unproven,
                suspect: row.suspect,
                fold: row.fold,
            };
            Some((TicketId::new(row.ticket)?, found))
        });
        Ok(found.collect())
    }

    /// All other rows of these tickets.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_rows(&mut self, tickets: &[i64]) -> Result<Rows, StoreError> {
        Ok(Rows {
            entries: self.find_entries(tickets).await?,
            changes: self.find_changes(tickets).await?,
            intervals: self.find_intervals(tickets).await?,
        })
    }

    async fn find_entries(&mut self, tickets: &[i64]) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query_as!(
            EntryRow,
            r#"SELECT found.ticket AS "ticket!", event_id AS "event_id!", position AS "position!",
                      ticks AS "ticks!", creates AS "creates!", actor, lifecycle, repeats, after_ticks,
                      confidence AS "confidence!", array_to_string(reasons, ',') AS "reasons!"
               FROM UNNEST($2::bigint[]) AS wanted (ticket)
               CROSS JOIN LATERAL (
                   SELECT * FROM entry
                   WHERE tenant = $1 AND ticket = wanted.ticket OFFSET 0) AS found"#,
            self.tenant.as_str(),
            tickets,
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows)
    }

    async fn find_changes(&mut self, tickets: &[i64]) -> Result<Vec<ChangeRow>, StoreError> {
        let rows = sqlx::query_as!(
            ChangeRow,
            r#"SELECT found.ticket AS "ticket!", event_id AS "event_id!", nth AS "nth!",
                      position AS "position!", ticks AS "ticks!", actor, field AS "field!",
                      kind AS "kind!", declared AS "declared!", noise AS "noise!", from_value, to_value,
                      from_key, to_key, occurred_text
               FROM UNNEST($2::bigint[]) AS wanted (ticket)
               CROSS JOIN LATERAL (
                   SELECT * FROM change
                   WHERE tenant = $1 AND ticket = wanted.ticket OFFSET 0) AS found"#,
            self.tenant.as_str(),
            tickets,
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows)
    }

    async fn find_intervals(&mut self, tickets: &[i64]) -> Result<Vec<IntervalRow>, StoreError> {
        let rows = sqlx::query_as!(
            IntervalRow,
            r#"SELECT found.ticket AS "ticket!", field AS "field!", from_event AS "from_event!",
                      from_ticks AS "from_ticks!", until_event, until_ticks, value AS "value!", key AS "key!"
               FROM UNNEST($2::bigint[]) AS wanted (ticket)
               CROSS JOIN LATERAL (
                   SELECT * FROM field_interval
                   WHERE tenant = $1 AND ticket = wanted.ticket OFFSET 0) AS found"#,
            self.tenant.as_str(),
            tickets,
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows)
    }
}
