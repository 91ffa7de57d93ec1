//! Who may ask what. Every path that has a route needs a token, but for those that are open by name: one
//! that is added anywhere is fenced without further work.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use jiff::SignedDuration;
use tokio::time::timeout;

use super::{
    AppState,
    caller::{Caller, LOOKED_UP_BY_HANDLER},
    client::ClientAddress,
    error::ApiError,
    extract::{tenant_name, unknown_tenant},
    pages::{is_page, session_of},
    quota::Spent,
    seen::Seen,
};
use crate::{
    clock,
    domain::{
        ids::Tenant,
        session::Session,
        token::{self, Access, Scope, Token, TokenError, TokenHash, TokenSummary},
    },
};

/// Need no token, and neither do the paths below them: webhooks are signed, a load balancer has no token,
/// the documentation is no secret, and who logs in has none yet.
const OPEN: [&str; 8] = [
    "/assets",
    "/docs",
    "/healthz",
    "/login",
    "/logout",
    "/openapi.json",
    "/readyz",
    "/webhook",
];

/// Leads to a page that needs one.
const START: &str = "/";

/// Where everybody begins who logs in: it leads to what the token is good for, so any token is enough.
const TENANTS: &str = "/t";

/// How the service is: across tenants, and from memory, with or without the database.
const SERVICE: [&str; 2] = ["/metrics", "/v1/hooks"];

/// Pages for whoever runs the service: as their like in the API.
const OPERATIONS: [&str; 2] = ["/operations", "/t/{tenant}/deliveries"];

/// Below them a scope of their own is enough.
const REPORTS: [&str; 2] = ["/v1/tenants/{tenant}/reports", "/t/{tenant}/reports"];

/// Longest wait for the database before a token that was seen before is believed without it.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a token is believed without being looked up, while the database is away: an outage over a weekend, so that
/// one that was revoked where this program cannot see it does not live for ever.
const BELIEVED: SignedDuration = SignedDuration::from_hours(72);

/// How long what a token allows is remembered where a handler finds out whether it is good.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(1);

/// Looks tokens up.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    state: AppState,
    /// Those that asked how the service is, which is asked most of all while the database is away: no alert may depend
    /// on what it is to tell of.
    seen: Seen,
    /// Those that asked about a ticket.
    recent: Seen,
}

impl Fence {
    /// Around the routes of this state.
    pub(super) fn new(state: &AppState) -> Self {
        Self {
            state: state.clone(),
            seen: Seen::for_a(BELIEVED),
            recent: Seen::for_a(REMEMBERED),
        }
    }
}

/// Lets a request through to its handler if its token allows what it asks, with the [`Access`] among its
/// extensions. A tenant outside the token's is answered as one that is not known.
///
/// Stands around the routes, not around what answers unknown paths and wrong methods: those need no token.
pub(super) async fn check(State(fence): State<Fence>, request: Request, next: Next) -> Response {
    let client = ClientAddress::of(&request);
    let (mut parts, body) = request.into_parts();
    let admitted = match admit(&fence, &mut parts).await {
        Ok(admitted) => admitted,
        Err(error) => {
            // Whoever opens a page to log in is no stranger.
            let comes = matches!(
                error,
                ApiError::Token(TokenError::Missing | TokenError::Over)
            );
            if !(comes && is_page(parts.uri.path())) {
                tell(&fence.state, client, &error);
            }
            return error.into_response();
        }
    };
    let Some(Admitted { access, caller }) = admitted else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    parts.extensions.insert(access);
    let Some(caller) = caller else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    parts.extensions.insert(caller.clone());
    let answer = next.run(Request::from_parts(parts, body)).await;
    match settle(&fence, &caller, answer.status()).await {
        Ok(()) => answer,
        Err(error) => {
            tell(&fence.state, client, &error);
            error.into_response()
        }
    }
}

/// What a request may do.
struct Admitted {
    access: Access,
    /// Who asks, if its handler is to find out whether the token is good.
    caller: Option<Caller>,
}

/// What the token of a request allows; `None` if it needs none.
async fn admit(fence: &Fence, parts: &mut Parts) -> Result<Option<Admitted>, ApiError> {
    // An unknown path has none.
    let Some(path) = parts.extensions.get::<MatchedPath>().cloned() else {
        return Ok(None);
    };
    let Some(scope) = needed(&parts.method, path.as_str()) else {
        return Ok(None);
    };
    let mut caller = None;
    let access = match sent(parts)? {
        Credential::Token(token) if is_at_or_below(path.as_str(), &SERVICE) => {
            find_or_believe(fence, token.hash()).await?
        }
        Credential::Token(token) if LOOKED_UP_BY_HANDLER.contains(&path.as_str()) => {
            let hash = token.hash();
            if let Some(good) = fence.recent.find(&hash, clock::now()) {
                caller = Some(Caller::new(hash, good.token_id));
                good.access
            } else {
                look_up_and_remember(fence, &hash).await?
            }
        }
        Credential::Token(token) => {
            let found = look_up(&fence.state, &token.hash()).await?;
            found.ok_or(TokenError::Unknown)?.access
        }
        Credential::Session(session) => {
            let store = fence.state.store().await?;
            let now = clock::now();
            let found = store.find_token_of_session(&session.hash(), now).await?;
            let found = found.ok_or(TokenError::Over)?;
            fence.state.token_uses.keep(found.token_id, now);
            found.access
        }
    };
    let begins = path.as_str() == TENANTS && parts.method.is_safe();
    if !begins && !access.allows(scope) {
        return Err(ApiError::Forbidden(scope));
    }
    if let Some(name) = tenant_name(parts, &fence.state).await? {
        let reached = match Tenant::parse(&name) {
            Some(tenant) => access.reaches(&tenant),
            // Says its handler.
            None => access.tenants.is_none(),
        };
        if !reached {
            return Err(unknown_tenant(&name));
        }
    }
    Ok(Some(Admitted { access, caller }))
}

