//! What can go wrong with the private cluster, told so that the reader knows what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the private cluster could not be found, made, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Another living process runs this cluster: attach to it, or wait.
    #[error("the cluster in {} is already run by {}", .data_dir.display(), owner(*.pid))]
    Owned {
        /// The folder that was asked for.
        data_dir: PathBuf,
        /// The process that runs it, where it said so.
        pid: Option<u32>,
    },
    /// No usable PostgreSQL here, and none could be fetched.
    #[error(
        "{need} was not found and {why}; install it with `{install}` or name its folder with --pg-bin-dir"
    )]
    NoBinaries {
        /// The version that would do.
        need: String,
        /// Why it was not fetched.
        why: String,
        /// The command that installs it on this platform.
        install: String,
    },
    /// The folder given with `--pg-bin-dir` cannot be used.
    #[error("the folder {} given with --pg-bin-dir cannot be used: {why}", .dir.display())]
    BinDir {
        /// The folder as given.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What was fetched is not what this program was built to trust.
    #[error(
        "the fetched {file} is not the expected one (SHA-256 {found}, expected {expected}), so it was thrown away"
    )]
    Checksum {
        /// Name of the archive.
        file: String,
        /// Its SHA-256 in hexadecimal.
        found: String,
        /// The pinned SHA-256.
        expected: String,
    },
    /// A folder on the way keeps the server's user out.
    #[error("the folder {} (mode {mode:04o}) cannot be entered by user {user}; choose another {option} or run `chmod o+x {}`", .folder.display(), .folder.display())]
    Closed {
        /// The closed folder itself, not the one below it.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Who has to get through.
        user: String,
        /// The option that chose the path.
        option: &'static str,
    },
    /// Running as root, and there is nobody to run the server as.
    #[error(
        "PostgreSQL does not run as root, and neither a user postgres nor a user nobody exists; create one or run as an ordinary user"
    )]
    NoUser,
    /// The numeric user has no name, which `initdb` insists on.
    #[error(
        "user id {uid} has no name here, and PostgreSQL needs one; add it to /etc/passwd or run as another user"
    )]
    Nameless {
        /// The user id of this process.
        uid: u32,
    },
    /// The cluster belongs to somebody else.
    #[error("the cluster in {} belongs to user {owner}; run as that user, as root, or choose another --data-dir", .dir.display())]
    Foreign {
        /// The cluster's folder.
        dir: PathBuf,
        /// Name or number of its owner.
        owner: String,
    },
    /// Something that is not our folder stands where the socket should be.
    #[error("{} cannot hold the socket: {why}; remove it or choose a shorter --data-dir", .dir.display())]
    Socket {
        /// The folder that was refused.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// `initdb` failed; the next start begins afresh.
    #[error("the cluster could not be created: {output}")]
    Init {
        /// The end of what `initdb` said.
        output: String,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL ended while starting ({status}); the end of its log:\n{log}")]
    Start {
        /// How it ended.
        status: String,
        /// The last lines of `postgres.log`.
        log: String,
    },
    /// The server did not become ready, or gave way, within the time allowed.
    #[error("PostgreSQL was not ready after {} s; the end of its log:\n{log}", .after.as_secs())]
    NotReady {
        /// How long was waited.
        after: Duration,
        /// The last lines of `postgres.log`.
        log: String,
    },
    /// A server withstood every signal.
    #[error("PostgreSQL (process {pid}) cannot be stopped")]
    NotStopped {
        /// Its process id.
        pid: u32,
    },
    /// A file or program could not be used.
    #[error("{action} {} failed", .path.display())]
    Io {
        /// What was tried, as a verb: `opening`, `running`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl ClusterError {
    /// For `map_err`: an [`ClusterError::Io`] about `path`.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// The owner as words.
fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
