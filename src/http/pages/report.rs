//! One report and its answer.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    Page,
    given::{Given, Settled},
    reader::{Asker, reader},
};
use crate::{
    clock,
    domain::{instant::ticks_of_timestamp, label::Labels},
    http::{
        AppState,
        error::{ApiError, Told},
        extract::ReportName,
        projected::{Stale, head_of},
        reports::run_report,
    },
    render::html::{Answer, Pairs, ReportPage, wanted},
    store::StoreError,
};

/// Parameters of the page and not of the report.
const OWN: [&str; 1] = ["from_row"];

/// `GET /t/{tenant}/reports/{report}`: with the parameters of the API's and `from_row`. Waits for nothing, and says how
/// far behind it is.
///
/// What it cannot be asked with is said at the field, with 400; what keeps it from an answer as with the API, above
/// the form.
pub(super) async fn show_report(
    State(state): State<AppState>,
    ReportName(tenant, name): ReportName,
    who: Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let report = state.find_report(&name)?;
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    let head = head_of(&store, &tenant).await?;
    let pairs = match given.settle_for(report, &reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let now = ticks_of_timestamp(clock::now());
    let page =
        |labels, faults| ReportPage::new(&tenant, report, &pairs, faults, (&reader, labels, now));
    let Pairs(asked) = pairs.without(&OWN);
    let none = Labels::default();
    let Ok(arguments) = report.read(&tenant, &asked) else {
        let faults = report.faults(&tenant, &asked);
        let text = page(&none, &faults).render_without(None);
        return Ok((StatusCode::BAD_REQUEST, Page(text)).into_response());
    };
    let projected = state.projected(&store, &tenant, Some(Stale::Allow)).await?;
    let answer = match run_report(&store, &tenant, report, &arguments).await {
        Ok(answer) => answer,
        Err(error) if is_about_it(&error) => {
            let response = error.into_response();
            let told = response.extensions().get::<Told>();
            let why = told.map(|told| format!("{}: {}", told.title, told.detail));
            let text = page(&none, &[]).render_without(why.as_deref());
            return Ok((response.status(), Page(text)).into_response());
        }
        Err(error) => return Err(error),
    };
    let found = &answer.found;
    let wanted = wanted(report, &pairs, &found.columns, &found.rows);
    let labels = store.find_labels(&tenant, &wanted).await?;
    let text = page(&labels, &[]).render(&Answer {
        columns: &found.columns,
        rows: &found.rows,
        capped: found.capped,
        shares: (answer.suspect_share, answer.unproven_share),
        behind: head.0 - projected.0,
    });
    Ok(Page(text).into_response())
}

/// True if asking otherwise may help.
fn is_about_it(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::BadParameter(_) | ApiError::Store(StoreError::TooLong | StoreError::Report(_))
    )
}
