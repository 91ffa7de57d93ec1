//! The doubt about what is shown elsewhere: changes by their events, and tickets.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{
    completeness::{Completeness, Reason},
    doubt::Counts,
    ids::{EventId, Tenant, TicketId},
};

impl Store {
    /// The reasons to doubt the intervals that end with some events; those of which nothing is to be said are left
    /// out. Served by the primary key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_doubts(
        &self,
        tenant: &Tenant,
        events: &[(TicketId, EventId)],
    ) -> Result<BTreeMap<EventId, Completeness>, StoreError> {
        let tickets: Vec<i64> = events.iter().map(|(ticket, _)| ticket.number()).collect();
        let ids: Vec<Uuid> = events.iter().map(|(_, event)| event.0).collect();
        let rows = sqlx::query!(
            r#"SELECT doubted.event_id AS "event_id!", doubted.reasons AS "reasons!"
               FROM UNNEST($2::bigint[], $3::uuid[]) AS wanted (ticket, event_id)
               CROSS JOIN LATERAL (
                   SELECT event_id, reasons FROM entry
                   WHERE tenant = $1 AND ticket = wanted.ticket AND event_id = wanted.event_id
                     AND confidence <> 'consistent'
                   LIMIT 1) AS doubted"#,
            tenant.as_str(),
            &tickets,
            &ids,
        )
        .fetch_all(&self.reads)
        .await?;
        let doubts = rows.into_iter().map(|row| {
            let reasons = row.reasons.iter().map(|word| Reason::parse(word));
            let reasons: Option<_> = reasons.collect();
            let reasons = reasons.ok_or_else(|| StoreError::Corrupt {
                table: "entry",
                column: "reasons",
                row: row.event_id.to_string(),
            })?;
            Ok((EventId(row.event_id), Completeness { reasons }))
        });
        doubts.collect()
    }

    /// How many intervals of each of some tickets are in each state.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_ticket_doubts(
        &self,
        tenant: &Tenant,
        tickets: &[TicketId],
    ) -> Result<BTreeMap<TicketId, Counts>, StoreError> {
        let numbers: Vec<i64> = tickets.iter().map(|ticket| ticket.number()).collect();
        let rows = sqlx::query!(
            "SELECT ticket, consistent, unproven, suspect FROM ticket
             WHERE tenant = $1 AND ticket = ANY ($2::bigint[])",
            tenant.as_str(),
            &numbers,
        )
        .fetch_all(&self.reads)
        .await?;
        let counts = rows.into_iter().filter_map(|row| {
            let counts = Counts {
                consistent: row.consistent,
                unproven: row.unproven,
                suspect: row.suspect,
            };
            Some((TicketId::new(row.ticket)?, counts))
        });
        Ok(counts.collect())
    }
}
