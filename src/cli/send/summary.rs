//! How a run of `send` went.

use std::{collections::BTreeMap, fmt, time::Duration};

/// Most failures that are shown one by one.
const MAX_SHOWN: usize = 5;

/// How a run went.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Deliveries taken, by outcome.
    outcomes: BTreeMap<String, u64>,
    /// Of deliveries taken.
    latencies: Vec<Duration>,
    tries: u32,
    /// Failed tries, by what was wrong.
    failures: BTreeMap<String, u64>,
    /// Cycles of three tries that all failed.
    pub(super) failed_cycles: u64,
    /// Why the webhook was turned off.
    pub(super) turned_off: Option<String>,
    /// Bodies that were not delivered.
    pub(super) left: usize,
    /// From the first try to the last answer.
    pub(super) elapsed: Duration,
}

impl Summary {
    /// Counts a cycle's tries and failures.
    pub(super) fn count(&mut self, tries: u32, failures: Vec<String>) {
        self.tries += tries;
        for failure in failures {
            *self.failures.entry(failure).or_default() += 1;
        }
    }

    /// Counts a delivery that was taken.
    pub(super) fn taken(&mut self, outcome: String, latency: Duration) {
        *self.outcomes.entry(outcome).or_default() += 1;
        self.latencies.push(latency);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken: u64 = self.outcomes.values().sum();
        let outcomes: Vec<String> = self
            .outcomes
            .iter()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        write!(f, "{taken} taken in {:.1} s", self.elapsed.as_secs_f64())?;
        if taken > 0 {
            write!(f, ": {}", outcomes.join(", "))?;
        }
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let percentile = |percent: usize| {
            sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        };
        if let (Some(median), Some(p99)) = (percentile(50), percentile(99)) {
            let ms = |latency: &Duration| latency.as_secs_f64() * 1000.0;
            write!(
                f,
                "\nanswered in {:.1} ms (median), {:.1} ms (99 of 100)",
                ms(median),
                ms(p99)
            )?;
        }
        let failed: u64 = self.failures.values().sum();
        if failed > 0 {
            write!(
                f,
                "\n{failed} of {} tries failed, {} cycles of three",
                self.tries, self.failed_cycles
            )?;
        }
        for (failure, count) in self.failures.iter().take(MAX_SHOWN) {
            write!(f, "\n  {count} × {failure}")?;
        }
        if let Some(why) = &self.turned_off {
            write!(
                f,
                "\nSuperOffice would have turned the webhook off: {why}.\n{} not delivered.",
                self.left
            )?;
        }
        Ok(())
    }
}
