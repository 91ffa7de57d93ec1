//! What one would write first: verify, parse, one insert a request through a pool of ten. It keeps no
//! positions, no deliveries and no conflicts, so it has less to do.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use jiff_sqlx::ToSqlx;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{
    Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use ticketlog::{
    clock,
    domain::{
        event::{self, Reading},
        hook::TenantRule,
        ids::TicketId,
        instant::OccurredAt,
        signature::{self, SIGNATURE_HEADER, Secret},
    },
    postgres::Endpoint,
    store::SERVICE,
};
use tokio::{net::TcpListener, task::JoinSet};

const TABLE: &str = "CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE \"C\" NOT NULL, event_id uuid NOT NULL, ticket bigint, occurred_ticks bigint,
    received_at timestamptz NOT NULL, primary_key bigint, actor bigint, hook text NOT NULL, name text NOT NULL,
    entity text, occurred_text text, webhook_name text, headers text NOT NULL, signature bytea NOT NULL,
    body_sha256 bytea NOT NULL, body bytea NOT NULL, UNIQUE (tenant, event_id))";

const INDEX: &str =
    "CREATE INDEX event_by_ticket ON event (tenant, ticket, id) WHERE ticket IS NOT NULL";

const INSERT: &str =
    "INSERT INTO event (tenant, event_id, ticket, occurred_ticks, received_at, primary_key, actor,
    hook, name, entity, occurred_text, webhook_name, headers, signature, body_sha256, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    ON CONFLICT (tenant, event_id) DO NOTHING";

/// A running server.
pub(crate) struct Naive {
    pub(crate) address: SocketAddr,
    pool: PgPool,
    // Dropping it ends them.
    _tasks: JoinSet<()>,
}

/// Starts the server on a free port.
pub(crate) async fn start(endpoint: &Endpoint, secret: Secret) -> anyhow::Result<Naive> {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&endpoint.socket_dir)
        .port(endpoint.port)
        .username(SERVICE)
        .database("naive");
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .connect_with(options)
        .await?;
    pool.execute(TABLE).await?;
    pool.execute(INDEX).await?;
    let state = (pool.clone(), Arc::new([secret]));
    let router = Router::new()
        .route("/webhook", post(receive))
        .with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // It serves until the benchmark ends.
        let _ = axum::serve(listener, router).await;
    });
    Ok(Naive {
        address,
        pool,
        _tasks: tasks,
    })
}

impl Naive {
    /// Events stored.
    pub(crate) async fn count(&self) -> anyhow::Result<u64> {
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM event")
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(events)?)
    }
}

async fn receive(
    State((pool, secrets)): State<(PgPool, Arc<[Secret; 1]>)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, StatusCode> {
    let claimed = headers
        .get(SIGNATURE_HEADER)
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let claimed = signature::decode(claimed.as_bytes()).map_err(|_| StatusCode::UNAUTHORIZED)?;
    signature::verify(&*secrets, &claimed, &body).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let Reading::Event(event) = event::read(&body, &TenantRule::Any) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let digest: [u8; 32] = Sha256::digest(&body).into();
    sqlx::query(INSERT)
        .bind(event.tenant.as_str())
        .bind(event.event_id.0)
        .bind(event.ticket.map(TicketId::number))
        .bind(event.occurred_at.as_ref().map(OccurredAt::ticks))
        .bind(clock::now().to_sqlx())
        .bind(event.primary_key)
        .bind(event.actor.map(|actor| actor.0))
        .bind("default")
        .bind(&event.name)
        .bind(&event.entity)
        .bind(event.occurred_at.as_ref().map(OccurredAt::as_sent))
        .bind(&event.webhook_name)
        .bind("{}")
        .bind(claimed.as_slice())
        .bind(digest.as_slice())
        .bind(&*body)
        .execute(&pool)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(
        json!({"outcome": "stored", "event_id": event.event_id}),
    ))
}
