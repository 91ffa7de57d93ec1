//! What is measured of the webhooks, and where it is shown.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{AppState, error::ProblemType, health::events_behind};
use crate::measure;

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`: for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    summary = "What is measured, for Prometheus",
    description = "In its text format; docs/operations.md lists the metrics.",
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain")),
)]
pub(super) async fn show_metrics(State(state): State<AppState>) -> impl IntoResponse {
    if let Some(events) = events_behind(&state).await {
        measure::unprojected(events);
    }
    ([(header::CONTENT_TYPE, TEXT)], measure::render())
}

/// Measures the answers to a webhook, and counts those that are problems by their type.
pub(super) async fn measure_webhook(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    measure::answered(begun.elapsed());
    if let Some(problem) = response.extensions().get::<ProblemType>() {
        measure::rejected(problem.word());
    }
    response
}
