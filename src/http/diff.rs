//! What became of tickets between two instants.

use axum::{extract::State, response::Response};
use serde::Deserialize;

use super::{
    AppState,
    desk::{At, pin},
    error::ApiError,
    extract::{Path, Query, limit, moment},
    fields::{Own, WithFields},
    list::{Asked, Format, Page},
    openapi::{Fields, KnownAt, TenantPath, TicketPath},
    projected::Stale,
    tickets::{known_at, unknown_ticket},
    timeline::Include,
};
use crate::{
    domain::{
        desk::{Filter, Order},
        history::{Diff, Scope},
        ids::{Tenant, TicketId},
        instant::OccurredAt,
        label::{Labels, wanted},
        page::{encode_cursor, find_cursor},
    },
    render::json::{DiffJson, ListJson},
    store::Desk,
};

/// Parameters of [`show_diff`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffParams {
    /// The earlier instant (inclusive).
    #[param(format = DateTime)]
    from: String,
    /// The later instant (inclusive).
    #[param(format = DateTime)]
    to: String,
    /// From what was in the log by this position or instant.
    #[param(value_type = Option<KnownAt>, inline)]
    known_at: Option<String>,
    /// Only these fields.
    #[serde(default)]
    #[param(style = Form, explode)]
    field: Vec<String>,
    /// `noise`.
    #[serde(default)]
    #[param(style = Form, explode, inline)]
    include: Vec<Include>,
    /// `json`, `csv` or `ndjson`.
    #[param(inline)]
    format: Option<Format>,
}

/// Parameters of [`list_diffs`] beside the fields of the state at the later instant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffsParams {
    /// The earlier instant (inclusive).
    #[param(format = DateTime)]
    from: String,
    /// The later instant (inclusive).
    #[param(format = DateTime)]
    to: String,
    /// From what was in the log by this position or instant.
    #[param(value_type = Option<KnownAt>, inline)]
    known_at: Option<String>,
    /// Only tickets with changes of these fields, and only these.
    #[serde(default)]
    #[param(style = Form, explode)]
    field: Vec<String>,
    /// `noise`.
    #[serde(default)]
    #[param(style = Form, explode, inline)]
    include: Vec<Include>,
    /// `ticket` (the default) or `-ticket`: by number.
    #[serde(default)]
    #[param(inline)]
    order: NumberOrder,
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
enum NumberOrder {
    #[default]
    #[serde(rename = "ticket")]
    Ticket,
    #[serde(rename = "-ticket")]
    TicketDown,
}

impl Own for DiffsParams {
    const NAMES: &'static [&'static str] = &[
        "from", "to", "known_at", "field", "include", "order", "stale", "limit", "cursor", "format",
    ];
}

/// `GET /v1/tenants/{tenant}/tickets/{ticket}/diff`: the state at one instant against that at another.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/tickets/{ticket}/diff",
    tag = "tickets",
    summary = "What became of a ticket between two instants",
    description = "Its state at one instant against that at another; `from` must not be after `to`.",
    params(TicketPath, DiffParams),
    responses((status = 200, description = "The difference", body = DiffJson)),
)]
pub(super) async fn show_diff(
    State(state): State<AppState>,
    Path((tenant, ticket)): Path<(Tenant, TicketId)>,
    asked: Asked,
    Query(params): Query<DiffParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let FoundDiff {
        span: (from, to),
        diff,
        labels,
    } = find_diff(&state, &tenant, ticket, &params).await?;
    Ok(form.answer(&DiffJson::new(ticket, diff, (&from, &to), &labels)))
}

/// As a table it is a list of its fields.
impl Page for DiffJson {
    type Item = Self;

    fn items(&self) -> &[Self] {
        std::slice::from_ref(self)
    }

    fn next(&self) -> Option<(&'static str, String)> {
        None
    }
}

/// What became of a ticket between two instants, and the labels to show it with.
pub(super) struct FoundDiff {
    /// The instants.
    pub(super) span: (OccurredAt, OccurredAt),
    /// The difference.
    pub(super) diff: Diff,
    /// Those that it shows.
    pub(super) labels: Labels,
}

