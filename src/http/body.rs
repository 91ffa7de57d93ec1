//! Bodies that nobody has shown to be true yet: bounded in time and in memory.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::error::ApiError;

/// What a body may cost before its signature was checked.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// For the whole body.
    pub deadline: Duration,
    /// Bytes of each body that need no room in `shared_kib`, so that small deliveries never wait behind
    /// large junk.
    pub free_bytes: usize,
    /// Room of all bodies together beyond their free bytes, in KiB.
    pub shared_kib: usize,
    /// Longest wait for room.
    pub wait: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            // A ticket's event has 1 to 2 kB.
            free_bytes: 4 << 10,
            shared_kib: 64 << 10,
            wait: Duration::from_secs(5),
        }
    }
}

/// Reads bodies within [`BodyLimits`]; clones share the room.
#[derive(Debug, Clone)]
pub struct Bodies {
    limits: BodyLimits,
    room: Arc<Semaphore>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(BodyLimits::default())
    }
}

/// A body, and the room it takes until this is dropped.
#[derive(Debug)]
pub(super) struct Unbelieved {
    pub(super) bytes: Bytes,
    _room: Room,
}

impl Bodies {
    /// With room for itself.
    pub fn new(limits: BodyLimits) -> Self {
        Self {
            limits,
            room: Arc::new(Semaphore::new(limits.shared_kib)),
        }
    }

    /// Reads a whole body of up to `max_bytes`.
    ///
    /// # Errors
    /// [`ApiError::TooLarge`], [`ApiError::BodyCut`], [`ApiError::BodySlow`], and [`ApiError::Busy`] if no
    /// room came free.
    pub(super) async fn read(
        &self,
        request: Request,
        max_bytes: usize,
    ) -> Result<Unbelieved, ApiError> {
        let body = request.into_body();
        // What the sender announces.
        if body.size_hint().lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
            return Err(ApiError::TooLarge(max_bytes));
        }
        timeout(self.limits.deadline, self.collect(body, max_bytes))
            .await
            .map_err(|_| ApiError::BodySlow(self.limits.deadline))?
    }

    async fn collect(&self, mut body: Body, max_bytes: usize) -> Result<Unbelieved, ApiError> {
        let mut bytes = BytesMut::new();
        let mut room = Room::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ApiError::BodyCut)?;
            // Trailers mean nothing here.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = bytes.len().saturating_add(data.len());
            if length > max_bytes {
                return Err(ApiError::TooLarge(max_bytes));
            }
            self.pay(&mut room, length).await?;
            bytes.extend_from_slice(&data);
        }
        Ok(Unbelieved {
            bytes: bytes.freeze(),
            _room: room,
        })
    }

    /// Takes what a body that has grown to `length` needs beyond what it has.
    async fn pay(&self, room: &mut Room, length: usize) -> Result<(), ApiError> {
        let needed = length.saturating_sub(self.limits.free_bytes).div_ceil(1024);
        let missing = needed.saturating_sub(room.kib());
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.room).acquire_many_owned(missing);
        match timeout(self.limits.wait, more).await {
            Ok(Ok(more)) => room.add(more),
            _ => return Err(ApiError::Busy),
        }
        Ok(())
    }
}

/// Room that one body has.
#[derive(Debug, Default)]
struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    fn kib(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.0 {
            Some(room) => room.merge(more),
            None => self.0 = Some(more),
        }
    }
}
