//! The events of tickets, with what belongs to their histories, in one statement.

use super::{LabelVersion, Store, StoreError, outage::Marks, read::EventRow};
use crate::domain::{
    ids::{Position, Tenant, TicketId},
    log::StoredEvent,
};

/// Events of tickets, as one statement read them.
pub(super) struct EventsOfTickets {
    /// Up to which position of the log.
    pub(super) up_to: Position,
    /// What was known of the feed by then.
    pub(super) feed: Marks,
    /// Which labels there are.
    pub(super) labels: LabelVersion,
    /// Each event, and whether its id also came with other content, as [`Store::list_conflicts`] tells.
    pub(super) events: Vec<(StoredEvent, bool)>,
}

impl Store {
    /// All events of tickets up to a position, the head of the log if none is given or it does not reach that far:
    /// ticket by ticket in the order given, each one's by position; and what belongs to their histories and would
    /// cost a question of its own. `None` if there are none, or no log.
    /// Served by `event_by_ticket`, a range of it a ticket; `OFFSET 0` keeps Postgres from turning the
    /// look-ups into a walk over the whole tenant, which it did before the table was analysed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub(super) async fn list_events_of_tickets(
        &self,
        tenant: &Tenant,
        tickets: &[TicketId],
        up_to: Option<Position>,
    ) -> Result<Option<EventsOfTickets>, StoreError> {
        let numbers: Vec<i64> = tickets.iter().map(|ticket| ticket.number()).collect();
        let question = sqlx::query_file!(
            "src/store/ticket_events.sql",
            tenant.as_str(),
            &numbers,
            up_to.map(|up_to| up_to.0),
        );
        let rows = self.lookups.fetch_all(question).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let up_to = Position(first.up_to);
        let feed = Marks {
            stops: first.stops,
            facts: first.facts,
            last_fact: first.last_fact.map(jiff_sqlx::Timestamp::to_jiff),
        };
        let labels = LabelVersion(first.labels);
        let events = rows.into_iter().map(|row| {
            let event = EventRow {
                tenant: row.tenant,
                position: row.position,
                event_id: row.event_id,
                ticket: row.ticket,
                received_at: row.received_at,
                stored_at: row.stored_at,
                primary_key: row.primary_key,
                actor: row.actor,
                origin: row.origin,
                hook: row.hook,
                source: row.source,
                name: row.name,
                entity: row.entity,
                occurred_text: row.occurred_text,
                webhook_name: row.webhook_name,
                signature: row.signature,
                body: row.body,
            };
            Ok((StoredEvent::try_from(event)?, row.conflict))
        });
        Ok(Some(EventsOfTickets {
            up_to,
            feed,
            labels,
            events: events.collect::<Result<_, StoreError>>()?,
        }))
    }
}
