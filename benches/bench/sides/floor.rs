//! What HTTP, the signature and the reading of a body cost: the program's server, nothing stored.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde::Serialize;
use ticketlog::{
    clock,
    domain::{
        delivery::{Arrival, Delivery},
        hook::{DEFAULT_HOOK, TenantRule},
        ids::{EventId, Tenant},
        log::Origin,
        signature::{self, SIGNATURE_HEADER, Secret},
    },
    http::server::{Limits, serve},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    naive::kept,
    own::{self, Started},
};

#[derive(Serialize)]
struct Receipt {
    outcome: &'static str,
    event_id: EventId,
    tenant: Tenant,
}

pub(super) fn start(secret: Secret) -> anyhow::Result<Started> {
    let secrets: Arc<[Secret]> = Arc::from([secret]);
    let router = Router::new()
        .route("/webhook", post(receive))
        .with_state(secrets);
    let (listener, address) = own::listen()?;
    let (_, serving) = serve(listener, router, Limits::default(), None);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        serving.await;
    });
    Ok((address, tasks))
}

async fn receive(
    State(secrets): State<Arc<[Secret]>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Receipt>, StatusCode> {
    let claimed = headers.get(SIGNATURE_HEADER);
    let claimed = claimed.ok_or(StatusCode::UNAUTHORIZED)?;
    let signature = signature::decode(claimed.as_bytes()).map_err(|_| StatusCode::UNAUTHORIZED)?;
    signature::verify(&secrets, &signature, &body).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let arrival = Arrival {
        arrival_id: Uuid::now_v7(),
        received_at: clock::now(),
        origin: Origin::Webhook {
            hook: DEFAULT_HOOK.to_owned(),
            signature,
        },
        headers: kept(&headers),
    };
    let delivery = Delivery::read(body, &TenantRule::Any, arrival);
    let (tenant, event_id) = delivery.event().ok_or(StatusCode::BAD_REQUEST)?;
    Ok(Json(Receipt {
        outcome: "read",
        event_id,
        tenant: tenant.clone(),
    }))
}
