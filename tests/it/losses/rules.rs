//! The reasons to doubt an interval, a second time and naively: by looking from each event back at the after-images
//! before it. Quoted comments are sentences of docs/history.md.

use std::collections::{BTreeMap, BTreeSet};

use ticketlog::domain::{
    completeness::Reason,
    feed::Outage,
    fields::{Normal, Value},
    history::TicketEvent,
};

use super::desk::SECOND;

/// The reasons of the interval that ends with this event; the events stand in order and none is a repeat.
pub(super) fn reasons(events: &[TicketEvent], at: usize, outages: &[Outage]) -> BTreeSet<Reason> {
    let event = &events[at];
    let before = image_before(events, at);
    let moved: BTreeSet<&String> = before
        .iter()
        .filter(|(name, value)| carried(event, name).is_some_and(|now| now != **value))
        .map(|(name, _)| *name)
        .collect();
    let mut reasons: BTreeSet<Reason> = moved
        .iter()
        .filter(|name| name.as_str() != "last_changed")
        .filter_map(|name| of_move(event, name))
        .collect();
    let mut add = |holds: bool, reason| {
        if holds {
            reasons.insert(reason);
        }
    };
    // "a declared field arrived with the value it had": had when it was last seen.
    let arrived_again = |name: &String| {
        let last = events[..at].iter().rev().find_map(|e| carried(e, name));
        last.is_some() && last == carried(event, name)
    };
    add(event.declared.iter().any(arrived_again), Reason::NoOp);
    // "no FieldValues, or lacking a field known before"
    let lacks = before.keys().any(|name| !event.carried.contains_key(*name));
    add(event.carried.is_empty() || lacks, Reason::NoValues);
    let moved_to = moved.iter().find(|name| name.as_str() == "last_changed");
    let moved_to = moved_to.map(|name| event.carried[*name].as_text().unwrap());
    let unseen = moved_to.is_some_and(|text| !is_a_write(&text, events));
    add(unseen, Reason::UnseenWrite);
    let has_created = events.iter().any(TicketEvent::is_created);
    let first = at == 0 && !event.is_created();
    add(first && has_created, Reason::Disorder);
    add(first && !has_created, Reason::StartsLate);
    let ticks = event.occurred_at.ticks();
    let sharing = events.iter().filter(|e| e.occurred_at.ticks() == ticks);
    add(sharing.count() > 1, Reason::SameInstant);
    // "An interval meets it if they share more than an end."
    let since = at
        .checked_sub(1)
        .map(|last| events[last].occurred_at.ticks());
    let meets = |since: i64| {
        let overlaps = |o: &Outage| o.from_ticks.max(since) < o.to_ticks.unwrap().min(ticks);
        outages.iter().any(overlaps)
    };
    add(since.is_some_and(meets), Reason::FeedOutage);
    reasons
}

/// What is known of the ticket before an event: the last after-image, less what was declared since.
fn image_before(events: &[TicketEvent], at: usize) -> BTreeMap<&String, Normal> {
    let earlier = &events[..at];
    let Some(last) = earlier.iter().rposition(|e| !e.carried.is_empty()) else {
        return BTreeMap::new();
    };
    let since = &earlier[last + 1..];
    let stands = |name: &String| !since.iter().any(|e| e.declared.contains(name));
    let image = earlier[last].carried.iter();
    image
        .filter(|(name, _)| stands(name))
        .map(|(name, value)| (name, value.normal(name)))
        .collect()
}

fn carried(event: &TicketEvent, name: &str) -> Option<Normal> {
    event
        .carried
        .get(name)
        .map(|value: &Value| value.normal(name))
}

fn of_move(event: &TicketEvent, name: &str) -> Option<Reason> {
    let implying: &[&str] = match name {
        // "`status` ⇄ `ticket_status`, `contact_id` by `cust_id`, `connect_id` by `status`"
        "status" => &["ticket_status"],
        "ticket_status" | "connect_id" => &["status"],
        "contact_id" => &["cust_id"],
        _ => &[],
    };
    if event.declared.contains(name) {
        None
    } else if event.declared.is_empty() {
        Some(Reason::NoChangesDeclared)
    } else if implying.iter().any(|name| event.declared.contains(*name)) {
        Some(Reason::ImpliedChange)
    } else {
        Some(Reason::UndeclaredChange)
    }
}

/// "compared with the Timestamps modulo 15 minutes, since the payload names no zone, tolerance 60 s"
fn is_a_write(last_changed: &str, events: &[TicketEvent]) -> bool {
    let civil: jiff::civil::DateTime = last_changed.parse().unwrap();
    let utc = civil.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let written = utc.as_second() * SECOND;
    events.iter().any(|event| {
        let apart = (written - event.occurred_at.ticks()).rem_euclid(900 * SECOND);
        apart <= 60 * SECOND || apart >= 840 * SECOND
    })
}
