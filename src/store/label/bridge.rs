//! The bridge: which owner is the same person as which actor.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::put::renew_version;
use crate::{
    domain::{
        ids::Tenant,
        label::{BridgedPair, NewPair},
    },
    store::{Store, StoreError},
};

impl Store {
    /// Joins owners with actors. A pair replaces those that its owner and its actor were in; one without
    /// an actor only ends that of its owner. All or nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] if an owner or an actor stands in two of them.
    pub async fn put_bridge(
        &self,
        tenant: &Tenant,
        pairs: &[NewPair],
        source: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let owners: Vec<i64> = pairs.iter().map(|pair| pair.owner).collect();
        let actors: Vec<Option<i64>> = pairs.iter().map(|pair| pair.actor).collect();
        let mut tx = self.begin().await?;
        renew_version(&mut tx, tenant).await?;
        sqlx::query!(
            "DELETE FROM label_bridge
             WHERE tenant = $1 AND (owner = ANY($2::bigint[]) OR actor = ANY($3::bigint[]))",
            tenant.as_str(),
            &owners,
            &actors as _,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO label_bridge (tenant, owner, actor, source, recorded_at)
             SELECT $1, owner, actor, $4, $5
             FROM UNNEST($2::bigint[], $3::bigint[]) AS new (owner, actor)
             WHERE actor IS NOT NULL ORDER BY owner",
            tenant.as_str(),
            &owners,
            &actors as _,
            source,
            now.to_sqlx() as _,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The pairs of a tenant after an owner, by owner, `limit` at most. Served by the primary key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_bridge(
        &self,
        tenant: &Tenant,
        after: Option<i64>,
        limit: u16,
    ) -> Result<Vec<BridgedPair>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT owner, actor, source, recorded_at AS "recorded_at: jiff_sqlx::Timestamp"
               FROM label_bridge
               WHERE tenant = $1 AND ($2::bigint IS NULL OR owner > $2) ORDER BY owner LIMIT $3"#,
            tenant.as_str(),
            after,
            i64::from(limit),
        )
        .fetch_all(&self.reads)
        .await?;
        let pairs = rows.into_iter().map(|row| BridgedPair {
            owner: row.owner,
            actor: row.actor,
            source: row.source,
            recorded_at: row.recorded_at.to_jiff(),
        });
        Ok(pairs.collect())
    }
}
