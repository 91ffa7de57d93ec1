//! What one would write first: verify, parse, one autocommitted insert a request through a pool of ten.
//!
//! It keeps the same columns but the position, and no deliveries, no conflicts and no ticket index, so it
//! has less to do. Nothing in it is slower than it has to be: one round trip a request.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
    serve::ListenerExt,
};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{
    Executor, PgPool,
    postgres::{PgPoolOptions, PgQueryResult},
};
use ticketlog::{
    clock,
    domain::{
        delivery::KeptHeaders,
        event::{self, Event, Reading},
        hook::{DEFAULT_HOOK, TenantRule},
        ids::{EventId, TicketId},
        instant::OccurredAt,
        signature::{self, SIGNATURE_HEADER, Secret, Signature},
    },
};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::own::{self, Started};
use crate::database::Database;

/// As many as the program has for reads.
const POOL_CONNECTIONS: u32 = 10;

const TABLE: &str = "CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE \"C\" NOT NULL, event_id uuid NOT NULL, ticket bigint, occurred_ticks bigint,
    received_at timestamptz NOT NULL, stored_at timestamptz NOT NULL, primary_key bigint, actor bigint,
    retry integer, arrival_id uuid NOT NULL, origin text NOT NULL, hook text, source text,
    name text NOT NULL, entity text, occurred_text text, webhook_name text, headers text NOT NULL,
    signature bytea, body_sha256 bytea NOT NULL, body bytea NOT NULL, UNIQUE (tenant, event_id))";

const INSERT: &str = "INSERT INTO event (
        tenant, event_id, ticket, occurred_ticks, received_at, stored_at, primary_key, actor, retry,
        arrival_id, origin, hook, source, name, entity, occurred_text, webhook_name, headers, signature,
        body_sha256, body)
    VALUES ($1, $2, $3, $4, $5, $5, $6, $7, NULL, $8, 'webhook', $9, NULL, $10, $11, $12, $13, $14, $15,
        $16, $17)
    ON CONFLICT (tenant, event_id) DO NOTHING";

#[derive(Clone)]
struct AppState {
    pool: PgPool,
    secrets: Arc<[Secret]>,
}

#[derive(Serialize)]
struct Receipt {
    outcome: &'static str,
    event_id: EventId,
}

pub(super) async fn start(database: &Database, secret: Secret) -> anyhow::Result<Started> {
    let pool = PgPoolOptions::new()
        .max_connections(POOL_CONNECTIONS)
        .min_connections(POOL_CONNECTIONS)
        // sqlx asks each time whether the connection still lives; the program's writer does not either.
        .test_before_acquire(false)
        .connect_with(database.options())
        .await?;
    pool.execute(TABLE).await?;
    let state = AppState {
        pool,
        secrets: Arc::from([secret]),
    };
    let router = Router::new()
        .route("/webhook", post(receive))
        .with_state(state);
    let (listener, address) = own::listen()?;
    let listener = listener.tap_io(|stream| {
        // As the program does.
        let _ = stream.set_nodelay(true);
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // It serves until it is stopped.
        let _ = axum::serve(listener, router).await;
    });
    Ok((address, tasks))
}

async fn receive(
    State(AppState { pool, secrets }): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Receipt>, StatusCode> {
    let received_at = clock::now();
    let claimed = headers.get(SIGNATURE_HEADER);
    let claimed = claimed.ok_or(StatusCode::UNAUTHORIZED)?;
    let claimed = signature::decode(claimed.as_bytes()).map_err(|_| StatusCode::UNAUTHORIZED)?;
    signature::verify(&secrets, &claimed, &body).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let Reading::Event(event) = event::read(&body, &TenantRule::Any) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let headers = serde_json::to_string(&kept(&headers)).map_err(|_| StatusCode::BAD_REQUEST)?;
    insert(&pool, received_at, &event, &headers, &claimed, &body)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(Receipt {
        outcome: "stored",
        event_id: event.event_id,
    }))
}

async fn insert(
    pool: &PgPool,
    received_at: Timestamp,
    event: &Event,
    headers: &str,
    signature: &Signature,
    body: &[u8],
) -> sqlx::Result<PgQueryResult> {
    let sha256: [u8; 32] = Sha256::digest(body).into();
    sqlx::query(INSERT)
        .bind(event.tenant.as_str())
        .bind(event.event_id.0)
        .bind(event.ticket.map(TicketId::number))
        .bind(event.occurred_at.as_ref().map(OccurredAt::ticks))
        .bind(received_at.to_sqlx())
        .bind(event.primary_key)
        .bind(event.actor.map(|actor| actor.0))
        .bind(Uuid::now_v7())
        .bind(DEFAULT_HOOK)
        .bind(&event.name)
        .bind(&event.entity)
        .bind(event.occurred_at.as_ref().map(OccurredAt::as_sent))
        .bind(&event.webhook_name)
        .bind(headers)
        .bind(signature.as_slice())
        .bind(sha256.as_slice())
        .bind(body)
        .execute(pool)
        .await
}

/// The headers that the program keeps, as it keeps them.
pub(super) fn kept(headers: &HeaderMap) -> KeptHeaders {
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
