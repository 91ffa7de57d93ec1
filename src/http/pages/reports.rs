//! The reports that there are.

use axum::extract::State;

use super::{
    Page,
    reader::{Asker, reader},
};
use crate::{
    domain::{ids::Tenant, report::Report},
    http::{
        AppState,
        error::ApiError,
        extract::{Path, unknown_tenant},
    },
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
    let head = store.find_head(&tenant).await?;
    head.ok_or_else(|| unknown_tenant(tenant.as_str()))?;
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
