//! What happened to a ticket.

use std::fmt::Write;

use axum::{Extension, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AppState,
    caller::Caller,
    error::ApiError,
    extract::{Path, Query, actors, instant, limit},
    list::{Asked, Format},
    openapi::{KnownAt, SomeActor, TicketPath},
    tickets::{bound, find_history},
};
use crate::{
    domain::{
        history::Selection,
        ids::{Actor, EventId, Position, Tenant, TicketId},
        label::wanted,
        page::{CursorError, encode_cursor, find_cursor},
    },
    render::json::{EntryJson, ListJson},
};

/// Parameters of [`show_timeline`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineParams {
    /// Only changes of any of these fields; a bookkeeping field that is named is shown.
    #[serde(default)]
    #[param(style = Form, explode)]
    pub(super) field: Vec<String>,
    /// Only entries by any of these actors; `none` is nobody whom the sender named.
    #[serde(default, deserialize_with = "actors")]
    #[param(style = Form, explode, value_type = Vec<SomeActor>, inline)]
    pub(super) actor: Vec<Option<Actor>>,
    /// Not before this instant.
    #[param(format = DateTime)]
    pub(super) since: Option<String>,
    /// Before this instant.
    #[param(format = DateTime)]
    pub(super) until: Option<String>,
    /// What is left out otherwise.
    #[serde(default)]
    #[param(style = Form, explode, inline)]
    pub(super) include: Vec<Include>,
    /// Oldest or newest first.
    #[serde(default)]
    #[param(inline)]
    pub(super) order: Order,
    /// From what was in the log by this position or instant.
    #[param(value_type = Option<KnownAt>, inline)]
    pub(super) known_at: Option<String>,
    /// Items in a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub(super) limit: Option<u32>,
    /// Where to go on: `next` of the page before. It keeps the log as the first page knew it.
    #[param(format = "ticketlog-cursor")]
    pub(super) cursor: Option<String>,
    /// The form of the list.
    #[param(inline)]
    pub(super) format: Option<Format>,
}

/// What is left out unless it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Include {
    /// Kind touched, and bookkeeping fields.
    Noise,
}

/// Of a list by time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// Oldest first.
    #[default]
    Asc,
    /// Newest first.
    Desc,
}

/// Where a page ends, and the log as the first page knew it: events that arrive meanwhile would shift
/// the pages.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct At {
    /// A position.
    pub(super) known_at: i64,
    /// The last event of the page.
    pub(super) after: Uuid,
}

/// `GET /v1/tenants/{tenant}/tickets/{ticket}/timeline`: its entries, each with its changes.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/tickets/{ticket}/timeline",
    tag = "history",
    summary = "What happened to a ticket",
    description = "Its entries, each with its changes. Noise, which is bookkeeping fields and the kind `touched`, \
        is left out unless it is asked for.",
    params(TicketPath, TimelineParams),
    responses((status = 200, description = "A page of entries", body = ListJson<EntryJson>)),
)]
pub(super) async fn show_timeline(
    State(state): State<AppState>,
    Path((tenant, ticket)): Path<(Tenant, TicketId)>,
    asked: Asked,
    caller: Option<Extension<Caller>>,
    Query(params): Query<TimelineParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = limit(params.limit)?;
    let selection = params.selection()?;
    let query = params.describe(&tenant, ticket);
    let at: Option<At> = find_cursor(&query, params.cursor.as_deref())?;
    let store = state.store().await?;
    let up_to = match &at {
        Some(at) => Some(Position(at.known_at)),
        None => bound(&store, &tenant, params.known_at.as_deref()).await?,
    };
    let found = find_history(&store, &tenant, ticket, up_to, None, caller).await?;
    let after = at.map(|at| EventId(at.after));
    let page = selection
        .page(found.history, after, usize::from(limit))
        .ok_or(CursorError::Damaged)?;
    let next = page.next.map(|last| {
        let at = At {
            known_at: found.source.up_to.0,
            after: last.0,
        };
        encode_cursor(&query, &at)
    });
    let labels = store
        .find_labels_at(&tenant, &wanted(&page.entries), found.source.labels)
        .await?;
    let items = page.entries.into_iter();
    let items: Vec<EntryJson> = items.map(|entry| EntryJson::new(entry, &labels)).collect();
    Ok(form.answer(&ListJson { items, next }))
}

impl TimelineParams {
    /// The part of the timeline that is asked for.
    pub(super) fn selection(&self) -> Result<Selection, ApiError> {
        let ticks = |name, text: &Option<String>| {
            text.as_deref().map(|text| instant(name, text)).transpose()
        };
        Ok(Selection {
            fields: self.field.iter().cloned().collect(),
            actors: self.actor.iter().copied().collect(),
            since_ticks: ticks("since", &self.since)?,
            until_ticks: ticks("until", &self.until)?,
            noise: self.include.contains(&Include::Noise),
            newest_first: self.order == Order::Desc,
        })
    }

    /// What a cursor of this query is good for: everything but the cursor and the limit.
    pub(super) fn describe(&self, tenant: &Tenant, ticket: TicketId) -> String {
        let mut query = format!("timeline {tenant} {ticket}");
        let parts = (
            &self.field,
            &self.actor,
            &self.since,
            &self.until,
            &self.include,
            self.order,
        );
        // Writing into a string cannot fail.
        let _ = write!(query, " {parts:?} {:?}", self.known_at);
        query
    }
}
