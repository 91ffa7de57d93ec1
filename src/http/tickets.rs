//! One ticket: its state, and its raw log.

use axum::{Extension, Json, extract::State, response::Response};
use serde::Deserialize;

use super::{
    AppState,
    caller::Caller,
    error::ApiError,
    extract::{Path, Query, instant, limit, unknown_tenant},
    list::{Asked, Format, PAGE_BYTES},
    openapi::{KnownAt, TicketPath},
};
use crate::{
    clock,
    domain::{
        ids::{Position, Tenant, TicketId},
        instant::{ticks_of_timestamp, timestamp_of_ticks},
        label::wanted,
        page::{encode_cursor, find_cursor},
    },
    render::json::{EventJson, ListJson, TicketJson},
    store::{PageSize, Store, TicketHistory},
};

/// Parameters of [`show_ticket`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TicketParams {
    /// After the events up to this instant (inclusive).
    #[param(format = DateTime)]
    as_of: Option<String>,
    /// From what was in the log by this position or instant.
    #[param(value_type = Option<KnownAt>, inline)]
    known_at: Option<String>,
}

/// Parameters of [`list_ticket_events`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TicketEventsParams {
    /// Items in a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    #[param(format = "ticketlog-cursor")]
    cursor: Option<String>,
    /// The form of the list.
    #[param(inline)]
    format: Option<Format>,
}

/// `GET /v1/tenants/{tenant}/tickets/{ticket}`: what is known of it, now or at an instant.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/tickets/{ticket}",
    tag = "tickets",
    summary = "What is known of a ticket",
    description = "Now, or at an instant.",
    params(TicketPath, TicketParams),
    responses((status = 200, description = "The ticket", body = TicketJson)),
)]
pub(super) async fn show_ticket(
    State(state): State<AppState>,
    Path((tenant, ticket)): Path<(Tenant, TicketId)>,
    caller: Option<Extension<Caller>>,
    Query(params): Query<TicketParams>,
) -> Result<Json<TicketJson>, ApiError> {
    let as_of = params
        .as_of
        .map(|as_of| instant("as_of", &as_of))
        .transpose()?;
    let store = state.store().await?;
    let up_to = bound(&store, &tenant, params.known_at.as_deref()).await?;
    let found = find_history(&store, &tenant, ticket, up_to, as_of, caller).await?;
    let counts = (found.events, found.undated);
    let labels = store
        .find_labels_at(
            &tenant,
            &wanted([&found.history.state]),
            found.source.labels,
        )
        .await?;
    let at = as_of.unwrap_or_else(|| ticks_of_timestamp(clock::now()));
    let json = TicketJson::new(ticket, found.history, counts, &labels, at);
    Ok(Json(json))
}

/// `GET /v1/tenants/{tenant}/tickets/{ticket}/events`: its events by position, bodies as sent; a page ends once they
/// have [`PAGE_BYTES`].
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/tickets/{ticket}/events",
    tag = "tickets",
    summary = "The events of a ticket",
    description = "By position, bodies as sent. A page ends before its `limit` once its bodies have 16 MiB.",
    params(TicketPath, TicketEventsParams),
    responses((status = 200, description = "A page of events", body = ListJson<EventJson>)),
)]
pub(super) async fn list_ticket_events(
    State(state): State<AppState>,
    Path((tenant, ticket)): Path<(Tenant, TicketId)>,
    asked: Asked,
    Query(params): Query<TicketEventsParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = limit(params.limit)?;
    let query = format!("ticket events {tenant} {ticket}");
    let after: Option<i64> = find_cursor(&query, params.cursor.as_deref())?;
    let from = Position(after.unwrap_or(0));
    let store = state.store().await?;
    let size = PageSize {
        events: limit,
        bytes: PAGE_BYTES,
    };
    let (events, last) = store
        .list_ticket_events(&tenant, ticket, from, size)
        .await?;
    if events.is_empty() && after.is_none() {
        return Err(unknown_ticket(&store, &tenant, ticket, None).await?);
    }
    let next = last.map(|last| encode_cursor(&query, &last.0));
    let labels = store.find_labels(&tenant, &wanted(&events)).await?;
    let items = events.into_iter();
    let items: Vec<EventJson> = items.map(|event| EventJson::new(event, &labels)).collect();
    Ok(form.answer(&ListJson { items, next }))
}

/// A ticket's history, up to a position or the head of the log, and to an instant in ticks. Finds out whether the token of
/// who asks is good, if that is left to it.
///
/// # Errors
/// 404 if the log has none.
pub(super) async fn find_history(
    store: &Store,
    tenant: &Tenant,
    ticket: TicketId,
    up_to: Option<Position>,
    as_of: Option<i64>,
    caller: Option<Extension<Caller>>,
) -> Result<TicketHistory, ApiError> {
    let hash = caller.as_deref().map(Caller::hash);
    let found = store.find_history(tenant, ticket, up_to, as_of, hash);
    let Some(found) = found.await? else {
        return Err(unknown_ticket(store, tenant, ticket, up_to).await?);
    };
    if let Some(caller) = caller {
        caller.found(found.source.live_token);
    }
    Ok(found)
}

/// Up to which position the log counts: `known_at` as a position or as an instant, else its head.
///
/// # Errors
/// 400 if it is neither, 404 if the tenant has no log.
pub(super) async fn known_at(
    store: &Store,
    tenant: &Tenant,
    known_at: Option<&str>,
) -> Result<Position, ApiError> {
    let head = store.find_head(tenant).await?;
    let head = head.ok_or_else(|| unknown_tenant(tenant.as_str()))?;
    let Some(text) = known_at else {
        return Ok(head);
    };
    if let Ok(position) = text.parse::<i64>()
        && position >= 0
    {
        return Ok(Position(position).min(head));
    }
    let at = timestamp_of_ticks(instant("known_at", text)?);
    Ok(store.find_position_at(tenant, at).await?)
}

/// [`known_at`], for what finds the head itself: `None` for that.
///
/// # Errors
/// The same.
pub(super) async fn bound(
    store: &Store,
    tenant: &Tenant,
    text: Option<&str>,
) -> Result<Option<Position>, ApiError> {
    match text {
        None => Ok(None),
        given => known_at(store, tenant, given).await.map(Some),
    }
}

/// 404 for a ticket of which nothing is in the log, or was by the position that was asked for, or for its tenant.
pub(super) async fn unknown_ticket(
    store: &Store,
    tenant: &Tenant,
    ticket: TicketId,
    known_at: Option<Position>,
) -> Result<ApiError, ApiError> {
    if store.find_head(tenant).await?.is_none() {
        return Ok(unknown_tenant(tenant.as_str()));
    }
    let Some(known_at) = known_at else {
        return Ok(no_event(tenant, ticket));
    };
    let size = PageSize {
        events: 1,
        bytes: PAGE_BYTES,
    };
    let events = store.list_ticket_events(tenant, ticket, Position(0), size);
    let (events, _) = events.await?;
    let first = events.first().map(|event| event.position);
    Ok(match first {
        Some(first) if first > known_at => ApiError::Unknown(format!(
            "no event of ticket {ticket} was in the log of \"{tenant}\" by then, up to position {}: the first came at \
             position {}",
            known_at.0, first.0
        )),
        _ => no_event(tenant, ticket),
    })
}

fn no_event(tenant: &Tenant, ticket: TicketId) -> ApiError {
    ApiError::Unknown(format!(
        "no event of ticket {ticket} is in the log of \"{tenant}\""
    ))
}
