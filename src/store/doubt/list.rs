//! A page of intervals in doubt.

use uuid::Uuid;

use super::{Store, StoreError, numbers};
use crate::domain::{
    completeness::Confidence,
    doubt::{Doubt, Doubts},
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
/// events on both sides as they were sent. The one before is the last that stands before, in the order of a
/// ticket's events: on one tick what was created comes first, then the smaller id.
macro_rules! doubts {
    ($source:literal, $order:literal, $asked:expr) => {
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
                   SELECT position FROM (
                       SELECT position, creates, event_id FROM entry
                       WHERE tenant = $1 AND ticket = doubt.ticket AND ticks = doubt.after_ticks
                         AND repeats IS NULL
                         AND (ticks < doubt.ticks OR (NOT creates, event_id) < (NOT doubt.creates, doubt.event_id))
                       ORDER BY event_id OFFSET 0) AS other
                   ORDER BY creates, event_id DESC LIMIT 1) AS start ON true
               LEFT JOIN LATERAL (
                   SELECT occurred_text FROM event
                   WHERE tenant = $1 AND position >= start.position AND position < start.position + 1
                   ORDER BY position LIMIT 1) AS before ON true"#,
            $asked.tenant,
            &$asked.states as _,
            &$asked.reasons as _,
            $asked.since,
            $asked.until,
            $asked.ticks,
            $asked.event_id,
            &$asked.tickets,
            $asked.limit,
        )
    };
}

/// What the statements are told.
struct Asked<'a> {
    tenant: &'a str,
    states: Vec<&'static str>,
    /// Any, if empty.
    reasons: Vec<&'static str>,
    since: i64,
    until: i64,
    /// Where to go on.
    ticks: i64,
    event_id: Uuid,
    tickets: Vec<i64>,
    limit: i64,
}

impl Store {
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
        let asked = Asked::new(tenant, doubts, after, limit);
        let rows = if asked.tickets.is_empty() {
            self.list_doubts_of_all(&asked, doubts.newest_first).await?
        } else {
            self.list_doubts_of_tickets(&asked, doubts.newest_first)
                .await?
        };
        let found: Result<Vec<Doubt>, _> = rows.into_iter().map(Doubt::try_from).collect();
        let mut found = found?;
        found.sort_by_key(|doubt| (doubt.to_at.ticks(), doubt.event_id));
        if doubts.newest_first {
            found.reverse();
        }
        Ok(found)
    }

    async fn list_doubts_of_all(
        &self,
        asked: &Asked<'_>,
        newest_first: bool,
    ) -> Result<Vec<DoubtRow>, StoreError> {
        let rows = if newest_first {
            doubts!(
                "UNNEST($2::text[]) AS wanted (confidence) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND confidence <> 'consistent' AND confidence = wanted.confidence
                       AND (ticks, event_id) < (least($6::bigint, $5), $7::uuid)
                       AND ticks >= $4 AND ticks < $5 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND cardinality($8::bigint[]) = 0
                     ORDER BY ticks DESC, event_id DESC LIMIT $9)",
                "found.ticks DESC, found.event_id DESC",
                asked
            )
            .fetch_all(&self.reads)
            .await?
        } else {
            doubts!(
                "UNNEST($2::text[]) AS wanted (confidence) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND confidence <> 'consistent' AND confidence = wanted.confidence
                       AND (ticks, event_id) > (greatest($6::bigint, $4), $7::uuid)
                       AND ticks >= $4 AND ticks < $5 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND cardinality($8::bigint[]) = 0
                     ORDER BY ticks, event_id LIMIT $9)",
                "found.ticks, found.event_id",
                asked
            )
            .fetch_all(&self.reads)
            .await?
        };
        Ok(rows)
    }

    async fn list_doubts_of_tickets(
        &self,
        asked: &Asked<'_>,
        newest_first: bool,
    ) -> Result<Vec<DoubtRow>, StoreError> {
        let rows = if newest_first {
            doubts!(
                "UNNEST($8::bigint[]) AS wanted (ticket) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND ticket = wanted.ticket AND confidence = ANY($2::text[])
                       AND ticks >= $4 AND ticks < $5 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND (ticks, event_id) < ($6::bigint, $7::uuid)
                     ORDER BY event_id OFFSET 0)",
                "found.ticks DESC, found.event_id DESC",
                asked
            )
            .fetch_all(&self.reads)
            .await?
        } else {
            doubts!(
                "UNNEST($8::bigint[]) AS wanted (ticket) CROSS JOIN LATERAL (
                     SELECT * FROM entry
                     WHERE tenant = $1 AND ticket = wanted.ticket AND confidence = ANY($2::text[])
                       AND ticks >= $4 AND ticks < $5 AND (reasons && $3::text[] OR cardinality($3) = 0)
                       AND (ticks, event_id) > ($6::bigint, $7::uuid)
                     ORDER BY event_id OFFSET 0)",
                "found.ticks, found.event_id",
                asked
            )
            .fetch_all(&self.reads)
            .await?
        };
        Ok(rows)
    }
}

impl<'a> Asked<'a> {
    fn new(
        tenant: &'a Tenant,
        doubts: &Doubts,
        after: Option<(i64, EventId)>,
        limit: usize,
    ) -> Self {
        let (start, nil) = if doubts.newest_first {
            (i64::MAX, Uuid::max())
        } else {
            (i64::MIN, Uuid::nil())
        };
        let (ticks, event_id) = after.map_or((start, nil), |(ticks, id)| (ticks, id.0));
        let states = [Confidence::Suspect, Confidence::Unproven]
            .into_iter()
            .filter(|state| doubts.states.is_empty() || doubts.states.contains(state));
        let reasons = doubts.reasons.iter().map(|reason| reason.as_str());
        Self {
            tenant: tenant.as_str(),
            states: states.map(Confidence::as_str).collect(),
            reasons: reasons.collect(),
            since: doubts.extent.since_ticks.unwrap_or(i64::MIN),
            until: doubts.extent.until_ticks.unwrap_or(i64::MAX),
            ticks,
            event_id,
            tickets: numbers(&doubts.extent),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        }
    }
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
