//! One run of the server: start it, wait until it is ready, stop it.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::conf;
use super::door::Door;
use super::error::ClusterError;
use super::find::Binaries;
use super::guard::Guard;
use super::layout::Layout;
use super::notice::Notice;
use super::pidfile::{self, Status};
use super::process;
use super::socket;
use super::user::ServerUser;

/// A server that recovers gigabytes of log after a crash gets this long.
const READY: Duration = Duration::from_mins(10);

/// After this the operator hears that it takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A fast stop writes a checkpoint: up to a quarter of a gigabyte.
pub(super) const FAST: Duration = Duration::from_mins(1);

/// The signals that stop a server, each with the time it gets before the next.
pub(super) const STOP_FAST: &[(Signal, Duration)] = &[
    (Signal::SIGINT, FAST),
    (Signal::SIGQUIT, process::IMMEDIATE),
    (Signal::SIGKILL, process::IMMEDIATE),
];

/// Everything that stays the same from one run of the server to the next.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) layout: Layout,
    pub(super) user: ServerUser,
    pub(super) binaries: Binaries,
    pub(super) socket_dir: PathBuf,
    pub(super) tag: String,
    pub(super) door: Option<Door>,
}

impl Site {
    /// The port of the door, and without one that which names the socket.
    pub(super) fn port(&self) -> u16 {
        let door = self.door.as_ref();
        door.map_or(socket::PORT, |door| door.address.port())
    }

    /// Makes the way free for a new server: stops a left-over one with all its processes,
    /// and removes lock files that would be taken for one.
    pub(super) async fn clear(
        &self,
        notify: &(dyn Fn(Notice) + Send + Sync),
    ) -> Result<(), ClusterError> {
        let cluster = &self.layout.cluster;
        if let Some(found) = pidfile::read(cluster)
            && process::is_server(found.pid, cluster, &self.tag)
        {
            notify(Notice::StoppingLeftOver { pid: found.pid });
            process::stop_stranger(found.pid, cluster, &self.tag, FAST).await?;
        }
        process::end_orphans(cluster, &self.tag).await?;
        process::remove_mistaken(&pidfile::path(cluster))?;
        process::remove_mistaken(&socket::lock_file(&self.socket_dir, self.port()))
    }
}

/// A server that is our child, and its guard.
///
/// Dropping it lets the guard stop the server.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    guard: Guard,
    pid: u32,
    pub(super) since: Instant,
}

impl Server {
    /// Starts a server; nothing is awaited, so no cancellation can lose it.
    pub(super) fn spawn(site: &Site) -> Result<Self, ClusterError> {
        let log = site.layout.open_log();
        let log = log.map_err(ClusterError::io("opening", &site.layout.log))?;
        let program = site.binaries.dir.join("postgres");
        let door = site.door.as_ref();
        let rules = door.map(|door| door.write(&site.layout)).transpose()?;
        let listen = conf::Listen {
            socket_dir: &site.socket_dir,
            port: site.port(),
            door: door.zip(rules),
        };
        let mut guard = Guard::spawn(site)?;
        let spawned = log.try_clone().and_then(|copy| {
            site.user
                .command(&program)
                .args(conf::arguments(&site.layout.cluster, &listen, &site.tag))
                .stdin(Stdio::null())
                .stdout(copy)
                .stderr(log)
                // Ctrl-C in the terminal is for us; we drain first and then stop it.
                .process_group(0)
                .spawn()
        });
        let child = spawned.map_err(ClusterError::io("running", program))?;
        let pid = child.id().unwrap_or_default();
        guard.watch(pid)?;
        Ok(Self {
            child,
            guard,
            pid,
            since: Instant::now(),
        })
    }

    /// Waits until the server takes connections. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Start`] if it ended, [`ClusterError::NotReady`] after ten minutes.
    pub(super) async fn ready(
        &mut self,
        site: &Site,
        notify: &(dyn Fn(Notice) + Send + Sync),
    ) -> Result<(), ClusterError> {
        let mut told = false;
        while self.since.elapsed() < READY {
            let said = pidfile::read(&site.layout.cluster);
            if said.is_some_and(|it| it.pid == self.pid && it.status == Status::Ready) {
                self.since = Instant::now();
                return Ok(());
            }
            if let Ok(ended) = timeout(process::POLL, self.child.wait()).await {
                let log = site.layout.log_tail();
                let status = describe(ended);
                return Err(ClusterError::Start { status, log });
            }
            if !told && self.since.elapsed() > PATIENCE {
                told = true;
                notify(Notice::StillStarting);
            }
        }
        Err(ClusterError::NotReady {
            after: READY,
            log: site.layout.log_tail(),
        })
    }

    /// Waits until the server ends by itself, reaps it and says how. A guard that ended
    /// meanwhile is replaced. Cancel-safe.
    pub(super) async fn ended(&mut self, site: &Site) -> String {
        loop {
            tokio::select! {
                ended = self.child.wait() => return describe(ended),
                _ = self.guard.ended() => {}
            }
            tracing::warn!("The guard of PostgreSQL was killed and is replaced");
            let renewed = Guard::spawn(site).and_then(|mut guard| {
                guard.watch(self.pid)?;
                self.guard = guard;
                Ok(())
            });
            if let Err(error) = renewed {
                tracing::warn!(%error, "Could not replace the guard of PostgreSQL");
                sleep(PATIENCE).await;
            }
        }
    }

    /// Sends the signals one after the other until the server has ended, reaps it and
    /// everything that was part of it.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NotStopped`] if it withstood all of them.
    pub(super) async fn stop(
        mut self,
        site: &Site,
        steps: &[(Signal, Duration)],
    ) -> Result<(), ClusterError> {
        for (what, within) in steps {
            // No id once it is reaped, so a signal never meets another process.
            if let Some(pid) = self.child.id() {
                process::send(pid, *what);
            }
            if timeout(*within, self.child.wait()).await.is_ok() {
                self.guard.dismiss().await;
                return process::end_orphans(&site.layout.cluster, &site.tag).await;
            }
            tracing::warn!(pid = self.pid, signal = %what, "PostgreSQL did not stop in time");
        }
        Err(ClusterError::NotStopped { pid: self.pid })
    }

    /// Sends the guard of a server away that has ended by itself.
    pub(super) async fn bury(self) {
        self.guard.dismiss().await;
    }
}

/// How a process ended, as words.
fn describe(ended: std::io::Result<ExitStatus>) -> String {
    ended.map_or_else(|error| error.to_string(), |status| status.to_string())
}
