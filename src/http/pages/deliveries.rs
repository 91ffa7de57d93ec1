//! What arrived for a tenant, for whoever runs the service.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Page,
    given::{Given, Settled, read},
    reader::{Asker, reader},
};
use crate::{
    domain::{
        arrival::OUTCOMES,
        ids::{EventId, Tenant},
        page::{encode_cursor, find_cursor},
    },
    http::{
        AppState,
        error::ApiError,
        extract::Path,
        list::{Asked, Format},
        projected::head_of,
    },
    render::{
        arrival::ArrivalJson,
        conflict::ConflictJson,
        html::{self, Listed},
        json::ListJson,
    },
};

/// Rows in a page.
const LIMIT: u16 = 100;

/// Parameters of [`show_deliveries`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveriesParams {
    outcome: Option<String>,
    format: Option<Format>,
}

/// `GET /t/{tenant}/deliveries`: the last ones; with `format` the same as data.
pub(super) async fn show_deliveries(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    who: Asker,
    asked: Asked,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    head_of(&store, &tenant).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: DeliveriesParams = read(&pairs)?;
    let outcome = params.outcome.as_deref();
    if let Some(word) = outcome.filter(|word| !OUTCOMES.contains(word)) {
        let words = OUTCOMES.join(", ");
        let detail = format!("outcome is one of {words}, not \"{word}\"");
        return Err(ApiError::BadParameter(detail));
    }
    let found = store.list_latest_arrivals(&tenant, outcome, LIMIT).await?;
    if let Some(format) = params.format {
        let items = found.into_iter().map(ArrivalJson::from).collect();
        let list = ListJson { items, next: None };
        return Ok(asked.form(Some(format))?.answer(&list));
    }
    let listed = Listed {
        path: &format!("/t/{tenant}/deliveries"),
        query: &pairs,
        next: None,
        reader: &reader,
    };
    Ok(Page(html::arrivals(&tenant, &found, listed)).into_response())
}

/// Parameters of [`show_conflicts`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConflictsParams {
    cursor: Option<String>,
    format: Option<Format>,
}

/// `GET /t/{tenant}/deliveries/conflicts`: by event id; with `format` the same as data.
pub(super) async fn show_conflicts(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    who: Asker,
    asked: Asked,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    head_of(&store, &tenant).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: ConflictsParams = read(&pairs)?;
    let path = format!("/t/{tenant}/deliveries/conflicts");
    let after: Option<EventId> = find_cursor(&path, params.cursor.as_deref())?.map(EventId);
    let found = store
        .list_conflict_summaries(&tenant, None, after, LIMIT)
        .await?;
    let last = found.last().filter(|_| found.len() == usize::from(LIMIT));
    let next = last.map(|last| encode_cursor(&path, &last.event_id.0));
    if let Some(format) = params.format {
        let items = found.into_iter().map(ConflictJson::from).collect();
        return Ok(asked.form(Some(format))?.answer(&ListJson { items, next }));
    }
    let listed = Listed {
        path: &path,
        query: &pairs,
        next: next.as_deref(),
        reader: &reader,
    };
    Ok(Page(html::conflicts(&tenant, &found, listed)).into_response())
}
