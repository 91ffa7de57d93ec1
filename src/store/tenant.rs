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
    /// Position of its last event.
    pub head: Position,
    /// Number of events.
    pub events: i64,
    /// Number of tickets that have a history.
    pub tickets: i64,
    /// Ticket events without a readable Timestamp, which are in no history.
    pub undated: i64,
    /// Earliest Timestamp.
    pub first_at: Option<OccurredAt>,
    /// Latest Timestamp.
    pub last_at: Option<OccurredAt>,
}

impl Store {
    /// Every tenant that has a log and is one of `among`, by name; `None` is all. Counts the whole log of
    /// each: linear in its events.
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
            r#"SELECT head.tenant, head.log_id, head.position,
                      count(event.position) AS "events!",
                      count(DISTINCT event.ticket) AS "tickets!",
                      count(*) FILTER (WHERE event.ticket IS NOT NULL AND event.occurred_ticks IS NULL)
                          AS "undated!",
                      (SELECT e.occurred_text FROM event e
                       WHERE e.tenant = head.tenant AND e.occurred_ticks IS NOT NULL
                       ORDER BY e.occurred_ticks LIMIT 1) AS first_at,
                      (SELECT e.occurred_text FROM event e
                       WHERE e.tenant = head.tenant AND e.occurred_ticks IS NOT NULL
                       ORDER BY e.occurred_ticks DESC LIMIT 1) AS last_at
               FROM head LEFT JOIN event
                   ON event.tenant = head.tenant AND event.position <= head.position
               WHERE $1::text[] IS NULL OR head.tenant = ANY($1)
               GROUP BY head.tenant ORDER BY head.tenant"#,
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
                    head: Position(row.position),
                    events: row.events,
                    tickets: row.tickets,
                    undated: row.undated,
                    first_at: row.first_at.as_deref().and_then(OccurredAt::parse),
                    last_at: row.last_at.as_deref().and_then(OccurredAt::parse),
                })
            })
            .collect()
    }
}
