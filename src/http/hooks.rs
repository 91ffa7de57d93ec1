//! The configured hooks, and how the feed of each is.

use axum::{extract::State, response::Response};
use jiff::Timestamp;
use serde::Serialize;

use super::{AppState, error::ApiError, extract::Query, list::Asked, tenants::WholeParams};
use crate::{
    clock,
    ingest::feed::HookReport,
    render::{
        csv::{Cell, Table},
        json::ListJson,
    },
};

/// How the feed of a hook is.
#[derive(Debug, Serialize)]
pub(super) struct HookJson {
    hook: String,
    state: &'static str,
    since: Option<Timestamp>,
    advice: String,
    last_delivery_at: Option<Timestamp>,
    last_retry_at: Option<Timestamp>,
    wrong_signatures: u64,
    silent_tenants: Vec<String>,
}

/// `GET /v1/hooks`: every configured hook, by name. Answered from memory, with or without the database.
pub(super) async fn list_hooks(
    State(state): State<AppState>,
    asked: Asked,
    Query(params): Query<WholeParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let reports = state.feed.report(clock::now());
    let items: Vec<HookJson> = reports.into_iter().map(HookJson::from).collect();
    Ok(form.answer(&ListJson { items, next: None }))
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
