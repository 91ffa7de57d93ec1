//! Labels and the bridge as they are recorded, for the terminal and as JSON.

use std::collections::BTreeSet;

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    csv::{self, Cell},
    schema::Instant,
    terminal,
};
use crate::domain::{
    instant::OccurredAt,
    label::{BridgedPair, RecordedLabel},
};

/// Longest text shown, in characters; `--json` shows all.
const MAX_CHARS: usize = 200;

/// A label of an id in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Label)]
pub struct RecordedLabelJson {
    /// The field whose values the ids are, or `actor`.
    list: String,
    /// The id.
    id: i64,
    /// The name; null if the id has none from then on.
    #[schema(required)]
    label: Option<String>,
    /// From when on it holds; null from the beginning.
    #[schema(value_type = Option<Instant>, required)]
    valid_from: Option<String>,
    /// The imported file, `api`, or `built-in`.
    source: String,
    /// When it was recorded; null of a built-in one.
    #[schema(required)]
    recorded_at: Option<Timestamp>,
    /// True if SuperOffice said that it changed the list after labels of it were last recorded.
    stale: bool,
}

impl RecordedLabelJson {
    /// Told whether its list is among the stale ones.
    pub fn new(recorded: RecordedLabel, stale: &BTreeSet<String>) -> Self {
        Self {
            // A built-in one was recorded by nobody.
            stale: recorded.recorded_at.is_some() && stale.contains(&recorded.place.list),
            list: recorded.place.list,
            id: recorded.place.id,
            label: recorded.label,
            valid_from: recorded.valid_from.map(|at| at.as_utc().to_owned()),
            source: recorded.source,
            recorded_at: recorded.recorded_at,
        }
    }
}

/// An owner and an actor who are the same person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BridgedPair)]
pub struct BridgedPairJson {
    /// An ejuser id, as in `owned_by`.
    owner: i64,
    /// An associate id, as in `actor`.
    actor: i64,
    /// The imported file, or `api`.
    source: String,
    /// When it was recorded.
    recorded_at: Timestamp,
}

impl From<BridgedPair> for BridgedPairJson {
    fn from(pair: BridgedPair) -> Self {
        Self {
            owner: pair.owner,
            actor: pair.actor,
            source: pair.source,
            recorded_at: pair.recorded_at,
        }
    }
}

impl csv::Table for RecordedLabelJson {
    const COLUMNS: &'static [&'static str] = &[
        "list",
        "id",
        "label",
        "valid_from",
        "source",
        "recorded_at",
        "stale",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            Cell::from(&self.list),
            self.id.into(),
            self.label.as_ref().into(),
            Cell::instant(self.valid_from.as_deref()),
            Cell::from(&self.source),
            self.recorded_at.into(),
            self.stale.into(),
        ]]
    }
}

impl csv::Table for BridgedPairJson {
    const COLUMNS: &'static [&'static str] = &["owner", "actor", "source", "recorded_at"];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            self.owner.into(),
            self.actor.into(),
            Cell::from(&self.source),
            self.recorded_at.into(),
        ]]
    }
}

/// Labels as a table that fits the terminal.
pub fn list(labels: &[RecordedLabel], stale: &BTreeSet<String>) -> String {
    let mut table = table([
        "list",
        "id",
        "label",
        "from (UTC)",
        "source",
        "recorded (UTC)",
    ]);
    for label in labels {
        let list = &label.place.list;
        let old = label.recorded_at.is_some() && stale.contains(list);
        let mark = if old { "\n(stale)" } else { "" };
        let name = label.label.as_deref().map_or("(none)".to_owned(), shown);
        table.add_row([
            format!("{list}{mark}"),
            label.place.id.to_string(),
            name,
            label
                .valid_from
                .as_ref()
                .map_or("", OccurredAt::as_utc)
                .to_owned(),
            shown(&label.source),
            label.recorded_at.map_or_else(String::new, seconds),
        ]);
    }
    table.to_string()
}

/// The bridge as a table that fits the terminal.
pub fn bridge(pairs: &[BridgedPair]) -> String {
    let mut table = table(["owner", "actor", "source", "recorded (UTC)"]);
    for pair in pairs {
        table.add_row([
            pair.owner.to_string(),
            pair.actor.to_string(),
            shown(&pair.source),
            seconds(pair.recorded_at),
        ]);
    }
    table.to_string()
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

fn shown(text: &str) -> String {
    terminal::start(text.as_bytes(), MAX_CHARS)
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
