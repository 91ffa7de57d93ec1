//! For load balancers and operators.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use tokio::time::timeout;

use super::AppState;

/// Longest wait for the database before it counts as away.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// What `/readyz` says.
#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    ready: bool,
    database: &'static str,
}

/// `GET /healthz`: 200 while the process answers; asks nothing of the database.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 while a delivery can be made durable, else 503.
pub(super) async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let answers = timeout(PING_TIMEOUT, state.store.ping()).await;
    if matches!(answers, Ok(Ok(()))) {
        let readiness = Readiness {
            ready: true,
            database: "ok",
        };
        return (StatusCode::OK, Json(readiness));
    }
    let readiness = Readiness {
        ready: false,
        database: "away",
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(readiness))
}
