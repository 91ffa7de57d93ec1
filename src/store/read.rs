//! Reading the log.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::{PageSize, Store, StoreError, header_set, origin};
use crate::domain::{
    delivery::KeptHeaders,
    event::Event,
    ids::{Actor, EventId, Position, Tenant, TicketId},
    instant::OccurredAt,
    log::StoredEvent,
    page::cut,
};

/// Most deliveries that are shown of an event. There are more rows only if conflicts came past the thousandth.
const MAX_SHOWN: i64 = 1000;

/// An event with everything that is kept beside it.
#[derive(Debug, Clone)]
pub struct EventDetail {
    /// The event.
    pub event: StoredEvent,
    /// Kept headers of its first delivery.
    pub headers: KeptHeaders,
    /// SHA-256 of the body.
    pub sha256: Vec<u8>,
    /// Its later arrivals, oldest first; at most 1,000, conflicts before all others.
    pub deliveries: Vec<SeenDelivery>,
    /// Arrivals beside those: which are only counted, or conflicts past the thousandth.
    pub uncounted_deliveries: i64,
}

/// A later arrival of an event.
#[derive(Debug, Clone)]
pub struct SeenDelivery {
    /// When.
    pub received_at: Timestamp,
    /// `duplicate` or `conflict`.
    pub outcome: String,
    /// `webhook`, `unsigned` or `import`.
    pub origin: String,
    /// Through which hook.
    pub hook: Option<String>,
    /// From which file.
    pub source: Option<String>,
    /// `X-SuperOffice-Retry`.
    pub retry: Option<i32>,
    /// `WebhookName` of this copy.
    pub webhook_name: Option<String>,
    /// Its signature, if one was verified.
    pub signature: Option<Vec<u8>>,
    /// SHA-256 of its body.
    pub sha256: Vec<u8>,
    /// Its body, if its bytes are kept nowhere else.
    pub body: Option<Vec<u8>>,
}

/// Columns of `event`.
struct EventRow {
    tenant: String,
    position: i64,
    event_id: Uuid,
    ticket: Option<i64>,
    received_at: jiff_sqlx::Timestamp,
    stored_at: jiff_sqlx::Timestamp,
    primary_key: Option<i64>,
    actor: Option<i64>,
    origin: String,
    hook: Option<String>,
    source: Option<String>,
    name: String,
    entity: Option<String>,
    occurred_text: Option<String>,
    webhook_name: Option<String>,
    signature: Option<Vec<u8>>,
    body: Vec<u8>,
}

/// `query_as!` over the columns of [`EventRow`]; the rest of the statement follows.
macro_rules! events {
    ($rest:literal $(+ $more:literal)*, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            EventRow,
            r#"SELECT tenant, position, event_id, ticket,
                      received_at AS "received_at: jiff_sqlx::Timestamp",
                      stored_at AS "stored_at: jiff_sqlx::Timestamp",
                      primary_key, actor, origin, hook, source, name, entity, occurred_text,
                      webhook_name, signature, body
               FROM event "# + $rest $(+ $more)*,
            $($argument),+
        )
    };
}

/// [`events!`] that some conditions select, up to a position if their bodies have `$4` bytes together at most, else up
/// to the one with which they reach them. The sizes of bodies are known without reading them, and to add all up takes
/// a third of finding the one that is too much, which hardly any page has; `OFFSET 0` keeps bodies out of the sort.
macro_rules! events_of_size {
    ($selected:literal, $position:literal, $up_to:literal, $rest:literal, $($argument:expr),+ $(,)?) => {
        events!(
            "WHERE " + $selected + " AND " + $position + " <= CASE
                 WHEN (SELECT sum(octet_length(body)) FROM event WHERE " + $selected + ") <= $4 THEN " + $up_to + "
                 ELSE (SELECT max(position)
                       FROM (SELECT position, sum(bytes) OVER (ORDER BY position) - bytes AS bytes_before
                             FROM (SELECT position, octet_length(body) AS bytes
                                   FROM event WHERE " + $selected + " OFFSET 0) AS each) AS sizes
                       WHERE bytes_before < $4) END
             ORDER BY " + $position + $rest,
            $($argument),+
        )
    };
}