/// Finds out whether who was answered may be, where the handler did not: it answers what is wrong with a request before
/// it reads.
async fn settle(fence: &Fence, caller: &Caller, answered: StatusCode) -> Result<(), ApiError> {
    if caller.is_good() {
        fence.state.token_uses.keep(caller.token_id(), clock::now());
    } else if !answered.is_server_error() {
        look_up_and_remember(fence, caller.hash()).await?;
    }
    // Why the service could not answer is for anybody, and while the database is away there is nobody to ask.
    Ok(())
}

/// The scope that a request needs; `None` if none.
pub(super) fn needed(method: &Method, path: &str) -> Option<Scope> {
    if path == START || is_at_or_below(path, &OPEN) {
        None
    } else if is_at_or_below(path, &SERVICE)
        || is_at_or_below(path, &OPERATIONS)
        || !method.is_safe()
    {
        Some(Scope::Admin)
    } else if is_at_or_below(path, &REPORTS) {
        Some(Scope::Report)
    } else {
        Some(Scope::Read)
    }
}

fn is_at_or_below(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        let rest = path.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// What shows who is asking.
enum Credential {
    Token(Token),
    Session(Session),
}

/// The token in the header, else the session in the cookie, which is good for reading alone: a browser sends it
/// along whoever makes it ask. The query string, which logs and histories keep, is no place for either.
fn sent(parts: &Parts) -> Result<Credential, TokenError> {
    let bearer = bearer(&parts.headers);
    if let Err(TokenError::Missing) = bearer
        && parts.method.is_safe()
        && let Some(session) = session_of(&parts.headers)
    {
        return Ok(Credential::Session(session));
    }
    bearer.map(Credential::Token)
}

fn bearer(headers: &HeaderMap) -> Result<Token, TokenError> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next().ok_or(TokenError::Missing)?;
    match lines.next() {
        None => token::bearer(line.as_bytes()),
        Some(_) => Err(TokenError::Malformed),
    }
}

async fn look_up(state: &AppState, hash: &TokenHash) -> Result<Option<TokenSummary>, ApiError> {
    let store = state.store().await?;
    let now = clock::now();
    let found = store.find_live_token(hash, now).await?;
    if let Some(found) = &found {
        state.token_uses.keep(found.token_id, now);
    }
    Ok(found)
}

/// What a token allows, which is remembered for its next request about a ticket.
async fn look_up_and_remember(fence: &Fence, hash: &TokenHash) -> Result<Access, ApiError> {
    let found = look_up(&fence.state, hash).await?;
    fence.recent.keep(*hash, found.as_ref(), clock::now());
    Ok(found.ok_or(TokenError::Unknown)?.access)
}

/// What a token allows; while the database is away, what it allowed before.
async fn find_or_believe(fence: &Fence, hash: TokenHash) -> Result<Access, ApiError> {
    match timeout(LOOK_UP_TIMEOUT, look_up(&fence.state, &hash)).await {
        Ok(Ok(found)) => {
            fence.seen.keep(hash, found.as_ref(), clock::now());
            Ok(found.ok_or(TokenError::Unknown)?.access)
        }
        away => {
            let seen = fence.seen.find(&hash, clock::now());
            seen.map(|good| good.access).ok_or(match away {
                Ok(Err(error)) => error,
                _ => ApiError::Starting,
            })
        }
    }
}

/// Logs a request without a good token, as far as its client's quota of rejected requests goes. The answer
/// stays the same past it: 256 bits are not guessed, and whoever shares the address is not to suffer.
fn tell(state: &AppState, ClientAddress(client): ClientAddress, error: &ApiError) {
    let ApiError::Token(reason) = error else {
        return;
    };
    match state.quota.spend(client) {
        Ok(()) => tracing::warn!(%reason, "A read was refused"),
        Err(Spent {
            untold: Some(times),
            ..
        }) => tracing::warn!(
            times,
            "Rejected requests past the quota of their clients; at most one line a minute tells of them"
        ),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_open_by_name_needs_a_scope() {
        for (method, path, scope) in [
            (Method::GET, "/healthz", None),
            (Method::POST, "/webhook/{hook}", None),
            (Method::POST, "/webhook/", None),
            (Method::GET, "/webhooks", Some(Scope::Read)),
            (Method::GET, "/", None),
            (Method::GET, "/t", Some(Scope::Read)),
            (Method::GET, "/t/{tenant}", Some(Scope::Read)),
            (Method::POST, "/t/{tenant}", Some(Scope::Admin)),
            (Method::POST, "/login", None),
            (Method::GET, "/assets/{asset}", None),
            (Method::GET, "/metrics", Some(Scope::Admin)),
            (Method::GET, "/v1/hooks", Some(Scope::Admin)),
            (Method::GET, "/operations/tokens", Some(Scope::Admin)),
            (Method::GET, "/t/{tenant}/deliveries", Some(Scope::Admin)),
            (Method::HEAD, "/v1/tenants", Some(Scope::Read)),
            (
                Method::GET,
                "/v1/tenants/{tenant}/labels",
                Some(Scope::Read),
            ),
            (
                Method::PUT,
                "/v1/tenants/{tenant}/labels",
                Some(Scope::Admin),
            ),
            (
                Method::GET,
                "/v1/tenants/{tenant}/reports/{name}",
                Some(Scope::Report),
            ),
            (
                Method::GET,
                "/t/{tenant}/reports/{report}",
                Some(Scope::Report),
            ),
        ] {
            assert_eq!(needed(&method, path), scope, "{method} {path}");
        }
    }
}
