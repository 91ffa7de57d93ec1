//! Receiving: believe, read, make durable, and only then answer 200.
//!
//! After a valid signature nothing is refused for its content: SuperOffice turns a webhook off for good
//! after nine failures in a row, and at once after a 410.

use std::net::IpAddr;

use axum::{
    Json,
    extract::{Request, State},
    http::HeaderMap,
};
use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::{AppState, client::ClientAddress, error::ApiError, extract::HookName, quota::Spent};
use crate::{
    clock,
    domain::{
        delivery::{Arrival, Delivery, KeptHeaders, Outcome, Place},
        event::ParkReason,
        feed,
        hook::{DEFAULT_HOOK, Hook},
        ids::{EventId, Position, Tenant},
        log::Origin,
        signature::{self, SIGNATURE_HEADER, Signature, SignatureError},
    },
    measure,
    render::schema,
};

/// The answer to a delivery.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(super) struct Receipt {
    /// What became of it.
    #[schema(value_type = schema::Outcome)]
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EventId, required = false)]
    event_id: Option<EventId>,
    /// Of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Tenant, required = false)]
    tenant: Option<Tenant>,
    /// Of the event, once it is in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Position, required = false)]
    position: Option<Position>,
    /// Why it was parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ParkReason, required = false)]
    reason: Option<&'static str>,
}

/// `POST /webhook`: the hook `default`.
#[utoipa::path(
    post,
    path = "/webhook",
    tag = "webhook",
    summary = "Receive for the hook `default`",
    description = "Whatever a rightly signed body holds, it is answered 200 once it is durable.",
    request_body(content = Value, description = "What SuperOffice posts", content_type = "application/json"),
    responses((status = 200, description = "What became of it", body = Receipt)),
    security(("signature" = [])),
)]
pub(super) async fn receive_default(
    state: State<AppState>,
    request: Request,
) -> Result<Json<Receipt>, ApiError> {
    receive(state, HookName(DEFAULT_HOOK.to_owned()), request).await
}

/// `POST /webhook/{hook}`: 200 once the body is durable, whatever it holds.
#[utoipa::path(
    post,
    path = "/webhook/{hook}",
    tag = "webhook",
    summary = "Receive",
    description = "Whatever a rightly signed body holds, it is answered 200 once it is durable.",
    params(("hook" = String, Path, description = "A configured hook", pattern = "^[A-Za-z0-9._-]{1,64}$")),
    request_body(content = Value, description = "What SuperOffice posts", content_type = "application/json"),
    responses((status = 200, description = "What became of it", body = Receipt)),
    security(("signature" = [])),
)]
pub(super) async fn receive(
    State(state): State<AppState>,
    HookName(name): HookName,
    request: Request,
) -> Result<Json<Receipt>, ApiError> {
    let received_at = clock::now();
    let hooks = state.hooks.borrow().clone();
    let hook = hooks
        .get(&name)
        .ok_or_else(|| ApiError::Unknown(format!("there is no hook \"{name}\"")))?;
    let headers = kept_headers(request.headers());
    let ClientAddress(client) = ClientAddress::of(&request);
    let (body, origin) = believe(&state, &name, hook, request)
        .await
        .inspect_err(|error| watch_rejected(&state, &name, error, &headers, received_at))
        .map_err(|error| reject(&state, client, &name, error))?;
    let arrival = Arrival {
        arrival_id: Uuid::now_v7(),
        received_at,
        origin,
        headers,
    };
    let delivery = Delivery::read(body, &hook.tenants, arrival);
    state.feed.believed(&name, &delivery, received_at);
    let outcome = state.ingest.accept(delivery).await?;
    measure::delivery(&name, outcome.as_str());
    Ok(Json(Receipt::from(outcome)))
}

/// Reads the body and checks its signature. Strangers cost no memory: without a signature that could be
/// one, the body is not even read.
async fn believe(
    state: &AppState,
    name: &str,
    hook: &Hook,
    request: Request,
) -> Result<(Bytes, Origin), ApiError> {
    let claimed = claimed_signature(request.headers())?;
    if claimed.is_none() && !state.allow_unsigned {
        return Err(SignatureError::Missing.into());
    }
    let unbelieved = state.bodies.read(request, state.max_body_bytes).await?;
    let hook_name = name.to_owned();
    let origin = match claimed {
        Some(signature) => {
            signature::verify(&hook.secrets, &signature, &unbelieved.bytes)?;
            Origin::Webhook {
                hook: hook_name,
                signature,
            }
        }
        None => Origin::Unsigned { hook: hook_name },
    };
    Ok((unbelieved.bytes, origin))
}

/// Counts a request that was not believed. Past its client's quota it is not logged on its own, and if
/// its signature was at fault the answer is to wait.
fn reject(state: &AppState, client: IpAddr, hook: &str, error: ApiError) -> ApiError {
    let Err(Spent { wait, untold }) = state.quota.spend(client) else {
        tracing::warn!(hook, ?error, "A delivery was rejected");
        return error;
    };
    if let Some(times) = untold {
        tracing::warn!(
            hook,
            times,
            "Rejected requests past the quota of their clients; at most one line a minute tells of them"
        );
    }
    match error {
        ApiError::Signature(_) => ApiError::TooManyRejected(wait),
        other => other,
    }
}

/// Tells the feed of a signature that was wrong or missing; all else a stranger can do as well.
fn watch_rejected(
    state: &AppState,
    hook: &str,
    error: &ApiError,
    headers: &KeptHeaders,
    now: jiff::Timestamp,
) {
    if matches!(error, ApiError::Signature(_)) {
        let looks_like_superoffice = feed::looks_like_superoffice(headers);
        state.feed.rejected(hook, looks_like_superoffice, now);
    }
}

fn claimed_signature(headers: &HeaderMap) -> Result<Option<Signature>, SignatureError> {
    headers
        .get(SIGNATURE_HEADER)
        .map(|value| signature::decode(value.as_bytes()))
        .transpose()
}

/// What is kept of the headers. Custom ones may be credentials, and the signature is kept as bytes.
fn kept_headers(headers: &HeaderMap) -> KeptHeaders {
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            let ours = matches!(name, "user-agent" | "content-type" | "x-hook-test")
                || name.starts_with("x-superoffice-");
            ours && name != SIGNATURE_HEADER
        })
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

impl From<Outcome> for Receipt {
    fn from(outcome: Outcome) -> Self {
        let word = outcome.as_str();
        match outcome {
            Outcome::Stored(place) | Outcome::Duplicate(place) | Outcome::Conflict(place) => {
                let Place {
                    tenant,
                    event_id,
                    position,
                } = place;
                Self {
                    outcome: word,
                    event_id: Some(event_id),
                    tenant: Some(tenant),
                    position: Some(position),
                    reason: None,
                }
            }
            Outcome::Parked(reason) => Self {
                outcome: word,
                reason: Some(reason.as_str()),
                ..Self::default()
            },
            Outcome::Ignored { tenant, event_id }
            | Outcome::Spooled {
                event: Some((tenant, event_id)),
            } => Self {
                outcome: word,
                event_id: Some(event_id),
                tenant: Some(tenant),
                ..Self::default()
            },
            Outcome::Spooled { event: None } => Self {
                outcome: word,
                ..Self::default()
            },
        }
    }
}
