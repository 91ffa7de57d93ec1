//! What became of a ticket between two instants.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use super::{
    Page,
    given::{Given, Settled, read},
    reader::{Asker, reader},
};
use crate::{
    domain::ids::{Tenant, TicketId},
    http::{
        AppState,
        diff::{DiffParams, FoundDiff, find_diff},
        error::ApiError,
        extract::Path,
    },
    render::html::DiffPage,
};

/// `GET /t/{tenant}/tickets/{ticket}/diff`: with the parameters of the API's.
pub(super) async fn show_diff(
    State(state): State<AppState>,
    Path((tenant, ticket)): Path<(Tenant, TicketId)>,
    who: Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: DiffParams = read(&pairs)?;
    let FoundDiff {
        span: (from, to),
        diff,
        labels,
    } = find_diff(&state, &tenant, ticket, &params).await?;
    let page = DiffPage {
        tenant: &tenant,
        ticket,
        span: (&from, &to),
        diff: &diff,
        labels: &labels,
        query: &pairs,
        reader: &reader,
    };
    Ok(Page(page.render()).into_response())
}
