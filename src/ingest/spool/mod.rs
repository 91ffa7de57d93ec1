//! The local waiting room for deliveries while Postgres is away: fsynced files under the data folder.
//!
//! Ours, because it has to give back every readable delivery of a file that was cut or changed anywhere,
//! name what it could not read, and write a batch with one fsync. An embedded database keeps its own
//! structure in the file: with a byte of that changed, `SQLite` refuses whole pages of rows or the file.
//!
//! Deliveries are appended to the newest file; the oldest is read whole, drained, then removed. What was
//! drained from a file before a crash is drained again: an arrival that is in the log adds nothing there.

mod record;
mod segment;
mod waiting;

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use self::{
    segment::{Active, Closed},
    waiting::Waiting,
};
use crate::{
    domain::delivery::{Delivery, Place},
    measure,
};

/// Size past which a new file is begun: what is read at a time, and drained again after a crash.
const SEGMENT_BYTES: u64 = 4 << 20;

/// How full the spool is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpoolStatus {
    /// Bytes waiting.
    pub bytes: u64,
    /// Whether the last attempt to write failed or found no room.
    pub refusing: bool,
}

/// Why a delivery could not be spooled.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Its bound is reached.
    #[error("the spool is full ({max_bytes} bytes)")]
    Full {
        /// The bound.
        max_bytes: u64,
    },
    /// The disk does not take it.
    #[error("the spool cannot be written")]
    Write(#[source] io::Error),
}

/// The spool; cheap to clone. Its functions wait for the disk: call them where that may be.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: Arc<Path>,
    max_bytes: u64,
    files: Arc<Mutex<Files>>,
    status: watch::Sender<SpoolStatus>,
}

#[derive(Debug)]
struct Files {
    /// Oldest first.
    closed: VecDeque<Closed>,
    active: Option<Active>,
    next_number: u64,
    /// Files of an earlier process whose events are not in `waiting` yet.
    unlisted: VecDeque<Closed>,
    /// The events that wait.
    waiting: Waiting,
}

impl Spool {
    /// Opens the spool in this folder, making it if it is absent; what an earlier process left in it waits.
    /// One process at a time may have it open.
    ///
    /// # Errors
    /// As the file system answers.
    pub fn open(dir: PathBuf, max_bytes: u64) -> io::Result<Self> {
        segment::create_folder(&dir)?;
        let closed = segment::list(&dir)?;
        let bytes = closed.iter().map(|file| file.bytes).sum();
        let files = Files {
            next_number: closed.last().map_or(1, |file| file.number + 1),
            unlisted: closed.clone().into(),
            closed: closed.into(),
            active: None,
            waiting: Waiting::default(),
        };
        let (status, _) = watch::channel(SpoolStatus {
            bytes,
            refusing: false,
        });
        measure::spool(bytes, false);
        Ok(Self {
            dir: dir.into(),
            max_bytes,
            files: Arc::new(Mutex::new(files)),
            status,
        })
    }

    /// How full it is, now and at each change.
    pub fn status(&self) -> watch::Receiver<SpoolStatus> {
        self.status.subscribe()
    }

    /// Makes deliveries durable, all or none, with one fsync.
    ///
    /// # Errors
    /// [`SpoolError::Full`] at the bound, [`SpoolError::Write`] as the file system answers.
    pub fn push(&self, deliveries: &[&Delivery]) -> Result<(), SpoolError> {
        let pushed = self.try_push(deliveries);
        self.modify(|status| {
            status.refusing = pushed.is_err();
            status.bytes += pushed.as_ref().unwrap_or(&0);
        });
        pushed.map(|_| ())
    }

    fn modify(&self, modify: impl FnOnce(&mut SpoolStatus)) {
        self.status.send_modify(|status| {
            modify(status);
            measure::spool(status.bytes, status.refusing);
        });
    }

