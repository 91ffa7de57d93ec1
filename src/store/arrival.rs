//! What arrived last, of all that is stored of a tenant.

use super::{Store, StoreError};
use crate::domain::{
    arrival::ArrivalSummary,
    ids::{EventId, Tenant, TicketId},
};

impl Store {
    /// What arrived last, the latest first, `limit` at most; of one outcome if one is given.
    ///
    /// First arrivals are served by the primary key of the log. Later ones are in no order of time: all of the tenant's
    /// are read, which are few where a sender does as it should.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_latest_arrivals(
        &self,
        tenant: &Tenant,
        outcome: Option<&str>,
        limit: u16,
    ) -> Result<Vec<ArrivalSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT received_at AS "received_at!: jiff_sqlx::Timestamp", event_id AS "event_id!",
                      outcome AS "outcome!", origin AS "origin!", hook, source, retry, name, ticket
               FROM (
                   (SELECT received_at, event_id, 'stored' AS outcome, origin, hook, source, NULL::integer AS retry,
                           name, ticket, position
                    FROM event
                    WHERE tenant = $1 AND ($2::text IS NULL OR $2 = 'stored')
                    ORDER BY position DESC LIMIT $3)
                   UNION ALL
                   (SELECT delivery.received_at, delivery.event_id, delivery.outcome, delivery.origin, delivery.hook,
                           delivery.source, delivery.retry, event.name, event.ticket, event.position
                    FROM (SELECT * FROM delivery
                          WHERE tenant = $1 AND ($2::text IS NULL OR outcome = $2)
                          ORDER BY received_at DESC, arrival_id DESC LIMIT $3) AS delivery
                    LEFT JOIN event ON event.tenant = $1 AND event.event_id = delivery.event_id)
               ) AS arrival
               ORDER BY received_at DESC, position DESC NULLS LAST, outcome LIMIT $3"#,
            tenant.as_str(),
            outcome,
            i64::from(limit),
        )
        .fetch_all(&self.reads)
        .await?;
        let arrivals = rows.into_iter().map(|row| ArrivalSummary {
            received_at: row.received_at.to_jiff(),
            event_id: EventId(row.event_id),
            outcome: row.outcome,
            origin: row.origin,
            hook: row.hook,
            source: row.source,
            retry: row.retry,
            name: row.name,
            ticket: row.ticket.and_then(TicketId::new),
        });
        Ok(arrivals.collect())
    }
}
