//! The tenants of whoever is logged in.

use axum::{Extension, extract::State};

use super::{
    Page,
    reader::{Asker, reader},
};
use crate::{
    domain::token::Access,
    http::{AppState, error::ApiError},
    render::html::{self, TenantRow},
    store::TenantSummary,
};

/// `GET /t`.
pub(super) async fn show_tenants(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    who: Asker,
) -> Result<Page, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, None).await?;
    let found = store.list_tenants(access.tenants.as_ref()).await?;
    let rows: Vec<TenantRow> = found.into_iter().map(row).collect();
    Ok(Page(html::tenants(&rows, &reader)))
}

pub(super) fn row(summary: TenantSummary) -> TenantRow {
    TenantRow {
        tenant: summary.tenant,
        head: summary.head,
        projected: summary.projected,
        tickets: summary.tickets,
        first_at: summary.first_at,
        last_at: summary.last_at,
    }
}
