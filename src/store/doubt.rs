//! The intervals that are not consistent, from the projections.

use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{
    completeness::Confidence,
    doubt::{Counts, Doubt, Doubts, Extent, OpenCounts},
    feed::Outages,
    ids::{EventId, Position, Tenant, TicketId},
    instant::OccurredAt,
};

struct DoubtRow {
    ticket: i64,
    event_id: Uuid,
    position: i64,
    confidence: String,
    reasons: Vec<String>,
    from_text: Option<String>,
    to_text: Option<String>,
}

/// A page from one source of entries, which has their columns, and in one order; with the Timestamps of the
/// events on both sides as they were sent.
macro_rules! doubts {
    ($source:literal, $order:literal, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            DoubtRow,
            r#"SELECT doubt.ticket AS "ticket!", doubt.event_id AS "event_id!",
                      doubt.position AS "position!", doubt.confidence AS "confidence!",
                      doubt.reasons AS "reasons!", before.occurred_text AS "from_text?",
                      event.occurred_text AS "to_text?"
               FROM (SELECT found.* FROM "# + $source + r#" AS found ORDER BY "# + $order + r#" LIMIT $9)
                   AS doubt
               LEFT JOIN LATERAL (
                   SELECT occurred_text FROM event
                   WHERE tenant = $1 AND position >= doubt.position AND position < doubt.position + 1
                   ORDER BY position LIMIT 1) AS event ON true
               LEFT JOIN LATERAL (
                   SELECT position FROM entry
                   WHERE tenant = $1 AND ticket = doubt.ticket AND ticks = doubt.after_ticks
                     AND repeats IS NULL AND event_id <> doubt.event_id
                   ORDER BY creates, event_id DESC LIMIT 1) AS start ON true
               LEFT JOIN LATERAL (
                   SELECT occurred_text FROM event
                   WHERE tenant = $1 AND position >= start.position AND position < start.position + 1
                   ORDER BY position LIMIT 1) AS before ON true"#,
            $($argument),*
        )
    };
}

