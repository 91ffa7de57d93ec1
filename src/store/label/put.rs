//! Recording labels: all of them or none.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;

use crate::{
    domain::{ids::Tenant, instant::OccurredAt, label::NewLabel},
    store::{Store, StoreError},
};

/// Labels in one statement.
const CHUNK: usize = 5000;

impl Store {
    /// Records labels of a tenant, whether or not it has a log yet. One of the same list, id and instant
    /// replaces what was recorded before. All or nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] if two of them are of the same list, id and
    /// instant.
    pub async fn put_labels(
        &self,
        tenant: &Tenant,
        labels: &[NewLabel],
        source: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // In one order for all, so that two that record the same labels do not lock each other out.
        let mut ordered: Vec<&NewLabel> = labels.iter().collect();
        ordered.sort_by_key(|label| (&label.list, label.id, label.valid_ticks()));
        let mut tx = self.begin().await?;
        renew_version(&mut tx, tenant).await?;
        for chunk in ordered.chunks(CHUNK) {
            upsert(&mut tx, tenant, chunk, source, now).await?;
        }
        let lists: BTreeSet<&str> = ordered.iter().map(|label| label.list.as_str()).collect();
        mark(&mut tx, tenant, lists, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A transaction for an operator's doing: it gives up on a lock after 5 s, as all that write do.
    pub(super) async fn begin(&self) -> Result<sqlx::Transaction<'_, sqlx::Postgres>, StoreError> {
        let mut tx = self.reads.begin().await?;
        sqlx::query!("SELECT set_config('lock_timeout', '5s', true) AS _set")
            .fetch_one(&mut *tx)
            .await?;
        Ok(tx)
    }
}

/// Gives a tenant's labels another version, as the triggers do at each statement. Done first, so that those who write
/// labels of one tenant wait for each other here, and not one here and the other for a row of the first.
pub(super) async fn renew_version(
    tx: &mut PgConnection,
    tenant: &Tenant,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO label_version (tenant, version) VALUES ($1, gen_random_uuid())
         ON CONFLICT (tenant) DO UPDATE SET version = excluded.version",
        tenant.as_str(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn upsert(
    tx: &mut PgConnection,
    tenant: &Tenant,
    labels: &[&NewLabel],
    source: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let lists = labels.iter().map(|label| label.list.as_str());
    let texts = labels.iter().map(|label| label.label.as_deref());
    let instants = labels.iter().map(|label| label.valid_from.as_ref());
    sqlx::query!(
        "INSERT INTO label (tenant, list, id, valid_ticks, valid_text, label, source, recorded_at)
         SELECT $1, list, id, valid_ticks, valid_text, label, $7, $8
         FROM UNNEST($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
             AS new (list, id, valid_ticks, valid_text, label)
         ON CONFLICT (tenant, list, id, valid_ticks) DO UPDATE
         SET valid_text = EXCLUDED.valid_text, label = EXCLUDED.label, source = EXCLUDED.source,
             recorded_at = EXCLUDED.recorded_at",
        tenant.as_str(),
        &lists.collect::<Vec<_>>() as _,
        &labels.iter().map(|label| label.id).collect::<Vec<_>>(),
        &labels
            .iter()
            .map(|label| label.valid_ticks())
            .collect::<Vec<_>>(),
        &instants
            .map(|at| at.map(OccurredAt::as_sent))
            .collect::<Vec<_>>() as _,
        &texts.collect::<Vec<_>>() as _,
        source,
        now.to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Remembers when labels of these lists were recorded.
async fn mark(
    tx: &mut PgConnection,
    tenant: &Tenant,
    lists: BTreeSet<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO label_list (tenant, list, recorded_at)
         SELECT $1, list, $3 FROM UNNEST($2::text[]) AS new (list)
         ON CONFLICT (tenant, list) DO UPDATE
         SET recorded_at = greatest(label_list.recorded_at, EXCLUDED.recorded_at)",
        tenant.as_str(),
        &lists.into_iter().collect::<Vec<_>>() as _,
        now.to_sqlx() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}
