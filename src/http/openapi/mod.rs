//! The OpenAPI document: what the handlers say of themselves, and around it what is true of all of them.

mod common;
mod examples;
mod params;
mod paths;
mod viewer;

use std::sync::LazyLock;

use axum::{Router, http::header, response::IntoResponse, routing::get};
use utoipa::openapi::{
    Info, License, OpenApi, Tag,
    security::{
        ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
    },
};

pub(super) use self::{
    params::{Changes, Fields, KnownAt, SomeActor},
    paths::{ActorPath, EventPath, ReportPath, TenantPath, TicketPath},
};
use super::{AppState, described, pages::SESSION_COOKIE};

/// The document, which is the same as long as the program runs.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let (_, mut api) = described().split_for_parts();
    introduce(&mut api);
    common::complete(&mut api);
    examples::show(&mut api);
    // What has text for keys can be written.
    let json = api.to_pretty_json().unwrap_or_default();
    format!("{json}\n")
});

/// The name of what a read needs, in the document.
const BEARER: &str = "bearer";

/// The name of what a read takes as well.
const SESSION: &str = "session";

/// The name of what a webhook needs.
const SIGNATURE: &str = "signature";

const ABOUT: &str = "Every ticket event that SuperOffice sent, kept for ever, and the history that follows \
     from it: what happened to a ticket, who changed what, what things were like on a given day, and what is \
     missing from the record.\n\n\
     Lists come as JSON, CSV or NDJSON: `format` says which, else `Accept`. `next` of a page is the `cursor` of \
     the page after it, with the same parameters; the header `Link` has the same. A parameter that may be \
     repeated means any of. An unknown parameter is a 400 that names it. `since` is inclusive, `until` \
     exclusive; `as_of`, `known_at` and both ends of a diff are inclusive. Instants are taken in RFC 3339 with \
     an offset and come out in UTC with the digits that the sender gave.";

/// The areas of the document, in its order.
const AREAS: [(&str, &str); 8] = [
    ("tickets", "Tickets by their state, now or then."),
    ("history", "What happened, to one ticket or across all."),
    (
        "reports",
        "Questions that are asked again and again, each with its definition.",
    ),
    ("events", "The log: what was received, as it was received."),
    ("labels", "What ids are called."),
    ("tenants", "Whose tickets they are."),
    ("service", "How the service is."),
    ("webhook", "Where SuperOffice delivers."),
];

/// The document as it is served at `/openapi.json`.
pub fn document() -> &'static str {
    &DOCUMENT
}

/// `/openapi.json` and the pages that show it. They describe the others and not themselves.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/openapi.json", get(show_document))
        .merge(viewer::routes())
}

/// `GET /openapi.json`.
async fn show_document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}

/// Says what the whole is.
fn introduce(api: &mut OpenApi) {
    let mut info = Info::new("ticketlog", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    info.license = Some(license);
    api.info = info;
    let tags = AREAS.map(|(name, about)| {
        let mut tag = Tag::new(name);
        tag.description = Some(about.to_owned());
        tag
    });
    api.tags = Some(tags.into());
    let none: [&str; 0] = [];
    let needs = |name| SecurityRequirement::new(name, none);
    api.security = Some(vec![needs(BEARER), needs(SESSION)]);
    let components = api.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token that `ticketlog token create` made."))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let session = ApiKeyValue::with_description(
        SESSION_COOKIE,
        "The session of a browser that logged in at `/login` with a token: it reads what the token reads, and no more.",
    );
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    let signature = ApiKeyValue::with_description(
        "X-SuperOffice-Signature",
        "Base64 of HMAC-SHA256 over the bytes of the body, with a secret of the hook.",
    );
    components.add_security_scheme(SIGNATURE, SecurityScheme::ApiKey(ApiKey::Header(signature)));
}
