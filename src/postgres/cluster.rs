//! What the owner of a running cluster does with it: keep it running, stop it.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::error::ClusterError;
use super::notice::Notice;
use super::server::{FAST, STOP_FAST};
use super::{Cluster, Endpoint, process, supervise};

/// How long a command waits for others that use its server: an import may take a while.
const UNUSED: Duration = Duration::from_mins(10);

/// How long a stop goes on before the caller hears whom it waits for.
const SILENCE: Duration = Duration::from_secs(2);

/// How [`Cluster::stop_when_unused`] stops.
const STOP_WHEN_UNUSED: &[(Signal, Duration)] = &[
    (Signal::SIGTERM, UNUSED),
    (Signal::SIGINT, FAST),
    (Signal::SIGQUIT, process::IMMEDIATE),
    (Signal::SIGKILL, process::IMMEDIATE),
];

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
    pub fn log(&self) -> &Path {
        &self.site.layout.log
    }

    /// Starts the server again whenever it ends, and tells of it. Never returns.
    ///
    /// The waits double from 100 ms to 10 s and are short again after a minute of running.
    /// Cancel-safe: drop the future, as `select!` does, then stop or supervise again.
    pub async fn supervise(&mut self, notify: &(dyn Fn(Notice) + Send + Sync)) -> Infallible {
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
            tokio::time::sleep(SILENCE).await;
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
