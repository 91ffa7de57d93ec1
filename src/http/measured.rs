//! What is measured of the webhooks, and where it is shown.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{AppState, error::ProblemType, health::events_behind};
use crate::{domain::delivery::Outcome, measure};

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
    // A hook that was configured just now has its counters before it counts.
    for hook in state.hooks.borrow().keys() {
        measure::hook(hook, &Outcome::WORDS);
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::response::IntoResponse;

    use super::*;
    use crate::{domain::signature::SignatureError, http::error::ApiError, ingest::IngestError};

    #[test]
    fn every_reason_is_there_before_it_counts() {
        measure::start().unwrap();
        let text = measure::render();
        for error in [
            ApiError::Signature(SignatureError::Missing),
            ApiError::BodyCut,
            ApiError::BodySlow(Duration::ZERO),
            ApiError::Busy,
            ApiError::Panicked,
            ApiError::Unknown(String::new()),
            ApiError::NotStored(IngestError::Stopped),
            ApiError::TooLarge(1),
            ApiError::TooManyRejected(Duration::ZERO),
            ApiError::WrongMethod(String::new()),
        ] {
            let response = error.into_response();
            let reason = response.extensions().get::<ProblemType>().unwrap().word();
            let series = format!("ticketlog_rejected_total{{reason=\"{reason}\"}} ");
            assert!(text.contains(&series), "{series} is not in {text}");
        }
    }
}
