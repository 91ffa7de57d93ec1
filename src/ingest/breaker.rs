//! Whether Postgres takes deliveries, as the last who tried found.

use std::{sync::Arc, time::Instant};

use tokio::sync::watch;

use crate::measure;

/// Shared by the writer, which opens it, and the drain, which closes it again; cheap to clone.
///
/// While it is open nothing is tried with Postgres but the oldest of the spool.
#[derive(Debug, Clone)]
pub struct Breaker {
    open: Arc<watch::Sender<Option<Instant>>>,
}

impl Breaker {
    /// Open: Postgres has not been reached yet.
    pub(super) fn new() -> Self {
        let (open, _) = watch::channel(Some(Instant::now()));
        measure::postgres_away(true);
        Self {
            open: Arc::new(open),
        }
    }

    /// Whether Postgres is away.
    pub fn is_open(&self) -> bool {
        self.open.borrow().is_some()
    }

    /// Returns once Postgres is away.
    pub async fn opened(&self) {
        // The sender is in self, so the channel is not closed.
        let _ = self.open.subscribe().wait_for(Option::is_some).await;
    }

    /// Returns once Postgres takes deliveries.
    pub async fn closed(&self) {
        let _ = self.open.subscribe().wait_for(Option::is_none).await;
    }

    pub(super) fn open(&self) {
        let opened = self.open.send_if_modified(|open| {
            let opens = open.is_none();
            open.get_or_insert_with(Instant::now);
            opens
        });
        if opened {
            measure::postgres_away(true);
            tracing::error!("Postgres does not take deliveries; they are spooled");
        }
    }

    pub(super) fn close(&self) {
        let since = self.open.send_replace(None);
        if let Some(since) = since {
            measure::postgres_away(false);
            let away_s = since.elapsed().as_secs();
            tracing::info!(away_s, "Postgres takes deliveries, after {away_s} s");
        }
    }
}