impl Store {
    /// The position of the last event of a tenant's log, 0 if it is empty; `None` if the tenant has no
    /// log.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_head(&self, tenant: &Tenant) -> Result<Option<Position>, StoreError> {
        let question = sqlx::query!(
            "SELECT position FROM head WHERE tenant = $1",
            tenant.as_str()
        );
        let head = self.lookups.fetch_optional(question).await?;
        Ok(head.map(|head| Position(head.position)))
    }

    /// A tenant's events after a position and up to another, in order; where one follows, at least one.
    /// Served by the primary key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_events(
        &self,
        tenant: &Tenant,
        after: Position,
        up_to: Position,
        size: PageSize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        // Positions have no gaps, so a range is a limit, and no plan reads more of the tenant than it.
        let up_to = up_to.0.min(after.0.saturating_add(size.events.into()));
        let question = events_of_size!(
            "tenant = $1 AND position > $2 AND position <= $3",
            "position",
            "$3",
            "",
            tenant.as_str(),
            after.0,
            up_to,
            i64::from(size.bytes),
        );
        // Planned freely, ten million events made three processes of it, which took ten times as long as the page.
        let rows = self.lookups.fetch_all(question).await?;
        rows.into_iter().map(StoredEvent::try_from).collect()
    }

    /// A ticket's events after a position, in order; where one follows, at least one; and the last one's position if
    /// others follow on them. Served by `event_by_ticket`, by which all events of the ticket are looked at, but hardly
    /// more bodies read than are given; written so that Postgres, which may not know the table yet, has no other way.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_ticket_events(
        &self,
        tenant: &Tenant,
        ticket: TicketId,
        after: Position,
        size: PageSize,
    ) -> Result<(Vec<StoredEvent>, Option<Position>), StoreError> {
        let question = events_of_size!(
            "tenant = $1 AND ticket = $2 AND position + 0 > $3",
            "position + 0",
            "9223372036854775807",
            " LIMIT $5",
            tenant.as_str(),
            ticket.number(),
            after.0,
            i64::from(size.bytes),
            i64::from(size.events) + 1,
        );
        let rows = self.lookups.fetch_all(question).await?;
        let events: Result<Vec<_>, _> = rows.into_iter().map(StoredEvent::try_from).collect();
        let mut events = events?;
        let last = match cut(&mut events, size.events) {
            Some(last) => Some(last.position),
            None => {
                self.find_end_by_size(tenant, ticket, &events, size.bytes)
                    .await?
            }
        };
        Ok((events, last))
    }

    /// The last position of a ticket's events in a row, if others follow that their bytes left out.
    async fn find_end_by_size(
        &self,
        tenant: &Tenant,
        ticket: TicketId,
        events: &[StoredEvent],
        bytes: u32,
    ) -> Result<Option<Position>, StoreError> {
        let Some(last) = events.last().map(|event| event.position) else {
            return Ok(None);
        };
        let read: usize = events.iter().map(|event| event.body.len()).sum();
        // Else they are all there are.
        if u64::try_from(read).is_ok_and(|read| read < u64::from(bytes)) {
            return Ok(None);
        }
        let question = sqlx::query!(
            "SELECT position FROM event
             WHERE tenant = $1 AND ticket = $2 AND position + 0 > $3 LIMIT 1",
            tenant.as_str(),
            ticket.number(),
            last.0,
        );
        let other = self.lookups.fetch_optional(question).await?;
        Ok(other.map(|_| last))
    }

    /// Those of some events whose id also came with other content, as was recorded by the time the log had
    /// reached a position. Served by `delivery_conflict`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_conflicts(
        &self,
        tenant: &Tenant,
        events: &[EventId],
        up_to: Position,
    ) -> Result<BTreeSet<EventId>, StoreError> {
        let ids: Vec<Uuid> = events.iter().map(|id| id.0).collect();
        let question = sqlx::query!(
            r#"SELECT wanted.event_id AS "event_id!"
               FROM UNNEST($2::uuid[]) AS wanted (event_id)
               WHERE EXISTS (
                   SELECT 1 FROM delivery
                   WHERE tenant = $1 AND event_id = wanted.event_id AND outcome = 'conflict'
                     AND COALESCE(head, 0) <= $3)"#,
            tenant.as_str(),
            &ids,
            up_to.0,
        );
        let rows = self.lookups.fetch_all(question).await?;
        Ok(rows.into_iter().map(|row| EventId(row.event_id)).collect())
    }

    /// One event with its deliveries; `None` if the tenant has no such event.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_event(
        &self,
        tenant: &Tenant,
        event_id: EventId,
    ) -> Result<Option<EventDetail>, StoreError> {
        let question = events!(
            "WHERE tenant = $1 AND event_id = $2",
            tenant.as_str(),
            event_id.0,
        );
        let row = self.lookups.fetch_optional(question).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let question = sqlx::query!(
            r#"SELECT COALESCE(event.headers, header_set.headers) AS "headers!", event.body_sha256,
                      COALESCE(overflow.deliveries, 0) + greatest(0, (
                          SELECT count(*) FROM delivery WHERE tenant = $1 AND event_id = $2) - $3) AS "uncounted!"
               FROM event
               LEFT JOIN header_set
                   ON header_set.tenant = event.tenant AND header_set.number = event.header_set
               LEFT JOIN delivery_overflow AS overflow
                   ON overflow.tenant = event.tenant AND overflow.event_id = event.event_id
               WHERE event.tenant = $1 AND event.event_id = $2"#,
            tenant.as_str(),
            event_id.0,
            MAX_SHOWN,
        );
        let beside = self.lookups.fetch_optional(question).await?;
        let beside = beside.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Some(EventDetail {
            event: row.try_into()?,
            headers: header_set::read(&beside.headers, event_id),
            sha256: beside.body_sha256,
            deliveries: self.list_deliveries(tenant, event_id).await?,
            uncounted_deliveries: beside.uncounted,
        }))
    }

    async fn list_deliveries(
        &self,
        tenant: &Tenant,
        event_id: EventId,
    ) -> Result<Vec<SeenDelivery>, StoreError> {
        let rows = sqlx::query!(
            // Conflicts are what one looks for here, so they are in whatever the limit leaves out.
            r#"SELECT received_at AS "received_at!: jiff_sqlx::Timestamp", outcome AS "outcome!",
                      origin AS "origin!", hook, source, retry, webhook_name, signature,
                      body_sha256 AS "body_sha256!", body
               FROM (SELECT received_at, arrival_id, outcome, origin, hook, source, retry, webhook_name,
                            signature, body_sha256, body
                     FROM delivery WHERE tenant = $1 AND event_id = $2
                     ORDER BY outcome <> 'conflict', received_at, arrival_id LIMIT $3) AS shown
               ORDER BY received_at, arrival_id"#,
            tenant.as_str(),
            event_id.0,
            MAX_SHOWN,
        )
        .fetch_all(&self.reads)
        .await?;
        let deliveries = rows.into_iter().map(|row| SeenDelivery {
            received_at: row.received_at.to_jiff(),
            outcome: row.outcome,
            origin: row.origin,
            hook: row.hook,
            source: row.source,
            retry: row.retry,
            webhook_name: row.webhook_name,
            signature: row.signature,
            sha256: row.body_sha256,
            body: row.body,
        });
        Ok(deliveries.collect())
    }
}

impl TryFrom<EventRow> for StoredEvent {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::Corrupt {
            table: "event",
            column,
            row: format!("{}/{}", row.tenant, row.position),
        };
        let origin =
            origin::read(&row.origin, row.hook, row.source, row.signature).map_err(corrupt)?;
        let occurred_at = match row.occurred_text {
            Some(text) => Some(OccurredAt::parse(&text).ok_or_else(|| corrupt("occurred_text"))?),
            None => None,
        };
        Ok(Self {
            position: Position(row.position),
            event: Event {
                tenant: Tenant::parse(&row.tenant).ok_or_else(|| corrupt("tenant"))?,
                event_id: EventId(row.event_id),
                name: row.name,
                entity: row.entity,
                primary_key: row.primary_key,
                ticket: row.ticket.and_then(TicketId::new),
                actor: row.actor.map(Actor),
                occurred_at,
                webhook_name: row.webhook_name,
            },
            received_at: row.received_at.to_jiff(),
            stored_at: row.stored_at.to_jiff(),
            origin,
            body: row.body,
        })
    }
}
