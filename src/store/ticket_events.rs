//! The events of tickets, with what belongs to their histories, in one statement.

use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{LabelVersion, Store, StoreError, TicketEvents, outage::Marks};
use crate::{
    clock,
    domain::{
        history::{TicketEvent, declared_and_carried},
        ids::{Actor, EventId, Position, Tenant, TicketId},
        instant::OccurredAt,
        token::TokenHash,
    },
};

/// Events of tickets, as one statement read them.
pub(super) struct EventsOfTickets {
    /// Up to which position of the log.
    pub(super) up_to: Position,
    /// What was known of the feed by then.
    pub(super) feed: Marks,
    /// Which labels there are.
    pub(super) labels: LabelVersion,
    /// Whether the token of who asks is taken, if one was given.
    pub(super) live_token: bool,
    /// The events, with conflicts as [`Store::list_conflicts`] tells of them.
    pub(super) tickets: Vec<TicketEvents>,
}

/// A row of `ticket_events.sql`; `nth` is the place of its ticket among those wanted.
struct Row {
    up_to: i64,
    stops: i64,
    facts: i64,
    last_fact: Option<jiff_sqlx::Timestamp>,
    labels: Option<Uuid>,
    live_token: bool,
    nth: i64,
    ticket: i64,
    position: i64,
    event_id: Uuid,
    name: String,
    occurred_text: Option<String>,
    received_at: jiff_sqlx::Timestamp,
    actor: Option<i64>,
    body: Vec<u8>,
    conflict: bool,
}

impl Row {
    /// The event, if it is dated.
    fn event(self, tenant: &Tenant) -> Result<Option<TicketEvent>, StoreError> {
        let Some(text) = self.occurred_text else {
            return Ok(None);
        };
        let occurred_at = occurred_at(tenant, self.position, &text)?;
        let (declared, carried) = declared_and_carried(&self.body);
        Ok(Some(TicketEvent {
            event_id: EventId(self.event_id),
            position: Position(self.position),
            name: self.name,
            occurred_at,
            received_at: self.received_at.to_jiff(),
            actor: self.actor.map(Actor),
            declared,
            carried,
            conflict: self.conflict,
            body: self.body,
        }))
    }
}

/// The Timestamp of an event of the log, from its text.
pub(super) fn occurred_at(
    tenant: &Tenant,
    position: i64,
    text: &str,
) -> Result<OccurredAt, StoreError> {
    OccurredAt::parse(text).ok_or_else(|| StoreError::Corrupt {
        table: "event",
        column: "occurred_text",
        row: format!("{tenant}/{position}"),
    })
}

/// Which conflicts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflicts {
    /// Those that the log had by the position up to which events are read.
    OfTheLog,
    /// All that are known.
    AllKnown,
}

impl Store {
    /// All events of tickets up to a position, the head of the log if none is given or it does not reach that far:
    /// ticket by ticket in the order given, each one's by position; and what belongs to their histories, or to whom
    /// they are shown, and would cost a question of its own. `None` if there are none, or no log.
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
        conflicts: Conflicts,
        caller: Option<&TokenHash>,
    ) -> Result<Option<EventsOfTickets>, StoreError> {
        let numbers: Vec<i64> = tickets.iter().map(|ticket| ticket.number()).collect();
        let question = sqlx::query_file_as!(
            Row,
            "src/store/ticket_events.sql",
            tenant.as_str(),
            &numbers,
            up_to.map(|up_to| up_to.0),
            caller.map(<[u8; 32]>::as_slice),
            clock::now().to_sqlx() as _,
            conflicts == Conflicts::AllKnown,
        );
        let mut rows = self.lookups.fetch_all(question).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let mut read = EventsOfTickets {
            up_to: Position(first.up_to),
            feed: Marks {
                stops: first.stops,
                facts: first.facts,
                last_fact: first.last_fact.map(jiff_sqlx::Timestamp::to_jiff),
            },
            labels: LabelVersion(first.labels),
            live_token: first.live_token,
            tickets: Vec::new(),
        };
        rows.sort_by_key(|row| (row.nth, row.position));
        for row in rows {
            let Some(ticket) = TicketId::new(row.ticket) else {
                continue;
            };
            if read.tickets.last().is_none_or(|last| last.ticket != ticket) {
                read.tickets.push(TicketEvents::none(ticket));
            }
            let Some(last) = read.tickets.last_mut() else {
                continue;
            };
            match row.event(tenant)? {
                Some(event) => last.dated.push(event),
                None => last.undated += 1,
            }
        }
        Ok(Some(read))
    }
}
