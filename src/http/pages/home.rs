//! How a tenant's feed is, and what happened last.

use std::collections::BTreeSet;

use axum::extract::State;

use super::{
    Page,
    reader::{Asker, reader},
    tenants,
};
use crate::{
    clock,
    domain::{
        doubt::Extent,
        feed::FeedState,
        hook::TenantRule,
        ids::Tenant,
        label::wanted,
        search::{FoundChange, Query},
    },
    http::{
        AppState, days,
        error::ApiError,
        extract::{Path, unknown_tenant},
        projected::Stale,
    },
    render::html::{FeedNow, Home, Reader},
    store::Store,
};

/// Changes that are shown.
const LATEST: u16 = 20;

/// `GET /t/{tenant}`: waits for nothing, and says how far behind it is.
pub(super) async fn show_home(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    who: Asker,
) -> Result<Page, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    let position = state.projected(&store, &tenant, Some(Stale::Allow)).await?;
    let among = BTreeSet::from([tenant.clone()]);
    let log = store
        .list_tenants(Some(&among))
        .await?
        .pop()
        .map(tenants::row);
    let log = log.ok_or_else(|| unknown_tenant(tenant.as_str()))?;
    let days = days::of_log(
        &store,
        &tenant,
        log.last_at.as_ref(),
        (days::DAYS, reader.zone()),
    )
    .await?;
    let outages = store.list_outages(&tenant, position).await?;
    let (counts, open) = store
        .count_intervals(&tenant, &Extent::default(), &outages)
        .await?;
    let latest = latest(&store, &tenant, &reader).await?;
    let labels = store.find_labels(&tenant, &wanted(&latest)).await?;
    let home = Home {
        log: &log,
        feeds: &feeds(&state, &tenant),
        days: &days,
        counts,
        open,
        latest: &latest,
        labels: &labels,
        reader: &reader,
    };
    Ok(Page(home.render()))
}

async fn latest(
    store: &Store,
    tenant: &Tenant,
    reader: &Reader,
) -> Result<Vec<FoundChange>, ApiError> {
    let query = Query::parse("")?;
    let known = store.find_known(tenant, &query.wanted()).await?;
    let search = query.resolve(&known, reader.zone())?;
    let found = store.search_changes(tenant, &search, true, None, LATEST);
    Ok(found.await?)
}

/// The feed through each hook that may speak for a tenant, as far as it is about this one.
fn feeds(state: &AppState, tenant: &Tenant) -> Vec<FeedNow> {
    let hooks = state.hooks.borrow().clone();
    let speaks = |name: &str| match hooks.get(name).map(|hook| &hook.tenants) {
        Some(TenantRule::Any) => true,
        Some(TenantRule::Accept(tenants)) => tenants.contains(tenant),
        Some(TenantRule::Override(own)) => own == tenant,
        None => false,
    };
    let reports = state.feed.report(clock::now()).into_iter();
    let own = reports
        .filter(|report| speaks(&report.hook))
        .map(|mut report| {
            let verdict = &mut report.verdict;
            verdict.name_only(|name| name == tenant.as_str());
            // What is told of other tenants alone is not told here.
            let told = match verdict.state {
                FeedState::Silent => !verdict.silent_tenants.is_empty(),
                FeedState::Stopped => !verdict.stopped_tenants.is_empty(),
                _ => true,
            };
            FeedNow {
                state: if told { verdict.state } else { FeedState::Ok },
                advice: verdict.advice(),
                since: report.since,
                last_delivery_at: report.last_delivery_at,
                hook: report.hook,
            }
        });
    own.collect()
}
