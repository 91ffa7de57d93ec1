//! Reports: which there are, and their answers.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use serde::Deserialize;

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, ReportName, read_query},
    list::{Asked, Format},
    openapi::{ReportPath, TenantPath},
    projected::{Stale, head_of},
};
use crate::{
    domain::{
        ids::Tenant,
        report::{Arguments, Report, find},
    },
    render::{
        json::ListJson,
        lines,
        report::{self, AnswerJson, ReportJson},
    },
    store::{ReportAnswer, Store, built_in_reports},
};

/// True if rows were left out, and the shares of intervals that are suspect and unproven: CSV and lines have no other
/// place for them.
const CAPPED: HeaderName = HeaderName::from_static("ticketlog-capped");
const SUSPECT_SHARE: HeaderName = HeaderName::from_static("ticketlog-suspect-share");
const UNPROVEN_SHARE: HeaderName = HeaderName::from_static("ticketlog-unproven-share");

/// Parameters of [`list_reports`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportsParams {
    /// The form of the list.
    #[param(inline)]
    format: Option<Format>,
}

/// Parameters of [`show_report`]: of them all those that the report takes, and of an operator's own report others
/// besides.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `Report::read` reads")]
pub(super) struct ReportParams {
    /// The field that it is about.
    field: Option<String>,
    /// From this instant on.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
    /// As of this instant.
    #[param(format = DateTime)]
    at: Option<String>,
    /// A row for each group.
    group_by: Option<String>,
    /// Where days, months and business hours are counted: an IANA name; else the tenant's zone, else UTC.
    #[param(format = "iana-time-zone")]
    zone: Option<String>,
    /// Business hours, like `Mon-Fri 08:00-16:00, Sat 10:00-14:00`.
    hours: Option<String>,
    /// Days without business hours, like `2025-05-17,2025-12-25`; needs `hours`.
    holidays: Option<String>,
    /// Percentiles besides the median, like `90,95`.
    percentiles: Option<String>,
    /// The kinds of change that count, like `changed,set`.
    kind: Option<String>,
    /// `drill` of a row: gives the tickets and events behind it.
    drill: Option<String>,
    /// Whether to wait for the projections.
    #[param(inline)]
    stale: Option<Stale>,
    /// The form of the answer.
    #[param(inline)]
    format: Option<Format>,
}

/// `GET /v1/tenants/{tenant}/reports`: the reports that there are.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/reports",
    tag = "reports",
    summary = "Which reports there are",
    description = "All of them, with what they answer, what their words mean and what they take.",
    params(TenantPath, ReportsParams),
    responses((status = 200, description = "All reports", body = ListJson<ReportJson>)),
)]
pub(super) async fn list_reports(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    Query(params): Query<ReportsParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let store = state.store().await?;
    head_of(&store, &tenant).await?;
    let items = state.reports().map(ReportJson::from).collect();
    Ok(form.answer(&ListJson { items, next: None }))
}

/// `GET /v1/tenants/{tenant}/reports/{report}`: its answer, or the evidence for a row of it.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/reports/{report}",
    tag = "reports",
    summary = "The answer of a report",
    description = "Not in pages: all of it, up to 100,000 rows and 64 MiB; `capped` says that there is more, in every form the header \
        `ticketlog-capped` too. Every row has a `drill`: the same parameters and that \
        one give the tickets and events behind it. A report takes those of the parameters that it has a use for, and \
        refuses the others.",
    params(ReportPath, ReportParams),
    responses((
        status = 200, description = "The answer", body = AnswerJson<'_>,
        headers(
            ("ticketlog-capped" = bool, description = "True if there are more rows, which are left out"),
            ("ticketlog-suspect-share" = f64, description = "The part of the intervals between events in which something was missed, from 0 to 1"),
            ("ticketlog-unproven-share" = f64, description = "The part of which the evidence is thin, from 0 to 1"),
        ),
    )),
)]
pub(super) async fn show_report(
    State(state): State<AppState>,
    ReportName(tenant, name): ReportName,
    asked: Asked,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let (ours, given) = Ours::part(given)?;
    let form = asked.form(ours.format)?;
    let report = state.find_report(&name)?;
    if let Some((name, _)) = given.iter().find(|(_, value)| value.is_empty()) {
        return Err(ApiError::BadParameter(format!(
            "{name} is empty: leave it out"
        )));
    }
    let arguments = report.read(&tenant, &given);
    let arguments = arguments.map_err(|error| ApiError::BadParameter(error.to_string()))?;
    let store = state.store().await?;
    state.projected(&store, &tenant, ours.stale).await?;
    let answer = run_report(&store, &tenant, report, &arguments).await?;
    let found = &answer.found;
    let body = match form.format() {
        Format::Json => {
            let shares = (answer.suspect_share, answer.unproven_share);
            let json =
                AnswerJson::new(report, arguments.shown(), shares, &found.rows, found.capped);
            // Serialising into memory what has text for keys cannot fail.
            serde_json::to_vec(&json).unwrap_or_default()
        }
        Format::Csv => report::csv(&found.columns, &found.rows),
        Format::Ndjson => lines::lines(&found.rows),
    };
    let mut response = form.answer_with(body.into(), None);
    tell_in(response.headers_mut(), &answer);
    Ok(response)
}

fn tell_in(headers: &mut HeaderMap, answer: &ReportAnswer) {
    for (name, value) in [
        (CAPPED, answer.found.capped.to_string()),
        (SUSPECT_SHARE, answer.suspect_share.to_string()),
        (UNPROVEN_SHARE, answer.unproven_share.to_string()),
    ] {
        // Digits, a point and letters are always one.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

impl AppState {
    /// The reports that come with the program, then the operator's own.
    pub(super) fn reports(&self) -> impl Iterator<Item = &Report> + Clone {
        built_in_reports().iter().chain(self.own_reports.iter())
    }

    /// The report of this name.
    ///
    /// # Errors
    /// 404, with names that may have been meant.
    pub(super) fn find_report(&self, name: &str) -> Result<&Report, ApiError> {
        find(self.reports(), name).map_err(|error| ApiError::Unknown(error.to_string()))
    }
}

/// What a report answers.
///
/// # Errors
/// Those of [`Store::run_report`], of which what Postgres refuses of a report that runs for everybody else is what this
/// one was asked with.
pub(super) async fn run_report(
    store: &Store,
    tenant: &Tenant,
    report: &Report,
    arguments: &Arguments,
) -> Result<ReportAnswer, ApiError> {
    let answer = store.run_report(tenant, report, arguments).await;
    answer.map_err(|error| match error.refusal() {
        Some(refusal) => ApiError::BadParameter(format!("Postgres refuses a parameter: {refusal}")),
        None => error.into(),
    })
}

/// The parameters that are not the report's.
#[derive(Debug, Default, Deserialize)]
struct Ours {
    format: Option<Format>,
    stale: Option<Stale>,
}

impl Ours {
    /// Parts the query into ours and the report's.
    fn part(given: Vec<(String, String)>) -> Result<(Self, Vec<(String, String)>), ApiError> {
        let is_ours = |name: &str| name == "format" || name == "stale";
        let (ours, others): (Vec<_>, Vec<_>) =
            given.into_iter().partition(|(name, _)| is_ours(name));
        // Pairs can always be written as a query.
        let ours = serde_html_form::to_string(&ours).unwrap_or_default();
        Ok((read_query(&ours)?, others))
    }
}
