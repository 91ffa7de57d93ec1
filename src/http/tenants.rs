//! The tenants that have a log.

use axum::{Extension, Json, extract::State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AppState, error::ApiError, extract::Query};
use crate::{
    domain::{
        ids::{Position, Tenant},
        token::Access,
    },
    render::json::ListJson,
    store::TenantSummary,
};

/// A tenant's log at a glance.
#[derive(Debug, Serialize)]
pub(super) struct TenantJson {
    tenant: Tenant,
    log_id: Uuid,
    head: Position,
    events: i64,
    tickets: i64,
    undated: i64,
    first_at: Option<String>,
    last_at: Option<String>,
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}

/// `GET /v1/tenants`: the token's own, by name.
pub(super) async fn list_tenants(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<ListJson<TenantJson>>, ApiError> {
    let store = state.store().await?;
    let tenants = store.list_tenants(access.tenants.as_ref()).await?;
    let items = tenants.into_iter().map(TenantJson::from).collect();
    Ok(Json(ListJson { items, next: None }))
}

impl From<TenantSummary> for TenantJson {
    fn from(summary: TenantSummary) -> Self {
        Self {
            tenant: summary.tenant,
            log_id: summary.log_id,
            head: summary.head,
            events: summary.events,
            tickets: summary.tickets,
            undated: summary.undated,
            first_at: summary.first_at.map(|at| at.as_utc().to_owned()),
            last_at: summary.last_at.map(|at| at.as_utc().to_owned()),
        }
    }
}
