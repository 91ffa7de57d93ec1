//! The task that moves what is spooled to the log, and finds out whether Postgres is back.

use std::{collections::VecDeque, io, time::Duration};

use tokio::time::{error::Elapsed, sleep, timeout};

use super::{
    LiveStore,
    append::{APPEND_TIMEOUT, Outcomes, append_all, raise_alarm, tell_failure},
    batch::{MAX_BATCH, batch_length},
    breaker::Breaker,
    spool::{Spool, wait_for_disk},
};
use crate::{
    domain::delivery::{Delivery, Outcome},
    store::{Appender, Store, StoreError},
};

/// Between two attempts while Postgres is away: it costs Postgres a connection, and a sender's event
/// waits for it only in the spool.
const RETRY: Duration = Duration::from_millis(500);

/// Longest wait for the answer to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Owns the reading end of the spool.
#[derive(Debug)]
pub struct Drain {
    store: LiveStore,
    spool: Spool,
    breaker: Breaker,
    /// What is left of the oldest file, if it was read.
    oldest: Option<VecDeque<Delivery>>,
    /// Deliveries drained since the spool was empty.
    drained: usize,
    /// Deliveries tried at a time: one when Postgres was away, for it may be the batch that is too much.
    most: usize,
}

/// Why nothing could be drained.
#[derive(Debug, thiserror::Error)]
enum DrainError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database does not answer")]
    Slow(#[source] Elapsed),
    #[error("the spool cannot be read")]
    Disk(#[from] io::Error),
}

impl Drain {
    pub(super) fn new(store: LiveStore, spool: Spool, breaker: Breaker) -> Self {
        Self {
            store,
            spool,
            breaker,
            oldest: None,
            drained: 0,
            most: 1,
        }
    }

    /// Drains for ever; ends only if the store never comes. May be dropped at any time: what was under way
    /// is drained again by the next, and an arrival that is in the log adds nothing.
    pub async fn run(mut self) {
        let Some(store) = super::wait_for_store(&mut self.store).await else {
            return;
        };
        let mut appender = store.appender();
        let mut status = self.spool.status();
        let mut told = None;
        loop {
            let more = status.borrow_and_update().bytes > 0;
            let tried = if more {
                self.drain_some(&mut appender).await
            } else {
                self.ping(&store).await
            };
            match tried {
                Ok(()) => {
                    self.breaker.close();
                    told = None;
                    if !more {
                        tokio::select! {
                            _ = status.changed() => {}
                            // What the writer could not append is about to be spooled, and says more
                            // than an answer to a ping: Postgres may be locked, full or read-only.
                            () = async { self.breaker.opened().await; sleep(RETRY).await } => {}
                        }
                    }
                }
                Err(error) => {
                    self.breaker.open();
                    let text = error.to_string();
                    if told.as_ref() != Some(&text) {
                        tell_failure(self.most, &error);
                        told = Some(text);
                    }
                    sleep(RETRY).await;
                }
            }
        }
    }

    async fn ping(&self, store: &Store) -> Result<(), DrainError> {
        if !self.breaker.is_open() {
            return Ok(());
        }
        let answered = timeout(PING_TIMEOUT, store.ping()).await;
        Ok(answered.map_err(DrainError::Slow)??)
    }

    /// Drains one batch of the oldest file, and removes the file after its last.
    async fn drain_some(&mut self, appender: &mut Appender) -> Result<(), DrainError> {
        let spool = self.spool.clone();
        let waiting = match &mut self.oldest {
            Some(waiting) => waiting,
            // Before anything is drained: from then on deliveries go to Postgres, but those of events that wait.
            none => match wait_for_disk(move || spool.list_waiting().and_then(|()| spool.oldest()))
                .await?
            {
                Some(deliveries) => none.insert(deliveries.into()),
                None => return Ok(()),
            },
        };
        if !waiting.is_empty() {
            let lengths = waiting.iter().map(|delivery| delivery.body.len());
            let length = batch_length(lengths.take(self.most));
            let mut batch: Vec<Delivery> = waiting.range(..length).cloned().collect();
            if let Err(error) = append(&self.spool, appender, &mut batch).await {
                self.most = (self.most / 2).max(1);
                return Err(error);
            }
            self.most = (self.most * 2).min(MAX_BATCH);
            waiting.drain(..length);
            self.drained += length;
        }
        if waiting.is_empty() {
            let spool = self.spool.clone();
            // It is no longer the oldest even where its file stays, and what is drained next is read first.
            self.oldest = None;
            wait_for_disk(move || spool.remove_oldest()).await?;
            if self.spool.status().borrow().bytes == 0 {
                let deliveries = std::mem::take(&mut self.drained);
                tracing::info!(deliveries, "The spool is drained");
            }
        }
        Ok(())
    }
}

/// Returns once every delivery of a batch is in the log or, where the database refuses it, set aside, and the spool knows
/// which are in the log.
async fn append(
    spool: &Spool,
    appender: &mut Appender,
    batch: &mut [Delivery],
) -> Result<(), DrainError> {
    let mut outcomes = Outcomes::new();
    timeout(APPEND_TIMEOUT, append_all(appender, batch, &mut outcomes))
        .await
        .map_err(DrainError::Slow)??;
    for (at, delivery) in batch.iter().enumerate() {
        if let Some(outcome) = outcomes.get(&at) {
            raise_alarm(outcome, delivery);
            continue;
        }
        let (spool, delivery) = (spool.clone(), delivery.clone());
        let aside = wait_for_disk(move || spool.set_aside(&delivery)).await?;
        tracing::error!(
            aside = %aside.display(),
            "A delivery that the database refuses, even parked, is kept aside"
        );
    }
    spool.forget(outcomes.values().filter_map(Outcome::place));
    Ok(())
}
