//! What became of a ticket between two instants.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use super::{
    Page,
    given::{Given, Settled, read},
    reader::reader,
};
use crate::{
    domain::{
        ids::{Tenant, TicketId},
        label::wanted,
    },
    http::{
        AppState,
        diff::{DiffParams, scope, span},
        error::ApiError,
        extract::Path,
        tickets::{known_at, unknown_ticket},
    },
    render::html::DiffPage,
};

/// `GET /t/{tenant}/tickets/{ticket}/diff`: with the parameters of the API's.
pub(super) async fn show_diff(
    State(state): State<AppState>,
    Path((tenant, ticket)): Path<(Tenant, TicketId)>,
    headers: HeaderMap,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &headers, Some(&tenant)).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: DiffParams = read(&pairs)?;
    let (from, to) = span(&params.from, &params.to)?;
    let scope = scope(&params.field, &params.include);
    let up_to = known_at(&store, &tenant, params.known_at.as_deref()).await?;
    let ticks = (from.ticks(), to.ticks());
    let mut found = store
        .find_diffs(&tenant, &[ticket], up_to, ticks, &scope)
        .await?;
    let Some(found) = found.pop() else {
        return Err(unknown_ticket(&store, &tenant, ticket).await?);
    };
    let labels = store.find_labels(&tenant, &wanted([&found.diff])).await?;
    let page = DiffPage {
        tenant: &tenant,
        ticket,
        span: (&from, &to),
        diff: &found.diff,
        labels: &labels,
        query: &pairs,
        reader: &reader,
    };
    Ok(Page(page.render()).into_response())
}
