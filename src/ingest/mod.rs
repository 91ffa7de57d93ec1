//! From a believed, read delivery to a durable one.
//!
//! Handlers hold an [`Ingest`]; one [`Writer`] owns the other end of its queue and takes what is waiting
//! into one transaction. That is the whole of batching: no delay is added, and the busier it gets the
//! more each commit carries.
//!
//! When Postgres does not take a batch in time, the batch goes to the [`Spool`], and so does all that
//! follows ([`Breaker`]) until the [`Drain`] has moved the oldest of it to the log; from then on new
//! deliveries go to Postgres while the drain runs beside them, all but those of events that still wait in
//! the spool: they go behind these, because of what comes under one event id the first in the log counts.

mod append;
mod batch;
mod breaker;
mod drain;
pub mod feed;
mod handle;
mod spool;
mod writer;

use std::time::Duration;

use tokio::sync::watch;

use self::{append::APPEND_TIMEOUT, writer::Fallback};
pub use self::{
    breaker::Breaker,
    drain::Drain,
    handle::{Ingest, IngestError},
    spool::{Spool, SpoolError, SpoolStatus},
    writer::Writer,
};
use crate::store::Store;

/// The store, once it is there; cheap to clone.
pub type LiveStore = watch::Receiver<Option<Store>>;

/// Makes both ends of a queue without a spool: what Postgres does not take is answered with an error. The
/// writer ends once every handle is dropped and the queue is empty.
pub fn channel(store: Store) -> (Ingest, Writer) {
    let (handle, queue) = handle::channel();
    let (_, store) = watch::channel(Some(store));
    let writer = Writer {
        store,
        queue,
        commit_timeout: APPEND_TIMEOUT,
        fallback: None,
    };
    (handle, writer)
}

/// The parts of a receiver that can do without Postgres for a while.
#[derive(Debug)]
pub struct Receiver {
    /// For handlers.
    pub ingest: Ingest,
    /// Writes, to Postgres or the spool; ends once every handle is dropped and the queue is empty.
    pub writer: Writer,
    /// Moves what is spooled to the log.
    pub drain: Drain,
    /// Whether Postgres takes deliveries.
    pub breaker: Breaker,
}

/// Makes a receiver. Until the store is there, everything is spooled; a commit that has not come within
/// `commit_timeout` sends its batch to the spool.
pub fn receiver(store: LiveStore, spool: Spool, commit_timeout: Duration) -> Receiver {
    let (ingest, queue) = handle::channel();
    let breaker = Breaker::new();
    let writer = Writer {
        store: store.clone(),
        queue,
        commit_timeout,
        fallback: Some(Fallback {
            spool: spool.clone(),
            breaker: breaker.clone(),
        }),
    };
    Receiver {
        ingest,
        writer,
        drain: Drain::new(store, spool, breaker.clone()),
        breaker,
    }
}

/// Waits for the store; `None` if it will not come.
async fn wait_for_store(live: &mut LiveStore) -> Option<Store> {
    live.wait_for(Option::is_some).await.ok()?.clone()
}
