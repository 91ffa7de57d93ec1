//! The keeper's times and places.

use std::{path::PathBuf, time::Duration};

use jiff::SignedDuration;

/// How often the keeper does what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the local heartbeat.
    pub data_dir: PathBuf,
    /// Between looks at the feed.
    pub look_every: Duration,
    /// Between heartbeats, and between writes.
    pub beat_every: SignedDuration,
    /// Without a heartbeat for longer than this, the program was down.
    pub down_after: SignedDuration,
}

impl Settings {
    /// A look a second, a beat every five, down after three of those are missing.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            look_every: Duration::from_secs(1),
            beat_every: SignedDuration::from_secs(5),
            down_after: SignedDuration::from_secs(15),
        }
    }
}
