//! The product's own router and writer, served as `ticketlog serve` does.

use std::{net::SocketAddr, sync::Arc};

use axum::serve::ListenerExt;
use ticketlog::{
    domain::{
        hook::{DEFAULT_HOOK, Hook, Hooks, TenantRule},
        signature::Secret,
    },
    http::{self, AppState},
    ingest,
    store::Store,
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    database::Database,
    server::{self, Started},
};

/// The product's default.
const MAX_BODY_BYTES: usize = 8 << 20;

pub(crate) async fn start(database: &Database, secret: Secret) -> anyhow::Result<Started> {
    let store = Store::open(&database.address()).await?;
    let (ingest, writer) = ingest::channel(store.clone());
    let hook = Hook {
        secrets: vec![secret],
        tenants: TenantRule::Any,
    };
    let hooks = Hooks::from([(DEFAULT_HOOK.to_owned(), hook)]);
    // The hooks stay in force without their sender.
    let (_, live) = watch::channel(Arc::new(hooks));
    let router = http::router(AppState {
        ingest,
        store,
        hooks: live,
        max_body_bytes: MAX_BODY_BYTES,
        allow_unsigned: false,
    });
    let (listener, address) = server::listen().await?;
    let listener = listener.tap_io(|stream| {
        // Without it the load would notice.
        let _ = stream.set_nodelay(true);
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run());
    tasks.spawn(async move {
        // It serves until it is stopped.
        let _ = axum::serve(listener, service).await;
    });
    Ok((address, tasks))
}
