//! What every request and every answer passes, whatever its path.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::{client::TrustedProxies, error::ApiError};

/// Names a request in its answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Finds out the client, names the request (never as the client did: ids in the log are our own), turns a
/// panic into an answer, and sets the headers of every answer.
pub(super) async fn pass(
    State(proxies): State<TrustedProxies>,
    mut request: Request,
    next: Next,
) -> Response {
    let request_id = Uuid::now_v7();
    let client = proxies.client(&request);
    let span = tracing::info_span!("request", %request_id, client = %client.0);
    let private = request.uri().path().starts_with("/v1/");
    let encrypted = proxies.encrypted(&request);
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(encrypted);
    // The state that handlers share is behind locks and channels, which a panic leaves whole.
    let answering = async {
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answer.unwrap_or_else(|_| {
            // The panic's own text may quote a body; it goes to standard error alone.
            tracing::error!("A handler panicked");
            ApiError::Panicked.into_response()
        })
    };
    let mut response = answering.instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(request_id) = HeaderValue::try_from(request_id.to_string()) {
        headers.insert(REQUEST_ID, request_id);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if private {
        let no_store = HeaderValue::from_static("no-store");
        headers.insert(header::CACHE_CONTROL, no_store);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_with_500() {
        async fn panics() {
            panic!("a bug");
        }
        let proxies = TrustedProxies::default();
        let router = Router::new()
            .route("/v1/panics", get(panics))
            .layer(middleware::from_fn_with_state(proxies, pass));
        let request = Request::builder().uri("/v1/panics").body(Body::empty());
        let service = TowerToHyperService::new(router);
        let response = service.call(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 500);
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert!(headers.contains_key(REQUEST_ID));
    }
}
