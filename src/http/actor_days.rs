//! What one actor did day by day.

use axum::{extract::State, response::Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    AppState,
    actors::unknown_actor,
    changes::zone,
    days::number_of_days,
    error::ApiError,
    extract::{Path, Query},
    list::{Asked, Format},
    openapi::ActorPath,
    projected::Stale,
};
use crate::{
    domain::{
        daily::{DoneOnDay, days_up_to},
        ids::{Actor, Tenant},
        instant::timestamp_of_ticks,
    },
    render::{
        csv::{Cell, Table},
        json::ListJson,
    },
};

/// Parameters of [`list_actor_days`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ActorDaysParams {
    /// Whose days: an IANA name; else the tenant's zone, else UTC.
    #[param(format = "iana-time-zone")]
    zone: Option<String>,
    /// How many days.
    #[param(minimum = 1, maximum = 366, default = 60)]
    days: Option<u16>,
    /// The last of them; that of the actor's last event if nobody says.
    #[param(format = Date)]
    last: Option<String>,
    /// Whether to wait for the projections.
    #[param(inline)]
    stale: Option<Stale>,
    /// The form of the list.
    #[param(inline)]
    format: Option<Format>,
}

/// What an actor did on a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DoneOnDay)]
pub(super) struct DoneOnDayJson {
    /// In the zone that was asked for.
    #[schema(format = Date)]
    day: String,
    /// Events of tickets, repeats not counted.
    #[schema(minimum = 0)]
    events: i64,
    /// Events that create a ticket.
    #[schema(minimum = 0)]
    created: i64,
}

/// `GET /v1/tenants/{tenant}/actors/{actor}/days`: oldest first, with those on which nothing happened.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/actors/{actor}/days",
    tag = "history",
    summary = "What one actor did day by day",
    description = "The days up to that of the actor's last event, or up to the one that is named, oldest first.",
    params(ActorPath, ActorDaysParams),
    responses((status = 200, description = "All of them", body = ListJson<DoneOnDayJson>)),
)]
pub(super) async fn list_actor_days(
    State(state): State<AppState>,
    Path((tenant, actor)): Path<(Tenant, Option<Actor>)>,
    asked: Asked,
    Query(params): Query<ActorDaysParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let count = number_of_days(params.days)?;
    let named = params.last.as_deref().map(day).transpose()?;
    let store = state.store().await?;
    state.projected(&store, &tenant, params.stale).await?;
    let span = store.find_actor_span(&tenant, actor).await?;
    let (_, last) = span.ok_or_else(|| unknown_actor(&tenant, actor))?;
    let (_, zone) = zone(&store, &tenant, params.zone.as_deref()).await?;
    let last = named.unwrap_or_else(|| zone.to_datetime(timestamp_of_ticks(last)).date());
    let days = days_up_to(last, count, &zone);
    let done = store.count_actor_days(&tenant, actor, &days).await?;
    let items: Vec<DoneOnDayJson> = done.into_iter().map(DoneOnDayJson::from).collect();
    Ok(form.answer(&ListJson { items, next: None }))
}

fn day(text: &str) -> Result<Date, ApiError> {
    let day = text.parse().ok().filter(|_| text.len() == 10);
    day.ok_or_else(|| {
        ApiError::BadParameter(format!("last is a day like 2025-05-19, not \"{text}\""))
    })
}

impl From<DoneOnDay> for DoneOnDayJson {
    fn from(done: DoneOnDay) -> Self {
        Self {
            day: done.date.to_string(),
            events: done.events,
            created: done.created,
        }
    }
}

impl Table for DoneOnDayJson {
    const COLUMNS: &'static [&'static str] = &["day", "events", "created"];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            Cell::Text(self.day.clone()),
            self.events.into(),
            self.created.into(),
        ]]
    }
}
