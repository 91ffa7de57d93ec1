//! Validly signed bodies that cannot be an event of a tenant, kept whole.

use jiff_sqlx::ToSqlx;

use super::{StoreError, delivery::headers_text, log::Tx};
use crate::domain::{delivery::Delivery, event::ParkReason};

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
