//! The task that writes.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use tokio::{sync::mpsc, time::timeout};

use super::{IngestError, handle::Job};
use crate::{
    domain::{
        delivery::{Delivery, Outcome},
        event::{ParkReason, Reading},
    },
    store::{Store, StoreError},
};

/// Most events in one transaction: half a megabyte at 1 kB a body, so no reply waits long.
const MAX_BATCH: usize = 512;

/// Turns of the scheduler without a new delivery after which a batch is closed.
const IDLE_TURNS: u32 = 3;

/// Most bytes of bodies in one transaction, past the first: larger statements only cost memory.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// Longest wait for one transaction. The statements in it are bounded by the server; this one is for a
/// server that does not answer at all.
const APPEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Owns the receiving end of the queue.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    queue: mpsc::Receiver<Job>,
}

impl Writer {
    pub(super) fn new(store: Store, queue: mpsc::Receiver<Job>) -> Self {
        Self { store, queue }
    }

    /// Writes until every handle is dropped and the queue is empty. Every job gets an answer.
    pub async fn run(mut self) {
        let mut waiting = Vec::with_capacity(MAX_BATCH);
        while 0 < self.queue.recv_many(&mut waiting, MAX_BATCH).await {
            self.take_what_is_ready(&mut waiting).await;
            while !waiting.is_empty() {
                let batch = waiting.drain(..batch_length(&waiting)).collect();
                self.write(batch).await;
            }
        }
    }

    /// Lets the handlers that are ready to run hand in theirs, for as long as that brings more. Whoever was
    /// answered first would otherwise be picked up alone, and pay for a transaction of one. No time is
    /// waited: with nothing else to run this costs a microsecond.
    async fn take_what_is_ready(&mut self, waiting: &mut Vec<Job>) {
        let mut idle = 0;
        while idle < IDLE_TURNS && waiting.len() < MAX_BATCH {
            tokio::task::yield_now().await;
            let before = waiting.len();
            while let Ok(job) = self.queue.try_recv() {
                waiting.push(job);
            }
            idle = if waiting.len() > before { 0 } else { idle + 1 };
        }
    }

    async fn write(&self, batch: Vec<Job>) {
        let mut deliveries = Vec::with_capacity(batch.len());
        let mut replies = Vec::with_capacity(batch.len());
        for job in batch {
            deliveries.push(job.delivery);
            replies.push((job.reply, job.room));
        }
        let results = self.append(&mut deliveries).await;
        for ((reply, room), (at, result)) in replies.into_iter().zip(results) {
            if let (Ok(outcome), Some(delivery)) = (&result, deliveries.get(at)) {
                raise_alarm(outcome, delivery);
            }
            // The caller may have hung up; the event is in the log all the same.
            let _ = reply.send(result);
            drop(room);
        }
    }

    /// Appends; where Postgres refuses a value, bisects, so that one poisonous body costs its neighbours
    /// nothing, and parks what is refused alone.
    async fn append(
        &self,
        deliveries: &mut [Delivery],
    ) -> BTreeMap<usize, Result<Outcome, IngestError>> {
        let mut results = BTreeMap::new();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        ranges.push(0..deliveries.len());
        while let Some(range) = ranges.pop() {
            let batch = deliveries.get(range.clone()).unwrap_or_default();
            match timeout(APPEND_TIMEOUT, self.store.append(batch)).await {
                Ok(Ok(outcomes)) => results.extend(range.zip(outcomes.into_iter().map(Ok))),
                Ok(Err(StoreError::Refused(_))) if range.len() > 1 => {
                    let middle = range.start.midpoint(range.end);
                    // The first half is popped first: order of arrival is order of position.
                    ranges.push(middle..range.end);
                    ranges.push(range.start..middle);
                }
                Ok(Err(StoreError::Refused(error))) if park(deliveries, range.start) => {
                    tracing::error!(%error, "The database refused an event, which is parked");
                    ranges.push(range);
                }
                Ok(Err(error)) => {
                    fail(&mut results, deliveries.len(), &error);
                    break;
                }
                Err(elapsed) => {
                    fail(&mut results, deliveries.len(), &elapsed);
                    break;
                }
            }
        }
        results
    }
}

/// How many of those waiting go into the next transaction; at least one.
fn batch_length(waiting: &[Job]) -> usize {
    let mut bytes = 0;
    let within = waiting.iter().take_while(|job| {
        bytes += job.delivery.body.len();
        bytes <= MAX_BATCH_BYTES
    });
    within.count().max(1)
}

/// Marks a delivery as parked; false if it already was.
fn park(deliveries: &mut [Delivery], at: usize) -> bool {
    match deliveries.get_mut(at) {
        Some(delivery) if !matches!(delivery.reading, Reading::Parked(_)) => {
            delivery.reading = Reading::Parked(ParkReason::Refused);
            true
        }
        _ => false,
    }
}

/// Answers all that have no answer yet, and says so once.
fn fail(
    results: &mut BTreeMap<usize, Result<Outcome, IngestError>>,
    batch: usize,
    error: &dyn std::error::Error,
) {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(batch.len = batch, %error, cause, "Could not append a batch");
    for at in 0..batch {
        results.entry(at).or_insert(Err(IngestError::Unavailable));
    }
}

/// One line for each outcome that an operator should look into.
fn raise_alarm(outcome: &Outcome, delivery: &Delivery) {
    let hook = delivery.arrival.origin.hook();
    match outcome {
        Outcome::Conflict(place) => tracing::warn!(
            tenant = %place.tenant, event.id = %place.event_id, event.position = place.position.0, hook,
            "An event id came again with other content; both bodies are kept, the first counts"
        ),
        Outcome::Parked(reason) => tracing::warn!(
            reason = reason.as_str(),
            hook,
            body.len = delivery.body.len(),
            "A body was parked: it {}",
            reason.explain()
        ),
        Outcome::Stored(_) | Outcome::Duplicate(_) | Outcome::Ignored { .. } => {}
    }
}
