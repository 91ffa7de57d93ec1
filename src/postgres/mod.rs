//! The private cluster: a PostgreSQL of our own for users who have none configured.
//!
//! It finds or fetches the programs, makes a cluster below the data folder, runs the
//! server as our child on a Unix socket in a private folder, keeps it running, and sees
//! to it that it ends with us. It knows nothing of SQL and prints nothing: what the
//! operator should know goes through a callback as a [`Notice`].
//!
//! One process owns a cluster ([`start`]); others [`attach`] to the server it runs.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

mod conf;
pub mod error;
mod fetch;
mod find;
mod guard;
mod init;
mod install;
mod layout;
mod lock;
pub mod notice;
mod pidfile;
mod pinned;
mod process;
mod server;
mod socket;
mod supervise;
mod unpack;
mod user;
mod version;

use error::ClusterError;
use find::Binaries;
use layout::Layout;
use notice::Notice;
use pidfile::Status;
use server::{FAST, STOP_FAST, Server, Site};
use supervise::Backoff;
use user::ServerUser;

/// The role that may do everything in the cluster; it needs no password.
pub const SUPERUSER: &str = "postgres";

/// How long [`attach`] waits for an owner that creates, starts or stops its server.
const ATTACH: Duration = Duration::from_mins(1);

/// How long a command waits for others that use its server: an import may take a while.
const UNUSED: Duration = Duration::from_mins(10);

/// How [`Cluster::stop_when_unused`] stops.
const STOP_WHEN_UNUSED: &[(Signal, Duration)] = &[
    (Signal::SIGTERM, UNUSED),
    (Signal::SIGINT, FAST),
    (Signal::SIGQUIT, process::IMMEDIATE),
    (Signal::SIGKILL, process::IMMEDIATE),
];

/// What the user chose, and what the environment says.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Everything local lies below this folder; it is created if absent.
    pub data_dir: PathBuf,
    /// The folder with `postgres` and `initdb`, if the user named one.
    pub bin_dir: Option<PathBuf>,
    /// Whether nothing may be fetched.
    pub offline: bool,
    /// The value of `PATH`: where programs are looked for.
    pub search_path: Option<OsString>,
    /// The value of `XDG_RUNTIME_DIR`: used for the socket if the data folder's path is
    /// too long.
    pub runtime_dir: Option<PathBuf>,
}

/// Where a server listens. Connect as [`SUPERUSER`], without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The folder of the Unix socket; clients take it as the host.
    pub socket_dir: PathBuf,
    /// Only names the socket in its folder: nothing listens on the network.
    pub port: u16,
}

/// The way a short command got its server.
#[derive(Debug)]
pub enum Session {
    /// Another process runs it and may stop it once nobody is connected.
    Attached(Endpoint),
    /// We run it and have to stop it.
    Owned(Box<Cluster>),
}

impl Session {
    /// Where the server listens.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Attached(endpoint) => endpoint,
            Self::Owned(cluster) => cluster.endpoint(),
        }
    }

    /// Ends the use of the server; our own is stopped once no other command uses it.
    ///
    /// # Errors
    ///
    /// As [`Cluster::stop_when_unused`].
    pub async fn close(self, notify: &(dyn Fn(Notice) + Send + Sync)) -> Result<(), ClusterError> {
        match self {
            Self::Attached(_) => Ok(()),
            Self::Owned(cluster) => cluster.stop_when_unused(notify).await,
        }
    }
}

/// A running cluster whose owner we are.
///
/// Dropping it stops the server too, fast and without waiting: a guard process does it.
/// Must be used within the tokio runtime it was started in.
#[derive(Debug)]
pub struct Cluster {
    // Before the lock: the order of the fields is the order in which they end.
    server: Option<Server>,
    backoff: Backoff,
    site: Site,
    endpoint: Endpoint,
    _lock: fs::File,
}

