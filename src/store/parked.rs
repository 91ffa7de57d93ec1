//! Validly signed bodies that cannot be an event of a tenant, kept whole.

use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{Store, StoreError, delivery::headers_text, log::Tx, origin};
use crate::domain::{
    delivery::{Arrival, Delivery},
    event::ParkReason,
    ids::{EventId, Tenant},
    parked::{Parked, ParkedPlace, ParkedSummary, Reprocessed},
};

/// Bytes of a body in a list: room for the characters that one line shows, four bytes each at most.
const START_BYTES: i32 = 256;

/// Parks a delivery.
pub(super) async fn insert(
    tx: &mut Tx,
    reason: ParkReason,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    // Handing an arrival in twice adds nothing.
    sqlx::query!(
        "INSERT INTO parked (
             parked_id, received_at, reason, origin, hook, source, retry, headers, signature,
             body_sha256, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (parked_id) DO NOTHING",
        delivery.arrival.arrival_id,
        delivery.arrival.received_at.to_sqlx() as _,
        reason.as_str(),
        delivery.arrival.origin.as_str(),
        delivery.arrival.origin.hook(),
        delivery.arrival.origin.source(),
        delivery.retry(),
        headers_text(delivery),
        delivery
            .arrival
            .origin
            .signature()
            .map(<[u8; 32]>::as_slice),
        delivery.sha256.as_slice(),
        &*delivery.body,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Which parked bodies a list gives.
#[derive(Debug, Clone, Copy, Default)]
pub struct ParkedFilter {
    /// Also those that became history meanwhile.
    pub all: bool,
    /// Only those that were parked for this reason.
    pub reason: Option<ParkReason>,
}

impl Store {
    /// Parked bodies after a place, oldest first, `limit` at most. Served by `parked_by_arrival`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_parked(
        &self,
        filter: ParkedFilter,
        after: ParkedPlace,
        limit: u16,
    ) -> Result<Vec<ParkedSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT parked.parked_id, parked.received_at AS "received_at: jiff_sqlx::Timestamp",
                      parked.reason, parked.origin, parked.hook, parked.source, parked.signature,
                      length(parked.body) AS "body_bytes!",
                      substring(parked.body FROM 1 FOR $1) AS "start!",
                      reprocessed.reprocessed_at AS "reprocessed_at?: jiff_sqlx::Timestamp",
                      reprocessed.outcome AS "outcome?", reprocessed.tenant AS "tenant?",
                      reprocessed.event_id AS "event_id?"
               FROM parked LEFT JOIN reprocessed USING (parked_id)
               WHERE (parked.received_at, parked.parked_id) > ($2, $3)
                 AND ($4 OR reprocessed.parked_id IS NULL)
                 AND ($5::text IS NULL OR parked.reason = $5)
               ORDER BY parked.received_at, parked.parked_id LIMIT $6"#,
            START_BYTES,
            after.received_at.to_sqlx() as _,
            after.parked_id,
            filter.all,
            filter.reason.map(ParkReason::as_str),
            i64::from(limit),
        )
        .fetch_all(&self.reads)
        .await?;
        let summaries = rows.into_iter().map(|row| {
            let corrupt = |column| corrupt(column, row.parked_id);
            let origin = origin::read(&row.origin, row.hook, row.source, row.signature);
            let at = row.reprocessed_at.map(jiff_sqlx::Timestamp::to_jiff);
            Ok(ParkedSummary {
                place: ParkedPlace {
                    received_at: row.received_at.to_jiff(),
                    parked_id: row.parked_id,
                },
                origin: origin.map_err(corrupt)?,
                reason: ParkReason::parse(&row.reason).ok_or_else(|| corrupt("reason"))?,
                body_bytes: usize::try_from(row.body_bytes).unwrap_or_default(),
                start: row.start,
                reprocessed: reprocessed(at, row.outcome, row.tenant, row.event_id),
            })
        });
        summaries.collect()
    }

    /// One parked body; `None` if there is none with this id. Served by the primary key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_parked(&self, parked_id: Uuid) -> Result<Option<Parked>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT parked.received_at AS "received_at: jiff_sqlx::Timestamp", parked.reason,
                      parked.origin, parked.hook, parked.source, parked.signature, parked.headers,
                      parked.body_sha256, parked.body,
                      reprocessed.reprocessed_at AS "reprocessed_at?: jiff_sqlx::Timestamp",
                      reprocessed.outcome AS "outcome?", reprocessed.tenant AS "tenant?",
                      reprocessed.event_id AS "event_id?"
               FROM parked LEFT JOIN reprocessed USING (parked_id)
               WHERE parked.parked_id = $1"#,
            parked_id,
        )
        .fetch_optional(&self.reads)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let corrupt = |column| corrupt(column, parked_id);
        let origin = origin::read(&row.origin, row.hook, row.source, row.signature);
        let headers = serde_json::from_str(&row.headers);
        let at = row.reprocessed_at.map(jiff_sqlx::Timestamp::to_jiff);
        Ok(Some(Parked {
            arrival: Arrival {
                arrival_id: parked_id,
                received_at: row.received_at.to_jiff(),
                origin: origin.map_err(corrupt)?,
                headers: headers.map_err(|_| corrupt("headers"))?,
            },
            reason: ParkReason::parse(&row.reason).ok_or_else(|| corrupt("reason"))?,
            sha256: row.body_sha256,
            body: row.body.into(),
            reprocessed: reprocessed(at, row.outcome, row.tenant, row.event_id),
        }))
    }
}

/// The row of `reprocessed` that was joined, if there was one.
fn reprocessed(
    at: Option<jiff::Timestamp>,
    outcome: Option<String>,
    tenant: Option<String>,
    event_id: Option<Uuid>,
) -> Option<Reprocessed> {
    Some(Reprocessed {
        reprocessed_at: at?,
        outcome: outcome?,
        // Written by us from a tenant.
        tenant: Tenant::parse(&tenant?)?,
        event_id: EventId(event_id?),
    })
}

fn corrupt(column: &'static str, parked_id: Uuid) -> StoreError {
    StoreError::Corrupt {
        table: "parked",
        column,
        row: parked_id.to_string(),
    }
}
