//! What happened day by day.

use axum::{extract::State, response::Response};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{
    AppState,
    changes::zone,
    error::ApiError,
    extract::{Path, Query, unknown_tenant},
    list::{Asked, Format},
    openapi::TenantPath,
    projected::Stale,
};
use crate::{
    clock,
    domain::{
        daily::{OfDay, last_days},
        ids::Tenant,
        instant::{OccurredAt, timestamp_of_ticks},
    },
    render::{
        csv::{Cell, Table},
        json::ListJson,
    },
    store::Store,
};

/// Days that are counted if nobody says: what a picture has room for.
pub(super) const DAYS: u16 = 60;

/// Most days: a year.
pub(super) const MAX_DAYS: u16 = 366;

/// Parameters of [`list_days`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DaysParams {
    /// Whose days: an IANA name; else the tenant's zone, else UTC.
    #[param(format = "iana-time-zone")]
    zone: Option<String>,
    /// How many days.
    #[param(minimum = 1, maximum = 366, default = 60)]
    days: Option<u16>,
    /// Whether to wait for the projections.
    #[param(inline)]
    stale: Option<Stale>,
    /// The form of the list.
    #[param(inline)]
    format: Option<Format>,
}

/// A day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Day)]
pub(super) struct DayJson {
    /// In the zone that was asked for.
    #[schema(format = Date)]
    day: String,
    /// Events of tickets, repeats not counted.
    #[schema(minimum = 0)]
    events: i64,
    /// Tickets that have any of them.
    #[schema(minimum = 0)]
    tickets: i64,
    /// Events that create a ticket.
    #[schema(minimum = 0)]
    created: i64,
}

/// `GET /v1/tenants/{tenant}/days`: the days up to the tenant's last event, or up to today if that lies in the
/// future; oldest first.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/days",
    tag = "history",
    summary = "Events and tickets a day",
    description = "The days up to that of the tenant's last event, oldest first.",
    params(TenantPath, DaysParams),
    responses((status = 200, description = "All of them", body = ListJson<DayJson>)),
)]
pub(super) async fn list_days(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    Query(params): Query<DaysParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let count = number_of_days(params.days)?;
    let store = state.store().await?;
    state.projected(&store, &tenant, params.stale).await?;
    let (_, zone) = zone(&store, &tenant, params.zone.as_deref()).await?;
    let among = std::collections::BTreeSet::from([tenant.clone()]);
    let log = store.list_tenants(Some(&among)).await?.pop();
    let log = log.ok_or_else(|| unknown_tenant(tenant.as_str()))?;
    let days = of_log(&store, &tenant, log.last_at.as_ref(), (count, &zone)).await?;
    let items: Vec<DayJson> = days.into_iter().map(DayJson::from).collect();
    Ok(form.answer(&ListJson { items, next: None }))
}

/// How many days are asked for.
///
/// # Errors
/// 400 for none and for more than may be.
pub(super) fn number_of_days(given: Option<u16>) -> Result<u16, ApiError> {
    let count = given.unwrap_or(DAYS);
    if (1..=MAX_DAYS).contains(&count) {
        return Ok(count);
    }
    Err(ApiError::BadParameter(format!(
        "days must be 1 to {MAX_DAYS}"
    )))
}

/// The days of a log with this last event.
pub(super) async fn of_log(
    store: &Store,
    tenant: &Tenant,
    last_at: Option<&OccurredAt>,
    (count, zone): (u16, &TimeZone),
) -> Result<Vec<OfDay>, ApiError> {
    let now = clock::now();
    let until = last_at.map_or(now, |at| timestamp_of_ticks(at.ticks()).min(now));
    let days = last_days(until, count, zone);
    Ok(store.count_by_day(tenant, &days).await?)
}

impl From<OfDay> for DayJson {
    fn from(of_day: OfDay) -> Self {
        Self {
            day: of_day.date.to_string(),
            events: of_day.events,
            tickets: of_day.tickets,
            created: of_day.created,
        }
    }
}

impl Table for DayJson {
    const COLUMNS: &'static [&'static str] = &["day", "events", "tickets", "created"];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            Cell::Text(self.day.clone()),
            self.events.into(),
            self.tickets.into(),
            self.created.into(),
        ]]
    }
}
