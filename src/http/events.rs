//! One event with everything kept beside it.

use axum::{Json, extract::State};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query},
    openapi::EventPath,
    tenants::NoParams,
};
use crate::{
    domain::{
        delivery::{EVENT_ID_HEADER, KeptHeaders},
        ids::{EventId, Tenant},
        label::{Labels, wanted},
        signature,
    },
    render::{
        json::{BodyJson, EventJson},
        schema::{Origin, Outcome},
    },
    store::{EventDetail, SeenDelivery},
};

/// One event, its digest, what came with it, and its later arrivals.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = EventDetail)]
pub(super) struct EventDetailJson {
    #[serde(flatten)]
    event: EventJson,
    /// Of the body's bytes, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    body_sha256: String,
    /// As SuperOffice sent it: base64 of HMAC-SHA256 over the body; null if it came without.
    #[schema(required)]
    signature: Option<String>,
    /// What is kept of the headers.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: KeptHeaders,
    /// True if the unsigned header names another event id than the signed body.
    header_mismatch: bool,
    /// For an event that was imported: true if a delivery of the same bytes was signed later.
    confirmed: bool,
    /// Its later arrivals, oldest first; of more than a thousand the conflicts before all others.
    deliveries: Vec<DeliveryJson>,
    /// Later arrivals that are not shown; with those that are, all there were.
    #[schema(minimum = 0)]
    uncounted_deliveries: i64,
}

/// A later arrival of an event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Delivery)]
struct DeliveryJson {
    received_at: jiff::Timestamp,
    #[schema(value_type = Outcome)]
    outcome: String,
    #[schema(value_type = Origin)]
    origin: String,
    /// The hook it came through; null if it was imported.
    #[schema(required)]
    hook: Option<String>,
    /// The file it was imported from; null if it was delivered.
    #[schema(required)]
    source: Option<String>,
    /// Which retry SuperOffice says it is; null if it does not say.
    #[schema(required)]
    retry: Option<i32>,
    /// What SuperOffice calls the webhook; null if the body does not say.
    #[schema(required)]
    webhook_name: Option<String>,
    /// As SuperOffice sent it; null if it came without.
    #[schema(required)]
    signature: Option<String>,
    /// Of the body's bytes, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    body_sha256: String,
    /// Where its bytes differ from those that were stored, once for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    body: Option<BodyJson>,
}

/// `GET /v1/tenants/{tenant}/events/{event_id}`.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/events/{event_id}",
    tag = "events",
    summary = "One event",
    description = "With its digest, signature, kept headers and later deliveries.",
    params(EventPath),
    responses((status = 200, description = "The event", body = EventDetailJson)),
)]
pub(super) async fn show_event(
    State(state): State<AppState>,
    Path((tenant, event_id)): Path<(Tenant, EventId)>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<EventDetailJson>, ApiError> {
    let store = state.store().await?;
    let found = store.find_event(&tenant, event_id).await?;
    let detail = found.ok_or_else(|| {
        ApiError::Unknown(format!("no event {event_id} is in the log of \"{tenant}\""))
    })?;
    let labels = store.find_labels(&tenant, &wanted([&detail.event])).await?;
    Ok(Json(EventDetailJson::new(detail, &labels)))
}

impl EventDetailJson {
    fn new(detail: EventDetail, labels: &Labels) -> Self {
        let claimed = detail.headers.get(EVENT_ID_HEADER);
        let event_id = detail.event.event.event_id;
        let mismatch = claimed.is_some_and(|claimed| EventId::parse(claimed) != Some(event_id));
        let confirmed = detail.event.origin.signature().is_none()
            && (detail.deliveries.iter())
                .any(|later| later.signature.is_some() && later.sha256 == detail.sha256);
        Self {
            body_sha256: hex(&detail.sha256),
            signature: detail.event.origin.signature().map(signature::encode),
            headers: detail.headers,
            header_mismatch: mismatch,
            confirmed,
            deliveries: detail
                .deliveries
                .into_iter()
                .map(DeliveryJson::from)
                .collect(),
            uncounted_deliveries: detail.uncounted_deliveries,
            event: EventJson::new(detail.event, labels),
        }
    }
}

impl From<SeenDelivery> for DeliveryJson {
    fn from(seen: SeenDelivery) -> Self {
        Self {
            received_at: seen.received_at,
            outcome: seen.outcome,
            origin: seen.origin,
            hook: seen.hook,
            source: seen.source,
            retry: seen.retry,
            webhook_name: seen.webhook_name,
            signature: seen.signature.map(|signature| STANDARD.encode(signature)),
            body_sha256: hex(&seen.sha256),
            body: seen.body.map(BodyJson::from),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
