//! How the service is, for whoever runs it: its hooks and projections, its tokens, and what is parked.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Page,
    given::{Given, Settled, read},
    reader::{Asker, reader},
    tenants,
};
use crate::{
    clock,
    domain::{
        event::ParkReason,
        page::{encode_cursor, find_cursor},
        parked::{ParkedPlace, ParkedSummary},
        token::{Access, TokenSummary},
    },
    http::{
        AppState,
        error::ApiError,
        hooks::name_only,
        list::{Asked, Format},
    },
    render::{
        html::{self, FeedNow, HookRow, Listed, Service, TenantRow},
        json::ListJson,
        parked::ParkedJson,
        token::TokenJson,
    },
    store::ParkedFilter,
};

/// Rows in a page.
const LIMIT: u16 = 100;

/// `GET /operations`.
pub(super) async fn show_operations(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    who: Asker,
) -> Result<Page, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, None).await?;
    let reports = state.feed.report(clock::now()).into_iter();
    let hooks = reports.map(|mut report| {
        name_only(&mut report.verdict, &access);
        HookRow {
            last_retry_at: report.last_retry_at,
            wrong_signatures: report.verdict.wrong_signatures,
            silent_tenants: report.verdict.silent_tenants.clone(),
            feed: FeedNow {
                state: report.verdict.state,
                since: report.since,
                advice: report.verdict.advice(),
                last_delivery_at: report.last_delivery_at,
                hook: report.hook,
            },
        }
    });
    let hooks: Vec<HookRow> = hooks.collect();
    let found = store.list_tenants(access.tenants.as_ref()).await?;
    let tenants: Vec<TenantRow> = found.into_iter().map(tenants::row).collect();
    let spool = *state.spool.borrow();
    let service = Service {
        hooks: &hooks,
        tenants: &tenants,
        spool: (spool.bytes, spool.refusing),
        reader: &reader,
    };
    Ok(Page(service.render()))
}

/// Parameters of [`show_tokens`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokensParams {
    cursor: Option<String>,
    format: Option<Format>,
}

/// `GET /operations/tokens`: oldest first; with `format` the same as data.
pub(super) async fn show_tokens(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    who: Asker,
    asked: Asked,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, None).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: TokensParams = read(&pairs)?;
    let path = "/operations/tokens";
    let after: Option<Uuid> = find_cursor(path, params.cursor.as_deref())?;
    let now = clock::now();
    let found = store.list_tokens(after, LIMIT).await?;
    let last = found.last().filter(|_| found.len() == usize::from(LIMIT));
    let next = last.map(|token| encode_cursor(path, &token.token_id));
    let own = found.into_iter().filter(|token| is_own(token, &access));
    let own = own.map(|token| {
        let used = state.token_uses.last(token.token_id);
        (token, used)
    });
    if let Some(format) = params.format {
        let items = own.map(|(token, used)| TokenJson::new(token, now).last_used(used));
        let items = items.collect();
        return Ok(asked.form(Some(format))?.answer(&ListJson { items, next }));
    }
    let own: Vec<_> = own.collect();
    let listed = Listed {
        path,
        query: &pairs,
        next: next.as_deref(),
        reader: &reader,
    };
    Ok(Page(html::tokens(&own, now, listed)).into_response())
}

/// True for a token that reaches nothing that whoever asks does not reach.
fn is_own(token: &TokenSummary, access: &Access) -> bool {
    match (&access.tenants, &token.access.tenants) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(tenants)) => tenants.is_subset(own),
    }
}

/// Parameters of [`show_parked`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParkedParams {
    reason: Option<String>,
    #[serde(default)]
    all: bool,
    cursor: Option<String>,
    format: Option<Format>,
}

/// `GET /operations/parked`: oldest first; with `format` the same as data. What is parked is no tenant's, so nobody but
/// who reaches all tenants sees any.
pub(super) async fn show_parked(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    who: Asker,
    asked: Asked,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, None).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: ParkedParams = read(&pairs)?;
    let filter = params.filter()?;
    let path = "/operations/parked";
    let described = pairs.without(&["cursor", "format"]).link(path);
    let after: Option<Uuid> = find_cursor(&described, params.cursor.as_deref())?;
    let after = match after {
        None => ParkedPlace::START,
        Some(parked_id) => {
            let last = store.find_parked(parked_id).await?;
            let received_at = last
                .map(|last| last.arrival.received_at)
                .unwrap_or_default();
            ParkedPlace {
                received_at,
                parked_id,
            }
        }
    };
    let whole = access.tenants.is_none();
    let found: Vec<ParkedSummary> = if whole {
        store.list_parked(filter, after, LIMIT).await?
    } else {
        Vec::new()
    };
    let last = found.last().filter(|_| found.len() == usize::from(LIMIT));
    let next = last.map(|last| encode_cursor(&described, &last.place.parked_id));
    if let Some(format) = params.format {
        let items = found.into_iter().map(ParkedJson::from).collect();
        return Ok(asked.form(Some(format))?.answer(&ListJson { items, next }));
    }
    let listed = Listed {
        path,
        query: &pairs,
        next: next.as_deref(),
        reader: &reader,
    };
    Ok(Page(html::parked(&found, whole, listed)).into_response())
}

impl ParkedParams {
    fn filter(&self) -> Result<ParkedFilter, ApiError> {
        let reason = self.reason.as_deref().map(|word| {
            ParkReason::parse(word).ok_or_else(|| {
                let words = ParkReason::ALL.map(ParkReason::as_str).join(", ");
                ApiError::BadParameter(format!("reason is one of {words}, not \"{word}\""))
            })
        });
        Ok(ParkedFilter {
            all: self.all,
            reason: reason.transpose()?,
        })
    }
}