/// Finds the server of a cluster that another process runs.
///
/// `None` if no process owns the cluster. Waits up to a minute for an owner that is
/// starting or stopping its server; costs two small reads otherwise.
///
/// # Errors
///
/// [`ClusterError::Owned`] if the owner's server was not ready in that time.
pub async fn attach(settings: &Settings) -> Result<Option<Endpoint>, ClusterError> {
    let Some(layout) = Layout::find(&settings.data_dir)? else {
        return Ok(None);
    };
    let mut found = None;
    let mut failed = None;
    process::wait_until(ATTACH, || match lock::is_held(&layout) {
        Ok(true) => {
            found = listening(&layout);
            found.is_some()
        }
        Ok(false) => true,
        Err(error) => {
            failed = Some(error);
            true
        }
    })
    .await;
    match failed {
        Some(error) => Err(error),
        None if found.is_some() || !lock::is_held(&layout)? => Ok(found),
        None => Err(ClusterError::Owned {
            pid: lock::holder(&layout.lock),
            data_dir: layout.root,
        }),
    }
}

/// Where the server listens that its record calls ready, if it lives.
fn listening(layout: &Layout) -> Option<Endpoint> {
    let record = pidfile::read(&layout.cluster)?;
    let ready = record.status == Status::Ready
        && process::is_server(record.pid, &layout.cluster, &tag(layout));
    let endpoint = Endpoint {
        socket_dir: record.socket_dir?,
        port: record.port?,
    };
    ready.then_some(endpoint)
}

