//! What happened day by day.

use jiff::{ToSpan, civil::Date, tz::TimeZone};

use crate::domain::instant::ticks_of_timestamp;

/// A day of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// Its first instant, in ticks of 100 ns.
    pub from_ticks: i64,
    /// The first instant after it.
    pub until_ticks: i64,
}

/// What happened on a day, repeats left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfDay {
    /// The day.
    pub date: Date,
    /// Events.
    pub events: i64,
    /// Tickets that have any of them.
    pub tickets: i64,
    /// Events that create a ticket.
    pub created: i64,
}

/// What somebody did on a day, repeats left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoneOnDay {
    /// The day.
    pub date: Date,
    /// Events.
    pub events: i64,
    /// Those of them that create a ticket.
    pub created: i64,
}

/// The last days of a zone, up to the one that an instant lies in, oldest first. Fewer where time ends.
pub fn last_days(until: jiff::Timestamp, count: u16, zone: &TimeZone) -> Vec<Day> {
    days_up_to(zone.to_datetime(until).date(), count, zone)
}

/// The days of a year in a zone; `None` for one that no instant lies in.
pub fn of_year(year: i16, zone: &TimeZone) -> Option<Vec<Day>> {
    let last = Date::new(year, 12, 31).ok()?;
    let count = u16::try_from(last.day_of_year()).ok()?;
    Some(days_up_to(last, count, zone))
}

/// The days of a zone up to one, oldest first. Fewer where time ends.
pub fn days_up_to(last: Date, count: u16, zone: &TimeZone) -> Vec<Day> {
    let start = |date: Date| {
        let start = zone.to_ambiguous_zoned(date.at(0, 0, 0, 0)).compatible();
        start.ok().map(|at| ticks_of_timestamp(at.timestamp()))
    };
    let days = (0..i64::from(count)).rev().filter_map(|back| {
        let date = last.checked_sub(back.days()).ok()?;
        Some(Day {
            date,
            from_ticks: start(date)?,
            until_ticks: start(date.tomorrow().ok()?)?,
        })
    });
    days.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_zone_and_as_long_as_they_are_there() {
        let zone = TimeZone::get("Europe/Oslo").unwrap();
        let days = last_days("2025-03-30T22:30:00Z".parse().unwrap(), 2, &zone);
        let dates: Vec<String> = days.iter().map(|day| day.date.to_string()).collect();
        assert_eq!(dates, ["2025-03-30", "2025-03-31"]);
        let hours = |day: &Day| (day.until_ticks - day.from_ticks) / 36_000_000_000;
        assert_eq!(days.iter().map(hours).collect::<Vec<_>>(), [23, 24]);
        let year = |year| of_year(year, &zone).map(|days| days.len());
        assert_eq!([2015, 2016].map(year), [Some(365), Some(366)]);
        assert_eq!(year(i16::MAX), None);
    }
}
