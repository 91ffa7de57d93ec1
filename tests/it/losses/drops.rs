//! Ways to lose events.

use ticketlog::domain::feed::Outage;

use super::Source;

/// How events get lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// None.
    Nothing,
    /// Each by itself, so many of a hundred.
    Scattered(u8),
    /// All of a stretch of time that holds a twentieth of the events; nobody noticed.
    Burst,
    /// The same, and the feed's facts tell of it.
    Outage,
}

impl Loss {
    pub(super) fn name(self) -> String {
        match self {
            Self::Nothing => "none".to_owned(),
            Self::Scattered(percent) => format!("{percent} % at random"),
            Self::Burst => "5 % in one stretch".to_owned(),
            Self::Outage => "the same, known".to_owned(),
        }
    }

    /// Which events arrive, ticket by ticket, and the outages that are known.
    pub(super) fn strike(self, source: &Source, seed: u64) -> (Vec<Vec<bool>>, Vec<Outage>) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let tickets = source.tickets.iter();
        match self {
            Self::Nothing => (tickets.map(|t| vec![true; t.len()]).collect(), Vec::new()),
            Self::Scattered(percent) => {
                let mut spared = || rng.u8(0..100) >= percent;
                let arrived = tickets.map(|t| t.iter().map(|_| spared()).collect());
                (arrived.collect(), Vec::new())
            }
            Self::Burst | Self::Outage => {
                let (from, to) = stretch(source, &mut rng);
                let spared = |ticks: i64| ticks <= from || ticks >= to;
                let arrived = tickets.map(|t| t.iter().map(|told| spared(told.ticks())).collect());
                let outage = Outage {
                    from_ticks: from,
                    to_ticks: Some(to),
                };
                let known = (self == Self::Outage).then_some(outage);
                (arrived.collect(), known.into_iter().collect())
            }
        }
    }
}

/// The Timestamps of the last event before a stretch and of the first after it.
fn stretch(source: &Source, rng: &mut fastrand::Rng) -> (i64, i64) {
    let mut ticks: Vec<i64> = source
        .tickets
        .iter()
        .flatten()
        .map(super::Told::ticks)
        .collect();
    ticks.sort_unstable();
    let length = ticks.len() / 20;
    let last_before = rng.usize(0..ticks.len() - length - 1);
    (ticks[last_before], ticks[last_before + length + 1])
}
