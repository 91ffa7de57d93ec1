//! Tickets by their state, now or then.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};

use super::{
    AppState,
    error::ApiError,
    extract::{Path, instant, limit},
    fields::{Own, WithFields},
    list::{Asked, Format},
    openapi::{Fields, KnownAt, TenantPath},
    projected::Stale,
    tickets::known_at,
};
use crate::{
    clock,
    domain::{
        desk::{Filter, Order, Place},
        ids::{Position, Tenant, TicketId},
        instant::ticks_of_timestamp,
        label::wanted,
        page::{CursorError, encode_cursor, find_cursor},
    },
    render::json::{ListJson, TicketJson},
    store::{Desk, Store},
};

/// Parameters of [`list_tickets`] beside the fields.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TicketsParams {
    /// Only tickets with a last event at this instant or later.
    #[param(format = DateTime)]
    changed_since: Option<String>,
    /// The tickets that there were at this instant (inclusive), as they were then.
    #[param(format = DateTime)]
    as_of: Option<String>,
    /// From what was in the log by this position or instant.
    #[param(value_type = Option<KnownAt>, inline)]
    known_at: Option<String>,
    /// `ticket` (the default) or `-ticket`: by number; `last` or `-last`: by last event.
    #[serde(default)]
    #[param(inline)]
    order: OrderName,
    /// `allow`: do not wait for the projections.
    #[param(inline)]
    stale: Option<Stale>,
    /// Tickets in a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where to go on.
    #[param(format = "ticketlog-cursor")]
    cursor: Option<String>,
    /// `json`, `csv` or `ndjson`.
    #[param(inline)]
    format: Option<Format>,
}

impl Own for TicketsParams {
    const NAMES: &'static [&'static str] = &[
        "changed_since",
        "as_of",
        "known_at",
        "order",
        "stale",
        "limit",
        "cursor",
        "format",
    ];
}

/// An order of tickets by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub(super) enum OrderName {
    #[default]
    #[serde(rename = "ticket")]
    Ticket,
    #[serde(rename = "-ticket")]
    TicketDown,
    #[serde(rename = "last")]
    Last,
    #[serde(rename = "-last")]
    LastDown,
}

impl From<OrderName> for Order {
    fn from(name: OrderName) -> Self {
        match name {
            OrderName::Ticket => Self::Ticket,
            OrderName::TicketDown => Self::TicketDown,
            OrderName::Last => Self::Last,
            OrderName::LastDown => Self::LastDown,
        }
    }
}

/// Where a page ends, and the log as the first page knew it, if an earlier one was asked for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct At {
    /// A position.
    known: Option<i64>,
    last_ticks: Option<i64>,
    ticket: i64,
}

impl At {
    pub(super) fn new(known_at: Option<Position>, place: Place) -> Self {
        Self {
            known: known_at.map(|position| position.0),
            last_ticks: place.last_ticks,
            ticket: place.ticket.number(),
        }
    }

    pub(super) fn place(self) -> Result<Place, CursorError> {
        Ok(Place {
            last_ticks: self.last_ticks,
            ticket: TicketId::new(self.ticket).ok_or(CursorError::Damaged)?,
        })
    }

    pub(super) fn known_at(self) -> Option<Position> {
        self.known.map(Position)
    }
}

/// `GET /v1/tenants/{tenant}/tickets`: the tickets that are, or were, as asked; each as
/// [`show_ticket`](super::tickets::show_ticket) shows it.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/tickets",
    tag = "tickets",
    summary = "Tickets by their state, now or then",
    description = "Of several values of a field any fits, of several fields all have to.",
    params(TenantPath, TicketsParams, Fields),
    responses((status = 200, description = "A page of tickets", body = ListJson<TicketJson>)),
)]
pub(super) async fn list_tickets(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    WithFields { params, filter }: WithFields<TicketsParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = limit(params.limit)?;
    let filter = params.filter(filter)?;
    let query = params.describe(&tenant, &filter);
    let at: Option<At> = find_cursor(&query, params.cursor.as_deref())?;
    let after = at.map(At::place).transpose()?;
    let store = state.store().await?;
    state.projected(&store, &tenant, params.stale).await?;
    let pinned = at.and_then(At::known_at);
    let desk = Desk {
        known_at: pin(&store, &tenant, pinned, params.known_at.as_deref()).await?,
        order: params.order.into(),
        filter,
    };
    let page = store
        .list_desk(&tenant, &desk, after, usize::from(limit))
        .await?;
    let next = page
        .next
        .map(|place| encode_cursor(&query, &At::new(desk.known_at, place)));
    let states = page.items.iter().map(|found| &found.history.state);
    let labels = store.find_labels(&tenant, &wanted(states)).await?;
    let now = || ticks_of_timestamp(clock::now());
    let at = desk.filter.as_of_ticks.unwrap_or_else(now);
    let items = page.items.into_iter().map(|found| {
        let counts = (found.events, found.undated);
        TicketJson::new(found.ticket, found.history, counts, &labels, at)
    });
    let items: Vec<TicketJson> = items.collect();
    Ok(form.answer(&ListJson { items, next }))
}

/// The position that `known_at` means: on a later page what it meant on the first.
pub(super) async fn pin(
    store: &Store,
    tenant: &Tenant,
    pinned: Option<Position>,
    text: Option<&str>,
) -> Result<Option<Position>, ApiError> {
    match (pinned, text) {
        (Some(position), _) => Ok(Some(position)),
        (None, None) => Ok(None),
        (None, text) => known_at(store, tenant, text).await.map(Some),
    }
}

impl TicketsParams {
    fn filter(&self, fields: Filter) -> Result<Filter, ApiError> {
        let by_last = Order::from(self.order).is_by_last();
        if by_last && (self.as_of.is_some() || self.known_at.is_some()) {
            return Err(ApiError::BadParameter(
                "the order by last event is that of now: with as_of or known_at the order is ticket or -ticket"
                    .to_owned(),
            ));
        }
        let ticks = |name, text: &Option<String>| {
            text.as_deref().map(|text| instant(name, text)).transpose()
        };
        Ok(Filter {
            since_ticks: ticks("changed_since", &self.changed_since)?,
            as_of_ticks: ticks("as_of", &self.as_of)?,
            ..fields
        })
    }

    /// What a cursor of this query is good for.
    fn describe(&self, tenant: &Tenant, filter: &Filter) -> String {
        format!(
            "tickets {tenant} {filter:?} {:?} {:?}",
            self.known_at, self.order
        )
    }
}
