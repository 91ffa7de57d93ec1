//! The HTTP interface: a file a resource. The only place that names axum.

mod access;
mod actor_days;
mod actors;
mod body;
mod bridge;
mod caller;
mod changes;
mod client;
mod completeness;
mod days;
mod desk;
mod diff;
mod edge;
mod error;
mod events;
mod extract;
mod feed;
mod fields;
mod health;
mod hooks;
mod json_body;
mod labels;
mod list;
mod measured;
mod openapi;
mod pages;
mod projected;
mod quota;
mod reports;
mod seen;
pub mod server;
mod tally;
mod tenants;
mod tickets;
mod timeline;
mod turns;
mod uses;
mod webhook;

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::{Router, middleware, routing::post};
use tokio::{sync::watch, time::timeout};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::error::ApiError;
pub use self::{
    body::{Bodies, BodyLimits},
    client::TrustedProxies,
    feed::Followers,
    openapi::document,
    quota::Quota,
    uses::TokenUses,
};
use crate::{
    domain::{
        hook::Hooks,
        report::{Broken, Report},
    },
    ingest::{Breaker, Ingest, LiveStore, SpoolStatus, feed::FeedWatch},
    store::Store,
};

/// Longest wait of a read for a store that is not there yet.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// The hooks in force; reloading sends new ones.
pub type LiveHooks = watch::Receiver<Arc<Hooks>>;

/// What handlers share, behind one count of references: every request and every layer takes a copy.
#[derive(Debug, Clone)]
struct AppState(Arc<Shared>);

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What the routes are made with.
#[derive(Debug)]
pub struct Shared {
    /// Hands deliveries to the writer.
    pub ingest: Ingest,
    /// For reads, once it is there.
    pub store: LiveStore,
    /// Whether Postgres takes deliveries.
    pub breaker: Breaker,
    /// How full the spool is.
    pub spool: watch::Receiver<SpoolStatus>,
    /// The hooks in force.
    pub hooks: LiveHooks,
    /// Is told what is received, and says how the feed is.
    pub feed: FeedWatch,
    /// Largest body taken, in bytes.
    pub max_body_bytes: usize,
    /// Whether a body without a signature is believed.
    pub allow_unsigned: bool,
    /// Room for bodies that are not believed yet.
    pub bodies: Bodies,
    /// Rejected requests of each client.
    pub quota: Quota,
    /// Who may name the client of a request.
    pub proxies: TrustedProxies,
    /// Places for readers of the feed that stay.
    pub followers: Followers,
    /// Reports of the operator's own.
    pub own_reports: Arc<Vec<Report>>,
    /// What is wrong with others of them.
    pub broken_reports: watch::Receiver<Broken>,
    /// When tokens were last used.
    pub token_uses: TokenUses,
}

impl AppState {
    /// The store; waits 5 s for one that is not there yet, as in the first second of the program.
    async fn store(&self) -> Result<Store, ApiError> {
        if let Some(store) = &*self.store.borrow() {
            return Ok(store.clone());
        }
        let mut live = self.store.clone();
        let there = timeout(STORE_TIMEOUT, live.wait_for(Option::is_some)).await;
        let store = there.ok().and_then(|there| there.ok()?.clone());
        store.ok_or(ApiError::Starting)
    }
}

/// All routes, for [`server::serve`].
pub fn router(shared: Shared) -> Router {
    let state = AppState(Arc::new(shared));
    let edge = middleware::from_fn_with_state(state.proxies.clone(), edge::pass);
    let access = middleware::from_fn_with_state(access::Fence::new(&state), access::check);
    let turns = middleware::from_fn_with_state(turns::Turns::default(), turns::take);
    let (webhooks, _) = webhooks().split_for_parts();
    let (others, _) = others().split_for_parts();
    Router::new()
        .merge(others)
        .merge(openapi::routes())
        .merge(pages::routes())
        // Over all of the above.
        .layer(access)
        .layer(turns)
        .fallback(error::unknown_path)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(middleware::from_fn(pages::dress::dress))
        // None of the above is for deliveries, and each layer costs them a copy of all routes.
        .merge(webhooks.method_not_allowed_fallback(error::wrong_method))
        .layer(edge)
        .with_state(state)
}

/// The routes that the OpenAPI document describes, with their descriptions.
fn described() -> OpenApiRouter<AppState> {
    webhooks().merge(others())
}

fn webhooks() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(webhook::receive_default))
        // The same for who ends it so.
        .route("/webhook/", post(webhook::receive_default))
        .routes(routes!(webhook::receive))
        .layer(middleware::from_fn(measured::measure_webhook))
}

fn others() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(measured::show_metrics))
        .routes(routes!(hooks::list_hooks))
        .routes(routes!(tenants::list_tenants))
        .routes(routes!(labels::list_labels, labels::put_labels))
        .routes(routes!(bridge::list_bridge, bridge::put_bridge))
        .routes(routes!(diff::list_diffs))
        .routes(routes!(desk::list_tickets))
        .routes(routes!(tickets::show_ticket))
        .routes(routes!(timeline::show_timeline))
        .routes(routes!(diff::show_diff))
        .routes(routes!(tickets::list_ticket_events))
        .routes(routes!(changes::list_changes))
        .routes(routes!(actors::list_actors))
        .routes(routes!(actors::show_actor))
        .routes(routes!(actor_days::list_actor_days))
        .routes(routes!(completeness::show_completeness))
        .routes(routes!(days::list_days))
        .routes(routes!(reports::list_reports))
        .routes(routes!(reports::show_report))
        .routes(routes!(feed::list_events))
        .routes(routes!(feed::stream::stream_events))
        .routes(routes!(events::show_event))
}
