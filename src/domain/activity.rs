//! Who changed how much.

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};

use crate::domain::{
    ids::Actor,
    instant::{OccurredAt, timestamp_of_ticks},
};

/// What an actor did.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Who; `None` for the events that do not say.
    pub actor: Option<Actor>,
    /// Events that create a ticket.
    pub created: i64,
    /// Events, those that create a ticket among them; repeats count as nothing.
    pub events: i64,
    /// Changes of kind `changed`, noise left out.
    pub changes: i64,
    /// Timestamp of the first event; `None` if there is none in the time asked for.
    pub first_at: Option<OccurredAt>,
    /// Timestamp of the last event.
    pub last_at: Option<OccurredAt>,
}

/// Events or changes in a moment so short that it lies in one day, whatever the zone.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Where it begins, in ticks of 100 ns.
    pub ticks: i64,
    /// Events in it.
    pub events: i64,
    /// Changes in it.
    pub changes: i64,
}

/// A day's events and changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OfDay {
    /// Events.
    pub events: i64,
    /// Changes.
    pub changes: i64,
}

/// Puts moments together by the days of a zone; days without any are left out.
pub fn by_day(moments: &[Moment], zone: &TimeZone) -> BTreeMap<Date, OfDay> {
    let mut days: BTreeMap<Date, OfDay> = BTreeMap::new();
    for moment in moments {
        let day = zone.to_datetime(timestamp_of_ticks(moment.ticks)).date();
        let of_day = days.entry(day).or_default();
        of_day.events += moment.events;
        of_day.changes += moment.changes;
    }
    days
}
