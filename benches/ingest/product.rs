//! The product's own router and writer, served as `ticketlog serve` does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::ListenerExt;
use ticketlog::{
    domain::{
        hook::{DEFAULT_HOOK, Hook, Hooks, TenantRule},
        signature::Secret,
    },
    http::{self, AppState},
    ingest::{self, Spool, feed::FeedWatch},
    store::Store,
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    database::Database,
    server::{self, Started},
};

/// The product's default.
const MAX_BODY_BYTES: usize = 8 << 20;

/// The product's default.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) async fn start(database: &Database, secret: Secret) -> anyhow::Result<Started> {
    let store = Store::open(&database.address()).await?;
    let folder = tempfile::tempdir()?;
    let spool = Spool::open(folder.path().join("spool"), 1 << 30)?;
    let (_, store) = watch::channel(Some(store));
    let receiver = ingest::receiver(store.clone(), spool.clone(), COMMIT_TIMEOUT);
    let hook = Hook {
        secrets: vec![secret],
        tenants: TenantRule::Any,
    };
    let hooks = Hooks::from([(DEFAULT_HOOK.to_owned(), hook)]);
    // The hooks stay in force without their sender.
    let (_, live) = watch::channel(Arc::new(hooks));
    let router = http::router(AppState {
        ingest: receiver.ingest,
        store,
        breaker: receiver.breaker.clone(),
        spool: spool.status(),
        feed: FeedWatch::new(live.clone()),
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
    tasks.spawn(receiver.writer.run());
    tasks.spawn(receiver.drain.run());
    tasks.spawn(async move {
        // It serves until it is stopped.
        let _ = axum::serve(listener, service).await;
        drop(folder);
    });
    receiver.breaker.closed().await;
    Ok((address, tasks))
}
