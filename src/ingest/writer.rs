//! The task that writes.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::{
    runtime,
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

use super::{
    IngestError, LiveStore,
    append::{Outcomes, append_all, raise_alarm, tell_failure},
    batch::{MAX_BATCH, batch_length},
    breaker::Breaker,
    handle::Job,
    spool::{Spool, wait_for_disk},
};
use crate::{
    domain::delivery::{Delivery, Outcome},
    measure,
    store::Appender,
};

/// Where deliveries go that Postgres does not take.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) spool: Spool,
    pub(super) breaker: Breaker,
}

/// Owns the receiving end of the queue.
#[derive(Debug)]
pub struct Writer {
    pub(super) store: LiveStore,
    pub(super) queue: mpsc::Receiver<Job>,
    /// Longest wait for a commit.
    pub(super) commit_timeout: Duration,
    pub(super) fallback: Option<Fallback>,
}

impl Writer {
    /// Writes until every handle is dropped and the queue is empty. Every job gets an answer.
    ///
    /// A batch is what waits when the one before is done, and nothing is waited for: while Postgres is at one,
    /// handlers read the next. To gather those as well that were about to hand in made batches larger and the
    /// whole slower, since Postgres and the handlers then took turns (docs/performance.md).
    pub async fn run(mut self) {
        let mut appender = None;
        let mut waiting = Vec::with_capacity(MAX_BATCH);
        while 0 < self.queue.recv_many(&mut waiting, MAX_BATCH).await {
            while !waiting.is_empty() {
                let lengths = waiting.iter().map(|job| job.delivery.body.len());
                let batch = waiting.drain(..batch_length(lengths)).collect();
                self.write(&mut appender, batch).await;
            }
        }
    }

    /// As [`Writer::run`], on a thread with a runtime of its own: what Postgres answers does not wait there behind all
    /// handlers that are ready at the moment, so the next batch is sent sooner. Ends as `run` does.
    ///
    /// # Errors
    /// If the operating system has no means left for another runtime.
    ///
    /// # Panics
    /// Outside a runtime. One that is dropped waits for the thread.
    pub fn run_apart(self) -> io::Result<JoinHandle<()>> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(spawn_blocking(move || runtime.block_on(self.run())))
    }

    async fn write(&self, appender: &mut Option<Appender>, batch: Vec<Job>) {
        let mut deliveries = Vec::with_capacity(batch.len());
        let mut replies = Vec::with_capacity(batch.len());
        for job in batch {
            deliveries.push(job.delivery);
            replies.push((job.reply, job.room));
        }
        let mut outcomes = Outcomes::new();
        self.append(appender, &mut deliveries, &mut outcomes).await;
        if outcomes.len() < deliveries.len() {
            self.spool(&deliveries, &mut outcomes).await;
        }
        for (at, (reply, room)) in replies.into_iter().enumerate() {
            let outcome = outcomes.remove(&at);
            if let (Some(outcome), Some(delivery)) = (&outcome, deliveries.get(at)) {
                raise_alarm(outcome, delivery);
            }
            // The caller may have hung up; the event is in the log all the same.
            let _ = reply.send(outcome.ok_or(IngestError::Unavailable));
            drop(room);
        }
    }

    async fn append(
        &self,
        appender: &mut Option<Appender>,
        deliveries: &mut [Delivery],
        outcomes: &mut Outcomes,
    ) {
        if self
            .fallback
            .as_ref()
            .is_some_and(|fallback| fallback.breaker.is_open())
        {
            return;
        }
        let appender = match appender {
            Some(appender) => appender,
            none => match &*self.store.borrow() {
                Some(store) => none.insert(store.appender()),
                None => return,
            },
        };
        let batch = deliveries.len();
        let appending = append_all(appender, deliveries, outcomes);
        let begun = Instant::now();
        let result = timeout(self.commit_timeout, appending).await;
        measure::appended(batch, begun.elapsed());
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.postgres_is_away(batch, &error),
            Err(elapsed) => self.postgres_is_away(batch, &elapsed),
        }
    }

    fn postgres_is_away(&self, batch: usize, error: &dyn std::error::Error) {
        tell_failure(batch, error);
        if let Some(fallback) = &self.fallback {
            fallback.breaker.open();
        }
    }

    /// Makes durable here what has no outcome yet.
    async fn spool(&self, deliveries: &[Delivery], outcomes: &mut Outcomes) {
        let Some(fallback) = &self.fallback else {
            return;
        };
        let missing: Vec<(usize, Delivery)> = deliveries
            .iter()
            .enumerate()
            .filter(|(at, _)| !outcomes.contains_key(at))
            .map(|(at, delivery)| (at, delivery.clone()))
            .collect();
        let spooled: Outcomes = missing
            .iter()
            .map(|(at, delivery)| (*at, spooled(delivery)))
            .collect();
        let spool = fallback.spool.clone();
        let told = spool.status().borrow().refusing;
        let pushed = wait_for_disk(move || {
            let missing: Vec<&Delivery> = missing.iter().map(|(_, delivery)| delivery).collect();
            Ok(spool.push(&missing))
        });
        match pushed.await {
            Ok(Ok(())) => outcomes.extend(spooled),
            // Once, not for every batch while it lasts.
            Ok(Err(_)) if told => {}
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "Deliveries are refused: nothing takes them");
            }
            Err(error) => {
                tracing::error!(%error, "Deliveries are refused: the writer cannot spool");
            }
        }
    }
}

fn spooled(delivery: &Delivery) -> Outcome {
    let event = delivery
        .event()
        .map(|(tenant, event_id)| (tenant.clone(), event_id));
    Outcome::Spooled { event }
}
