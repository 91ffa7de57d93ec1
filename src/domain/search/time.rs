//! Days and instants of a query, as ticks.

use jiff::{
    SignedDuration,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{Span, When};
use crate::domain::instant::ticks_of_timestamp;

/// Ticks of 100 ns in a second.
const TICKS_PER_SECOND: i64 = 10_000_000;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A stretch of time in ticks of 100 ns; open where there is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first tick.
    pub from: Option<i64>,
    /// The first tick after it.
    pub until: Option<i64>,
}

impl Window {
    /// True if it ends before it begins.
    pub(super) fn is_reversed(self) -> bool {
        self.from
            .zip(self.until)
            .is_some_and(|(from, until)| until < from)
    }
}

impl Span {
    /// Its ticks, where days are those of a zone.
    pub(super) fn window(self, zone: &TimeZone) -> Window {
        let (from, until) = match self {
            Self::Before(when) => (None, Some(when.start(zone))),
            Self::After(when) => (Some(when.end(zone)), None),
            Self::Since(when) => (Some(when.start(zone)), None),
            Self::On(when) => (Some(when.start(zone)), Some(when.end(zone))),
            Self::Between(first, last) => (Some(first.start(zone)), Some(last.end(zone))),
        };
        Window { from, until }
    }
}

impl When {
    /// Its first tick.
    fn start(self, zone: &TimeZone) -> i64 {
        match self {
            Self::Day(day) => day_start(day, zone),
            Self::Instant(ticks) => ticks,
        }
    }

    /// The first tick after it.
    fn end(self, zone: &TimeZone) -> i64 {
        match self {
            Self::Day(day) => day.tomorrow().map_or(i64::MAX, |day| day_start(day, zone)),
            Self::Instant(ticks) => ticks.saturating_add(1),
        }
    }
}

/// The first instant of a day: not always midnight, and 23 or 25 hours before the next where clocks turn.
fn day_start(day: Date, zone: &TimeZone) -> i64 {
    match day.to_zoned(zone.clone()) {
        Ok(start) => ticks_of_timestamp(start.timestamp()),
        // Within hours of the last instant there is, where zones are of no matter.
        Err(_) => ticks_of_civil(day.at(0, 0, 0, 0)),
    }
}

fn ticks_of_civil(at: DateTime) -> i64 {
    at.duration_since(EPOCH)
        .as_secs()
        .saturating_mul(TICKS_PER_SECOND)
}

/// An instant as the language writes it: RFC 3339 in UTC with seven digits.
pub(super) fn instant_text(ticks: i64) -> String {
    let seconds = SignedDuration::from_secs(ticks.div_euclid(TICKS_PER_SECOND));
    let second = EPOCH.checked_add(seconds).unwrap_or(if ticks < 0 {
        DateTime::MIN
    } else {
        DateTime::MAX
    });
    let within = ticks.rem_euclid(TICKS_PER_SECOND);
    format!("{}.{within:07}Z", second.strftime("%Y-%m-%dT%H:%M:%S"))
}
