//! `serve`: the service itself.

use std::{
    fs::{File, TryLockError},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use axum::serve::ListenerExt;
use clap::Args;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::timeout,
};

use super::{database, hooks, print, signals};
use crate::{
    config::Shared,
    domain::hook::Hooks,
    http::{self, AppState},
    ingest::{self, Writer},
    postgres::{self, Cluster, error::ClusterError},
    store::Store,
};

/// Longest wait for requests under way once told to stop; a supervisor kills after 30 to 90 s.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Between looks at whether a short command still owns the private cluster.
const OWNER_POLL: Duration = Duration::from_millis(200);

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog serve\n  \
    TICKETLOG_SECRET='shared with SuperOffice' ticketlog serve --listen 127.0.0.1:9000\n  \
    ticketlog serve --hooks hooks.toml --database-url postgres://ticketlog@db/ticketlog\n\n\
    hooks.toml:\n  \
    [hooks.acme]\n  secrets = [\"new\", \"old\"]\n  tenant = \"Acme\"            # whatever the body says\n  \
    [hooks.online]\n  secrets = [\"…\"]\n  accept = [\"Cust12345\"]     # or accept = \"any\"")]
pub(super) struct ServeArgs {
    /// Address to listen on. Histories are shown to callers on this machine only.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Largest body taken, in bytes; larger ones get a 413.
    #[arg(long, default_value_t = 8 << 20, value_name = "BYTES")]
    max_body_bytes: usize,
    #[command(flatten)]
    hooks: hooks::HookArgs,
}

/// Receives until SIGTERM or Ctrl-C; answers what was accepted, then ends.
pub(super) async fn run(shared: &Shared, args: ServeArgs) -> anyhow::Result<ExitCode> {
    if args.hooks.allow_unsigned {
        ensure!(
            args.listen.ip().is_loopback(),
            "--allow-unsigned lets anybody write history, so it works only with a loopback --listen address"
        );
        tracing::warn!("--allow-unsigned: anybody on this machine can write history");
    }
    let data_dir = database::data_dir(shared)?;
    postgres::create_data_dir(&data_dir)
        .with_context(|| format!("making {}", data_dir.display()))?;
    let _lock = lock(&data_dir)?;
    let loaded = hooks::load(&args.hooks, &data_dir)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listening on {}", args.listen))?;
    let listen = listener.local_addr().context("reading the address")?;

    let mut cluster = start_cluster(shared, &data_dir).await?;
    let store = match (&cluster, database::given(shared)?) {
        (Some(cluster), _) => database::open_private(cluster.endpoint()).await?,
        (None, Some(address)) => database::open_store(&address).await?,
        (None, None) => bail!("there is no database"),
    };
    greet(listen, &loaded, &data_dir);
    let served = {
        let serving = Box::pin(serve(
            listener,
            store.clone(),
            &args,
            loaded.hooks,
            data_dir,
        ));
        match &mut cluster {
            None => serving.await,
            Some(cluster) => tokio::select! {
                served = serving => served,
                never = cluster.supervise(&database::tell) => match never {},
            },
        }
    };
    store.close().await;
    if let Some(cluster) = cluster {
        Box::new(cluster)
            .stop_fast()
            .await
            .context("stopping the private Postgres")?;
    }
    served?;
    tracing::info!("Ended");
    Ok(ExitCode::SUCCESS)
}

/// One `serve` a data folder.
fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("serve.lock");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another ticketlog serve uses {}: stop it, or give another --data-dir",
                data_dir.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", path.display()))
        }
    }
}

/// Starts the private cluster, unless a database was given. A short command may own it: then waits for
/// that one to end, because the server would end with it.
async fn start_cluster(shared: &Shared, data_dir: &Path) -> anyhow::Result<Option<Cluster>> {
    if database::given(shared)?.is_some() {
        return Ok(None);
    }
    let settings = shared.postgres(data_dir.to_owned());
    let mut told = false;
    loop {
        match Box::pin(postgres::start(&settings, &database::tell)).await {
            Ok(cluster) => return Ok(Some(cluster)),
            Err(ClusterError::Owned { .. }) => {
                if !told {
                    tracing::info!(
                        "Waiting for another ticketlog command that uses the private Postgres"
                    );
                    told = true;
                }
                tokio::time::sleep(OWNER_POLL).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn greet(listen: SocketAddr, loaded: &hooks::Loaded, data_dir: &Path) {
    print(&format!(
        "Listening on http://{listen}; data in {}",
        data_dir.display()
    ));
    if let Some(file) = &loaded.own_secret {
        print(&format!(
            "No secret was given. One is kept in {0}: enter it at the webhook in SuperOffice, and try out with\n  \
             ticketlog send FILE --url http://{listen}/webhook --secret-file {0}",
            file.display()
        ));
    }
}

/// Serves until told to stop, then until what was accepted is answered.
async fn serve(
    listener: TcpListener,
    store: Store,
    args: &ServeArgs,
    hooks: Hooks,
    data_dir: std::path::PathBuf,
) -> anyhow::Result<()> {
    let (live, hooks) = watch::channel(Arc::new(hooks));
    let (ingest, writer) = ingest::channel(store.clone());
    let mut writing = start_writer(writer);
    let router = http::router(AppState {
        ingest,
        store,
        hooks,
        max_body_bytes: args.max_body_bytes,
        allow_unsigned: args.hooks.allow_unsigned,
    });
    let (stop, mut stopping) = watch::channel(false);
    let listener = listener.tap_io(|stream| {
        // An answer is one small packet: waiting to fill it would cost 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "Could not set TCP_NODELAY");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        // An error means that the sender is gone, which is an order to stop too.
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    let mut serving = Box::pin(serving.into_future());
    tokio::select! {
        served = &mut serving => { served.context("serving")?; }
        written = &mut writing => { written.context("the writer failed")?; bail!("the writer ended"); }
        told = signals::told_to_stop() => { told?; }
        reloaded = reload(&live, &args.hooks, &data_dir) => { reloaded?; }
    }
    tracing::info!("Stopping: answering what was accepted");
    stop.send_replace(true);
    if timeout(DRAIN_TIMEOUT, &mut serving).await.is_err() {
        tracing::warn!(
            "Some connections did not end in {} s and are cut",
            DRAIN_TIMEOUT.as_secs()
        );
    }
    // The last handles to the queue end with the server and its connections.
    drop(serving);
    match timeout(DRAIN_TIMEOUT, writing).await {
        Ok(written) => written.context("the writer failed"),
        Err(_) => bail!(
            "what was accepted could not be stored in {} s",
            DRAIN_TIMEOUT.as_secs()
        ),
    }
}

/// The one task beside those of the connections; it ends when the last handle to its queue is gone.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts tasks"
)]
fn start_writer(writer: Writer) -> tokio::task::JoinHandle<()> {
    tokio::spawn(writer.run())
}

/// On each SIGHUP reads secrets and hooks again; what cannot be read changes nothing.
async fn reload(
    live: &watch::Sender<Arc<Hooks>>,
    args: &hooks::HookArgs,
    data_dir: &Path,
) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    while hangup.recv().await.is_some() {
        match hooks::load(args, data_dir) {
            Ok(loaded) => {
                tracing::info!(hooks.len = loaded.hooks.len(), "Hooks were read again");
                live.send_replace(Arc::new(loaded.hooks));
            }
            Err(error) => tracing::error!("Hooks were not changed: {error:#}"),
        }
    }
    Ok(())
}
