//! What is not consistent, and how much of it there is.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, instant, limit},
    list::{Asked, Format, Page},
    openapi::TenantPath,
    projected::Stale,
    timeline::Order,
};
use crate::{
    domain::{
        completeness::{Confidence, Reason},
        doubt::{Doubts, Extent},
        ids::{EventId, Tenant, TicketId},
        page::{cut, encode_cursor, find_cursor},
    },
    render::json::{DoubtJson, IntervalsJson},
};

/// Parameters of [`show_completeness`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CompletenessParams {
    /// Only of these tickets.
    #[serde(default)]
    #[param(style = Form, explode, value_type = Vec<TicketId>)]
    ticket: Vec<i64>,
    /// Only intervals that end at this instant or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Only intervals that end before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Of the items: only `suspect` or `unproven` ones.
    #[serde(default)]
    #[param(style = Form, explode, inline)]
    state: Vec<Doubted>,
    /// Of the items: only those for one of these reasons.
    #[serde(default)]
    #[param(style = Form, explode, value_type = Vec<Reason>)]
    reason: Vec<String>,
    /// By the instant at which an interval ends.
    #[serde(default)]
    #[param(inline)]
    order: Order,
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

/// A state in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Doubted {
    Suspect,
    Unproven,
}

/// Where a page ends.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    ticks: i64,
    event_id: Uuid,
}

/// A page of intervals in doubt, with counts of all intervals.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CompletenessPage)]
pub(super) struct CompletenessJson {
    #[serde(flatten)]
    counts: IntervalsJson,
    /// The page.
    items: Vec<DoubtJson>,
    /// Cursor of the next page; null if this is the last.
    #[schema(required)]
    next: Option<String>,
}

impl Page for CompletenessJson {
    type Item = DoubtJson;

    fn items(&self) -> &[DoubtJson] {
        &self.items
    }

    fn next(&self) -> Option<(&'static str, String)> {
        Some(("cursor", self.next.clone()?))
    }
}

/// `GET /v1/tenants/{tenant}/completeness`: the intervals that are not consistent, and how many there are of
/// each kind.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/completeness",
    tag = "history",
    summary = "What may be missing",
    description = "The intervals that are not consistent, and how many there are of each state.",
    params(TenantPath, CompletenessParams),
    responses((status = 200, description = "A page of intervals in doubt", body = CompletenessJson)),
)]
pub(super) async fn show_completeness(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    Query(params): Query<CompletenessParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = usize::from(limit(params.limit)?);
    let doubts = params.doubts()?;
    let query = format!("completeness {tenant} {doubts:?}");
    let at: Option<At> = find_cursor(&query, params.cursor.as_deref())?;
    let after = at.map(|at| (at.ticks, EventId(at.event_id)));
    let store = state.store().await?;
    let position = state.projected(&store, &tenant, params.stale).await?;
    let outages = store.list_outages(&tenant, position).await?;
    let counts = store
        .count_intervals(&tenant, &doubts.extent, &outages)
        .await?;
    let mut found = store
        .list_doubts(&tenant, &doubts, after, limit + 1)
        .await?;
    let last = cut(&mut found, limit);
    let next = last.map(|doubt| {
        let at = At {
            ticks: doubt.to_at.ticks(),
            event_id: doubt.event_id.0,
        };
        encode_cursor(&query, &at)
    });
    Ok(form.answer(&CompletenessJson {
        counts: counts.into(),
        items: found.into_iter().map(DoubtJson::from).collect(),
        next,
    }))
}

impl CompletenessParams {
    fn doubts(&self) -> Result<Doubts, ApiError> {
        let ticks = |name, text: &Option<String>| {
            text.as_deref().map(|text| instant(name, text)).transpose()
        };
        let ticket = |number: &i64| {
            TicketId::new(*number).ok_or_else(|| {
                ApiError::BadParameter("ticket: tickets are numbers from 1".to_owned())
            })
        };
        Ok(Doubts {
            extent: Extent {
                tickets: self.ticket.iter().map(ticket).collect::<Result<_, _>>()?,
                since_ticks: ticks("since", &self.since)?,
                until_ticks: ticks("until", &self.until)?,
            },
            states: self
                .state
                .iter()
                .map(|state| Confidence::from(*state))
                .collect(),
            reasons: self
                .reason
                .iter()
                .map(|word| reason(word))
                .collect::<Result<_, _>>()?,
            newest_first: self.order == Order::Desc,
        })
    }
}

impl From<Doubted> for Confidence {
    fn from(state: Doubted) -> Self {
        match state {
            Doubted::Suspect => Self::Suspect,
            Doubted::Unproven => Self::Unproven,
        }
    }
}

fn reason(word: &str) -> Result<Reason, ApiError> {
    Reason::parse(word).ok_or_else(|| {
        let all: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        ApiError::BadParameter(format!(
            "reason must be one of {}, not \"{word}\"",
            all.join(", ")
        ))
    })
}
