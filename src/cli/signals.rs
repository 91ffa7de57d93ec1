//! What the operating system tells the program.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Returns at the first SIGTERM or Ctrl-C.
///
/// # Errors
/// If signals cannot be listened for.
pub(super) async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
