//! Answers of reports as JSON, as CSV and as tables for the terminal, and what reports there are.

use std::collections::BTreeMap;

use comfy_table::{
    CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets::UTF8_HORIZONTAL_ONLY,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    csv::{self, Cell},
    table::plain,
};
use crate::domain::report::{Kind, Parameter, Report};

/// Cells of the longest bar.
const BAR: f64 = 24.0;

/// A row of an answer is a line, so that none is needed between two.
const ROWS: TableStyle = UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());

/// What a report takes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReportParameter)]
pub struct ParameterJson {
    name: String,
    /// What has to be given.
    expects: String,
    /// The words that it takes, where they can be listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<String>,
    /// What it is if it is not given; null for nothing.
    #[schema(required)]
    default: Option<String>,
    /// What it does.
    about: String,
}

/// A report that there is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Report)]
pub struct ReportJson {
    report: String,
    /// What it answers.
    question: String,
    /// What its words mean.
    definition: String,
    parameters: Vec<ParameterJson>,
    /// True if `drill` gives the evidence for a row.
    drills: bool,
}

/// An answer of a report.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReportAnswer)]
pub struct AnswerJson<'a> {
    report: &'a str,
    /// What it was asked with, and what was not given; null for nothing.
    parameters: BTreeMap<&'a str, Option<&'a str>>,
    /// The part of the intervals between events in which something was missed, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    suspect_share: f64,
    /// The part of which the evidence is thin, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    unproven_share: f64,
    /// True if there are more than these rows: past 100,000 of them or 64 MiB the rest is left out.
    capped: bool,
    /// The rows, each an object with a value for each column.
    #[schema(value_type = Vec<Object>)]
    items: &'a [Box<RawValue>],
}

impl From<&Report> for ReportJson {
    fn from(report: &Report) -> Self {
        Self {
            report: report.name.clone(),
            question: report.question.clone(),
            definition: report.definition.clone(),
            parameters: report.parameters.iter().map(ParameterJson::from).collect(),
            drills: report.drills,
        }
    }
}

impl csv::Table for ReportJson {
    const COLUMNS: &'static [&'static str] = &["report", "question", "parameters", "drills"];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let names: Vec<&str> = self.parameters.iter().map(|it| it.name.as_str()).collect();
        vec![vec![
            Cell::from(&self.report),
            Cell::from(&self.question),
            Cell::words(&names),
            self.drills.into(),
        ]]
    }
}

impl From<&Parameter> for ParameterJson {
    fn from(parameter: &Parameter) -> Self {
        let default = &parameter.default;
        Self {
            name: parameter.name.clone(),
            expects: parameter.kind.expects(),
            words: words(&parameter.kind),
            default: (!default.is_empty()).then(|| default.clone()),
            about: parameter.about.clone(),
        }
    }
}

fn words(kind: &Kind) -> Vec<String> {
    kind.words().into_iter().map(str::to_owned).collect()
}

impl<'a> AnswerJson<'a> {
    /// Of a report that was asked with some parameters: its rows, and the shares of the intervals that are suspect and
    /// unproven.
    pub fn new(
        report: &'a Report,
        parameters: BTreeMap<&'a str, Option<&'a str>>,
        (suspect_share, unproven_share): (f64, f64),
        items: &'a [Box<RawValue>],
        capped: bool,
    ) -> Self {
        Self {
            report: &report.name,
            parameters,
            suspect_share,
            unproven_share,
            capped,
            items,
        }
    }
}

/// The reports that there are, for the terminal.
pub fn list<'a>(reports: impl IntoIterator<Item = &'a Report>) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["report", "question"]);
    for report in reports {
        table.add_row([&report.name, &report.question]);
    }
    table.to_string()
}

/// What a report answers, what its words mean and what it takes, for the terminal.
pub fn about(report: &Report) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["parameter", "default", "what it does", "expects"]);
    for parameter in &report.parameters {
        table.add_row([
            &parameter.name,
            &parameter.default,
            &parameter.about,
            &parameter.kind.expects(),
        ]);
    }
    format!("{}\n\n{}\n\n{table}", report.question, report.definition)
}

