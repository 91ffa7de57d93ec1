//! The configured hooks, and how the feed of each is.

use axum::{Extension, extract::State, response::Response};
use jiff::Timestamp;
use serde::Serialize;

use super::{AppState, error::ApiError, extract::Query, list::Asked, tenants::WholeParams};
use crate::{
    clock,
    domain::{
        feed::{FeedState, Verdict},
        ids::Tenant,
        token::Access,
    },
    ingest::feed::HookReport,
    render::{
        csv::{Cell, Table},
        json::ListJson,
    },
};

/// How the feed of a hook is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Hook)]
pub(super) struct HookJson {
    hook: String,
    #[schema(value_type = FeedState)]
    state: &'static str,
    /// Since when it is in that state; null if nothing came since the start.
    #[schema(required)]
    since: Option<Timestamp>,
    /// What to do about it.
    advice: String,
    /// Null if none came since the start.
    #[schema(required)]
    last_delivery_at: Option<Timestamp>,
    /// Null if none came since the start.
    #[schema(required)]
    last_retry_at: Option<Timestamp>,
    /// How many came in a row.
    wrong_signatures: u64,
    /// Of the token's own, those from which something should have come.
    silent_tenants: Vec<String>,
}

/// `GET /v1/hooks`: every configured hook, by name. Answered from memory, with or without the database.
/// Of the tenants it names only the token's own.
#[utoipa::path(
    get,
    path = "/v1/hooks",
    tag = "service",
    summary = "How the feed of each hook is",
    description = "Every configured hook, by name. From memory, with or without the database.",
    params(WholeParams),
    responses((status = 200, description = "All hooks", body = ListJson<HookJson>)),
)]
pub(super) async fn list_hooks(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    asked: Asked,
    Query(params): Query<WholeParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let reports = state.feed.report(clock::now());
    let own = reports.into_iter().map(|mut report| {
        name_only(&mut report.verdict, &access);
        HookJson::from(report)
    });
    let items: Vec<HookJson> = own.collect();
    Ok(form.answer(&ListJson { items, next: None }))
}

/// Leaves of the tenants that a verdict names those that a token reaches.
pub(super) fn name_only(verdict: &mut Verdict, access: &Access) {
    verdict.name_only(|name| match Tenant::parse(name) {
        Some(tenant) => access.reaches(&tenant),
        // All further ones, counted together.
        None => access.tenants.is_none(),
    });
}

impl From<HookReport> for HookJson {
    fn from(report: HookReport) -> Self {
        Self {
            state: report.verdict.state.as_str(),
            since: report.since,
            advice: report.verdict.advice(),
            last_delivery_at: report.last_delivery_at,
            last_retry_at: report.last_retry_at,
            wrong_signatures: report.verdict.wrong_signatures,
            silent_tenants: report.verdict.silent_tenants,
            hook: report.hook,
        }
    }
}

impl Table for HookJson {
    const COLUMNS: &'static [&'static str] = &[
        "hook",
        "state",
        "since",
        "advice",
        "last_delivery_at",
        "last_retry_at",
        "wrong_signatures",
        "silent_tenants",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            Cell::from(&self.hook),
            self.state.into(),
            self.since.into(),
            Cell::from(&self.advice),
            self.last_delivery_at.into(),
            self.last_retry_at.into(),
            self.wrong_signatures.into(),
            Cell::words(&self.silent_tenants),
        ]]
    }
}
