//! From a plan to rows on several threads: one makes bodies, the others read them as if they had arrived.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::arrivals::Arrivals;
use crate::{
    clock,
    domain::{
        delivery::{Arrival, Delivery, KeptHeaders},
        event::Reading,
        hook::TenantRule,
        log::Origin,
    },
    store::Rows,
};

/// Events in one transaction: five megabytes, a few of which are under way at a time.
const CHUNK: usize = 5000;

/// What these events say of where they come from.
const SOURCE: &str = "generate";

/// Rows as they come from the threads.
#[derive(Debug)]
pub(super) struct Pipeline {
    readers: Vec<mpsc::Receiver<Rows>>,
    /// Whose turn it is: chunks go round.
    turn: usize,
}

impl Pipeline {
    /// Starts the threads. They end with the last body, or when this is dropped.
    pub(super) fn start(arrivals: Arrivals, readers: usize) -> io::Result<Self> {
        let mut to_readers = Vec::new();
        let mut from_readers = Vec::new();
        for _ in 0..readers {
            let (bodies, waiting) = sync_channel(1);
            let (ready, rows) = mpsc::channel(1);
            thread::Builder::new()
                .name("generate-read".to_owned())
                .spawn(move || read(&waiting, &ready))?;
            to_readers.push(bodies);
            from_readers.push(rows);
        }
        thread::Builder::new()
            .name("generate".to_owned())
            .spawn(move || make(arrivals, &to_readers))?;
        Ok(Self {
            readers: from_readers,
            turn: 0,
        })
    }

    /// The next rows in the order of arrival; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Rows> {
        let readers = self.readers.len();
        let rows = self.readers.get_mut(self.turn)?.recv().await;
        self.turn = (self.turn + 1) % readers;
        rows
    }
}

/// Deals bodies out, until there are none or nobody wants them.
fn make(mut arrivals: Arrivals, readers: &[SyncSender<Vec<Vec<u8>>>]) {
    for reader in readers.iter().cycle() {
        let chunk: Vec<Vec<u8>> = arrivals.by_ref().take(CHUNK).collect();
        if chunk.is_empty() || reader.send(chunk).is_err() {
            return;
        }
    }
}

fn read(bodies: &Receiver<Vec<Vec<u8>>>, ready: &mpsc::Sender<Rows>) {
    while let Ok(chunk) = bodies.recv() {
        let mut rows = Rows::default();
        for body in chunk {
            let arrival = Arrival {
                arrival_id: Uuid::now_v7(),
                received_at: clock::now(),
                origin: Origin::Import {
                    source: SOURCE.to_owned(),
                },
                headers: KeptHeaders::new(),
            };
            let delivery = Delivery::read(body.into(), &TenantRule::Any, arrival);
            if let Reading::Event(event) = &delivery.reading {
                rows.push(&delivery, event);
            }
        }
        if ready.blocking_send(rows).is_err() {
            return;
        }
    }
}
