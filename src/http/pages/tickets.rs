//! The tickets that moved last, and the way to any other.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    Page,
    reader::{Asker, reader},
};
use crate::{
    clock,
    domain::{
        desk::Order,
        ids::{Tenant, TicketId},
        instant::ticks_of_timestamp,
        label::wanted,
    },
    http::{
        AppState,
        error::ApiError,
        extract::{Path, Query},
        projected::Stale,
    },
    render::html::{TicketRow, TicketsPage},
    store::Desk,
};

/// Tickets that are shown.
const LATEST: usize = 50;

/// Parameters of [`show_tickets`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketsParams {
    /// The number of the one to open.
    ticket: Option<String>,
}

/// `GET /t/{tenant}/tickets`: those that moved last; with `ticket` goes to that one.
pub(super) async fn show_tickets(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    who: Asker,
    Query(params): Query<TicketsParams>,
) -> Result<Response, ApiError> {
    if let Some(text) = &params.ticket {
        let ticket = number(text)?;
        let path = format!("/t/{tenant}/tickets/{ticket}");
        return Ok(Redirect::to(&path).into_response());
    }
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    state.projected(&store, &tenant, Some(Stale::Allow)).await?;
    let desk = Desk {
        order: Order::LastDown,
        ..Desk::default()
    };
    let found = store.list_desk(&tenant, &desk, None, LATEST).await?.items;
    let states = found.iter().map(|found| &found.history.state);
    let labels = store.find_labels(&tenant, &wanted(states)).await?;
    let rows = found.into_iter().map(|found| TicketRow {
        ticket: found.ticket,
        events: found.events,
        last_at: found
            .history
            .entries
            .last()
            .map(|entry| entry.occurred_at.clone()),
        state: found.history.state,
    });
    let rows: Vec<TicketRow> = rows.collect();
    let page = TicketsPage {
        tenant: &tenant,
        rows: &rows,
        labels_at: ticks_of_timestamp(clock::now()),
        labels: &labels,
        reader: &reader,
    };
    Ok(Page(page.render()).into_response())
}

/// The ticket that somebody typed: a number, perhaps after a sign as in subjects of mails.
fn number(text: &str) -> Result<TicketId, ApiError> {
    let bare = text.trim().trim_start_matches('#').trim();
    bare.parse().ok().and_then(TicketId::new).ok_or_else(|| {
        ApiError::BadParameter(format!(
            "ticket is the number of a ticket, like 4711, not \"{text}\""
        ))
    })
}
