//! The product's own router and writer.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use ticketlog::{
    domain::{
        hook::{DEFAULT_HOOK, Hook, TenantRule},
        signature::Secret,
    },
    http::{self, AppState},
    ingest,
    store::{Address, Store},
};

/// A running server.
pub(crate) struct Product {
    pub(crate) address: SocketAddr,
    store: Store,
    // Dropping it ends them.
    _tasks: JoinSet<()>,
    _hooks: watch::Sender<Arc<BTreeMap<String, Hook>>>,
}

/// Starts the server on a free port.
pub(crate) async fn start(address: Address, secret: Secret) -> anyhow::Result<Product> {
    let store = Store::open(&address).await?;
    let (ingest, writer) = ingest::channel(store.clone());
    let hook = Hook {
        secrets: vec![secret],
        tenants: TenantRule::Any,
    };
    let (hooks, live) = watch::channel(Arc::new(BTreeMap::from([(DEFAULT_HOOK.to_owned(), hook)])));
    let router = http::router(AppState {
        ingest,
        store: store.clone(),
        hooks: live,
        max_body_bytes: 8 << 20,
        allow_unsigned: false,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run());
    tasks.spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // It serves until the benchmark ends.
        let _ = axum::serve(listener, service).await;
    });
    Ok(Product {
        address,
        store,
        _tasks: tasks,
        _hooks: hooks,
    })
}

impl Product {
    /// Events stored.
    pub(crate) async fn count(&self) -> anyhow::Result<u64> {
        let tenants = self.store.list_tenants().await?;
        let events: i64 = tenants.iter().map(|tenant| tenant.events).sum();
        Ok(u64::try_from(events)?)
    }
}
