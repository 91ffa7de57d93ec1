//! The life of a ticket as lanes of intervals, and the same as a table.

use maud::{Markup, html};

use crate::{
    domain::{
        completeness::{Confidence, Reason},
        fields::Value,
        history::{Entry, FieldInterval, History, intervals},
        instant::OccurredAt,
        label::Labels,
    },
    render::{
        html::{
            parts::name_of,
            reader::{Reader, duration},
        },
        svg::{Doubted, Lane, Life, Mark, Stretch},
    },
};

/// The fields that have a lane, from the top.
const LANES: [&str; 5] = [
    "status",
    "ticket_status",
    "owned_by",
    "project_id",
    "priority",
];

/// Rows of the table: the last ones of each field.
const MAX_ROWS: usize = 40;

/// Bytes of the rows of one field; a line has hardly ever more than a twentieth.
const MAX_BYTES: usize = 6_000;

/// One row of the table.
#[derive(Debug)]
pub(super) struct Row {
    field: String,
    name: String,
    from: i64,
    until: Option<i64>,
}

/// From when until when a field held a value; those that began before the entries are not there.
struct Held<'a> {
    value: &'a Value,
    from: i64,
    until: Option<i64>,
}

fn held<'a>(all: &'a [FieldInterval], field: &str) -> Vec<Held<'a>> {
    let own = all.iter().filter(|interval| interval.field == field);
    let held = own.filter_map(|interval| {
        Some(Held {
            value: interval.value.as_ref()?,
            from: interval.from?.ticks,
            until: interval.until.map(|moment| moment.ticks),
        })
    });
    held.collect()
}

/// The picture of a history, with an instant that is looked at.
pub(super) fn draw(
    history: &History,
    labels: &Labels,
    as_of: Option<&OccurredAt>,
    reader: &Reader,
) -> Life {
    let ticks = |entry: &Entry| entry.occurred_at.ticks();
    let (Some(first), Some(last)) = (history.entries.first(), history.entries.last()) else {
        return Life::default();
    };
    let (first, last) = (ticks(first), ticks(last));
    let life = last.saturating_sub(first);
    // What holds after the last event has a part too.
    let end = last.saturating_add((life / 20).max(10_000_000));
    let all = intervals(&history.entries);
    let lanes = LANES.iter().filter_map(|field| {
        let stretches = stretches(field, &held(&all, field), labels, end, reader);
        (!stretches.is_empty()).then(|| Lane {
            name: (*field).to_owned(),
            stretches,
        })
    });
    let marks = history.entries.iter().filter_map(|entry| {
        let word = entry.lifecycle?.as_str();
        Some(Mark {
            at: ticks(entry),
            word,
            title: format!("{word} {}", reader.second(ticks(entry))),
        })
    });
    let short = end - first < 4 * 86_400 * 10_000_000;
    let axis = (0..=4).map(|part| {
        let at = first + (end - first) / 4 * part;
        (at, reader.tick(at, short))
    });
    Life {
        span: (first, end),
        lanes: lanes.collect(),
        marks: marks.collect(),
        doubted: doubted(history, (first, end)),
        axis: axis.collect(),
        at: as_of.map(OccurredAt::ticks),
    }
}

fn stretches(
    field: &str,
    held: &[Held<'_>],
    labels: &Labels,
    end: i64,
    reader: &Reader,
) -> Vec<Stretch> {
    let stretches = held.iter().map(|held| {
        let name = name_of(field, held.value, labels, held.from);
        let until = held
            .until
            .map_or_else(|| "still".to_owned(), |at| reader.second(at));
        Stretch {
            span: (held.from, held.until.unwrap_or(end)),
            title: format!("{field}: {name}, {} – {until}", reader.second(held.from)),
            name,
            colour: (!held.value.is_none(field)).then(|| colour(held.value, field)),
        }
    });
    stretches.collect()
}

/// The colour of a value: its own, whatever else the lane shows, so that it looks the same in every picture.
fn colour(value: &Value, field: &str) -> usize {
    let id = value.id(field).and_then(|id| usize::try_from(id).ok());
    // Ids that follow each other differ; of all else the sum of its bytes is as good as any.
    id.unwrap_or_else(|| value.normal(field).key().bytes().map(usize::from).sum())
}

/// Where something may be missing. What is before a ticket that starts late is drawn at its first event.
fn doubted(history: &History, (first, end): (i64, i64)) -> Vec<Doubted> {
    let word = |confidence: Confidence| match confidence {
        Confidence::Consistent => None,
        doubtful => Some(doubtful.as_str()),
    };
    let mut last = first;
    let originals = history
        .entries
        .iter()
        .filter(|entry| entry.repeats.is_none());
    let mut doubted: Vec<Doubted> = originals
        .filter_map(|entry| {
            let (from, to) = (last, entry.occurred_at.ticks());
            last = to;
            // Whether the first began in time says nothing about what is drawn of it.
            let starts_late = entry.completeness.reasons.contains(&Reason::StartsLate);
            let to = if starts_late {
                first + (end - first) / 200
            } else {
                to
            };
            word(entry.completeness.confidence()).map(|state| Doubted {
                span: (from, to),
                state,
            })
        })
        .collect();
    doubted.extend(word(history.open.confidence()).map(|state| Doubted {
        span: (last, end),
        state,
    }));
    doubted
}

/// The table of a history.
pub(super) fn rows(history: &History, labels: &Labels) -> Vec<Row> {
    let all = intervals(&history.entries);
    let mut rows = Vec::new();
    for field in LANES {
        let held = held(&all, field);
        let skipped = held.len().saturating_sub(MAX_ROWS);
        rows.extend(held.iter().skip(skipped).map(|held| Row {
            field: field.to_owned(),
            name: name_of(field, held.value, labels, held.from),
            from: held.from,
            until: held.until,
        }));
    }
    rows
}

/// Of each field the last rows that there is room for.
fn lines(rows: &[Row], reader: &Reader) -> Vec<Markup> {
    let mut lines = Vec::new();
    for own in rows.chunk_by(|row, next| row.field == next.field) {
        let mut bytes = 0;
        let last = own.iter().rev().map(|row| line(row, reader));
        let last = last.take_while(|line| {
            bytes += line.0.len();
            bytes <= MAX_BYTES
        });
        let begins = lines.len();
        lines.extend(last);
        lines.get_mut(begins..).unwrap_or_default().reverse();
    }
    lines
}

fn line(row: &Row, reader: &Reader) -> Markup {
    html! {
        tr {
            th scope="row" { (row.field) }
            td { bdi { (row.name) } }
            td { (reader.ticks(row.from)) }
            td { @if let Some(until) = row.until { (reader.ticks(until)) } @else { "still" } }
            td.number { @if let Some(until) = row.until { (duration(until - row.from)) } }
        }
    }
}

/// The rows as a table.
pub(super) fn table(rows: &[Row], reader: &Reader) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Table of its life" {
            table {
                caption { "Of each field the last values, " (MAX_ROWS) " at most; the timeline has all." }
                thead { tr {
                    th scope="col" { "Field" } th scope="col" { "Value" } th scope="col" { "From" }
                    th scope="col" { "Until" } th.number scope="col" { "For" }
                } }
                tbody {
                    @for line in lines(rows, reader) { (line) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_own_colour_however_it_is_written() {
        let of = |json: &str| colour(&Value::new(serde_json::from_str(json).unwrap()), "status");
        assert_eq!(of("2"), of("\"[I:2]\""));
        assert_eq!(of("\"x\""), of("\"x\""));
        let all: Vec<usize> = (0..8).map(|id| of(&id.to_string()) % 8).collect();
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
