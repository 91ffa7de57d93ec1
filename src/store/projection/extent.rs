//! How far the log reaches from which a projection is built at once.

use crate::{
    domain::{
        ids::{Position, Tenant, TicketId},
        instant::OccurredAt,
    },
    store::{Store, StoreError, ticket_events::occurred_at},
};

/// How much of the log belongs to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketSize {
    /// The ticket.
    pub ticket: TicketId,
    /// Its events.
    pub events: i64,
    /// Bytes of their bodies.
    pub bytes: i64,
}

impl Store {
    /// So many tickets that have events, by number, from the one after another on.
    /// Served by `event_by_ticket`; reads what the log holds of them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_ticket_sizes(
        &self,
        tenant: &Tenant,
        after: Option<TicketId>,
        limit: usize,
    ) -> Result<Vec<TicketSize>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT ticket AS "ticket!", count(*) AS "events!", sum(octet_length(body)) AS "bytes!"
               FROM event WHERE tenant = $1 AND ticket > $2
               GROUP BY ticket ORDER BY ticket LIMIT $3"#,
            tenant.as_str(),
            after.map_or(0, TicketId::number),
            i64::try_from(limit).unwrap_or(i64::MAX),
        );
        let rows = rows.fetch_all(&self.reads).await?;
        let sizes = rows.into_iter().filter_map(|row| {
            Some(TicketSize {
                ticket: TicketId::new(row.ticket)?,
                events: row.events,
                bytes: row.bytes,
            })
        });
        Ok(sizes.collect())
    }

    /// The Timestamps of the earliest and of the latest event up to a position; of several of one instant that of the
    /// first in the log. `None` if none is dated. Reads that much of the log.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_ends(
        &self,
        tenant: &Tenant,
        up_to: Position,
    ) -> Result<Option<(OccurredAt, OccurredAt)>, StoreError> {
        let row = sqlx::query!(
            r#"WITH ends AS MATERIALIZED (
                   SELECT min(ARRAY[occurred_ticks, position]) AS first, max(ARRAY[occurred_ticks, -position]) AS last
                   FROM event WHERE tenant = $1 AND position <= $2 AND occurred_ticks IS NOT NULL)
               SELECT first.position AS first, first.occurred_text AS "first_text!",
                      last.position AS last, last.occurred_text AS "last_text!"
               FROM ends
               JOIN event AS first ON first.tenant = $1 AND first.position = ends.first[2]
               JOIN event AS last ON last.tenant = $1 AND last.position = -ends.last[2]"#,
            tenant.as_str(),
            up_to.0,
        );
        let Some(row) = row.fetch_optional(&self.reads).await? else {
            return Ok(None);
        };
        Ok(Some((
            occurred_at(tenant, row.first, &row.first_text)?,
            occurred_at(tenant, row.last, &row.last_text)?,
        )))
    }
}
