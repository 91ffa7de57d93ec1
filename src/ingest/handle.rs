//! The end of the queue that request handlers and imports hold.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::domain::delivery::{Delivery, Outcome};

/// Most deliveries waiting for the writer: eight full batches, a second's work on a slow disk.
const QUEUE_LENGTH: usize = 4096;

/// Most bytes of bodies waiting or being written, in KiB: 256 MiB, so that a flood of 8 MiB bodies ends
/// in waiting rather than in the memory running out.
const QUEUE_KIB: usize = 256 * 1024;

/// A delivery on its way to the writer, and who waits for the answer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) delivery: Delivery,
    pub(super) reply: oneshot::Sender<Result<Outcome, IngestError>>,
    /// Room in [`QUEUE_KIB`], given back when the job is done.
    pub(super) room: OwnedSemaphorePermit,
}

/// Why a delivery was not made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The database cannot take it now; the same delivery may succeed later.
    #[error("the event could not be stored now")]
    Unavailable,
    /// The writer has ended.
    #[error("the writer has stopped")]
    Stopped,
}

/// Hands deliveries to the writer; cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
}

pub(super) fn channel() -> (Ingest, mpsc::Receiver<Job>) {
    let (queue, jobs) = mpsc::channel(QUEUE_LENGTH);
    let room = Arc::new(Semaphore::new(QUEUE_KIB));
    (Ingest { queue, room }, jobs)
}

impl Ingest {
    /// Returns once the delivery is durable, with what became of it. Waits while the queue is full.
    ///
    /// # Errors
    /// [`IngestError::Unavailable`] if it could not be stored (it may have been all the same: a commit
    /// whose answer was lost), [`IngestError::Stopped`] while shutting down.
    pub async fn accept(&self, delivery: Delivery) -> Result<Outcome, IngestError> {
        self.submit(delivery)
            .await?
            .await
            .map_err(|_| IngestError::Stopped)?
    }

    /// Queues a delivery and returns where its outcome will come, so that an import can have many under
    /// way. Waits while the queue is full; deliveries are stored in the order of submission.
    ///
    /// # Errors
    /// [`IngestError::Stopped`] if the writer has ended.
    pub async fn submit(
        &self,
        delivery: Delivery,
    ) -> Result<oneshot::Receiver<Result<Outcome, IngestError>>, IngestError> {
        let kib = delivery.body.len().div_ceil(1024).clamp(1, QUEUE_KIB);
        let room = Arc::clone(&self.room)
            .acquire_many_owned(u32::try_from(kib).unwrap_or(u32::MAX))
            .await
            .map_err(|_| IngestError::Stopped)?;
        let (reply, outcome) = oneshot::channel();
        let job = Job {
            delivery,
            reply,
            room,
        };
        self.queue
            .send(job)
            .await
            .map_err(|_| IngestError::Stopped)?;
        Ok(outcome)
    }
}
