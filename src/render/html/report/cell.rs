//! What stands in a cell of an answer.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::value::RawValue;

use super::sheet::{Around, Column, Holds, Row, text, whole};
use crate::{
    domain::{fields::Value, ids::TicketId, instant::OccurredAt, token::Scope},
    render::html::{
        parts::{api_path, start, ticket_path},
        reader::{duration, grouped},
    },
};

/// Characters of an event's id that are shown.
const ID_CHARS: usize = 8;

impl Column<'_> {
    /// What a value in it is called; `None` if it is not known.
    pub(super) fn name_of(&self, row: &Row<'_>, around: Around<'_>) -> Option<String> {
        let is = |column: &Option<String>, json: &str| {
            let cell = column.as_ref().and_then(|name| row.get(name));
            cell.is_some_and(|cell| cell.get() == json)
        };
        if is(&self.known, "false") {
            return None;
        }
        let label = self.label.as_ref().and_then(|name| text(row, name));
        if let Some(label) = label {
            return Some(start(&label));
        }
        let cell = row.get(self.name).filter(|cell| cell.get() != "null");
        let Some(cell) = cell else {
            return Some("none".to_owned());
        };
        let value = Value::new(cell);
        let field = self.field(row, around);
        let label = around.labels.of_value(&field, &value, around.labels_at);
        Some(label.map_or_else(|| plain(cell), start))
    }

    /// A cell of it.
    pub(super) fn cell(&self, row: &Row<'_>, around: Around<'_>) -> Markup {
        let Some(cell) = row.get(self.name) else {
            return html! {};
        };
        if self.holds == Holds::Value {
            return self.value(row, around);
        }
        if cell.get() == "null" {
            return html! {};
        }
        // Pages of tickets and raw events are for another scope than reports.
        let may_read = around.reader.may(Scope::Read);
        match self.holds {
            Holds::Ticket => {
                let ticket = cell.get().parse().ok().and_then(TicketId::new);
                let link =
                    |ticket| html! { a href=(ticket_path(around.tenant, ticket)) { (ticket) } };
                let ticket = ticket.filter(|_| may_read);
                ticket.map_or_else(|| html! { (plain(cell)) }, link)
            }
            Holds::Event => {
                let id = plain(cell);
                let brief: String = id.chars().take(ID_CHARS).collect();
                if !may_read {
                    return html! { span title={ "event " (id) } { (brief) "…" } };
                }
                html! {
                    a href={ (api_path(around.tenant)) "/events/" (id) } title={ "event " (id) }
                        aria-label={ "raw event " (id) } { (brief) "…" }
                }
            }
            Holds::Instant => {
                let at = OccurredAt::parse_zoned(&plain(cell));
                let time = |at| around.reader.time(&at);
                at.map_or_else(|| html! { (plain(cell)) }, time)
            }
            Holds::Seconds => html! { span title={ (cell.get()) " s" } { (seconds(cell)) } },
            Holds::Number => html! { (number(cell)) },
            Holds::Other | Holds::Value => other(self.name, cell),
        }
    }

    fn value(&self, row: &Row<'_>, around: Around<'_>) -> Markup {
        let field = self.field(row, around);
        let sent = row
            .get(self.name)
            .map_or_else(String::new, |cell| plain(cell));
        match self.name_of(row, around) {
            Some(name) => html! {
                bdi.value.none[sent.is_empty()] title={ (start(&field)) " " (sent) } { (name) }
            },
            None => {
                html! { span.unknown title="not known: SuperOffice did not send it" { "unknown" } }
            }
        }
    }
}

/// A measure in words.
pub(super) fn in_words(row: &Row<'_>, column: &Column<'_>) -> String {
    let cell = row.get(column.name).filter(|cell| cell.get() != "null");
    match (cell, column.holds) {
        (None, _) => "none".to_owned(),
        (Some(cell), Holds::Seconds) => seconds(cell),
        (Some(cell), _) => number(cell),
    }
}

fn seconds(cell: &RawValue) -> String {
    let seconds: f64 = cell.get().parse().unwrap_or(0.0);
    duration(whole(seconds * 1e7))
}

fn number(cell: &RawValue) -> String {
    match cell.get().parse::<i64>() {
        Ok(number) => grouped(number),
        Err(_) => match cell.get().parse::<f64>() {
            Ok(number) => format!("{number:.3}"),
            Err(_) => plain(cell),
        },
    }
}

/// A text without its quotes, all else as JSON.
fn plain(cell: &RawValue) -> String {
    let text: Option<String> = serde_json::from_str(cell.get()).ok();
    start(text.as_deref().unwrap_or(cell.get()))
}

/// Percentiles each by its name; all else as it is.
fn other(column: &str, cell: &RawValue) -> Markup {
    if column.starts_with("percentiles") {
        let shares: BTreeMap<String, &RawValue> =
            serde_json::from_str(cell.get()).unwrap_or_default();
        return html! {
            @for (nth, (name, share)) in shares.iter().enumerate() {
                @if nth > 0 { ", " }
                (start(name)) " " span title={ (share.get()) " s" } { (seconds(share)) }
            }
        };
    }
    html! { bdi { (plain(cell)) } }
}
