//! Events whose id also came with other content.

use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{
    conflict::ConflictSummary,
    ids::{EventId, Position, Tenant, TicketId},
};

impl Store {
    /// A tenant's events whose id also came with other content, or those of one ticket, after an event id
    /// and by event id, `limit` at most. Served by `delivery_conflict`, which holds nothing else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_conflict_summaries(
        &self,
        tenant: &Tenant,
        ticket: Option<TicketId>,
        after: Option<EventId>,
        limit: u16,
    ) -> Result<Vec<ConflictSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT event.event_id, event.position, event.ticket, event.name,
                      count(*) AS "deliveries!",
                      min(delivery.received_at) AS "first_at!: jiff_sqlx::Timestamp",
                      max(delivery.received_at) AS "last_at!: jiff_sqlx::Timestamp"
               FROM delivery JOIN event USING (tenant, event_id)
               WHERE delivery.tenant = $1 AND delivery.outcome = 'conflict'
                 AND delivery.event_id > $2 AND ($3::bigint IS NULL OR event.ticket = $3)
               GROUP BY event.event_id, event.position, event.ticket, event.name
               ORDER BY event.event_id LIMIT $4"#,
            tenant.as_str(),
            // The nil id is no event's.
            after.map_or(Uuid::nil(), |after| after.0),
            ticket.map(TicketId::number),
            i64::from(limit),
        )
        .fetch_all(&self.reads)
        .await?;
        let summaries = rows.into_iter().map(|row| ConflictSummary {
            event_id: EventId(row.event_id),
            position: Position(row.position),
            ticket: row.ticket.and_then(TicketId::new),
            name: row.name,
            deliveries: row.deliveries,
            first_at: row.first_at.to_jiff(),
            last_at: row.last_at.to_jiff(),
        });
        Ok(summaries.collect())
    }
}
