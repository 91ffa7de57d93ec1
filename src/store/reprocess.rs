//! A parked body that can be read now becomes what it would have become at once.

use std::slice;

use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{
    Store, StoreError,
    appender::BEGIN,
    content::{BEGIN_READING, Contents},
    header_set::HeaderSets,
    log::{Expect, Tx, append},
};
use crate::{
    clock,
    domain::{
        delivery::{Delivery, Outcome},
        ids::{EventId, Tenant},
    },
};

impl Store {
    /// Appends a delivery whose arrival is a parked body's, and records what became of that body, both or
    /// neither: whatever ends this in the middle, and whoever does the same beside it, a parked body gets
    /// into one history once. `None`, and nothing is added, if it was taken before.
    ///
    /// A delivery that is still to be parked gives [`Outcome::Parked`] and adds nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if Postgres refuses the event: the body stays parked.
    /// [`StoreError::Unavailable`].
    pub async fn reprocess(&self, delivery: &Delivery) -> Result<Option<Outcome>, StoreError> {
        let batch = slice::from_ref(delivery);
        let mut contents = Contents::default();
        let (mut tx, outcome) = loop {
            let mut tx = self.reads.begin_with(BEGIN).await?;
            let sets = &mut HeaderSets::default();
            let done = append(&mut tx, batch, Expect::Known, sets, &contents).await?;
            if done.unread.is_empty() {
                break (tx, done.outcomes.into_values().next());
            }
            // Not under the head's lock. Known the next time: an event's body stays what it is.
            tx.rollback().await?;
            let originals = contents.read_batch(batch, &done.unread).await?;
            let mut tx = self.reads.begin_with(BEGIN_READING).await?;
            contents.read_log(&mut tx, &originals).await?;
            tx.rollback().await?;
        };
        let Some((tenant, event_id)) = outcome.as_ref().and_then(taken_as) else {
            tx.rollback().await?;
            return Ok(outcome);
        };
        let word = outcome.as_ref().map_or("", Outcome::as_str);
        let parked_id = delivery.arrival.arrival_id;
        if !insert(&mut tx, parked_id, word, tenant, event_id).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        tx.commit().await?;
        Ok(outcome)
    }
}

/// Whose it is now, and as which event; `None` if it stays parked.
fn taken_as(outcome: &Outcome) -> Option<(&Tenant, EventId)> {
    match outcome {
        Outcome::Stored(place) | Outcome::Duplicate(place) | Outcome::Conflict(place) => {
            Some((&place.tenant, place.event_id))
        }
        Outcome::Ignored { tenant, event_id } => Some((tenant, *event_id)),
        // Appending spools nothing.
        Outcome::Parked(_) | Outcome::Spooled { .. } => None,
    }
}

/// False if there is such a row. Waits for a transaction that is inserting one.
async fn insert(
    tx: &mut Tx,
    parked_id: Uuid,
    outcome: &str,
    tenant: &Tenant,
    event_id: EventId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO reprocessed (parked_id, reprocessed_at, outcome, tenant, event_id)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (parked_id) DO NOTHING",
        parked_id,
        clock::now().to_sqlx() as _,
        outcome,
        tenant.as_str(),
        event_id.0,
    )
    .execute(&mut *tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
