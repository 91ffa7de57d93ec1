//! The events of tickets, with what belongs to their histories, in one statement.

use super::{LabelVersion, Store, StoreError, TicketEvents, outage::Marks};
use crate::domain::{
    history::{TicketEvent, declared_and_carried},
    ids::{Actor, EventId, Position, Tenant, TicketId},
    instant::OccurredAt,
};

/// Events of tickets, as one statement read them.
pub(super) struct EventsOfTickets {
    /// Up to which position of the log.
    pub(super) up_to: Position,
    /// What was known of the feed by then.
    pub(super) feed: Marks,
    /// Which labels there are.
    pub(super) labels: LabelVersion,
    /// The events, with conflicts as [`Store::list_conflicts`] tells of them.
    pub(super) tickets: Vec<TicketEvents>,
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
        let mut tickets: Vec<TicketEvents> = Vec::new();
        for row in rows {
            let Some(ticket) = TicketId::new(row.ticket) else {
                continue;
            };
            if tickets.last().is_none_or(|last| last.ticket != ticket) {
                tickets.push(TicketEvents::none(ticket));
            }
            let Some(last) = tickets.last_mut() else {
                continue;
            };
            let Some(text) = row.occurred_text else {
                last.undated += 1;
                continue;
            };
            let occurred_at = OccurredAt::parse(&text).ok_or_else(|| StoreError::Corrupt {
                table: "event",
                column: "occurred_text",
                row: format!("{tenant}/{}", row.position),
            })?;
            let (declared, carried) = declared_and_carried(&row.body);
            last.dated.push(TicketEvent {
                event_id: EventId(row.event_id),
                position: Position(row.position),
                name: row.name,
                occurred_at,
                received_at: row.received_at.to_jiff(),
                actor: row.actor.map(Actor),
                declared,
                carried,
                conflict: row.conflict,
                body: row.body,
            });
        }
        Ok(Some(EventsOfTickets {
            up_to,
            feed,
            labels,
            tickets,
        }))
    }
}
