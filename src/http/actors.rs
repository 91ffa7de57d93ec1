//! Who changes how much.

use axum::{Json, extract::State, response::Response};
use serde::{Deserialize, Serialize};

use super::{
    AppState,
    changes::zone,
    error::ApiError,
    extract::{Path, Query, instant, limit},
    list::{Asked, Format},
    openapi::{ActorPath, TenantPath},
    projected::Stale,
};
use crate::{
    domain::{
        activity::by_day,
        ids::{Actor, Tenant},
        label::wanted,
        page::{cut, encode_cursor, find_cursor},
    },
    render::json::{ActivityJson, ActorActivityJson, ListJson},
};

/// Parameters of [`list_actors`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ActorsParams {
    /// Only what was done at this instant or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Only what was done before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Whether to wait for the projections.
    #[param(inline)]
    stale: Option<Stale>,
    /// Items in a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where to go on.
    #[param(format = "ticketlog-cursor")]
    cursor: Option<String>,
    /// The form of the answer.
    #[param(inline)]
    format: Option<Format>,
}

/// Parameters of [`show_actor`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ActorParams {
    /// Only what was done at this instant or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Only what was done before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Whose days: an IANA name; else the tenant's zone, else UTC.
    #[param(format = "iana-time-zone")]
    zone: Option<String>,
    /// Whether to wait for the projections.
    #[param(inline)]
    stale: Option<Stale>,
}

/// The actor with whom a page ends.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    after: i64,
}

/// `GET /v1/tenants/{tenant}/actors`: what each of those did who did anything, by number; last the events
/// that do not say who it was.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/actors",
    tag = "history",
    summary = "Who changes how much",
    description = "What each actor did, by number; last the events that do not say who it was.",
    params(TenantPath, ActorsParams),
    responses((status = 200, description = "A page of actors", body = ListJson<ActivityJson>)),
)]
pub(super) async fn list_actors(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    Query(params): Query<ActorsParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = usize::from(limit(params.limit)?);
    let window = window(params.since.as_deref(), params.until.as_deref())?;
    let query = format!("actors {tenant} {window:?}");
    let at: Option<At> = find_cursor(&query, params.cursor.as_deref())?;
    let from = at.map(|at| at.after.saturating_add(1));
    let store = state.store().await?;
    state.projected(&store, &tenant, params.stale).await?;
    let mut found = store
        .list_activities(&tenant, window, from, limit + 1)
        .await?;
    let last = cut(&mut found, limit).and_then(|last| last.actor);
    let next = last.map(|actor| encode_cursor(&query, &At { after: actor.0 }));
    let actors: Vec<Option<Actor>> = found.iter().map(|activity| activity.actor).collect();
    let labels = store.find_labels(&tenant, &wanted(&actors)).await?;
    let items = found.into_iter();
    let items: Vec<ActivityJson> = items
        .map(|found| ActivityJson::new(found, &labels))
        .collect();
    Ok(form.answer(&ListJson { items, next }))
}

/// `GET /v1/tenants/{tenant}/actors/{actor}`: what one did, by field and by day; `none` for the events that do
/// not say who it was.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/actors/{actor}",
    tag = "history",
    summary = "What one actor did",
    description = "By field and by day.",
    params(ActorPath, ActorParams),
    responses((status = 200, description = "What was done", body = ActorActivityJson)),
)]
pub(super) async fn show_actor(
    State(state): State<AppState>,
    Path((tenant, actor)): Path<(Tenant, Option<Actor>)>,
    Query(params): Query<ActorParams>,
) -> Result<Json<ActorActivityJson>, ApiError> {
    let window = window(params.since.as_deref(), params.until.as_deref())?;
    let store = state.store().await?;
    state.projected(&store, &tenant, params.stale).await?;
    let found = store.find_activity(&tenant, actor, window).await?;
    if found.events == 0 {
        let ever = store
            .find_activity(&tenant, actor, (i64::MIN, i64::MAX))
            .await?;
        if ever.events == 0 {
            return Err(unknown_actor(&tenant, actor));
        }
    }
    let (zone_name, zone) = zone(&store, &tenant, params.zone.as_deref()).await?;
    let fields = store.count_changes_by_field(&tenant, actor, window).await?;
    let days = by_day(&store.list_moments(&tenant, actor, window).await?, &zone);
    let labels = store.find_labels(&tenant, &wanted([&actor])).await?;
    let activity = ActivityJson::new(found, &labels);
    Ok(Json(ActorActivityJson::new(
        activity, fields, days, zone_name,
    )))
}

fn window(since: Option<&str>, until: Option<&str>) -> Result<(i64, i64), ApiError> {
    let since = since.map(|text| instant("since", text)).transpose()?;
    let until = until.map(|text| instant("until", text)).transpose()?;
    Ok((since.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX)))
}

/// 404 for who never did anything.
pub(super) fn unknown_actor(tenant: &Tenant, actor: Option<Actor>) -> ApiError {
    ApiError::Unknown(match actor {
        Some(actor) => format!(
            "no event in the log of \"{tenant}\" is by actor {}",
            actor.0
        ),
        None => format!("every event in the log of \"{tenant}\" says who did it"),
    })
}
