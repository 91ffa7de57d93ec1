//! Bodies that nobody has shown to be true yet: bounded in time and in memory.
//!
//! All of them share some room, and take of it what they have sent, never what they announce. If all of it were held
//! by halves, each would wait for the others; so one body at a time, first come first served, may go on beyond the
//! room, and gives back what it has at its end. Together they never take more than the room and one body of the
//! largest size, beside the free bytes of each.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::error::ApiError;

/// What a body may cost before its signature was checked.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// For the whole body; what it waits for room is not its sender's time and does not count.
    pub deadline: Duration,
    /// Bytes of each body that need no room in `shared_kib`, so that small deliveries never wait behind
    /// large junk.
    pub free_bytes: usize,
    /// Room of all bodies together beyond their free bytes, in KiB; one of them may go beyond it.
    pub shared_kib: usize,
    /// Longest that a body waits for room, all its waits together.
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
    /// Its one permit is the right to go beyond the room.
    beyond: Arc<Semaphore>,
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
            beyond: Arc::new(Semaphore::new(1)),
        }
    }

    /// Reads a whole body of up to `max_bytes`.
    ///
    /// # Errors
    /// [`ApiError::TooLarge`], [`ApiError::BodyCut`], [`ApiError::BodySlow`] if its sender took too long, and
    /// [`ApiError::Busy`] if no room came free.
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
        self.collect(body, max_bytes).await
    }

    async fn collect(&self, mut body: Body, max_bytes: usize) -> Result<Unbelieved, ApiError> {
        let BodyLimits { deadline, wait, .. } = self.limits;
        let (mut to_arrive, mut to_wait) = (deadline, wait);
        let mut bytes = BytesMut::new();
        let mut room = Room::default();
        while let Some(frame) = within(&mut to_arrive, body.frame())
            .await
            .ok_or(ApiError::BodySlow(deadline))?
        {
            let frame = frame.map_err(|_| ApiError::BodyCut)?;
            // Trailers mean nothing here.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = bytes.len().saturating_add(data.len());
            if length > max_bytes {
                return Err(ApiError::TooLarge(max_bytes));
            }
            within(&mut to_wait, self.pay(&mut room, length))
                .await
                .ok_or(ApiError::Busy)?;
            bytes.extend_from_slice(&data);
        }
        Ok(Unbelieved {
            bytes: bytes.freeze(),
            _room: room,
        })
    }

    /// Takes what a body that has grown to `length` needs beyond what it has; waits until there is as much, or until
    /// it may go beyond.
    async fn pay(&self, room: &mut Room, length: usize) {
        let needed = length.saturating_sub(self.limits.free_bytes).div_ceil(1024);
        let missing = needed.saturating_sub(room.kib());
        if missing == 0 || room.beyond.is_some() {
            return;
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        // Both queues are first come first served, and neither semaphore is ever closed.
        tokio::select! {
            // Beyond the room only once it is full.
            biased;
            Ok(more) = Arc::clone(&self.room).acquire_many_owned(missing) => room.add(more),
            Ok(beyond) = Arc::clone(&self.beyond).acquire_owned() => room.beyond = Some(beyond),
            else => {}
        }
    }
}

/// Room that one body has.
#[derive(Debug, Default)]
struct Room {
    shared: Option<OwnedSemaphorePermit>,
    /// Of the one body that may go beyond what is shared: it needs no more.
    beyond: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn kib(&self) -> usize {
        let shared = self.shared.as_ref();
        shared.map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.shared {
            Some(room) => room.merge(more),
            None => self.shared = Some(more),
        }
    }
}

