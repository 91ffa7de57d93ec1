//! How many may follow the feed at once.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::error::ApiError;

/// Most readers that wait, stream or take all lines at once. Each looks at the head once a second, and a
/// slow one keeps 256 KiB and a body.
const MAX_FOLLOWERS: usize = 500;

/// Time after which a stream without events shows that it lives: proxies end what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Places for readers that stay. Clones share them.
#[derive(Debug, Clone)]
pub struct Followers {
    places: Arc<Semaphore>,
    pub(super) keep_alive: Duration,
}

impl Default for Followers {
    fn default() -> Self {
        Self::new(MAX_FOLLOWERS, KEEP_ALIVE)
    }
}

impl Followers {
    /// So many places, and after how long a silent stream says that it lives.
    pub fn new(places: usize, keep_alive: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            keep_alive,
        }
    }

    /// Takes a place, which is free again when what this gives is dropped.
    ///
    /// # Errors
    /// 503 if none is free.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let places = Arc::clone(&self.places);
        (places.try_acquire_owned()).map_err(|_| ApiError::TooManyFollowers)
    }
}