    fn try_push(&self, deliveries: &[&Delivery]) -> Result<u64, SpoolError> {
        let mut files = self.lock();
        let mut active = if let Some(active) = files.active.take() {
            active
        } else {
            files.next_number += 1;
            Active::create(&self.dir, files.next_number - 1).map_err(SpoolError::Write)?
        };
        let mut bytes = Vec::new();
        for delivery in deliveries {
            record::write(&mut bytes, active.marker(), delivery).map_err(SpoolError::Write)?;
        }
        let written = bytes.len().try_into().unwrap_or(u64::MAX);
        let full = self.status.borrow().bytes.saturating_add(written) > self.max_bytes;
        let result = if full {
            Err(SpoolError::Full {
                max_bytes: self.max_bytes,
            })
        } else {
            active
                .append(&bytes)
                .map(|()| written)
                .map_err(SpoolError::Write)
        };
        match &result {
            // After a failed fsync nobody knows what the file holds: it is not written to again.
            Err(SpoolError::Write(_)) => files.closed.push_back(active.close()),
            Ok(_) if active.bytes() >= SEGMENT_BYTES => files.closed.push_back(active.close()),
            _ => files.active = Some(active),
        }
        if result.is_ok() {
            files.waiting.add(deliveries.iter().copied());
        }
        result
    }

    /// Parts a batch in those of whose event an earlier delivery waits here, and the others; the order stays. Files of an
    /// earlier process count once they are [listed](Spool::list_waiting).
    pub(super) fn part<T>(
        &self,
        batch: Vec<T>,
        delivery: impl Fn(&T) -> &Delivery,
    ) -> (Vec<T>, Vec<T>) {
        let files = self.lock();
        if files.waiting.is_empty() {
            return (Vec::new(), batch);
        }
        batch
            .into_iter()
            .partition(|item| files.waiting.holds(delivery(item)))
    }

    /// Takes down which events wait in the files of an earlier process; nothing where that is done.
    ///
    /// # Errors
    /// As the file system answers; what was taken down stays so.
    pub(super) fn list_waiting(&self) -> io::Result<()> {
        loop {
            let Some(file) = self.lock().unlisted.front().cloned() else {
                return Ok(());
            };
            let deliveries = file.read_whole()?;
            let mut files = self.lock();
            files.waiting.add(deliveries.iter());
            files.unlisted.pop_front();
        }
    }

    /// Takes down that events are in the log: whatever comes of them now may come there at once.
    pub(super) fn forget<'a>(&self, logged: impl Iterator<Item = &'a Place>) {
        let mut files = self.lock();
        for place in logged {
            files.waiting.remove(place);
        }
    }

    /// Reads the oldest file; `None` if nothing waits. The same again until it is removed.
    ///
    /// Bytes that cannot be read are copied to a file of their own in `aside/`, and an error is logged that
    /// names it.
    ///
    /// # Errors
    /// As the file system answers.
    pub fn oldest(&self) -> io::Result<Option<Vec<Delivery>>> {
        let oldest = {
            let mut files = self.lock();
            if files.closed.is_empty() {
                let active = files.active.take();
                files.closed.extend(active.map(Active::close));
            }
            files.closed.front().cloned()
        };
        oldest.map(|file| file.read(&self.dir)).transpose()
    }

    /// Forgets the oldest file, all of which is durable elsewhere.
    ///
    /// # Errors
    /// As the file system answers; then it will be drained again, which adds nothing.
    pub fn remove_oldest(&self) -> io::Result<()> {
        let file = {
            let mut files = self.lock();
            let Some(file) = files.closed.pop_front() else {
                return Ok(());
            };
            if files.closed.is_empty() && files.active.is_none() {
                // Those are left that are in no log: set aside, parked, or in bytes that could not be read.
                files.waiting = Waiting::default();
            }
            file
        };
        self.modify(|status| {
            status.bytes = status.bytes.saturating_sub(file.bytes);
            status.refusing = false;
        });
        file.remove()
    }

    /// Keeps a delivery that neither the log nor `parked` takes, so that it blocks nobody; gives the file.
    ///
    /// # Errors
    /// As the file system answers.
    pub fn set_aside(&self, delivery: &Delivery) -> io::Result<PathBuf> {
        segment::set_aside(&self.dir, delivery)
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        // A panic in between would leave no half-done change that matters: files are appended to and
        // removed, and what is in them is checked when it is read.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs what waits for the disk where waiting holds up nobody.
pub(super) async fn wait_for_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