/// The rows as CSV, header first. A cell of JSON that is no plain value holds its JSON, and null is empty.
pub fn csv(columns: &[String], rows: &[Box<RawValue>]) -> Vec<u8> {
    csv::table(columns, rows.iter().map(|row| cells(columns, row)))
}

fn cells(columns: &[String], row: &RawValue) -> Vec<Cell> {
    let values = values(row);
    let cell = |column: &String| match values.get(column) {
        None => Cell::Null,
        Some(value) if value.get() == "null" => Cell::Null,
        Some(value) => Cell::json(value),
    };
    columns.iter().map(cell).collect()
}

pub(super) fn values(row: &RawValue) -> BTreeMap<String, &RawValue> {
    // Postgres made the object.
    serde_json::from_str(row.get()).unwrap_or_default()
}

/// The rows as a table that fits the terminal, without columns in which nothing stands; with a bar for each row, as
/// long as what it has in the column that is plotted.
pub fn table(columns: &[String], rows: &[Box<RawValue>], plot: Option<&str>) -> String {
    let rows: Vec<BTreeMap<String, &RawValue>> = rows.iter().map(|row| values(row)).collect();
    let shown: Vec<&String> = columns
        .iter()
        .filter(|column| {
            let mut cells = rows.iter().filter_map(|row| row.get(*column));
            cells.any(|cell| cell.get() != "null")
        })
        .collect();
    let plot = plot.filter(|plot| columns.iter().any(|column| column == plot));
    let measure = |row: &BTreeMap<String, &RawValue>| -> f64 {
        let value = plot.and_then(|plot| row.get(plot));
        value
            .and_then(|value| value.get().parse().ok())
            .unwrap_or(0.0)
    };
    let longest = rows.iter().map(&measure).fold(0.0, f64::max);
    let mut table = Table::new();
    table
        .load_style(ROWS)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let header = shown.iter().map(|column| plain(column));
    table.set_header(header.chain(plot.map(|_| String::new())));
    for row in &rows {
        let cells = shown.iter().map(|column| cell(row.get(*column).copied()));
        let bar = plot.map(|_| comfy_table::Cell::new(bar(measure(row), longest)));
        table.add_row(cells.chain(bar));
    }
    table.to_string()
}

fn cell(value: Option<&RawValue>) -> comfy_table::Cell {
    let json = value.map_or("null", RawValue::get);
    if json == "null" {
        return comfy_table::Cell::new("");
    }
    if let Some(number) = number(json) {
        return comfy_table::Cell::new(plain(&number)).set_alignment(CellAlignment::Right);
    }
    let text = serde_json::from_str::<String>(json).ok();
    let text = text.or_else(|| named_numbers(json));
    comfy_table::Cell::new(plain(text.as_deref().unwrap_or(json)))
}

/// A number, to the thousandth: of a second that says enough.
fn number(json: &str) -> Option<String> {
    let number: f64 = json.parse().ok()?;
    Some(if json.contains('.') {
        format!("{number:.3}")
    } else {
        json.to_owned()
    })
}

/// An object of nothing but numbers, as percentiles are, by name; without those that are null.
fn named_numbers(json: &str) -> Option<String> {
    let object: BTreeMap<String, Option<&RawValue>> = serde_json::from_str(json).ok()?;
    let known = object
        .iter()
        .filter_map(|(name, value)| value.map(|value| (name, value.get())));
    let parts: Option<Vec<String>> = known
        .map(|(name, value)| Some(format!("{name} {}", number(value)?)))
        .collect();
    parts.map(|parts| parts.join(", "))
}

/// A bar in eighths of a cell.
fn bar(value: f64, longest: f64) -> String {
    const EIGHTHS: [&str; 9] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
    if longest <= 0.0 || value <= 0.0 {
        return String::new();
    }
    let mut left = value / longest * BAR * 8.0;
    let mut bar = String::new();
    while left >= 8.0 {
        bar.push('█');
        left -= 8.0;
    }
    let rest = (1_u8..=8).rev().find(|eighth| f64::from(*eighth) <= left);
    let rest = rest.and_then(|eighth| EIGHTHS.get(usize::from(eighth)));
    bar.push_str(rest.unwrap_or(&""));
    bar
}
