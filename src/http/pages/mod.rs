//! Pages for people. What they show is read by the same functions as the API's answers; what it looks like is
//! [`crate::render::html`]. Every page is a GET with an address that can be handed on.

mod actor;
mod audit;
mod cookie;
mod deliveries;
mod diff;
pub(super) mod dress;
mod given;
mod home;
mod operations;
mod reader;
mod report;
mod reports;
pub(super) mod session;
mod tenants;
mod ticket;
mod tickets;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

pub(super) use self::cookie::{SESSION as SESSION_COOKIE, session as session_of};
use super::{AppState, error::ApiError, extract::AssetName};
use crate::render::html::assets;

/// A page loads what is here and nothing else, runs no script that stands in it, sends forms nowhere else, and
/// no other page can frame it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// A ticket's number is nothing for the sites that a page links to.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");

/// What is at an address of an asset never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The text of a page.
#[derive(Debug)]
pub(super) struct Page(pub(super) String);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        let headers = [
            (header::CONTENT_TYPE, html),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, REFERRER),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
            // Whoever logged out sees nothing by going back.
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, self.0).into_response()
    }
}

/// The pages, and what they refer to. A new page is a route here, a handler beside, and its looks in
/// `render::html`; that it needs a token is decided in [`super::access`] without further work.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(async || Redirect::to("/t")))
        .route("/assets/{asset}", get(show_asset))
        .route("/login", get(session::show_log_in).post(session::log_in))
        .route("/logout", axum::routing::post(session::log_out))
        .route("/t", get(tenants::show_tenants))
        .route("/t/{tenant}", get(home::show_home))
        .route("/t/{tenant}/audit", get(audit::show_audit))
        .route("/t/{tenant}/actors/{actor}", get(actor::show_actor))
        .route("/t/{tenant}/tickets", get(tickets::show_tickets))
        .route("/t/{tenant}/tickets/{ticket}", get(ticket::show_ticket))
        .route("/t/{tenant}/tickets/{ticket}/diff", get(diff::show_diff))
        .route("/t/{tenant}/deliveries", get(deliveries::show_deliveries))
        .route(
            "/t/{tenant}/deliveries/conflicts",
            get(deliveries::show_conflicts),
        )
        .route("/operations", get(operations::show_operations))
        .route("/operations/tokens", get(operations::show_tokens))
        .route("/operations/parked", get(operations::show_parked))
        .route("/t/{tenant}/reports", get(reports::show_reports))
        .route("/t/{tenant}/reports/{report}", get(report::show_report))
}

/// True for the address of a page, whether or not there is one.
pub(super) fn is_page(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    matches!(
        parts.next(),
        Some("" | "t" | "login" | "logout" | "operations")
    )
}

/// `GET /assets/{asset}`: the style sheet, the script or the icon.
async fn show_asset(AssetName(name): AssetName) -> Result<Response, ApiError> {
    let asset = assets::find(&name).ok_or_else(|| {
        ApiError::Unknown("no asset of this version is called so: load the page again".to_owned())
    })?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.media_type),
        ),
        (header::CACHE_CONTROL, FOR_EVER),
    ];
    Ok((headers, asset.text).into_response())
}
