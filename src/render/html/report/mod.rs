//! One report: what it can be asked with, its answer as a picture and a table, and what is behind a row of it.

mod cell;
mod chart;
mod days;
mod form;
mod sheet;
mod table;

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::value::RawValue;

use self::sheet::{Around, Sheet};
use super::{
    Frame, Pairs, Place, Reader, page,
    parts::{api_path, as_data, share, start, tenant_path},
    reader::counted,
};
use crate::domain::{
    ids::Tenant,
    label::Labels,
    report::{ArgumentError, DRILL, Report},
};

/// The page's own parameter: the first row that is shown, from 1.
pub(super) const FROM_ROW: &str = "from_row";

/// Rows in a page, and bytes of them: with the rest of it far less than 200 kB, whatever stands in cells.
const ROWS: usize = 200;
const MAX_BYTES: usize = 90_000;

/// What a report answered.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The names of its columns, in order.
    pub columns: &'a [String],
    /// Each an object of its columns.
    pub rows: &'a [Box<RawValue>],
    /// True if there are more than these.
    pub capped: bool,
    /// The parts of the intervals between events that are suspect and unproven, from 0 to 1.
    pub shares: (f64, f64),
    /// Events in the log that do not count yet.
    pub behind: i64,
}

/// What the page shows.
#[derive(Debug)]
pub struct ReportPage<'a> {
    around: Around<'a>,
    report: &'a Report,
    query: &'a Pairs,
    faults: &'a [ArgumentError],
    from_row: usize,
}

impl<'a> ReportPage<'a> {
    /// The page of a tenant's report that was asked with these parameters, of which some may be wrong; with the labels
    /// of an instant in ticks.
    pub fn new(
        tenant: &'a Tenant,
        report: &'a Report,
        query: &'a Pairs,
        faults: &'a [ArgumentError],
        (reader, labels, labels_at): (&'a Reader, &'a Labels, i64),
    ) -> Self {
        let from_row = query.first(FROM_ROW).and_then(|number| number.parse().ok());
        Self {
            around: Around {
                tenant,
                field: asked(report, query, "field"),
                group_by: asked(report, query, "group_by"),
                labels,
                labels_at,
                reader,
            },
            report,
            query,
            faults,
            from_row: from_row.unwrap_or(1).max(1),
        }
    }

    /// The page with an answer.
    pub fn render(&self, answer: &Answer<'_>) -> String {
        let drill = self.query.first(DRILL);
        let heading = if drill.is_some() {
            "Behind the row"
        } else {
            "Answer"
        };
        self.framed(&html! {
            section aria-labelledby="answer" {
                h2 #answer { (heading) }
                @if let Some(drill) = drill {
                    p.banner {
                        "The tickets and events behind " strong { bdi { (start(drill)) } } ". "
                        a href=(self.asked().without(&[DRILL]).link(&self.path())) { "Back to the answer" }
                    }
                }
                (doubts(answer))
                (self.answer(answer, drill.is_some()))
                (self.data())
            }
        })
    }

    /// The page without one, and why.
    pub fn render_without(&self, why: Option<&str>) -> String {
        self.framed(&html! {
            @if let Some(why) = why { p.banner.error role="alert" { bdi { (why) } } }
        })
    }

    fn framed(&self, answer: &Markup) -> String {
        let content = html! {
            h1 { (self.report.name) }
            p.lead { (self.report.question) }
            @if !self.report.definition.is_empty() {
                details {
                    summary { "What is counted" }
                    @for paragraph in self.report.definition.split("\n\n") { p.lead { (paragraph) } }
                }
            }
            (self.other_faults())
            (self.form())
            (answer)
        };
        let frame = Frame {
            title: &self.report.name,
            tenant: Some(self.around.tenant),
            place: Place::Reports,
            reader: Some(self.around.reader),
        };
        page(frame, &content)
    }

    fn path(&self) -> String {
        format!(
            "{}/reports/{}",
            tenant_path(self.around.tenant),
            self.report.name
        )
    }

    /// What the report itself is asked with.
    fn asked(&self) -> Pairs {
        self.query.without(&[FROM_ROW])
    }

    fn data(&self) -> Markup {
        let api = format!(
            "{}/reports/{}",
            api_path(self.around.tenant),
            self.report.name
        );
        let path = self.asked().link(&api);
        let joint = if path.contains('?') { '&' } else { '?' };
        html! {
            (as_data(&path, "The answer"))
            p.data { a href={ (path) (joint) "format=ndjson" } aria-label="The answer as lines of JSON" { "NDJSON" } }
        }
    }
}

/// What a report was asked with, given or not.
fn asked<'a>(report: &'a Report, query: &'a Pairs, name: &'a str) -> &'a str {
    let parameter = report.parameters.iter().find(|own| own.name == name);
    let default = parameter.map(|parameter| parameter.default.as_str());
    query.first(name).or(default).unwrap_or_default()
}

/// How far the answer can be relied on.
fn doubts(answer: &Answer<'_>) -> Markup {
    let (suspect, unproven) = answer.shares;
    html! {
        p.lead {
            "Of the intervals between events "
            span.doubt[suspect > 0.0].suspect[suspect > 0.0] title="suspect_share: something was missed in them" {
                (share(suspect)) " are suspect"
            }
            ", "
            span.doubt[unproven > 0.0].unproven[unproven > 0.0] title="unproven_share: nothing contradicts, but the evidence is thin" {
                (share(unproven)) " unproven"
            }
            "."
            @if answer.behind > 0 {
                " " strong { (counted(answer.behind, "event", "events")) " in the log are not counted yet." }
            }
        }
    }
}

/// The values whose labels an answer needs, each with its list; of the rows that `query` shows.
pub fn wanted(
    report: &Report,
    query: &Pairs,
    columns: &[String],
    rows: &[Box<RawValue>],
) -> BTreeSet<(String, i64)> {
    let from_row: usize = query
        .first(FROM_ROW)
        .and_then(|number| number.parse().ok())
        .unwrap_or(1);
    let rows = rows.get(from_row.saturating_sub(1)..).unwrap_or_default();
    let rows = rows.get(..ROWS).unwrap_or(rows);
    sheet::wanted(&Sheet::new(columns, rows), asked(report, query, "field"))
}
