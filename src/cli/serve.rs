//! `serve`: the service itself.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::SignedDuration;
use sd_notify::NotifyState;
use tokio::sync::watch;

use super::{
    analysts::AnalystArgs, bring_up::bring_up, database, hooks, listen::ListenArgs, own_reports,
    print, service::Service, signals::StopSignals,
};
use crate::{
    config::Shared,
    ingest::{self, Spool},
    measure, postgres,
};

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog serve\n  \
    TICKETLOG_SECRET='shared with SuperOffice' ticketlog serve --listen 127.0.0.1:9000\n  \
    ticketlog serve --hooks hooks.toml --database-url postgres://ticketlog@db/ticketlog\n  \
    ticketlog serve --trusted-proxy 127.0.0.1\n  \
    ticketlog serve --sql-listen 127.0.0.1:6432\n  \
    ticketlog serve --listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem\n\n\
    hooks.toml:\n  \
    [hooks.acme]\n  secrets = [\"new\", \"old\"]\n  tenant = \"Acme\"            # whatever the body says\n  \
    [hooks.online]\n  secrets = [\"…\"]\n  accept = [\"Cust12345\"]     # or accept = \"any\"")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    listen: ListenArgs,
    /// Largest body taken, in bytes; larger ones get a 413.
    #[arg(long, default_value_t = 8 << 20, value_name = "BYTES")]
    pub(super) max_body_bytes: usize,
    /// Most bytes kept in the spool (below the data folder) while Postgres is away; past it deliveries are
    /// refused with a 503.
    #[arg(long, default_value_t = 1 << 30, value_name = "BYTES")]
    spool_max_bytes: u64,
    /// A delivery whose commit takes longer is spooled: SuperOffice tries again after a second.
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = duration)]
    commit_timeout: Duration,
    /// Longest time to end in once told to; what is left then waits in the spool.
    #[arg(long, default_value = "20s", value_name = "DURATION", value_parser = duration)]
    pub(super) drain_timeout: Duration,
    #[command(flatten)]
    pub(super) hooks: hooks::HookArgs,
    /// Reports of your own: each file NAME.sql in this folder is one, beside those that come with the program.
    #[arg(long, value_name = "FOLDER")]
    reports: Option<PathBuf>,
    #[command(flatten)]
    pub(super) analysts: AnalystArgs,
}

/// Some time, like `500ms` or `1m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration: Option<SignedDuration> = text.parse().ok();
    duration
        .filter(SignedDuration::is_positive)
        .map(SignedDuration::unsigned_abs)
        .ok_or_else(|| "not a time above zero, like 500ms, 2s or 1m".to_owned())
}

/// Receives until SIGTERM or Ctrl-C; answers what was accepted, then ends. Listens first: what is delivered
/// before the database is there is spooled.
pub(super) async fn run(shared: &Shared, args: ServeArgs) -> anyhow::Result<ExitCode> {
    if args.hooks.allow_unsigned {
        ensure!(
            args.listen.listen.ip().is_loopback(),
            "--allow-unsigned lets anybody write history, so it works only with a loopback --listen address"
        );
        tracing::warn!("--allow-unsigned: anybody on this machine can write history");
    }
    let door = args.analysts.door(database::given(shared)?.is_some())?;
    measure::start().context("starting to measure")?;
    let data_dir = database::data_dir(shared)?;
    postgres::create_data_dir(&data_dir)
        .with_context(|| format!("making {}", data_dir.display()))?;
    let _lock = lock(&data_dir)?;
    let reports = args.reports.as_deref().map(own_reports::load).transpose()?;
    let reports = reports.unwrap_or_default();
    let loaded = hooks::load(&args.hooks, &data_dir)?;
    let spool = data_dir.join("spool");
    let spool = Spool::open(spool.clone(), args.spool_max_bytes)
        .with_context(|| format!("opening the spool {}", spool.display()))?;
    let mut signals = StopSignals::listen()?;
    let listening = args.listen.open()?;
    greet(&listening.url, &loaded, &data_dir);
    tell_supervisor(NotifyState::Ready);

    let mut cluster = None;
    let (there, live) = watch::channel(None);
    let served = {
        let receiver = ingest::receiver(live.clone(), spool.clone(), args.commit_timeout);
        let service = Service {
            live: live.clone(),
            spool,
            args: &args,
            data_dir: &data_dir,
            reports: Arc::new(reports.reports),
            broken: watch::Sender::new(reports.broken),
            database: Box::pin(bring_up(shared, &data_dir, door, &mut cluster, there)),
        };
        Box::pin(service.serve(listening, loaded.hooks, receiver, &mut signals)).await
    };
    let closing = async {
        let store = live.borrow().clone();
        if let Some(store) = store {
            store.close().await;
        }
        match cluster {
            Some(cluster) => Box::new(cluster).stop_fast().await,
            None => Ok(()),
        }
    };
    tokio::select! {
        closed = closing => closed.context("stopping the private Postgres")?,
        () = signals.told() => end_at_once(),
    }
    served?;
    tracing::info!("Ended");
    Ok(ExitCode::SUCCESS)
}

/// What was answered is durable, and the private Postgres ends with this process.
#[expect(clippy::exit, reason = "whoever asks twice does not want to wait")]
pub(super) fn end_at_once() -> ! {
    tracing::warn!("Told to stop twice: ending at once");
    std::process::exit(1)
}

/// For a supervisor such as systemd that wants to know; without one nothing happens.
pub(super) fn tell_supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "Could not tell the supervisor");
    }
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

fn greet(url: &str, loaded: &hooks::Loaded, data_dir: &Path) {
    print(&format!(
        "Listening on {url}; data in {}",
        data_dir.display()
    ));
    if let Some(file) = &loaded.own_secret {
        print(&format!(
            "No secret was given. One is kept in {0}: enter it at the webhook in SuperOffice, and try out with\n  \
             ticketlog send FILE --url {url}/webhook --secret-file {0}",
            file.display()
        ));
    }
}
