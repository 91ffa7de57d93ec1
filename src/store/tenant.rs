//! The tenants that have a log.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Store, StoreError};
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
}
