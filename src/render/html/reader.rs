//! Instants for the one who reads them.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::domain::{
    instant::{OccurredAt, ticks_of_timestamp, timestamp_of_ticks},
    token::{Access, Scope},
};

/// Whoever reads a page: in which zone, and which pages there are for them.
#[derive(Debug, Clone)]
pub struct Reader {
    zone_name: String,
    zone: TimeZone,
    scopes: BTreeSet<Scope>,
}

impl Reader {
    /// In the zone of this name; in UTC if there is none.
    pub fn new(zone_name: &str) -> Self {
        let (zone_name, zone) = match TimeZone::get(zone_name) {
            Ok(zone) => (zone_name, zone),
            Err(_) => ("UTC", TimeZone::UTC),
        };
        Self {
            zone_name: zone_name.to_owned(),
            zone,
            scopes: BTreeSet::new(),
        }
    }

    /// The same with what a token allows.
    #[must_use]
    pub fn with(self, access: &Access) -> Self {
        let allowed = Scope::ALL.into_iter().filter(|scope| access.allows(*scope));
        Self {
            scopes: allowed.collect(),
            ..self
        }
    }

    /// True if pages that take this scope are open to them.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// The name of the zone.
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The sender's instant to the second, with all its digits in UTC behind it.
    pub fn time(&self, at: &OccurredAt) -> Markup {
        self.with_utc(at.ticks(), at.as_utc())
    }

    /// An instant in ticks of 100 ns.
    pub fn ticks(&self, ticks: i64) -> Markup {
        self.with_utc(ticks, &timestamp_of_ticks(ticks).to_string())
    }

    /// An instant of ours.
    pub fn stamp(&self, at: jiff::Timestamp) -> Markup {
        self.with_utc(ticks_of_timestamp(at), &at.to_string())
    }

    fn with_utc(&self, ticks: i64, utc: &str) -> Markup {
        html! { time datetime=(utc) title=(utc) { (self.second(ticks)) } }
    }

    /// Date and time to the second.
    pub fn second(&self, ticks: i64) -> String {
        self.write(ticks, "%Y-%m-%d %H:%M:%S")
    }

    /// As a field for a date and a time takes it.
    pub fn field(&self, ticks: i64) -> String {
        self.write(ticks, "%Y-%m-%dT%H:%M:%S")
    }

    /// Ticks of an axis: days, or for a short one also minutes.
    pub fn tick(&self, ticks: i64, with_minutes: bool) -> String {
        let format = if with_minutes {
            "%m-%d %H:%M"
        } else {
            "%Y-%m-%d"
        };
        self.write(ticks, format)
    }

    /// The year that an instant lies in.
    pub fn year(&self, ticks: i64) -> i16 {
        timestamp_of_ticks(ticks).to_zoned(self.zone.clone()).year()
    }

    fn write(&self, ticks: i64, format: &str) -> String {
        let at = timestamp_of_ticks(ticks).to_zoned(self.zone.clone());
        at.strftime(format).to_string()
    }
}

/// How long something took, in its two largest units.
pub(super) fn duration(ticks: i64) -> String {
    let seconds = ticks / 10_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A count with the word for it.
pub(super) fn counted(count: impl TryInto<i64>, one: &str, many: &str) -> String {
    let count = count.try_into().unwrap_or(i64::MAX);
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A whole number in groups of three digits.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    if number < 0 {
        shown.insert(0, '-');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1000, 25_014, -1_234_567].map(grouped),
            ["0", "999", "1,000", "25,014", "-1,234,567"]
        );
        assert_eq!(counted(1, "event", "events"), "1 event");
        let seconds = [0, 59, 61, 3600, 90_000].map(|seconds| duration(seconds * 10_000_000));
        assert_eq!(
            seconds,
            ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]
        );
    }
}
