//! The tenants that have a log.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{LogEnd, Store, StoreError};
use crate::domain::{
    ids::{Position, Tenant},
    instant::OccurredAt,
};

/// A tenant's log at a glance.
#[derive(Debug, Clone)]
pub struct TenantSummary {
    /// The tenant.
    pub tenant: Tenant,
    /// Random identity of its log.
    pub log_id: Uuid,
    /// Position of its last event, which is their number too.
    pub head: Position,
    /// The position that is projected; what follows counts up to here.
    pub projected: Position,
    /// Number of tickets that have an event.
    pub tickets: i64,
    /// Ticket events without a readable Timestamp, which are in no history.
    pub undated: i64,
    /// Earliest Timestamp.
    pub first_at: Option<OccurredAt>,
    /// Latest Timestamp.
    pub last_at: Option<OccurredAt>,
}

impl Store {
    /// Every tenant that has a log and is one of `among`, by name, as far as it is projected; `None` is all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_tenants(
        &self,
        among: Option<&BTreeSet<Tenant>>,
    ) -> Result<Vec<TenantSummary>, StoreError> {
        let among: Option<Vec<&str>> =
            among.map(|tenants| tenants.iter().map(Tenant::as_str).collect());
        let rows = sqlx::query!(
            r#"SELECT head.tenant, head.log_id, head.position AS head,
                      COALESCE(projection.position, 0) AS "projected!",
                      COALESCE(projection.tickets, 0) AS "tickets!",
                      COALESCE(projection.undated, 0) AS "undated!",
                      projection.first_text AS "first_text?", projection.last_text AS "last_text?"
               FROM head LEFT JOIN projection USING (tenant)
               WHERE $1::text[] IS NULL OR head.tenant = ANY($1)
               ORDER BY head.tenant"#,
            among as _,
        )
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter()
            .map(|row| {
                let tenant = Tenant::parse(&row.tenant).ok_or_else(|| StoreError::Corrupt {
                    table: "head",
                    column: "tenant",
                    row: row.tenant.clone(),
                })?;
                Ok(TenantSummary {
                    tenant,
                    log_id: row.log_id,
                    head: Position(row.head),
                    projected: Position(row.projected),
                    tickets: row.tickets,
                    undated: row.undated,
                    first_at: row.first_text.as_deref().and_then(OccurredAt::parse),
                    last_at: row.last_text.as_deref().and_then(OccurredAt::parse),
                })
            })
            .collect()
    }

    /// Gives a tenant's log another random identity, and gives back the one that it had, with where it ends; `None` if
    /// it has no log. Whoever follows it is told at the next look.
    ///
    /// Waits for the head's lock, so that no batch is stored under both identities.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn renew_log(
        &self,
        tenant: &Tenant,
        log_id: Uuid,
    ) -> Result<Option<LogEnd>, StoreError> {
        let mut tx = self.reads.begin().await?;
        let head = sqlx::query!(
            "SELECT log_id, position FROM head WHERE tenant = $1 FOR UPDATE",
            tenant.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE head SET log_id = $2 WHERE tenant = $1",
            tenant.as_str(),
            log_id,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(head.map(|head| LogEnd {
            log_id: head.log_id,
            head: Position(head.position),
        }))
    }
}
