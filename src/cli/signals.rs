//! What the operating system tells the program.

use std::pin::pin;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::serve::end_at_once;

/// Orders to stop: SIGTERM and Ctrl-C. Those that come while nobody waits are kept (as one).
#[derive(Debug)]
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From here on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// If signals cannot be listened for.
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listening for Ctrl-C")?,
        })
    }

    /// Carries something through in spite of an order to stop; true if one came. The second ends the
    /// process.
    pub(super) async fn outlast<T>(&mut self, work: impl Future<Output = T>) -> (T, bool) {
        let mut work = pin!(work);
        tokio::select! {
            done = &mut work => return (done, false),
            () = self.told() => {}
        }
        tokio::select! {
            done = &mut work => (done, true),
            () = self.told() => end_at_once(),
        }
    }

    /// Returns at the next one.
    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
