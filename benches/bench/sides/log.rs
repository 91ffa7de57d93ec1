//! The program's own router, spool and writer, served as `ticketlog serve` does; without the projector, whose work
//! comes after the answer and is measured by itself.

use std::{path::Path, sync::Arc, time::Duration};

use ticketlog::{
    domain::{
        hook::{DEFAULT_HOOK, Hook, Hooks, TenantRule},
        report::Broken,
        signature::Secret,
    },
    http::{
        self, Bodies, Followers, Quota, Shared, TokenUses, TrustedProxies,
        server::{Limits, serve},
    },
    ingest::{self, Spool, feed::FeedWatch},
    store::Store,
};
use tokio::{sync::watch, task::JoinSet};

use super::own::{self, Started};
use crate::database::Database;

/// The program's default.
const MAX_BODY_BYTES: usize = 8 << 20;

/// The program's default.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) async fn start(
    database: &Database,
    secret: Secret,
    folder: &Path,
) -> anyhow::Result<Started> {
    let store = Store::open(&database.address()).await?;
    let spool = Spool::open(folder.join("log-spool"), 1 << 30)?;
    let (_, store) = watch::channel(Some(store));
    let receiver = ingest::receiver(store.clone(), spool.clone(), COMMIT_TIMEOUT);
    let hook = Hook {
        secrets: vec![secret],
        tenants: TenantRule::Any,
    };
    let hooks = Hooks::from([(DEFAULT_HOOK.to_owned(), hook)]);
    // The hooks stay in force without their sender.
    let (_, live) = watch::channel(Arc::new(hooks));
    let router = http::router(Shared {
        ingest: receiver.ingest,
        store,
        breaker: receiver.breaker.clone(),
        spool: spool.status(),
        feed: FeedWatch::new(live.clone()),
        hooks: live,
        max_body_bytes: MAX_BODY_BYTES,
        allow_unsigned: false,
        bodies: Bodies::default(),
        quota: Quota::default(),
        proxies: TrustedProxies::default(),
        followers: Followers::default(),
        own_reports: Arc::default(),
        broken_reports: watch::channel(Broken::new()).1,
        token_uses: TokenUses::default(),
    });
    let (listener, address) = own::listen()?;
    let (_, serving) = serve(listener, router, Limits::default(), None);
    let mut tasks = JoinSet::new();
    // It writes until the last handle to its queue is gone.
    drop(receiver.writer.run_apart()?);
    tasks.spawn(receiver.drain.run());
    tasks.spawn(async move {
        // It serves until it is stopped.
        serving.await;
    });
    receiver.breaker.closed().await;
    Ok((address, tasks))
}
