//! How much a tenant sends by the hour, and whether its silence is out of the ordinary.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// Seconds in an hour.
const HOUR: i64 = 3600;

/// Hours in a week: people work by the week, so an hour is compared with the same one of other weeks.
const WEEK: i64 = 7 * 24;

/// Weeks that are compared.
const WEEKS: i64 = 4;

/// Fewest of them that must be known.
const KNOWN_WEEKS: usize = 2;

/// Deliveries in each of those weeks from which their lack is no accident.
const EXPECTED: u64 = 5;

/// How long after its end an hour counts as over: other receivers write their counts within seconds.
const GRACE: SignedDuration = SignedDuration::from_mins(2);

/// The number of an instant's hour since 1970, in UTC.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR)
}

/// The start of an hour.
pub fn instant_of(hour: i64) -> Timestamp {
    Timestamp::from_second(hour.saturating_mul(HOUR)).unwrap_or(Timestamp::MAX)
}

/// Deliveries of one tenant by the hour: those of the four weeks up to its last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// The hours that had any; 673 at most.
    deliveries: BTreeMap<i64, u64>,
    /// The first hour ever known.
    known_from: Option<i64>,
}

impl Rhythm {
    /// Counts one delivery.
    pub fn count(&mut self, at: Timestamp) {
        let hour = hour_of(at);
        *self.deliveries.entry(hour).or_insert(0) += 1;
        self.know(hour);
    }

    /// Takes over what the database knows of an hour, which may include what was counted here.
    pub fn learn(&mut self, hour: i64, deliveries: u64) {
        let known = self.deliveries.entry(hour).or_insert(0);
        *known = deliveries.max(*known);
        self.know(hour);
    }

    fn know(&mut self, hour: i64) {
        self.known_from = Some(self.known_from.map_or(hour, |from| from.min(hour)));
        let last = self.deliveries.last_key_value().map(|(last, _)| *last);
        while let (Some(last), Some(first)) = (last, self.deliveries.first_entry()) {
            if last - first.key() <= WEEKS * WEEK {
                break;
            }
            first.remove();
        }
    }

    /// The start of a silence that the rhythm does not explain.
    ///
    /// Silent is a tenant of which nothing came in the complete hours since its last delivery (the first
    /// week of them, if they are more), although in every one of the last four weeks (of which two must
    /// be known) the same hours had five deliveries or more. Hours are UTC: on the day after a change of
    /// summer time the rhythm is an hour off.
    pub fn silent_since(&self, now: Timestamp) -> Option<Timestamp> {
        let (last, _) = self.deliveries.last_key_value()?;
        let start = last + 1;
        let complete = hour_of(now.saturating_sub(GRACE).ok()?);
        let end = complete.min(start + WEEK);
        let known_from = self.known_from?;
        let mut known_weeks = 0;
        for back in (1..=WEEKS).map(|weeks| weeks * WEEK) {
            if known_from > start - back {
                break;
            }
            if end <= start || self.sum(start - back, end - back) < EXPECTED {
                return None;
            }
            known_weeks += 1;
        }
        (known_weeks >= KNOWN_WEEKS).then(|| instant_of(start))
    }

    /// Deliveries from an hour up to another.
    fn sum(&self, from: i64, to: i64) -> u64 {
        self.deliveries
            .range(from..to)
            .map(|(_, count)| count)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use super::{Rhythm, WEEK, instant_of};

    /// A Monday, 00:00.
    const MONDAY: i64 = 4 * 24 + 2000 * WEEK;

    fn minutes_into(hour: i64, minutes: i64) -> Timestamp {
        instant_of(hour) + SignedDuration::from_mins(minutes)
    }

    /// An office that sends so much an hour, Monday to Friday from 8 to 17, for these weeks up to the
    /// hour `end`.
    fn office(weeks: i64, an_hour: u64, end: i64) -> Rhythm {
        let mut rhythm = Rhythm::default();
        for hour in MONDAY - weeks * WEEK..end {
            let (day, time) = ((hour - MONDAY).rem_euclid(WEEK) / 24, hour.rem_euclid(24));
            if day < 5 && (8..17).contains(&time) {
                rhythm.learn(hour, an_hour);
            }
        }
        rhythm
    }

    #[test]
    fn an_office_that_does_not_start_in_the_morning_is_silent_once_the_hour_is_over() {
        let rhythm = office(4, 5, MONDAY);
        let friday_evening = instant_of(MONDAY - 2 * 24 - 7);
        for (hour, minutes, silent) in [
            (-30, 0, false),
            (0, 0, false),
            (8, 59, false),
            (9, 1, false),
            (9, 2, true),
            (12, 0, true),
            (10 * WEEK, 0, true),
        ] {
            let since = rhythm.silent_since(minutes_into(MONDAY + hour, minutes));
            assert_eq!(since, silent.then_some(friday_evening), "{hour}:{minutes}");
        }
    }

    #[test]
    fn one_delivery_breaks_the_silence_until_the_next_hour_is_over() {
        let mut rhythm = office(4, 5, MONDAY);
        rhythm.count(minutes_into(MONDAY + 9, 30));
        assert_eq!(rhythm.silent_since(minutes_into(MONDAY + 10, 59)), None);
        assert_eq!(
            rhythm.silent_since(minutes_into(MONDAY + 11, 2)),
            Some(instant_of(MONDAY + 10))
        );
    }

    #[test]
    fn two_weeks_must_be_known_and_each_known_one_must_have_had_enough() {
        let noon = instant_of(MONDAY + 12);
        assert_eq!(office(1, 50, MONDAY).silent_since(noon), None);
        assert!(office(2, 5, MONDAY).silent_since(noon).is_none());
        // The silence starts on Friday evening: of two weeks of history it is the third week's.
        assert!(office(3, 5, MONDAY).silent_since(noon).is_some());
        assert_eq!(
            office(4, 1, MONDAY).silent_since(instant_of(MONDAY + 12)),
            None
        );
        let mut holiday = office(4, 5, MONDAY);
        for hour in MONDAY - 2 * WEEK..MONDAY - 2 * WEEK + 24 {
            holiday.deliveries.remove(&hour);
        }
        assert_eq!(holiday.silent_since(noon), None);
    }

    #[test]
    fn nothing_ever_is_not_silence() {
        assert_eq!(Rhythm::default().silent_since(instant_of(MONDAY)), None);
    }

    proptest! {
        #[test]
        fn the_order_of_counting_does_not_matter_and_memory_is_bounded(
            mut hours in prop::collection::vec(0..3000_i64, 0..200),
            now in 0..4000_i64,
        ) {
            let rhythm = |hours: &[i64]| {
                let mut rhythm = Rhythm::default();
                for hour in hours {
                    rhythm.count(instant_of(*hour));
                }
                rhythm
            };
            let one = rhythm(&hours);
            prop_assert!(one.deliveries.len() <= 673);
            hours.reverse();
            let other = rhythm(&hours);
            prop_assert_eq!(one.silent_since(instant_of(now)), other.silent_since(instant_of(now)));
            hours.sort_unstable();
            prop_assert_eq!(one.silent_since(instant_of(now)), rhythm(&hours).silent_since(instant_of(now)));
        }
    }
}