impl Store {
    /// How many intervals between two events are in each state, and how many of those after the last event.
    /// The latter is `None` if there is an `until`, before which none of them ends.
    ///
    /// A sum over the tickets' key, which is 0.1 s for a million; with a time a count of its events.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_intervals(
        &self,
        tenant: &Tenant,
        extent: &Extent,
        outages: &Outages,
    ) -> Result<(Counts, Option<OpenCounts>), StoreError> {
        let (all, open) = self.sum_tickets(tenant, extent, outages).await?;
        let counts = match (extent.since_ticks, extent.until_ticks) {
            (None, None) => all,
            _ if extent.tickets.is_empty() => self.count_entries(tenant, extent).await?,
            _ => self.count_entries_of_tickets(tenant, extent).await?,
        };
        Ok((counts, open.filter(|_| extent.until_ticks.is_none())))
    }

    async fn sum_tickets(
        &self,
        tenant: &Tenant,
        extent: &Extent,
        outages: &Outages,
    ) -> Result<(Counts, Option<OpenCounts>), StoreError> {
        // What comes after a ticket's last event meets an outage that ends later.
        let end = outages.spans().last().map_or(i64::MIN, |(_, to)| *to);
        let row = if extent.tickets.is_empty() {
            sqlx::query_as!(
                SumRow,
                r#"SELECT COALESCE(sum(consistent), 0)::bigint AS "consistent!",
                          COALESCE(sum(unproven), 0)::bigint AS "unproven!",
                          COALESCE(sum(suspect), 0)::bigint AS "suspect!",
                          count(last_ticks) AS "open!",
                          count(*) FILTER (WHERE last_ticks < $2) AS "doubted!"
                   FROM ticket WHERE tenant = $1"#,
                tenant.as_str(),
                end,
            )
            .fetch_one(&self.reads)
            .await?
        } else {
            sqlx::query_as!(
                SumRow,
                r#"SELECT COALESCE(sum(ticket.consistent), 0)::bigint AS "consistent!",
                          COALESCE(sum(ticket.unproven), 0)::bigint AS "unproven!",
                          COALESCE(sum(ticket.suspect), 0)::bigint AS "suspect!",
                          count(ticket.last_ticks) AS "open!",
                          count(*) FILTER (WHERE ticket.last_ticks < $2) AS "doubted!"
                   FROM UNNEST($3::bigint[]) AS wanted (ticket)
                   CROSS JOIN LATERAL (
                       SELECT consistent, unproven, suspect, last_ticks FROM ticket
                       WHERE tenant = $1 AND ticket = wanted.ticket LIMIT 1) AS ticket"#,
                tenant.as_str(),
                end,
                &numbers(extent),
            )
            .fetch_one(&self.reads)
            .await?
        };
        let open = OpenCounts {
            consistent: row.open - row.doubted,
            unproven: row.doubted,
        };
        let counts = Counts {
            consistent: row.consistent,
            unproven: row.unproven,
            suspect: row.suspect,
        };
        Ok((counts, Some(open)))
    }

    /// Served by `entry_by_time`.
    async fn count_entries(&self, tenant: &Tenant, extent: &Extent) -> Result<Counts, StoreError> {
        let counts = sqlx::query_as!(
            Counts,
            r#"SELECT count(*) FILTER (WHERE confidence = 'consistent') AS "consistent!",
                      count(*) FILTER (WHERE confidence = 'unproven') AS "unproven!",
                      count(*) FILTER (WHERE confidence = 'suspect') AS "suspect!"
               FROM entry WHERE tenant = $1 AND ticks >= $2 AND ticks < $3 AND repeats IS NULL"#,
            tenant.as_str(),
            extent.since_ticks.unwrap_or(i64::MIN),
            extent.until_ticks.unwrap_or(i64::MAX),
        );
        Ok(counts.fetch_one(&self.reads).await?)
    }

    /// Served by the primary key.
    async fn count_entries_of_tickets(
        &self,
        tenant: &Tenant,
        extent: &Extent,
    ) -> Result<Counts, StoreError> {
        let counts = sqlx::query_as!(
            Counts,
            r#"SELECT count(*) FILTER (WHERE entry.confidence = 'consistent') AS "consistent!",
                      count(*) FILTER (WHERE entry.confidence = 'unproven') AS "unproven!",
                      count(*) FILTER (WHERE entry.confidence = 'suspect') AS "suspect!"
               FROM UNNEST($4::bigint[]) AS wanted (ticket)
               CROSS JOIN LATERAL (
                   SELECT confidence FROM entry
                   WHERE tenant = $1 AND ticket = wanted.ticket
                     AND ticks >= $2 AND ticks < $3 AND repeats IS NULL
                   ORDER BY event_id OFFSET 0) AS entry"#,
            tenant.as_str(),
            extent.since_ticks.unwrap_or(i64::MIN),
            extent.until_ticks.unwrap_or(i64::MAX),
            &numbers(extent),
        );
        Ok(counts.fetch_one(&self.reads).await?)
    }

    /// Intervals in doubt after the one that ends with an event, by the instant at which they end, `limit` at
    /// most. Served by `entry_in_doubt`, of which all is read that is not for one of the reasons; by the
    /// primary key if tickets are named.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_doubts(
        &self,
        tenant: &Tenant,
        doubts: &Doubts,
        after: Option<(i64, EventId)>,
        limit: usize,
    ) -> Result<Vec<Doubt>, StoreError> {
        let states: Vec<&str> = [Confidence::Suspect, Confidence::Unproven]
            .into_iter()
            .filter(|state| doubts.states.is_empty() || doubts.states.contains(state))
            .map(Confidence::as_str)
            .collect();
        let reasons: Vec<&str> = doubts.reasons.iter().map(|reason| reason.as_str()).collect();
        let down = doubts.newest_first;
        let (start, nil) = if down { (i64::MAX, Uuid::max()) } else { (i64::MIN, Uuid::nil()) };
        let (ticks, event_id) = after.map_or((start, nil), |(ticks, id)| (ticks, id.0));
        let tickets = numbers(&doubts.extent);
        let since = doubts.extent.since_ticks.unwrap_or(i64::MIN);
        let until = doubts.extent.until_ticks.unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        macro_rules! rows {
            ($source:literal, $order:literal) => {
                doubts!(
                    $source,
                    $order,
                    tenant.as_str(),
                    &states as _,
                    &reasons as _,
                    since,
                    until,
                    ticks,
                    event_id,
                    &tickets,
                    limit,
                )
                .fetch_all(&self.reads)
                .await?
            };
        }
        let rows = match (tickets.is_empty(), down) {
            (true, false) => rows!(
                "UNNEST($2::text[]) AS wanted (confidence) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND confidence <> 'consistent'
                       AND (confidence, ticks, event_id) > (wanted.confidence, greatest($6::bigint, $4), $7::uuid)
                       AND (confidence, ticks) < (wanted.confidence, $5)
                       AND ticks >= $4 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND cardinality($8::bigint[]) = 0
                     ORDER BY confidence, ticks, event_id LIMIT $9)",
                "found.ticks, found.event_id"
            ),
            (true, true) => rows!(
                "UNNEST($2::text[]) AS wanted (confidence) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND confidence <> 'consistent'
                       AND (confidence, ticks, event_id) < (wanted.confidence, least($6::bigint, $5), $7::uuid)
                       AND (confidence, ticks) >= (wanted.confidence, $4)
                       AND ticks < $5 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND cardinality($8::bigint[]) = 0
                     ORDER BY confidence DESC, ticks DESC, event_id DESC LIMIT $9)",
                "found.ticks DESC, found.event_id DESC"
            ),
            (false, false) => rows!(
                "UNNEST($8::bigint[]) AS wanted (ticket) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND ticket = wanted.ticket AND confidence = ANY($2::text[])
                       AND ticks >= $4 AND ticks < $5 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND (ticks, event_id) > ($6, $7::uuid)
                     ORDER BY event_id OFFSET 0)",
                "found.ticks, found.event_id"
            ),
            (false, true) => rows!(
                "UNNEST($8::bigint[]) AS wanted (ticket) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND ticket = wanted.ticket AND confidence = ANY($2::text[])
                       AND ticks >= $4 AND ticks < $5 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND (ticks, event_id) < ($6, $7::uuid)
                     ORDER BY event_id OFFSET 0)",
                "found.ticks DESC, found.event_id DESC"
            ),
        };
        let mut found: Vec<Doubt> = rows.into_iter().map(Doubt::try_from).collect::<Result<_, _>>()?;
        found.sort_by_key(|doubt| (doubt.to_at.ticks(), doubt.event_id));
        if down {
            found.reverse();
        }
        Ok(found)
    }
}

struct SumRow {
    consistent: i64,
    unproven: i64,
    suspect: i64,
    open: i64,
    doubted: i64,
}

fn numbers(extent: &Extent) -> Vec<i64> {
    extent.tickets.iter().map(|ticket| ticket.number()).collect()
}

impl TryFrom<DoubtRow> for Doubt {
    type Error = StoreError;

    fn try_from(row: DoubtRow) -> Result<Self, StoreError> {
        let corrupt = |table, column| StoreError::Corrupt {
            table,
            column,
            row: row.event_id.to_string(),
        };
        let at = |text: Option<&str>| text.and_then(OccurredAt::parse);
        Ok(Self {
            ticket: TicketId::new(row.ticket).ok_or_else(|| corrupt("entry", "ticket"))?,
            event_id: EventId(row.event_id),
            position: Position(row.position),
            from_at: at(row.from_text.as_deref()),
            to_at: at(row.to_text.as_deref()).ok_or_else(|| corrupt("event", "occurred_text"))?,
            state: row.confidence,
            reasons: row.reasons,
        })
    }
}
