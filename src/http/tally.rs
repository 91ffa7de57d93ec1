//! Counts what strangers can cause at will, so that they cannot fill the log.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Between two lines of one kind.
const BETWEEN_LINES: Duration = Duration::from_mins(1);

/// Occurrences of one kind, told at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    untold: u64,
    told_at: Option<Instant>,
}

impl Tally {
    /// Counts one; if a line is due, gives how many there were since the last line.
    pub(super) fn count(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.untold += 1;
        if counted
            .told_at
            .is_some_and(|told_at| now.duration_since(told_at) < BETWEEN_LINES)
        {
            return None;
        }
        counted.told_at = Some(now);
        Some(std::mem::take(&mut counted.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_once_a_minute() {
        let tally = Tally::default();
        let start = Instant::now();
        assert_eq!(tally.count(start), Some(1));
        for second in 1..60 {
            assert_eq!(tally.count(start + Duration::from_secs(second)), None);
        }
        assert_eq!(tally.count(start + Duration::from_mins(1)), Some(60));
        assert_eq!(tally.count(start + Duration::from_secs(61)), None);
    }
}
