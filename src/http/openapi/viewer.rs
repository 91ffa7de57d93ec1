//! Pages in which a person can read the OpenAPI document and try it out: Swagger UI, from inside the program.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::RawPathParams,
    http::{HeaderName, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use utoipa_swagger_ui::{Config, serve};

use crate::http::{AppState, error::ApiError};

/// Nothing that the pages hold makes a browser ask another host, or lets another page frame them.
const POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Else a badge sends the document to be checked elsewhere.
    Arc::new(Config::from("/openapi.json").validator_url("none"))
});

/// The pages below `/docs/`.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        // The pages name their parts relatively.
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(show_page))
        .route("/docs/{*file}", get(show_page))
}

/// `GET /docs/{file}`: a part of the pages; the page itself without one.
async fn show_page(uri: Uri, params: RawPathParams) -> Result<Response, ApiError> {
    let file = params.iter().next().map_or("", |(_, file)| file);
    match serve(file, Arc::clone(&CONFIG)) {
        Ok(Some(part)) => {
            let content_type = (header::CONTENT_TYPE, part.content_type);
            let headers = [(POLICY.0, POLICY.1.to_owned()), content_type];
            Ok((headers, part.bytes.into_owned()).into_response())
        }
        _ => Err(ApiError::Unknown(format!("no page is at {}", uri.path()))),
    }
}
