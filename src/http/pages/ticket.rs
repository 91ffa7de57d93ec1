//! One ticket.

use std::collections::BTreeSet;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Page,
    given::{Given, Settled, read},
    reader::{Asker, reader},
};
use crate::{
    clock,
    domain::{
        ids::{Actor, EventId, Position, Tenant, TicketId},
        instant::{OccurredAt, ticks_of_timestamp},
        label::wanted,
        page::{CursorError, encode_cursor, find_cursor},
    },
    http::{
        AppState,
        error::ApiError,
        extract::{Path, actors, moment},
        tickets::{bound, find_history},
        timeline::{At, Include, Order, TimelineParams},
    },
    render::html::{Found, TicketPage},
};

/// Entries in a page, as far as there is room.
const ENTRIES: usize = 50;

/// Parameters of [`show_ticket`]: those of the API's ticket and of its timeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketParams {
    as_of: Option<String>,
    known_at: Option<String>,
    #[serde(default)]
    field: Vec<String>,
    #[serde(default, deserialize_with = "actors")]
    actor: Vec<Option<Actor>>,
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    include: Vec<Include>,
    order: Option<Order>,
    cursor: Option<String>,
}

/// `GET /t/{tenant}/tickets/{ticket}`.
pub(super) async fn show_ticket(
    State(state): State<AppState>,
    Path((tenant, ticket)): Path<(Tenant, TicketId)>,
    who: Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: TicketParams = read(&pairs)?;
    let as_of = params.moment()?;
    let timeline = params.timeline();
    let selection = timeline.selection()?;
    let described = format!("page {}", timeline.describe(&tenant, ticket));
    let at: Option<At> = find_cursor(&described, params.cursor.as_deref())?;
    // What is shown of one ticket is what one position of the log says, on each page of its timeline.
    let up_to = match &at {
        Some(at) => Some(Position(at.known_at)),
        None => bound(&store, &tenant, params.known_at.as_deref()).await?,
    };
    let now = find_history(&store, &tenant, ticket, up_to, None, None).await?;
    let up_to = Some(now.source.up_to);
    let then = match &as_of {
        Some(at) => {
            let then = find_history(&store, &tenant, ticket, up_to, Some(at.ticks()), None);
            then.await?.history.state
        }
        None => now.history.state.clone(),
    };
    let mut labelled: BTreeSet<(String, i64)> = wanted(&now.history.entries);
    labelled.extend(wanted([&then]));
    let labels = store.find_labels_at(&tenant, &labelled, now.source.labels);
    let labels = labels.await?;
    let found = Found::new(&now.history, &labels, as_of.as_ref(), &reader);
    let after = at.map(|at| EventId(at.after));
    let page = selection
        .page(now.history, after, ENTRIES)
        .ok_or(CursorError::Damaged)?;
    let shown = TicketPage {
        tenant: &tenant,
        ticket,
        found: &found,
        events: (now.events, now.undated),
        state: &then,
        as_of: as_of.as_ref(),
        labels_at: as_of
            .as_ref()
            .map_or_else(|| ticks_of_timestamp(clock::now()), OccurredAt::ticks),
        labels: &labels,
        entries: &page.entries,
        query: &pairs,
        reader: &reader,
    };
    let text = shown.render(|cut| {
        let after = cut.or(page.next)?.0;
        let known_at = now.source.up_to.0;
        Some(encode_cursor(&described, &At { known_at, after }))
    });
    Ok(Page(text).into_response())
}

impl TicketParams {
    /// The instant of the state that is shown; `None` for now.
    fn moment(&self) -> Result<Option<OccurredAt>, ApiError> {
        let text = self.as_of.as_deref();
        text.map(|text| moment("as_of", text)).transpose()
    }

    /// The same as of the API's timeline, but with the newest first if nobody says.
    fn timeline(&self) -> TimelineParams {
        TimelineParams {
            field: self.field.clone(),
            actor: self.actor.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            include: self.include.clone(),
            order: self.order.unwrap_or(Order::Desc),
            known_at: self.known_at.clone(),
            limit: None,
            cursor: None,
            format: None,
        }
    }
}
