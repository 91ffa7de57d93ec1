//! Filling the log of a new tenant by COPY, several times faster than the statements of the ordinary way, with the
//! same rows.

use std::{fmt, mem};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use jiff_sqlx::ToSqlx;
use sqlx::{Connection, PgConnection};

use super::{Store, StoreError, delivery, event::lock_head, event::no_head};
use crate::{
    clock,
    domain::{
        delivery::Delivery,
        event::Event,
        ids::{Position, Tenant, TicketId},
        instant::OccurredAt,
    },
};

/// The columns in the order of [`Rows::push`].
const COPY: &str = "COPY event (
    tenant, position, stored_at, event_id, ticket, occurred_ticks, received_at, primary_key, actor, retry,
    arrival_id, origin, hook, source, name, entity, occurred_text, webhook_name, headers, signature,
    body_sha256, body) FROM STDIN (FORMAT binary)";

/// How many those are.
const COLUMNS: i16 = 22;

/// What a binary COPY begins with: its signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with, where the number of a row's columns would stand.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// Bytes of a length or of its absence before each value.
const LENGTH: usize = size_of::<i32>();

/// Bytes of a position, and of an instant.
const EIGHT: usize = size_of::<i64>();

/// From when Postgres counts microseconds.
const EPOCH: DateTime = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);

/// Events of one tenant in the binary form of COPY, all but what is known only under the lock of the log's head.
pub struct Rows {
    bytes: Vec<u8>,
    /// Where each row's position stands; its `stored_at` follows.
    places: Vec<usize>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("rows", &self.places.len())
            .finish_non_exhaustive()
    }
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            bytes: HEADER.to_vec(),
            places: Vec::new(),
        }
    }
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds an event with its first delivery, as the ordinary way would store it.
    pub fn push(&mut self, delivery: &Delivery, event: &Event) {
        let origin = &delivery.arrival.origin;
        let occurred = event.occurred_at.as_ref();
        self.bytes.extend(COLUMNS.to_be_bytes());
        self.put(Some(event.tenant.as_str().as_bytes()));
        self.places.push(self.bytes.len() + LENGTH);
        self.put_number(Some(0));
        self.put_number(Some(0));
        self.put(Some(event.event_id.0.as_bytes()));
        self.put_number(event.ticket.map(TicketId::number));
        self.put_number(occurred.map(OccurredAt::ticks));
        self.put_number(Some(microseconds(delivery.arrival.received_at)));
        self.put_number(event.primary_key);
        self.put_number(event.actor.map(|actor| actor.0));
        self.put(
            delivery
                .retry()
                .map(i32::to_be_bytes)
                .as_ref()
                .map(<[u8; 4]>::as_slice),
        );
        self.put(Some(delivery.arrival.arrival_id.as_bytes()));
        self.put_text(Some(origin.as_str()));
        self.put_text(origin.hook());
        self.put_text(origin.source());
        self.put_text(Some(&event.name));
        self.put_text(event.entity.as_deref());
        self.put_text(occurred.map(OccurredAt::as_sent));
        self.put_text(event.webhook_name.as_deref());
        self.put_text(Some(&delivery::headers_text(delivery)));
        self.put(origin.signature().map(<[u8; 32]>::as_slice));
        self.put(Some(&delivery.sha256));
        self.put(Some(&delivery.body));
    }

    fn put(&mut self, value: Option<&[u8]>) {
        // A value over 2 GiB would not fit in a row either; -1 is null.
        let length = value.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }

    fn put_text(&mut self, value: Option<&str>) {
        self.put(value.map(str::as_bytes));
    }

    fn put_number(&mut self, value: Option<i64>) {
        self.put(
            value
                .map(i64::to_be_bytes)
                .as_ref()
                .map(<[u8; EIGHT]>::as_slice),
        );
    }

    /// Numbers the rows after a head and ends them.
    fn place(mut self, head: Position, stored_at: Timestamp) -> Vec<u8> {
        let stored_at = microseconds(stored_at).to_be_bytes();
        for (position, at) in (head.0 + 1..).zip(mem::take(&mut self.places)) {
            self.overwrite(at, position.to_be_bytes());
            self.overwrite(at + EIGHT + LENGTH, stored_at);
        }
        self.bytes.extend(TRAILER);
        self.bytes
    }

    fn overwrite(&mut self, at: usize, value: [u8; EIGHT]) {
        if let Some(place) = self.bytes.get_mut(at..at + EIGHT) {
            place.copy_from_slice(&value);
        }
    }
}

/// As a `timestamptz` counts: since 2000, cut to the microsecond as jiff-sqlx cuts it.
fn microseconds(at: Timestamp) -> i64 {
    let since = TimeZone::UTC.to_datetime(at).duration_since(EPOCH);
    // jiff's range is 6.3e17 microseconds.
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Fills one tenant's log, through a session of its own.
pub struct Bulk {
    connection: PgConnection,
    tenant: Tenant,
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bulk")
    }
}

impl Store {
    /// Begins a tenant's log; `None` if it has one with events in it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_log(&self, tenant: &Tenant) -> Result<Option<Bulk>, StoreError> {
        let mut connection = self.connect().await?;
        let mut tx = connection.begin().await?;
        let head = lock_head(&mut tx, tenant).await?;
        tx.commit().await?;
        let tenant = tenant.clone();
        Ok((head.0 == 0).then_some(Bulk { connection, tenant }))
    }
}

impl Bulk {
    /// Appends events that are new, in the order given, all or none: numbered, and the head advanced, in one
    /// transaction under the head's lock, as by the ordinary way. They must be the tenant's.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if one of them is in the log; [`StoreError::Unavailable`].
    pub async fn append(&mut self, rows: Rows) -> Result<(), StoreError> {
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let mut tx = self.connection.begin().await?;
        let advanced = sqlx::query!(
            r#"UPDATE head SET position = position + $2, stored_at = greatest(stored_at, $3)
               WHERE tenant = $1
               RETURNING position - $2 AS "before!", stored_at AS "stored_at: jiff_sqlx::Timestamp""#,
            self.tenant.as_str(),
            count,
            clock::now().to_sqlx() as _,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| no_head(&self.tenant))?;
        let bytes = rows.place(Position(advanced.before), advanced.stored_at.to_jiff());
        let mut copy = tx.copy_in_raw(COPY).await?;
        copy.send(bytes).await?;
        copy.finish().await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets the planner know what the log holds now, and closes the session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn close(mut self) -> Result<(), StoreError> {
        sqlx::raw_sql("ANALYZE head; ANALYZE event")
            .execute(&mut self.connection)
            .await?;
        self.connection.close().await?;
        Ok(())
    }
}
