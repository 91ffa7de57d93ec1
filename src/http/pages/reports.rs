//! The reports that there are.

use axum::extract::State;

use super::{
    Page,
    reader::{Asker, reader},
};
use crate::{
    domain::{ids::Tenant, report::Report},
    http::{AppState, error::ApiError, extract::Path, projected::head_of},
    render::html::ReportsPage,
};

/// `GET /t/{tenant}/reports`.
pub(super) async fn show_reports(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    who: Asker,
) -> Result<Page, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    head_of(&store, &tenant).await?;
    let reports: Vec<&Report> = state.reports().collect();
    let broken = state.broken_reports.borrow().clone();
    let page = ReportsPage {
        tenant: &tenant,
        reports: &reports,
        broken: &broken,
        reader: &reader,
    };
    Ok(Page(page.render()))
}
