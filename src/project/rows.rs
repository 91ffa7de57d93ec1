//! What the tables hold of entries. Pure.

use crate::{
    domain::{
        completeness::{Completeness, Confidence},
        fields::Value,
        history::{Change, Entry, FieldInterval, Lifecycle, Moment, intervals},
        ids::TicketId,
        instant::OccurredAt,
    },
    store::projection::{ChangeRow, EntryRow, IntervalRow, Rows, TicketRow},
};

/// What entries of one ticket add to its rows.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// Rows that are new.
    pub(super) rows: Rows,
    /// The fields whose interval, if one is open, ends with these entries.
    pub(super) ends: Vec<(TicketId, String, Moment)>,
}

impl Added {
    /// Adds what entries in order come to.
    pub(super) fn add(&mut self, ticket: TicketId, entries: &[Entry]) {
        for entry in entries {
            self.rows.entries.push(entry_row(ticket, entry));
            let text = occurred_text(&entry.occurred_at);
            let changes = (0_i32..).zip(&entry.changes);
            self.rows
                .changes
                .extend(changes.map(|(nth, change)| change_row(ticket, entry, text, nth, change)));
        }
        for interval in intervals(entries) {
            match interval_row(ticket, &interval) {
                Some(row) => self.rows.intervals.push(row),
                None => self
                    .ends
                    .extend(interval.until.map(|until| (ticket, interval.field, until))),
            }
        }
    }
}

/// Counts entries into their ticket's row.
pub(super) fn count(row: &mut TicketRow, entries: &[Entry]) {
    for entry in entries {
        let ticks = entry.occurred_at.ticks();
        row.first_ticks = Some(row.first_ticks.map_or(ticks, |first| first.min(ticks)));
        row.last_ticks = Some(row.last_ticks.map_or(ticks, |last| last.max(ticks)));
        if entry.repeats.is_none() {
            *match entry.completeness.confidence() {
                Confidence::Consistent => &mut row.consistent,
                Confidence::Unproven => &mut row.unproven,
                Confidence::Suspect => &mut row.suspect,
            } += 1;
        }
    }
}

fn entry_row(ticket: TicketId, entry: &Entry) -> EntryRow {
    EntryRow {
        ticket: ticket.number(),
        event_id: entry.event_id.0,
        position: entry.position.0,
        ticks: entry.occurred_at.ticks(),
        creates: entry.is_created(),
        actor: entry.actor.map(|actor| actor.0),
        lifecycle: entry.lifecycle.map(Lifecycle::as_str).map(str::to_owned),
        repeats: entry.repeats.map(|original| original.0),
        after_ticks: entry.after_ticks,
        confidence: entry.completeness.confidence().as_str().to_owned(),
        reasons: reasons(&entry.completeness),
    }
}

fn reasons(completeness: &Completeness) -> String {
    let reasons: Vec<&str> = completeness
        .reasons
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    reasons.join(",")
}

/// Empty for the usual form, which nearly all have, and which the ticks tell.
fn occurred_text(at: &OccurredAt) -> &str {
    let usual = OccurredAt::of_ticks(at.ticks());
    match usual {
        Some(usual) if usual.as_sent() == at.as_sent() => "",
        _ => at.as_sent(),
    }
}

fn change_row(
    ticket: TicketId,
    entry: &Entry,
    occurred_text: &str,
    nth: i32,
    change: &Change,
) -> ChangeRow {
    let text = |value: &Option<Value>| value.as_ref().map(|value| value.as_json().to_owned());
    let key = |value: &Option<Value>| {
        let value = value.as_ref()?;
        Some(value.normal(&change.field).key())
    };
    ChangeRow {
        ticket: ticket.number(),
        event_id: entry.event_id.0,
        nth,
        position: entry.position.0,
        ticks: entry.occurred_at.ticks(),
        actor: entry.actor.map(|actor| actor.0),
        field: change.field.clone(),
        kind: change.kind.as_str().to_owned(),
        declared: change.declared,
        noise: change.is_noise(),
        from_value: text(&change.from),
        to_value: text(&change.to),
        from_key: key(&change.from),
        to_key: key(&change.to),
        occurred_text: Some(occurred_text.to_owned()),
    }
}

/// `None` for an interval that began before the entries.
fn interval_row(ticket: TicketId, interval: &FieldInterval) -> Option<IntervalRow> {
    let (from, value) = (interval.from?, interval.value.as_ref()?);
    Some(IntervalRow {
        ticket: ticket.number(),
        field: interval.field.clone(),
        from_event: from.event_id.0,
        from_ticks: from.ticks,
        until_event: interval.until.map(|until| until.event_id.0),
        until_ticks: interval.until.map(|until| until.ticks),
        key: value.normal(&interval.field).key(),
        value: value.as_json().to_owned(),
    })
}
