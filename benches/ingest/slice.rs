//! What a slice of time gave.

use std::time::Duration;

/// The latencies of the events answered in it, and how long it took.
#[derive(Default)]
pub(crate) struct Slice {
    latencies: Vec<Duration>,
    elapsed: Duration,
}

impl Slice {
    pub(crate) fn new(elapsed: Duration) -> Self {
        Self {
            latencies: Vec::new(),
            elapsed,
        }
    }

    pub(crate) fn extend(&mut self, latencies: Vec<Duration>) {
        self.latencies.extend(latencies);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.elapsed += other.elapsed;
    }

    /// Events answered.
    pub(crate) fn events(&self) -> u64 {
        u64::try_from(self.latencies.len()).unwrap_or(u64::MAX)
    }

    /// Events a second.
    pub(crate) fn rate(&self) -> f64 {
        let events = u32::try_from(self.latencies.len()).unwrap_or(u32::MAX);
        f64::from(events) / self.elapsed.as_secs_f64()
    }

    /// Median and 99th percentile, in milliseconds; not a number if nothing was answered.
    pub(crate) fn percentiles(&mut self) -> (f64, f64) {
        self.latencies.sort_unstable();
        let at = |percent: usize| {
            let latency = self.latencies.get(self.latencies.len() * percent / 100);
            latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
        };
        (at(50), at(99))
    }
}
