//! The task that writes.

use std::{
    error::Error,
    io,
    time::{Duration, Instant},
};

use tokio::{
    runtime,
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
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

    /// Writes a batch to Postgres if it takes deliveries, all but what has to go behind the spool.
    async fn write(&self, appender: &mut Option<Appender>, batch: Vec<Job>) {
        let Some(fallback) = &self.fallback else {
            return self.write_to_postgres(appender, batch).await;
        };
        if fallback.breaker.is_open() {
            return self.write_to_spool(fallback, batch).await;
        }
        // Of what comes under one event id the first in the log counts, so a delivery never overtakes an earlier one of
        // its event. Only this task adds to the spool, so what does not wait there now is in the log or new.
        let (behind, batch) = fallback.spool.part(batch, |job| &job.delivery);
        if !behind.is_empty() {
            self.write_behind(fallback, appender, behind).await;
        }
        if !batch.is_empty() {
            self.write_to_postgres(appender, batch).await;
        }
    }

    async fn write_to_postgres(&self, appender: &mut Option<Appender>, batch: Vec<Job>) {
        let mut batch = Batch::of(batch);
        self.append(appender, &mut batch).await;
        if let (true, Some(fallback)) = (batch.is_unfinished(), &self.fallback) {
            spool_rest(fallback, &mut batch, refuse).await;
        }
        batch.answer();
    }

    async fn write_to_spool(&self, fallback: &Fallback, batch: Vec<Job>) {
        let mut batch = Batch::of(batch);
        spool_rest(fallback, &mut batch, refuse).await;
        batch.answer();
    }

    /// Writes deliveries behind earlier ones of their events. Where the spool does not take them, it is better that Postgres
    /// does than nobody.
    async fn write_behind(
        &self,
        fallback: &Fallback,
        appender: &mut Option<Appender>,
        batch: Vec<Job>,
    ) {
        let mut batch = Batch::of(batch);
        spool_rest(fallback, &mut batch, overtake).await;
        if batch.is_unfinished() {
            self.append(appender, &mut batch).await;
        }
        batch.answer();
    }

    async fn append(&self, appender: &mut Option<Appender>, batch: &mut Batch) {
        let appender = match appender {
            Some(appender) => appender,
            none => match &*self.store.borrow() {
                Some(store) => none.insert(store.appender()),
                None => return,
            },
        };
        let length = batch.deliveries.len();
        let appending = append_all(appender, &mut batch.deliveries, &mut batch.outcomes);
        let begun = Instant::now();
        let result = timeout(self.commit_timeout, appending).await;
        measure::appended(length, begun.elapsed());
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.postgres_is_away(length, &error),
            Err(elapsed) => self.postgres_is_away(length, &elapsed),
        }
    }

    fn postgres_is_away(&self, batch: usize, error: &dyn Error) {
        tell_failure(batch, error);
        if let Some(fallback) = &self.fallback {
            fallback.breaker.open();
        }
    }
}

/// Deliveries that are being made durable, and who waits for the answers.
struct Batch {
    deliveries: Vec<Delivery>,
    outcomes: Outcomes,
    waiting: Vec<(Reply, OwnedSemaphorePermit)>,
}

type Reply = oneshot::Sender<Result<Outcome, IngestError>>;

impl Batch {
    fn of(jobs: Vec<Job>) -> Self {
        let mut deliveries = Vec::with_capacity(jobs.len());
        let mut waiting = Vec::with_capacity(jobs.len());
        for job in jobs {
            deliveries.push(job.delivery);
            waiting.push((job.reply, job.room));
        }
        Self {
            deliveries,
            outcomes: Outcomes::new(),
            waiting,
        }
    }

    /// Whether something in it is not durable yet, as far as is known.
    fn is_unfinished(&self) -> bool {
        self.outcomes.len() < self.deliveries.len()
    }

    fn answer(mut self) {
        for (at, (reply, room)) in self.waiting.into_iter().enumerate() {
            let outcome = self.outcomes.remove(&at);
            if let (Some(outcome), Some(delivery)) = (&outcome, self.deliveries.get(at)) {
                raise_alarm(outcome, delivery);
            }
            // The caller may have hung up; the event is in the log all the same.
            let _ = reply.send(outcome.ok_or(IngestError::Unavailable));
            drop(room);
        }
    }
}

/// Makes durable here what has no outcome yet. Where that fails, says so with `tell`: once, not for every batch while it
/// lasts.
async fn spool_rest(fallback: &Fallback, batch: &mut Batch, tell: fn(&dyn Error)) {
    let missing: Vec<(usize, Delivery)> = batch
        .deliveries
        .iter()
        .enumerate()
        .filter(|(at, _)| !batch.outcomes.contains_key(at))
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
        Ok(Ok(())) => batch.outcomes.extend(spooled),
        Ok(Err(_)) if told => {}
        Ok(Err(error)) => tell(&error),
        Err(error) => tell(&error),
    }
}

fn refuse(error: &dyn Error) {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(%error, cause, "Deliveries are refused: nothing takes them");
}

fn overtake(error: &dyn Error) {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(
        %error, cause,
        "Deliveries overtake earlier ones of their events, which wait in the spool: it takes no more"
    );
}

fn spooled(delivery: &Delivery) -> Outcome {
    let event = delivery
        .event()
        .map(|(tenant, event_id)| (tenant.clone(), event_id));
    Outcome::Spooled { event }
}
