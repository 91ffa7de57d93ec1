//! Parked bodies, for the terminal and as JSON.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    csv::{self, Cell},
    terminal,
};
use crate::domain::{
    ids::{EventId, Tenant},
    log::Origin,
    parked::{Parked, ParkedSummary, Reprocessed},
    signature,
};

/// Characters of a body that a list shows.
const START_CHARS: usize = 60;

/// A list of parked bodies.
#[derive(Debug, Serialize)]
pub struct ParkedListJson {
    /// Oldest first.
    pub items: Vec<ParkedJson>,
    /// The id after which the list goes on; null if this is all.
    pub next: Option<Uuid>,
}

/// One parked body in a list.
#[derive(Debug, Serialize)]
pub struct ParkedJson {
    parked_id: Uuid,
    received_at: Timestamp,
    origin: &'static str,
    hook: Option<String>,
    source: Option<String>,
    reason: &'static str,
    body_bytes: usize,
    body_start: String,
    reprocessed: Option<ReprocessedJson>,
}

#[derive(Debug, Serialize)]
struct ReprocessedJson {
    reprocessed_at: Timestamp,
    outcome: String,
    tenant: Tenant,
    event_id: EventId,
}

impl From<ParkedSummary> for ParkedJson {
    fn from(parked: ParkedSummary) -> Self {
        Self {
            parked_id: parked.place.parked_id,
            received_at: parked.place.received_at,
            origin: parked.origin.as_str(),
            hook: parked.origin.hook().map(ToOwned::to_owned),
            source: parked.origin.source().map(ToOwned::to_owned),
            reason: parked.reason.as_str(),
            body_bytes: parked.body_bytes,
            body_start: terminal::start(&parked.start, START_CHARS),
            reprocessed: parked.reprocessed.map(|it| ReprocessedJson {
                reprocessed_at: it.reprocessed_at,
                outcome: it.outcome,
                tenant: it.tenant,
                event_id: it.event_id,
            }),
        }
    }
}

impl csv::Table for ParkedJson {
    const COLUMNS: &'static [&'static str] = &[
        "parked_id",
        "received_at",
        "origin",
        "hook",
        "source",
        "reason",
        "body_bytes",
        "body_start",
        "reprocessed_at",
        "outcome",
        "tenant",
        "event_id",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let since = self.reprocessed.as_ref();
        vec![vec![
            Cell::Text(self.parked_id.to_string()),
            self.received_at.into(),
            self.origin.into(),
            self.hook.as_ref().into(),
            self.source.as_ref().into(),
            self.reason.into(),
            self.body_bytes.into(),
            Cell::from(&self.body_start),
            since.map(|it| it.reprocessed_at).into(),
            since.map(|it| &it.outcome).into(),
            since.map(|it| &it.tenant).into(),
            since.map(|it| it.event_id).into(),
        ]]
    }
}

/// A list as a table that fits the terminal.
pub fn list(parked: &[ParkedSummary]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "parked",
            "received (UTC)",
            "through",
            "reason",
            "bytes",
            "body",
        ]);
    for one in parked {
        let reason = match &one.reprocessed {
            Some(it) => format!("{}\n→ {}", one.reason.as_str(), it.outcome),
            None => one.reason.as_str().to_owned(),
        };
        table.add_row([
            one.place.parked_id.to_string(),
            seconds(one.place.received_at),
            came_from(&one.origin),
            reason,
            one.body_bytes.to_string(),
            terminal::start(&one.start, START_CHARS),
        ]);
    }
    table.to_string()
}

/// Everything about one parked body, the body last.
pub fn show(parked: &Parked) -> String {
    let Parked {
        arrival,
        reason,
        sha256,
        body,
        reprocessed,
    } = parked;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("parked", &arrival.arrival_id.to_string());
    line("received", &arrival.received_at.to_string());
    line("through", &came_from(&arrival.origin));
    line(
        "reason",
        &format!("{}: {}", reason.as_str(), reason.explain()),
    );
    match reprocessed {
        Some(it) => line("reprocessed", &outcome(it)),
        None => line("reprocessed", "no"),
    }
    if let Some(verified) = arrival.origin.signature() {
        line("signature", &signature::encode(verified));
    }
    line("sha256", &terminal::hex(sha256));
    line("bytes", &body.len().to_string());
    for (name, value) in &arrival.headers {
        let shown = format!(
            "{}: {}",
            terminal::escaped(name.as_bytes()),
            terminal::escaped(value.as_bytes())
        );
        line("header", &shown);
    }
    let _ = write!(text, "body\n{}", terminal::lines(body, "  "));
    text
}

/// `stored as event … of Acme at …`
pub fn outcome(it: &Reprocessed) -> String {
    format!(
        "{} as event {} of {} at {}",
        it.outcome,
        it.event_id,
        it.tenant,
        seconds(it.reprocessed_at)
    )
}

/// The hook that a body came through, or the file it came from.
pub fn came_from(origin: &Origin) -> String {
    match origin {
        Origin::Webhook { hook, .. } => hook.clone(),
        Origin::Unsigned { hook } => format!("{hook} (unsigned)"),
        Origin::Import { source } => format!("file {}", terminal::escaped(source.as_bytes())),
    }
}

/// An instant of ours to the second, in UTC.
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
