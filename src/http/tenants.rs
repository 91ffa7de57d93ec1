//! The tenants that have a log.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AppState, error::ApiError, extract::Query};
use crate::{
    domain::ids::{Position, Tenant},
    render::json::ListJson,
    store::TenantSummary,
};

/// A tenant's log at a glance.
#[derive(Debug, Serialize)]
pub(super) struct TenantJson {
    tenant: Tenant,
    log_id: Uuid,
    head: Position,
    /// What follows counts the log up to here.
    projected: Position,
    events: Position,
    tickets: i64,
    undated: i64,
    first_at: Option<String>,
    last_at: Option<String>,
    zone: Option<String>,
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}

/// `GET /v1/tenants`: all of them, by name.
pub(super) async fn list_tenants(
    State(state): State<AppState>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<ListJson<TenantJson>>, ApiError> {
    let store = state.store().await?;
    let tenants = store.list_tenants().await?.into_iter();
    let mut zones = store.list_zones().await?;
    let items = tenants.map(|tenant| {
        let zone = zones.remove(tenant.tenant.as_str());
        TenantJson::new(tenant, zone)
    });
    let items = items.collect();
    Ok(Json(ListJson { items, next: None }))
}

impl TenantJson {
    fn new(summary: TenantSummary, zone: Option<String>) -> Self {
        Self {
            tenant: summary.tenant,
            log_id: summary.log_id,
            head: summary.head,
            projected: summary.projected,
            events: summary.head,
            tickets: summary.tickets,
            undated: summary.undated,
            first_at: summary.first_at.map(|at| at.as_utc().to_owned()),
            last_at: summary.last_at.map(|at| at.as_utc().to_owned()),
            zone,
        }
    }
}
