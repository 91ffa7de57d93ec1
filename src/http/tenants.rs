//! The tenants that have a log.

use axum::{Extension, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AppState,
    error::ApiError,
    extract::Query,
    list::{Asked, Format},
};
use crate::{
    domain::{
        ids::{Position, Tenant},
        token::Access,
    },
    render::{
        csv::{Cell, Table},
        json::ListJson,
        schema::Instant,
    },
    store::TenantSummary,
};

/// A tenant's log at a glance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TenantLog)]
pub(super) struct TenantJson {
    tenant: Tenant,
    /// Identity of the log: another one means that it is not the log that was followed before.
    log_id: Uuid,
    /// Position of its last event.
    #[schema(value_type = i64, minimum = 0)]
    head: Position,
    /// What follows after `events` counts the log up to here.
    #[schema(value_type = i64, minimum = 0)]
    projected: Position,
    /// How many it holds.
    #[schema(value_type = i64, minimum = 0)]
    events: Position,
    /// How many these are about.
    #[schema(minimum = 0)]
    tickets: i64,
    /// Events of tickets without an instant that can be read.
    #[schema(minimum = 0)]
    undated: i64,
    /// Of the first event in the order of history.
    #[schema(value_type = Option<Instant>, required)]
    first_at: Option<String>,
    /// Of the last one.
    #[schema(value_type = Option<Instant>, required)]
    last_at: Option<String>,
    /// The time zone of the tenant, an IANA name; null if none was set.
    #[schema(required)]
    zone: Option<String>,
}

/// Parameters of a list that has no others.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WholeParams {
    /// The form of the list.
    #[param(inline)]
    pub(super) format: Option<Format>,
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}

/// `GET /v1/tenants`: the token's own, by name.
#[utoipa::path(
    get,
    path = "/v1/tenants",
    tag = "tenants",
    summary = "Each tenant that has a log",
    description = "The token's own, by name. Waits for nothing.",
    params(WholeParams),
    responses((status = 200, description = "All of them", body = ListJson<TenantJson>)),
)]
pub(super) async fn list_tenants(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    asked: Asked,
    Query(params): Query<WholeParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let store = state.store().await?;
    let tenants = store.list_tenants(access.tenants.as_ref()).await?;
    let mut zones = store.list_zones(access.tenants.as_ref()).await?;
    let items = tenants.into_iter().map(|tenant| {
        let zone = zones.remove(tenant.tenant.as_str());
        TenantJson::new(tenant, zone)
    });
    let items: Vec<TenantJson> = items.collect();
    Ok(form.answer(&ListJson { items, next: None }))
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

impl Table for TenantJson {
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "log_id",
        "head",
        "projected",
        "events",
        "tickets",
        "undated",
        "first_at",
        "last_at",
        "zone",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            Cell::from(&self.tenant),
            Cell::Text(self.log_id.to_string()),
            self.head.into(),
            self.projected.into(),
            self.events.into(),
            self.tickets.into(),
            self.undated.into(),
            Cell::instant(self.first_at.as_deref()),
            Cell::instant(self.last_at.as_deref()),
            self.zone.as_ref().into(),
        ]]
    }
}