/// Finds the programs, makes the cluster if there is none, and starts its server.
///
/// Returns once the server takes connections: well under a second, a few more for a new
/// cluster, minutes where it recovers from a crash or is fetched first. A server that an
/// earlier, killed run left behind is stopped before.
///
/// # Errors
///
/// [`ClusterError::Owned`] at once if another process runs this cluster; every other case
/// says what is missing and what to do.
pub async fn start(
    settings: &Settings,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> Result<Cluster, ClusterError> {
    let layout = Layout::create(&settings.data_dir)?;
    let user = ServerUser::choose(&layout.cluster)?;
    user.check_reach(&layout.root, "--data-dir").await?;
    let lock = lock::take(&layout).await?;
    let binaries = find_binaries(settings, &layout, &user, notify).await?;
    let socket_dir = socket::prepare(&layout, settings.runtime_dir.as_deref(), &user).await?;
    let site = Site {
        tag: tag(&layout),
        socket_dir,
        binaries,
        user,
        layout,
    };
    init::ensure(&site, &lock, notify).await?;
    site.clear(notify).await?;
    let mut server = Server::spawn(&site)?;
    server.ready(&site, notify).await?;
    let endpoint = Endpoint {
        socket_dir: site.socket_dir.clone(),
        port: socket::PORT,
    };
    Ok(Cluster {
        server: Some(server),
        backoff: Backoff::new(),
        endpoint,
        site,
        _lock: lock,
    })
}

/// For short commands: attaches to a running server, or starts one.
///
/// # Errors
///
/// As [`attach`] and [`start`].
pub async fn attach_or_start(
    settings: &Settings,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> Result<Session, ClusterError> {
    loop {
        if let Some(endpoint) = attach(settings).await? {
            return Ok(Session::Attached(endpoint));
        }
        match Box::pin(start(settings, notify)).await {
            // Another command was faster; it will be ready soon.
            Err(ClusterError::Owned { .. }) => {}
            started => return started.map(|cluster| Session::Owned(Box::new(cluster))),
        }
    }
}

/// The `psql` that comes with the programs a cluster uses, else the first in `PATH`.
pub async fn find_psql(settings: &Settings) -> Option<PathBuf> {
    let path = settings.search_path.clone().unwrap_or_default();
    let layout = Layout::find(&settings.data_dir).ok()??;
    let user = ServerUser::choose(&layout.cluster).ok()?;
    let offline = Settings {
        offline: true,
        ..settings.clone()
    };
    let binaries = find_binaries(&offline, &layout, &user, &|_| ()).await;
    let beside = binaries.ok().map(|found| found.dir);
    beside
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join("psql"))
        .find(|program| program.is_file())
}

/// The programs to use, fetched if that is allowed and needed.
async fn find_binaries(
    settings: &Settings,
    layout: &Layout,
    user: &ServerUser,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> Result<Binaries, ClusterError> {
    let needed = layout.major();
    if let Some(dir) = &settings.bin_dir {
        return find::named(dir, needed, user).await;
    }
    let installed = find::installed(settings, needed, user).await;
    if let Some(binaries) = installed.best {
        return Ok(binaries);
    }
    if let Some(binaries) = find::cached(&layout.root, needed, user).await.best {
        return Ok(binaries);
    }
    let why = if settings.offline {
        "fetching it is forbidden by --offline".to_owned()
    } else if needed.is_some_and(|needed| needed != pinned::MAJOR) {
        format!("only PostgreSQL {} can be fetched", pinned::MAJOR)
    } else {
        let path = settings.search_path.as_deref();
        match fetch::fetch(&layout.root, path, notify).await? {
            Ok(()) => match find::cached(&layout.root, needed, user).await.best {
                Some(binaries) => return Ok(binaries),
                None => "the fetched one does not run here".to_owned(),
            },
            Err(reasons) => format!("could not be fetched ({reasons})"),
        }
    };
    // One that is installed but out of reach is the nearest way out.
    Err(installed
        .closed
        .unwrap_or_else(|| ClusterError::NoBinaries {
            need: find::need(needed),
            why,
            install: install::line(needed),
        }))
}

/// The name of a cluster's processes: at most 63 plain characters.
fn tag(layout: &Layout) -> String {
    format!("ticketlog-{}", layout.digest())
}

impl Cluster {
    /// Where the server listens; the same after each restart.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The `psql` beside the server's programs, if there is one.
    pub fn psql(&self) -> Option<PathBuf> {
        let program = self.site.binaries.dir.join("psql");
        program.is_file().then_some(program)
    }

    /// The server's log, of which a failure shows the end.
    pub fn log(&self) -> &std::path::Path {
        &self.site.layout.log
    }

    /// Starts the server again whenever it ends, and tells of it. Never returns.
    ///
    /// The waits double from 100 ms to 10 s and are short again after a minute of running.
    /// Cancel-safe: drop the future, as `select!` does, then stop or supervise again.
    pub async fn supervise(
        &mut self,
        notify: &(dyn Fn(Notice) + Send + Sync),
    ) -> std::convert::Infallible {
        supervise::run(&self.site, &mut self.server, &mut self.backoff, notify).await
    }

    /// Stops the server and cuts its sessions off; for `serve`, after it has drained.
    ///
    /// Takes the time of a checkpoint, 80 s at the most.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NotStopped`] if it withstood every signal.
    pub async fn stop_fast(self) -> Result<(), ClusterError> {
        self.stop(STOP_FAST).await
    }

    /// Stops the server once the other commands that use it have ended; new ones wait and
    /// then start their own. Close your own connections first.
    ///
    /// Waits ten minutes for them, then cuts them off as [`Cluster::stop_fast`] does.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NotStopped`] if it withstood every signal.
    pub async fn stop_when_unused(
        self,
        notify: &(dyn Fn(Notice) + Send + Sync),
    ) -> Result<(), ClusterError> {
        let told = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            notify(Notice::WaitingForOthers);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            stopped = self.stop(STOP_WHEN_UNUSED) => stopped,
            () = told => Ok(()),
        }
    }

    async fn stop(mut self, steps: &[(Signal, Duration)]) -> Result<(), ClusterError> {
        match self.server.take() {
            Some(server) => server.stop(&self.site, steps).await,
            None => Ok(()),
        }
    }
}
