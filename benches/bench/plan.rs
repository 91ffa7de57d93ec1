//! How long and how often.

use std::time::Duration;

use serde::Serialize;

/// How long and how often. The number of pairs is even, so that neither side is first more often.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    #[serde(skip)]
    pub(crate) slice: Duration,
    /// Pairs of slices in a comparison.
    pub(crate) pairs: usize,
    /// Events that the projector is left behind by before it is let go.
    pub(crate) backlog: u64,
}

impl Plan {
    pub(crate) const FULL: Self = Self {
        name: "full",
        slice: Duration::from_millis(1500),
        pairs: 16,
        backlog: 200_000,
    };
    pub(crate) const QUICK: Self = Self {
        name: "quick",
        slice: Duration::from_millis(500),
        pairs: 6,
        backlog: 60_000,
    };
    pub(crate) const GUARD: Self = Self {
        name: "guard",
        slice: Duration::from_millis(300),
        pairs: 4,
        backlog: 5_000,
    };
}
