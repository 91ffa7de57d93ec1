//! A child that stops the server when this process is gone, even by `kill -9`.
//!
//! It reads from a pipe that only this process holds: the system closes it with us, and
//! nothing else inherits it, since the standard library marks it close-on-exec. The guard
//! stands before the server does and is told its id at once after; if we are killed
//! between the two, or the guard is killed with us, the next start stops the left-over
//! server. If the guard alone is killed, the supervisor sets up another.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Child;
use tokio::time::timeout;

use super::error::ClusterError;
use super::server::Site;

/// Where every system has a POSIX shell.
const SHELL: &str = "/bin/sh";

/// What the shell does.
const SCRIPT: &str = include_str!("guard.sh");

/// A guard that has nothing left to guard ends within this time.
const FAREWELL: Duration = Duration::from_secs(2);

/// A running guard. Dropping it is the signal to stop the server.
#[derive(Debug)]
pub(super) struct Guard {
    child: Child,
    pipe: File,
}

impl Guard {
    /// Sets up a guard that has not been told a process yet.
    pub(super) fn spawn(site: &Site) -> Result<Self, ClusterError> {
        let spawned = || {
            let mut child = site
                .user
                .command(Path::new(SHELL))
                .args(["-c", SCRIPT, "ticketlog-guard"])
                .arg(&site.layout.cluster)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                // Ctrl-C in the terminal is for us; we stop the server when we are done.
                .process_group(0)
                .spawn()?;
            let pipe = child
                .stdin
                .take()
                .map(tokio::process::ChildStdin::into_owned_fd);
            let pipe = pipe.ok_or(std::io::ErrorKind::BrokenPipe)??;
            let pipe = File::from(pipe);
            Ok(Self { child, pipe })
        };
        spawned().map_err(ClusterError::io("running", SHELL))
    }

    /// Tells the guard which process is the server. A line fits into any pipe.
    pub(super) fn watch(&mut self, server: u32) -> Result<(), ClusterError> {
        writeln!(self.pipe, "{server}").map_err(ClusterError::io("writing to", SHELL))
    }

    /// Waits until the guard itself ends, which it does not by itself. Cancel-safe.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends the guard away after the server has ended.
    pub(super) async fn dismiss(self) {
        let Self { mut child, pipe } = self;
        drop(pipe);
        if timeout(FAREWELL, child.wait()).await.is_err() {
            // It holds nothing; the runtime reaps it later.
            tracing::debug!(pid = child.id(), "The guard of PostgreSQL is slow to end");
        }
    }
}
