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

mod cluster;
mod conf;
pub mod door;
pub mod error;
mod fetch;
mod find;
mod guard;
mod init;
mod install;
mod layout;
mod lock;
mod machine;
pub mod notice;
mod pidfile;
mod pinned;
mod process;
mod programs;
mod server;
mod socket;
mod supervise;
mod unpack;
mod user;
mod version;

use door::Door;
use error::ClusterError;
use layout::Layout;
use notice::Notice;
use pidfile::Status;
use server::{Server, Site};
use supervise::Backoff;
use user::ServerUser;

/// The role that may do everything in the cluster; it needs no password.
pub const SUPERUSER: &str = "postgres";

/// How long [`attach`] waits for an owner that creates, starts or stops its server.
const ATTACH: Duration = Duration::from_mins(1);

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
    /// The way in from the network, if there is to be one.
    pub door: Option<Door>,
}

/// Makes the folder of everything local and what is missing above it, so that the server's user can enter
/// it whatever the umask; folders that are there stay as they are.
///
/// # Errors
///
/// As the file system answers.
pub fn create_data_dir(data_dir: &std::path::Path) -> std::io::Result<()> {
    layout::create_open(data_dir)
}

/// Where a server listens. Connect as [`SUPERUSER`], without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The folder of the Unix socket; clients take it as the host.
    pub socket_dir: PathBuf,
    /// Names the socket in its folder, and is that of the [`Door`], if there is one.
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
    let binaries = programs::find_or_fetch(settings, &layout, &user, notify).await?;
    let socket_dir = socket::prepare(&layout, settings.runtime_dir.as_deref(), &user).await?;
    let site = Site {
        tag: tag(&layout),
        door: settings.door.clone(),
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
        port: site.port(),
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
/// Fetches nothing.
pub async fn find_psql(settings: &Settings) -> Option<PathBuf> {
    programs::psql(settings).await
}

/// The name of a cluster's processes: at most 63 plain characters.
fn tag(layout: &Layout) -> String {
    format!("ticketlog-{}", layout.digest())
}
