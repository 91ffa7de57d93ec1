//! From a believed, read delivery to a durable one.
//!
//! Handlers hold an [`Ingest`]; one [`Writer`] owns the other end of its queue and takes what is waiting
//! into one transaction. That is the whole of batching: no delay is added, and the busier it gets the
//! more each commit carries.

mod handle;
mod writer;

pub use self::{
    handle::{Ingest, IngestError},
    writer::Writer,
};
use crate::store::Store;

/// Makes both ends. The writer ends once every handle is dropped and the queue is empty.
pub fn channel(store: Store) -> (Ingest, Writer) {
    let (handle, queue) = handle::channel();
    (handle, Writer::new(store, queue))
}
