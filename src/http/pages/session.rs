//! Logging in with a token, and out again.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tokio::time::timeout;

use super::{Page, cookie};
use crate::{
    clock,
    domain::{
        session::{LASTS, Session},
        token::{Token, TokenSummary},
    },
    http::{
        AppState,
        client::{ClientAddress, Encrypted},
        error::ApiError,
        extract::Query,
    },
    render::html::{LogIn, log_in as page},
};

/// Largest form, in bytes: a token and where to go on.
const MAX_FORM_BYTES: usize = 16 << 10;

/// For a form to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// Where to go on if nobody says.
const START: &str = "/t";

const MALFORMED: &str =
    "That is no token: a token is tl_ and 43 further letters, digits, _ or -. Copy all of it.";
const UNKNOWN: &str = "This token is not known, has expired or was revoked. Ask for a new one.";

/// Parameters of [`show_log_in`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogInParams {
    next: Option<String>,
}

/// What the page to log in sends.
#[derive(Deserialize)]
struct Form {
    token: String,
    next: Option<String>,
}

/// `GET /login`: the page to log in; whoever is logged in goes on.
pub(super) async fn show_log_in(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(params): Query<LogInParams>,
) -> Result<Response, ApiError> {
    let next = own_path(params.next.as_deref());
    if let Some(session) = cookie::session(&headers) {
        let store = state.store().await?;
        let found = store
            .find_token_of_session(&session.hash(), clock::now())
            .await?;
        if found.is_some() {
            return Ok(Redirect::to(next).into_response());
        }
    }
    let asked = LogIn {
        next,
        error: None,
        note: None,
    };
    Ok(Page(page(asked)).into_response())
}

/// `POST /login`: begins a session if the token is taken.
///
/// A wrong token is answered so; past the client's quota of rejected requests with 429, which a right one never
/// is: 256 bits are not guessed, and whoever shares the address is not to suffer.
pub(super) async fn log_in(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    check_origin(request.headers())?;
    let client = ClientAddress::of(&request);
    let Encrypted(encrypted) = Encrypted::of(&request);
    let form = read_form(request.into_body()).await?;
    let next = own_path(form.next.as_deref());
    let Some(token) = Token::parse(form.token.trim()) else {
        return Ok(refuse(&state, client, next, MALFORMED));
    };
    let store = state.store().await?;
    let now = clock::now();
    let Some(found) = store.find_live_token(&token.hash(), now).await? else {
        return Ok(refuse(&state, client, next, UNKNOWN));
    };
    let session = new_session()?;
    let expires_at = end(&found, now);
    store
        .begin_session(&session.hash(), found.token_id, now, expires_at)
        .await?;
    tracing::info!(token.id = %found.token_id, "Somebody logged in");
    Ok(with_cookie(next, cookie::keep(&session, encrypted)))
}

/// `POST /logout`: ends the session.
pub(super) async fn log_out(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    check_origin(request.headers())?;
    let Encrypted(encrypted) = Encrypted::of(&request);
    if let Some(session) = cookie::session(request.headers()) {
        state.store().await?.end_session(&session.hash()).await?;
    }
    Ok(with_cookie("/login", cookie::forget(encrypted)))
}

fn with_cookie(path: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = Redirect::to(path).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The page again, with what was wrong.
fn refuse(
    state: &AppState,
    ClientAddress(client): ClientAddress,
    next: &str,
    what: &str,
) -> Response {
    let spent = state.quota.spend(client).err();
    let wait = spent.map(|spent| spent.wait.as_secs().saturating_add(1));
    if spent.is_none_or(|spent| spent.untold.is_some()) {
        tracing::warn!("A log-in was refused");
    }
    let error = match wait {
        None => what.to_owned(),
        Some(wait) => format!("{what} Too many tries were wrong: wait {wait} s."),
    };
    let page = Page(page(LogIn {
        next,
        error: Some(&error),
        note: None,
    }));
    match wait {
        None => {
            let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
            (StatusCode::UNAUTHORIZED, challenge, page).into_response()
        }
        Some(wait) => {
            let after = [(header::RETRY_AFTER, HeaderValue::from(wait))];
            (StatusCode::TOO_MANY_REQUESTS, after, page).into_response()
        }
    }
}

fn new_session() -> Result<Session, ApiError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "The operating system gives no random bits");
        ApiError::Panicked
    })?;
    Ok(Session::of(random))
}

/// No later than its token.
fn end(token: &TokenSummary, now: jiff::Timestamp) -> jiff::Timestamp {
    let end = now.checked_add(LASTS).unwrap_or(now);
    token
        .expires_at
        .map_or(end, |expires_at| expires_at.min(end))
}

async fn read_form(body: Body) -> Result<Form, ApiError> {
    let bytes = timeout(FORM_TIMEOUT, to_bytes(body, MAX_FORM_BYTES)).await;
    let bytes = bytes
        .map_err(|_| ApiError::BodySlow(FORM_TIMEOUT))?
        .map_err(|_| ApiError::TooLarge(MAX_FORM_BYTES))?;
    serde_html_form::from_bytes(&bytes)
        .map_err(|_| ApiError::BadBody("the form to log in has the field token".to_owned()))
}

/// Where to go on: only to a path of our own, whatever a link says.
pub(super) fn own_path(next: Option<&str>) -> &str {
    // A browser reads a backslash as a slash and skips what is no letter, so that these could lead elsewhere.
    let own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(own).unwrap_or(START)
}

/// A form counts only if one of our own pages sent it. Browsers say which did: the newer ones in
/// `Sec-Fetch-Site`, on plain HTTP and in older ones `Origin`.
fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let own = if let Some(site) = text("sec-fetch-site") {
        site == "same-origin"
    } else {
        let origin = text("origin").and_then(|origin| origin.parse::<Uri>().ok());
        let origin = origin.as_ref().and_then(Uri::authority);
        origin.is_some_and(|origin| text("host").is_some_and(|host| origin.as_str() == host))
    };
    if own {
        Ok(())
    } else {
        Err(ApiError::OtherSite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_on_to_a_path_of_our_own_alone() {
        for own in [
            "/t",
            "/t/Cust1/tickets/7?as_of=2025-05-19T09:56:33Z#timeline",
        ] {
            assert_eq!(own_path(Some(own)), own);
        }
        for other in [
            "",
            "t",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/ /evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/t\r\nSet-Cookie: a=b",
        ] {
            assert_eq!(own_path(Some(other)), START, "{other}");
        }
        assert_eq!(own_path(None), START);
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        let check = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            check_origin(&headers).is_ok()
        };
        let host = ("host", "log.example:8080");
        assert!(check(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(check(&[host, ("origin", "http://log.example:8080")]));
        for wrong in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://log.example")],
            &[host, ("origin", "https://evil.example")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
            &[
                host,
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://log.example:8080"),
            ],
        ] {
            assert!(!check(wrong), "{wrong:?}");
        }
    }
}