/// Awaits something for as long as is left, and takes away what that took; `None` if it took longer.
async fn within<T: Send>(
    left: &mut Duration,
    awaited: impl Future<Output = T> + Send,
) -> Option<T> {
    let begun = Instant::now();
    let output = timeout(*left, awaited).await.ok();
    *left = left.saturating_sub(begun.elapsed());
    output
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        sync::Arc,
        task::{Context, Poll},
        time::Duration,
    };

    use axum::{
        body::{Body, HttpBody},
        extract::Request,
    };
    use bytes::Bytes;
    use futures_util::stream;
    use hyper::body::{Frame, SizeHint};
    use tokio::{
        sync::{OwnedSemaphorePermit, mpsc},
        task::JoinSet,
        time::timeout,
    };

    use super::{Bodies, BodyLimits, Unbelieved};
    use crate::http::error::ApiError;

    /// Never over in a test.
    const LONG: Duration = Duration::from_mins(1);

    const SHORT: Duration = Duration::from_millis(50);

    const MAX_BYTES: usize = 64 << 10;

    /// Room for 64 KiB.
    fn bodies(deadline: Duration, wait: Duration) -> Bodies {
        Bodies::new(BodyLimits {
            deadline,
            free_bytes: 1 << 10,
            shared_kib: 64,
            wait,
        })
    }

    /// A body that is sent piece by piece: the next finds its place once this one is taken.
    fn pieces() -> (mpsc::Sender<Bytes>, Body) {
        let (sender, receiver) = mpsc::channel(1);
        let pieces = stream::unfold(receiver, |mut receiver| async {
            let piece: Bytes = receiver.recv().await?;
            Some((Ok::<_, Infallible>(piece), receiver))
        });
        (sender, Body::from_stream(pieces))
    }

    fn kib(number: usize) -> Bytes {
        vec![b'x'; number << 10].into()
    }

    async fn read(bodies: &Bodies, body: impl Into<Body>) -> Result<Unbelieved, ApiError> {
        bodies.read(Request::new(body.into()), MAX_BYTES).await
    }

    /// The room, and the right to go beyond it.
    fn hold_all(bodies: &Bodies) -> [OwnedSemaphorePermit; 2] {
        [
            Arc::clone(&bodies.room).try_acquire_many_owned(64).unwrap(),
            Arc::clone(&bodies.beyond).try_acquire_owned().unwrap(),
        ]
    }

    /// Bodies of 60 KiB, of which half has arrived; what sends the rest.
    async fn halves(
        bodies: &Bodies,
        number: usize,
    ) -> (JoinSet<Result<usize, ApiError>>, Vec<mpsc::Sender<Bytes>>) {
        let mut read_on = JoinSet::new();
        let mut senders = Vec::new();
        for _ in 0..number {
            let (sender, body) = pieces();
            let bodies = bodies.clone();
            read_on.spawn(async move { Ok(read(&bodies, body).await?.bytes.len()) });
            sender.send(kib(30)).await.unwrap();
            drop(sender.reserve().await.unwrap());
            senders.push(sender);
        }
        (read_on, senders)
    }

    #[tokio::test]
    async fn halves_that_hold_all_the_room_become_whole_one_after_the_other() {
        let bodies = bodies(LONG, LONG);
        let (read_on, senders) = halves(&bodies, 20).await;
        assert_eq!(bodies.beyond.available_permits(), 0);
        for sender in senders {
            sender.send(kib(30)).await.unwrap();
        }
        let whole = timeout(LONG / 2, read_on.join_all()).await.unwrap();
        let lengths: Result<Vec<usize>, ApiError> = whole.into_iter().collect();
        assert_eq!(lengths.unwrap(), [60 << 10; 20]);
        assert_eq!(bodies.room.available_permits(), 64);
        assert_eq!(bodies.beyond.available_permits(), 1);
    }

    #[tokio::test]
    async fn one_body_goes_beyond_the_room_and_no_other_until_it_ends() {
        let bodies = bodies(LONG, SHORT);
        let (mut read_on, mut senders) = halves(&bodies, 3).await;
        assert!(matches!(read(&bodies, kib(20)).await, Err(ApiError::Busy)));
        // What is small has room of its own.
        read(&bodies, kib(1)).await.unwrap();
        // The last has come beyond.
        let last = senders.pop().unwrap();
        last.send(kib(30)).await.unwrap();
        drop(last);
        let whole = timeout(LONG, read_on.join_next()).await.unwrap().unwrap();
        assert_eq!(whole.unwrap().unwrap(), 60 << 10);
        read(&bodies, kib(20)).await.unwrap();
    }

    #[tokio::test]
    async fn waiting_for_room_is_not_the_senders_time() {
        let full = bodies(SHORT, SHORT * 4);
        let _held = hold_all(&full);
        assert!(matches!(read(&full, kib(20)).await, Err(ApiError::Busy)));
        let full = bodies(SHORT, LONG);
        let held = hold_all(&full);
        let mut waits = Box::pin(read(&full, kib(20)));
        assert!(timeout(SHORT * 2, &mut waits).await.is_err(), "it waits on");
        drop(held);
        assert_eq!(waits.await.unwrap().bytes.len(), 20 << 10);
    }

    #[tokio::test]
    async fn time_for_arrival_is_counted_over_all_of_a_body() {
        let bodies = bodies(SHORT, LONG);
        let (sender, body) = pieces();
        let sending = async {
            // Each piece comes in time.
            while sender.send(kib(0)).await.is_ok() {
                let _ = timeout(SHORT / 4, sender.closed()).await;
            }
        };
        let (slow, ()) = tokio::join!(read(&bodies, body), sending);
        assert!(matches!(slow, Err(ApiError::BodySlow(_))));
    }

    /// A body that is announced and never comes.
    struct Announced;

    impl HttpBody for Announced {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(60 << 10)
        }
    }

    #[tokio::test]
    async fn what_is_only_announced_takes_no_room() {
        let bodies = bodies(LONG, LONG);
        let mut announced: Vec<_> = (0..20)
            .map(|_| Box::pin(read(&bodies, Body::new(Announced))))
            .collect();
        for body in &mut announced {
            assert!(timeout(Duration::ZERO, body).await.is_err());
        }
        assert_eq!(bodies.room.available_permits(), 64);
        assert_eq!(bodies.beyond.available_permits(), 1);
    }
}
