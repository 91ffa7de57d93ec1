//! The HTTP interface: a file a resource. The only place that names axum.

mod access;
mod actors;
mod body;
mod bridge;
mod changes;
mod client;
mod completeness;
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
mod projected;
mod quota;
mod seen;
pub mod server;
mod tally;
mod tenants;
mod tickets;
mod timeline;
mod webhook;

use std::{sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    routing::{get, post},
};
use tokio::{sync::watch, time::timeout};

use self::error::ApiError;
pub use self::{
    body::{Bodies, BodyLimits},
    client::TrustedProxies,
    feed::Followers,
    quota::Quota,
};
use crate::{
    domain::hook::Hooks,
    ingest::{Breaker, Ingest, LiveStore, SpoolStatus, feed::FeedWatch},
    store::Store,
};

/// Longest wait of a read for a store that is not there yet.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// The hooks in force; reloading sends new ones.
pub type LiveHooks = watch::Receiver<Arc<Hooks>>;

/// What handlers share.
#[derive(Debug, Clone)]
pub struct AppState {
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
}

impl AppState {
    /// The store; waits 5 s for one that is not there yet, as in the first second of the program.
    async fn store(&self) -> Result<Store, ApiError> {
        let mut live = self.store.clone();
        let there = timeout(STORE_TIMEOUT, live.wait_for(Option::is_some)).await;
        let store = there.ok().and_then(|there| there.ok()?.clone());
        store.ok_or(ApiError::Starting)
    }
}

/// All routes, for [`server::serve`].
pub fn router(state: AppState) -> Router {
    let edge = middleware::from_fn_with_state(state.proxies.clone(), edge::pass);
    let access = middleware::from_fn_with_state(access::Fence::new(&state), access::check);
    let webhooks = Router::new()
        .route("/webhook", post(webhook::receive_default))
        .route("/webhook/", post(webhook::receive_default))
        .route("/webhook/{hook}", post(webhook::receive))
        .layer(middleware::from_fn(measured::measure_webhook));
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .merge(webhooks)
        .merge(reads())
        .merge(reads_of_tickets())
        // Over all of the above.
        .layer(access)
        .fallback(error::unknown_path)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(edge)
        .with_state(state)
}

fn reads() -> Router<AppState> {
    Router::new()
        .route("/metrics", get(measured::show_metrics))
        .route("/v1/hooks", get(hooks::list_hooks))
        .route("/v1/tenants", get(tenants::list_tenants))
        .route(
            "/v1/tenants/{tenant}/labels",
            get(labels::list_labels).put(labels::put_labels),
        )
        .route(
            "/v1/tenants/{tenant}/labels/bridge",
            get(bridge::list_bridge).put(bridge::put_bridge),
        )
        .route("/v1/tenants/{tenant}/actors", get(actors::list_actors))
        .route(
            "/v1/tenants/{tenant}/actors/{actor}",
            get(actors::show_actor),
        )
        .route(
            "/v1/tenants/{tenant}/completeness",
            get(completeness::show_completeness),
        )
        .route("/v1/tenants/{tenant}/diff", get(diff::list_diffs))
        .route("/v1/tenants/{tenant}/changes", get(changes::list_changes))
        .route("/v1/tenants/{tenant}/events", get(feed::list_events))
        .route(
            "/v1/tenants/{tenant}/events/stream",
            get(feed::stream::stream_events),
        )
        .route(
            "/v1/tenants/{tenant}/events/{event_id}",
            get(events::show_event),
        )
}

fn reads_of_tickets() -> Router<AppState> {
    Router::new()
        .route("/v1/tenants/{tenant}/tickets", get(desk::list_tickets))
        .route(
            "/v1/tenants/{tenant}/tickets/{ticket}",
            get(tickets::show_ticket),
        )
        .route(
            "/v1/tenants/{tenant}/tickets/{ticket}/timeline",
            get(timeline::show_timeline),
        )
        .route(
            "/v1/tenants/{tenant}/tickets/{ticket}/diff",
            get(diff::show_diff),
        )
        .route(
            "/v1/tenants/{tenant}/tickets/{ticket}/events",
            get(tickets::list_ticket_events),
        )
}
