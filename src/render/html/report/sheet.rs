//! The rows of an answer, and what their columns hold.
//!
//! That is told by a column's name, as the files of reports are written: `x` with `x_label` is a value of a field
//! under its label, `x_known` says whether it is known, `seconds` is a duration, `x_at` an instant, `ticket` and `event_id`
//! lead there, and `drill` leads to what is behind the row.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::{
    domain::{fields::Value, ids::Tenant, label::Labels, report::DRILL},
    render::{html::Reader, report::values},
};

/// Columns that hold a value of the field that a report is about.
const OF_THE_FIELD: [&str; 5] = ["value", "from", "to", "a", "b"];

/// A row: its columns by name.
pub(super) type Row<'a> = BTreeMap<String, &'a RawValue>;

/// What is needed to show a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) tenant: &'a Tenant,
    /// The field that the report was asked about.
    pub(super) field: &'a str,
    /// What it was grouped by.
    pub(super) group_by: &'a str,
    pub(super) labels: &'a Labels,
    pub(super) labels_at: i64,
    pub(super) reader: &'a Reader,
}

/// Rows, and the columns of them that are shown.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) columns: Vec<Column<'a>>,
    pub(super) rows: Vec<Row<'a>>,
}

/// A column that is shown.
#[derive(Debug)]
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    pub(super) holds: Holds,
    /// The columns that say its label and whether it is known.
    pub(super) label: Option<String>,
    pub(super) known: Option<String>,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Value,
    Ticket,
    Event,
    Instant,
    Seconds,
    Number,
    Other,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(columns: &'a [String], rows: &'a [Box<RawValue>]) -> Self {
        let rows: Vec<Row<'a>> = rows.iter().map(|row| values(row)).collect();
        let there: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
        let mut beside = BTreeSet::from([DRILL.to_owned()]);
        let mut shown = Vec::new();
        for name in columns {
            let (label, known) = match name.as_str() {
                "value" => ("label".to_owned(), "known".to_owned()),
                "actor" if there.contains("label") => ("label".to_owned(), String::new()),
                name => (format!("{name}_label"), format!("{name}_known")),
            };
            let label = Some(label).filter(|name| there.contains(name.as_str()));
            let known = Some(known).filter(|name| there.contains(name.as_str()));
            beside.extend(label.clone());
            beside.extend(known.clone());
            // As in the terminal: of a column in which nothing stands there is nothing to say.
            let says = |row: &Row<'_>| row.get(name).is_some_and(|cell| cell.get() != "null");
            if known.is_some() || rows.iter().any(says) {
                let holds = holds(name, label.is_some() || known.is_some(), &rows);
                shown.push(Column {
                    name,
                    holds,
                    label,
                    known,
                });
            }
        }
        shown.retain(|column| !beside.contains(column.name));
        Self {
            columns: shown,
            rows,
        }
    }

    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column<'a>> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn holds(name: &str, labelled: bool, rows: &[Row<'_>]) -> Holds {
    let mut cells = rows.iter().filter_map(|row| row.get(name));
    let cell = cells.find(|cell| cell.get() != "null");
    let is_number = cell.is_some_and(|cell| cell.get().parse::<f64>().is_ok());
    match name {
        "ticket" => Holds::Ticket,
        _ if labelled || OF_THE_FIELD.contains(&name) || name == "status" => Holds::Value,
        _ if name.ends_with("event_id") => Holds::Event,
        _ if name.ends_with("_at") => Holds::Instant,
        _ if name.contains("seconds") && is_number => Holds::Seconds,
        _ if is_number => Holds::Number,
        _ => Holds::Other,
    }
}

impl Column<'_> {
    /// True if the column holds how much of something there is.
    pub(super) fn is_measure(&self) -> bool {
        matches!(self.holds, Holds::Seconds | Holds::Number)
    }

    /// The field whose values stand in it.
    pub(super) fn field<'r>(&'r self, row: &Row<'_>, around: Around<'r>) -> String {
        match self.name {
            name if OF_THE_FIELD.contains(&name) => {
                text(row, "field").unwrap_or_else(|| around.field.to_owned())
            }
            "group" => around.group_by.to_owned(),
            "actor" => "associate".to_owned(),
            name => name.to_owned(),
        }
    }
}

/// A text in a column.
pub(super) fn text(row: &Row<'_>, column: &str) -> Option<String> {
    serde_json::from_str(row.get(column)?.get()).ok()
}

/// A number in a column; 0 where there is none.
pub(super) fn measure(row: &Row<'_>, column: &str) -> f64 {
    let cell = row.get(column);
    cell.and_then(|cell| cell.get().parse().ok()).unwrap_or(0.0)
}

/// A whole number near this one.
pub(super) fn whole(number: f64) -> i64 {
    // Texts are the one way from the one to the other that cannot go wrong unseen.
    format!("{number:.0}").parse().unwrap_or(0)
}

/// The values of some rows whose labels are wanted, each with its list.
pub(super) fn wanted(sheet: &Sheet<'_>, field: &str) -> BTreeSet<(String, i64)> {
    let mut wanted = BTreeSet::new();
    let unnamed = || {
        let values = sheet.columns.iter();
        values.filter(|column| column.holds == Holds::Value && column.label.is_none())
    };
    for row in &sheet.rows {
        for column in unnamed() {
            let list = match column.name {
                name if OF_THE_FIELD.contains(&name) => {
                    text(row, "field").unwrap_or_else(|| field.to_owned())
                }
                name => name.to_owned(),
            };
            let id = row
                .get(column.name)
                .and_then(|cell| Value::new(cell).id(&list));
            wanted.extend(id.map(|id| (list, id)));
        }
    }
    wanted
}
