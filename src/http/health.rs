//! For load balancers and operators.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use tokio::time::timeout;

use super::AppState;
use crate::{clock, domain::feed::FeedState};

/// Longest wait for the database before it counts as away.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// What `/readyz` says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Readiness {
    /// True while a delivery can be made durable.
    ready: bool,
    /// `ok`, or `away`: then deliveries are spooled.
    #[schema(pattern = "^(ok|away)$")]
    database: &'static str,
    spool: SpoolJson,
    projections: ProjectionsJson,
    hooks: Vec<HookStateJson>,
}

/// How far answers across tickets are behind the logs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProjectionsState)]
struct ProjectionsJson {
    /// `ok`, `behind`, or `unknown` while the database is away.
    #[schema(pattern = "^(ok|behind|unknown)$")]
    state: &'static str,
    /// Events of all tenants that are not projected yet.
    #[schema(required, minimum = 0)]
    events_behind: Option<i64>,
}

/// A hook's state in brief; `/v1/hooks` says more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = HookState)]
struct HookStateJson {
    hook: String,
    #[schema(value_type = FeedState)]
    state: &'static str,
}

/// The spool at a glance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SpoolState)]
struct SpoolJson {
    /// `ok`, or `refusing` if it is full or cannot be written.
    #[schema(pattern = "^(ok|refusing)$")]
    state: &'static str,
    bytes: u64,
}

/// `GET /healthz`: 200 while the process answers; asks nothing of the database.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "service",
    summary = "Does the process answer?",
    description = "Asks nothing of the database.",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
    security(()),
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 while a delivery can be made durable, in Postgres or the spool, else 503. A load
/// balancer must not cut the sender off because Postgres is away, nor because of a hook's state, which mends
/// nothing.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    summary = "Can a delivery be made durable?",
    description = "In Postgres or in the spool. Of what it says only `database` and `spool` can make it 503.",
    responses(
        (status = 200, description = "It can", body = Readiness),
        (status = 503, description = "It cannot", body = Readiness),
    ),
    security(()),
)]
pub(super) async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let database = takes_deliveries(&state).await;
    let spool = *state.spool.borrow();
    let ready = database || !spool.refusing;
    let readiness = Readiness {
        ready,
        database: if database { "ok" } else { "away" },
        spool: SpoolJson {
            state: if spool.refusing { "refusing" } else { "ok" },
            bytes: spool.bytes,
        },
        projections: projections(&state, database).await,
        hooks: hook_states(&state),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

async fn takes_deliveries(state: &AppState) -> bool {
    let store = state.store.borrow().clone();
    let Some(store) = store.filter(|_| !state.breaker.is_open()) else {
        return false;
    };
    matches!(timeout(PING_TIMEOUT, store.ping()).await, Ok(Ok(())))
}

/// Asked of the database and not of the projector, whose own word would stand still with it.
async fn projections(state: &AppState, database: bool) -> ProjectionsJson {
    let events_behind = if database {
        events_behind(state).await
    } else {
        None
    };
    ProjectionsJson {
        state: match events_behind {
            None => "unknown",
            Some(0) => "ok",
            Some(_) => "behind",
        },
        events_behind,
    }
}

/// Events that are not projected yet; `None` if the database does not say so in time.
pub(super) async fn events_behind(state: &AppState) -> Option<i64> {
    let store = state.store.borrow().clone()?;
    timeout(PING_TIMEOUT, store.count_unprojected())
        .await
        .ok()?
        .ok()
}

fn hook_states(state: &AppState) -> Vec<HookStateJson> {
    let reports = state.feed.report(clock::now()).into_iter();
    reports
        .map(|report| HookStateJson {
            state: report.verdict.state.as_str(),
            hook: report.hook,
        })
        .collect()
}
