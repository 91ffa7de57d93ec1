//! How far the projections are, seen from outside.

use super::{Store, StoreError};
use crate::domain::ids::{Position, Tenant};

/// A tenant's log and its projection, seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The tenant.
    pub tenant: Tenant,
    /// Position of its last event.
    pub head: Position,
    /// Greatest position that is projected; 0 if none.
    pub projected: Position,
}

/// What a tenant's log and its projection hold, seen at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Holdings {
    /// The log.
    pub log: Holding,
    /// The projection.
    pub projected: Holding,
}

/// How much of what was acknowledged is in a log or in a projection.
#[derive(Debug, Clone, Copy)]
pub struct Holding {
    /// Greatest position.
    pub position: Position,
    /// Conflicts, which have no position.
    pub conflicts: i64,
}

impl Holding {
    /// True if it lacks nothing of another.
    pub fn holds(self, other: Self) -> bool {
        self.position >= other.position && self.conflicts >= other.conflicts
    }
}

impl Progress {
    fn read(tenant: String, head: i64, projected: i64) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: Tenant::parse(&tenant).ok_or(StoreError::Corrupt {
                table: "head",
                column: "tenant",
                row: tenant,
            })?,
            head: Position(head),
            projected: Position(projected),
        })
    }
}

impl Store {
    /// What a tenant's log holds and what its projection does; `None` if the tenant has no log. Reads every conflict
    /// of the tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_holdings(&self, tenant: &Tenant) -> Result<Option<Holdings>, StoreError> {
        let question = sqlx::query!(
            r#"SELECT head.position AS head,
                      (SELECT count(*) FROM delivery WHERE tenant = $1 AND outcome = 'conflict') AS "conflicts!",
                      COALESCE(projection.position, 0) AS "projected!",
                      COALESCE(projection.conflicts, 0) AS "projected_conflicts!"
               FROM head LEFT JOIN projection USING (tenant) WHERE head.tenant = $1"#,
            tenant.as_str(),
        );
        let row = self.lookups.fetch_optional(question).await?;
        Ok(row.map(|row| Holdings {
            log: Holding {
                position: Position(row.head),
                conflicts: row.conflicts,
            },
            projected: Holding {
                position: Position(row.projected),
                conflicts: row.projected_conflicts,
            },
        }))
    }

    /// The tenants whose projection lacks something of what the log, the conflicts and the facts say, by
    /// name. Reads every tenant's head, every conflict and every fact.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_behind(&self) -> Result<Vec<Progress>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT head.tenant, head.position AS head, COALESCE(projection.position, 0) AS "projected!"
               FROM head
               LEFT JOIN projection USING (tenant)
               LEFT JOIN (SELECT tenant, count(*) AS conflicts FROM delivery
                          WHERE outcome = 'conflict' GROUP BY tenant) AS disputed USING (tenant)
               LEFT JOIN (SELECT tenant, count(*) AS facts FROM feed_fact
                          WHERE tenant IS NOT NULL GROUP BY tenant) AS own USING (tenant)
               CROSS JOIN (SELECT count(*) AS facts FROM feed_fact WHERE tenant IS NULL) AS shared
               WHERE head.position > 0
                 AND (projection.position IS NULL
                      OR head.position > projection.position
                      OR COALESCE(disputed.conflicts, 0) <> projection.conflicts
                      OR COALESCE(own.facts, 0) + shared.facts <> projection.facts)
               ORDER BY head.tenant"#
        )
        .fetch_all(&self.reads)
        .await?;
        let progress = rows
            .into_iter()
            .map(|row| Progress::read(row.tenant, row.head, row.projected));
        progress.collect()
    }

    /// How far each tenant's projection is, by tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_progress(&self) -> Result<Vec<Progress>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT head.tenant, head.position AS head, COALESCE(projection.position, 0) AS "projected!"
               FROM head LEFT JOIN projection USING (tenant) ORDER BY head.tenant"#
        )
        .fetch_all(&self.reads)
        .await?;
        let progress = rows
            .into_iter()
            .map(|row| Progress::read(row.tenant, row.head, row.projected));
        progress.collect()
    }

    /// Events that are in a log and not in a projection yet, of all tenants.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_unprojected(&self) -> Result<i64, StoreError> {
        let behind = sqlx::query_scalar!(
            r#"SELECT COALESCE(sum(head.position - COALESCE(projection.position, 0)), 0)::bigint AS "behind!"
               FROM head LEFT JOIN projection USING (tenant)"#
        )
        .fetch_one(&self.reads)
        .await?;
        Ok(behind)
    }
}
