//! Who may ask what. Every path that has a route needs a token, but for those that are open by name: one
//! that is added anywhere is fenced without further work.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    AppState,
    client::ClientAddress,
    error::ApiError,
    extract::{tenant_name, unknown_tenant},
    quota::Spent,
};
use crate::{
    clock,
    domain::{
        ids::Tenant,
        token::{self, Access, Scope, TokenError},
    },
};

/// Need no token, and neither do the paths below them: webhooks are signed, a load balancer has no token,
/// and the documentation is no secret.
const OPEN: [&str; 5] = ["/docs", "/healthz", "/openapi.json", "/readyz", "/webhook"];

/// How the service is; their answers go across tenants.
const SERVICE: [&str; 2] = ["/metrics", "/v1/hooks"];

/// Below them a scope of their own is enough.
const REPORTS: [&str; 1] = ["/v1/tenants/{tenant}/reports"];

/// Lets a request through to its handler if its token allows what it asks, with the [`Access`] among its
/// extensions. A tenant outside the token's is answered as one that is not known.
///
/// Stands around the routes, not around what answers unknown paths and wrong methods: those need no token.
pub(super) async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let client = ClientAddress::of(&request);
    let (mut parts, body) = request.into_parts();
    match admit(&state, &mut parts).await {
        Ok(access) => {
            if let Some(access) = access {
                parts.extensions.insert(access);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => {
            tell(&state, client, &error);
            error.into_response()
        }
    }
}

/// What the token of a request allows; `None` if it needs none.
async fn admit(state: &AppState, parts: &mut Parts) -> Result<Option<Access>, ApiError> {
    let path = parts.extensions.get::<MatchedPath>();
    let Some(scope) = path.and_then(|path| needed(&parts.method, path.as_str())) else {
        return Ok(None);
    };
    let access = find_access(state, parts).await?;
    if !access.allows(scope) {
        return Err(ApiError::Forbidden(scope));
    }
    if let Some(name) = tenant_name(parts, state).await? {
        let reached = match Tenant::parse(&name) {
            Some(tenant) => access.reaches(&tenant),
            // Says its handler.
            None => access.tenants.is_none(),
        };
        if !reached {
            return Err(unknown_tenant(&name));
        }
    }
    Ok(Some(access))
}

/// The scope that a request needs; `None` if none.
fn needed(method: &Method, path: &str) -> Option<Scope> {
    if is_at_or_below(path, &OPEN) {
        None
    } else if is_at_or_below(path, &SERVICE) || !method.is_safe() {
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

/// What the token in the header allows. Tokens in the query string, which logs and histories keep, are not
/// looked for.
async fn find_access(state: &AppState, parts: &Parts) -> Result<Access, ApiError> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let header = headers.next().ok_or(TokenError::Missing)?;
    if headers.next().is_some() {
        return Err(TokenError::Malformed.into());
    }
    let token = token::bearer(header.as_bytes())?;
    let store = state.store().await?;
    let found = store.find_live_token(&token.hash(), clock::now()).await?;
    Ok(found.ok_or(TokenError::Unknown)?.access)
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
            (Method::GET, "/", Some(Scope::Read)),
            (Method::GET, "/metrics", Some(Scope::Admin)),
            (Method::GET, "/v1/hooks", Some(Scope::Admin)),
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
        ] {
            assert_eq!(needed(&method, path), scope, "{method} {path}");
        }
    }
}