/// Finds that.
///
/// # Errors
/// 400 if the parameters cannot be read, 404 if nothing was known of the ticket, 503.
pub(super) async fn find_diff(
    state: &AppState,
    tenant: &Tenant,
    ticket: TicketId,
    params: &DiffParams,
) -> Result<FoundDiff, ApiError> {
    let (from, to) = span(&params.from, &params.to)?;
    let scope = scope(&params.field, &params.include);
    let store = state.store().await?;
    let up_to = known_at(&store, tenant, params.known_at.as_deref()).await?;
    let ticks = (from.ticks(), to.ticks());
    let mut found = store
        .find_diffs(tenant, &[ticket], up_to, ticks, &scope)
        .await?;
    let Some(found) = found.pop() else {
        let asked = params.known_at.as_ref().map(|_| up_to);
        return Err(unknown_ticket(&store, tenant, ticket, asked).await?);
    };
    let labels = store.find_labels(tenant, &wanted([&found.diff])).await?;
    Ok(FoundDiff {
        span: (from, to),
        diff: found.diff,
        labels,
    })
}

/// `GET /v1/tenants/{tenant}/diff`: the same of every ticket that was changed in between.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/diff",
    tag = "tickets",
    summary = "What became of tickets between two instants",
    description = "Of every ticket that was changed in between and whose fields are as asked at `to`; `from` must \
        not be after `to`.",
    params(TenantPath, DiffsParams, Fields),
    responses((status = 200, description = "A page of differences", body = ListJson<DiffJson>)),
)]
pub(super) async fn list_diffs(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    WithFields { params, filter }: WithFields<DiffsParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = limit(params.limit)?;
    let (from, to) = span(&params.from, &params.to)?;
    let query = params.describe(&tenant, &filter);
    let at: Option<At> = find_cursor(&query, params.cursor.as_deref())?;
    let after = at.map(At::place).transpose()?;
    let store = state.store().await?;
    state.projected(&store, &tenant, params.stale).await?;
    let pinned = at.and_then(At::known_at);
    let desk = Desk {
        known_at: pin(&store, &tenant, pinned, params.known_at.as_deref()).await?,
        order: match params.order {
            NumberOrder::Ticket => Order::Ticket,
            NumberOrder::TicketDown => Order::TicketDown,
        },
        filter,
    };
    let scope = scope(&params.field, &params.include);
    let ticks = (from.ticks(), to.ticks());
    let page = store
        .list_diffs(&tenant, &desk, ticks, &scope, after, usize::from(limit))
        .await?;
    let next = page
        .next
        .map(|place| encode_cursor(&query, &At::new(desk.known_at, place)));
    let labels = wanted(page.items.iter().map(|found| &found.diff));
    let labels = store.find_labels(&tenant, &labels).await?;
    let items = page.items.into_iter();
    let items = items.map(|found| DiffJson::new(found.ticket, found.diff, (&from, &to), &labels));
    let items: Vec<DiffJson> = items.collect();
    Ok(form.answer(&ListJson { items, next }))
}

/// The two instants.
///
/// # Errors
/// 400 if one is none, or if the later comes first.
fn span(from: &str, to: &str) -> Result<(OccurredAt, OccurredAt), ApiError> {
    let (from, to) = (moment("from", from)?, moment("to", to)?);
    if from.ticks() > to.ticks() {
        return Err(ApiError::BadParameter(format!(
            "from must not be after to: {} is after {}",
            from.as_utc(),
            to.as_utc()
        )));
    }
    Ok((from, to))
}

fn scope(fields: &[String], include: &[Include]) -> Scope {
    Scope {
        fields: fields.iter().cloned().collect(),
        noise: include.contains(&Include::Noise),
    }
}

impl DiffsParams {
    /// What a cursor of this query is good for.
    fn describe(&self, tenant: &Tenant, filter: &Filter) -> String {
        let parts = (
            &self.from,
            &self.to,
            &self.known_at,
            &self.field,
            &self.include,
            self.order,
        );
        format!("diffs {tenant} {filter:?} {parts:?}")
    }
}
