//! What a slice of time gave.

use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;

use super::cpu;

/// Events answered in some time, with their latencies and what they took of the CPU.
pub(crate) struct Slice {
    events: u64,
    elapsed: Duration,
    /// In microseconds; empty where the side does not tell.
    latencies: Histogram<u64>,
    pub(crate) cpu: Cpu,
}

/// CPU time by group of processes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) server: Duration,
    pub(crate) postgres: Duration,
    pub(crate) load: Duration,
}

/// The first process of each group.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Groups {
    pub(crate) server: Server,
    pub(crate) postgres: Option<u32>,
}

/// What serves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Server {
    /// Postgres alone.
    #[default]
    None,
    /// A process and all below it.
    Process(u32),
    /// Commands that are run to their end.
    Commands,
}

impl Groups {
    /// What they have used so far.
    pub(crate) fn used(self) -> Cpu {
        Cpu {
            server: match self.server {
                Server::None => Duration::ZERO,
                Server::Process(first) => cpu::of_tree(first),
                Server::Commands => cpu::of_commands(),
            },
            postgres: self.postgres.map_or(Duration::ZERO, cpu::of_tree),
            load: cpu::of_this(),
        }
    }
}

impl Cpu {
    /// What was used since then.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            postgres: self.postgres.saturating_sub(before.postgres),
            load: self.load.saturating_sub(before.load),
        }
    }
}

impl Slice {
    pub(crate) fn new(events: u64, elapsed: Duration, cpu: Cpu) -> anyhow::Result<Self> {
        Ok(Self {
            events,
            elapsed,
            latencies: Histogram::new(3).context("making a histogram")?,
            cpu,
        })
    }

    pub(crate) fn record(&mut self, latency: Duration) -> anyhow::Result<()> {
        let micros = u64::try_from(latency.as_micros())?;
        Ok(self.latencies.record(micros.max(1))?)
    }

    pub(crate) fn merge(&mut self, other: &Self) -> anyhow::Result<()> {
        self.events += other.events;
        self.elapsed += other.elapsed;
        self.cpu.server += other.cpu.server;
        self.cpu.postgres += other.cpu.postgres;
        self.cpu.load += other.cpu.load;
        Ok(self.latencies.add(&other.latencies)?)
    }

    /// Events answered.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Events a second.
    pub(crate) fn rate(&self) -> f64 {
        number(self.events) / self.elapsed.as_secs_f64()
    }

    /// The latency that so much of a hundred stay below, in milliseconds; not a number if none is known.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        if self.latencies.is_empty() {
            return f64::NAN;
        }
        number(self.latencies.value_at_percentile(percent)) / 1000.0
    }

    /// Microseconds an event; not a number where it is not known.
    pub(crate) fn micros(&self, time: Duration) -> f64 {
        if time.is_zero() || self.events == 0 {
            return f64::NAN;
        }
        time.as_secs_f64() * 1e6 / number(self.events)
    }
}

/// A count as a number to reckon with.
pub(crate) fn number(count: u64) -> f64 {
    // Past four thousand millions the last digits of a benchmark tell nothing.
    u32::try_from(count).map_or_else(
        |_| f64::from(u32::try_from(count >> 20).unwrap_or(u32::MAX)) * 1_048_576.0,
        f64::from,
    )
}
