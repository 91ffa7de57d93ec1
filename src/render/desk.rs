//! Tickets and differences as tables for the terminal.

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};

use super::table::{instant, labelled, plain, shown};
use crate::domain::{
    completeness::{Completeness, Confidence},
    fields::Value,
    history::{Diff, FieldDiff, History},
    ids::{Actor, TicketId},
    label::Labels,
};

/// The fields that a row of the desk has room for, here and on a page.
pub(super) const COLUMNS: [&str; 5] = [
    "status",
    "ticket_status",
    "priority",
    "category",
    "owned_by",
];

/// Tickets, a row each: the fields that say most, how much happened, and what is in doubt; with the labels
/// valid at an instant in ticks of 100 ns. A value that is not known is `?`.
pub fn tickets(tickets: &[(TicketId, &History)], labels: &Labels, ticks: i64) -> String {
    let header = ["ticket", "last event (UTC)"].into_iter().chain(COLUMNS);
    let mut table = table(header.chain(["events", "in doubt"]));
    for (ticket, history) in tickets {
        let last = history.entries.last();
        let mut row = vec![
            ticket.to_string(),
            last.map_or_else(String::new, |entry| instant(&entry.occurred_at)),
        ];
        row.extend(COLUMNS.map(|field| value(field, history.state.get(field), labels, ticks)));
        let intervals = history
            .entries
            .iter()
            .filter(|entry| entry.repeats.is_none());
        let reasons = intervals
            .clone()
            .flat_map(|entry| entry.completeness.reasons.iter());
        let all = Completeness {
            reasons: reasons.chain(&history.open.reasons).copied().collect(),
        };
        row.push(intervals.count().to_string());
        row.push(doubt(&all));
        table.add_row(row);
    }
    table.to_string()
}

/// A difference, a row for each field; with the labels valid at the two instants in ticks of 100 ns.
pub fn diff(diff: &Diff, labels: &Labels, (from, to): (i64, i64)) -> String {
    let mut table = table(["field", "from", "to", "steps", "by"]);
    for field in &diff.fields {
        let back = if field.is_changed() {
            ""
        } else {
            " (as before)"
        };
        table.add_row([
            plain(&field.field),
            value(&field.field, field.from.as_ref(), labels, from),
            value(&field.field, field.to.as_ref(), labels, to) + back,
            field.steps.to_string(),
            actors(field, labels, to),
        ]);
    }
    table.to_string()
}

/// What is in doubt between the two instants of a difference; empty if nothing is.
pub fn doubt_between(diff: &Diff) -> String {
    doubt(&diff.completeness)
}

fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

fn value(field: &str, value: Option<&Value>, labels: &Labels, ticks: i64) -> String {
    value.map_or_else(
        || "?".to_owned(),
        |value| labelled(shown(value), labels.of_value(field, value, ticks)),
    )
}

fn actors(field: &FieldDiff, labels: &Labels, ticks: i64) -> String {
    let name = |actor: &Option<Actor>| {
        let id = actor.map_or_else(|| "?".to_owned(), |actor| actor.0.to_string());
        labelled(id, labels.of_actor(*actor, ticks))
    };
    field.actors.iter().map(name).collect::<Vec<_>>().join("\n")
}

fn doubt(completeness: &Completeness) -> String {
    let confidence = completeness.confidence();
    if confidence == Confidence::Consistent {
        return String::new();
    }
    let reasons = completeness.reasons.iter().map(|reason| reason.as_str());
    format!(
        "{}: {}",
        confidence.as_str(),
        reasons.collect::<Vec<_>>().join(", ")
    )
}
