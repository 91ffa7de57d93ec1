//! The picture above an answer: arrows where one value follows another, lines and areas over days, bars for all else that
//! is measured.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    cell::in_words,
    sheet::{Around, Column, Holds, Row, Sheet, measure, text, whole},
};
use crate::{
    domain::report::{DRILL, Report},
    render::{
        html::{
            parts::start,
            reader::{counted, grouped},
        },
        svg::{self, Arrow, Flow},
    },
};

/// Bars that are drawn.
const MAX_BARS: usize = 30;

/// Values that arrows go between, and arrows.
const MAX_NODES: usize = 9;
const MAX_ARROWS: usize = 40;

/// An answer as it is drawn.
#[derive(Clone, Copy)]
pub(super) struct Drawn<'a> {
    pub(super) report: &'a Report,
    pub(super) sheet: &'a Sheet<'a>,
    pub(super) around: Around<'a>,
    /// What leads behind a row.
    pub(super) link: &'a dyn Fn(&str) -> String,
}

impl Drawn<'_> {
    /// The picture with what is to be said of it; `None` of what has no measure.
    pub(super) fn render(&self) -> Option<Markup> {
        let there = |name: &str| self.sheet.column(name).is_some();
        if self.sheet.rows.is_empty() {
            None
        } else if there("from") && there("to") && there("count") {
            Some(self.flow())
        } else if there("day") {
            Some(super::days::Days::new(self).render())
        } else {
            self.bars()
        }
    }

    /// The column that is plotted.
    pub(super) fn plot(&self) -> Option<&Column<'_>> {
        let column = self.sheet.column(self.report.plot.as_deref()?)?;
        column.is_measure().then_some(column)
    }

    /// What leads behind a row, if anything does.
    pub(super) fn behind(&self, row: &Row<'_>) -> Option<String> {
        let drill = text(row, DRILL).filter(|_| self.report.drills)?;
        Some((self.link)(&drill))
    }

    /// What a row is about.
    pub(super) fn name(&self, row: &Row<'_>) -> String {
        let columns = self.sheet.columns.iter();
        let names = columns.filter(|column| matches!(column.holds, Holds::Value | Holds::Other));
        let names = names.filter(|column| !column.name.starts_with("percentiles"));
        let names: Vec<String> = names
            .take(3)
            .map(|column| self.called(row, column))
            .collect();
        if !names.is_empty() {
            return names.join(" · ");
        }
        match self.sheet.columns.first() {
            Some(first) => format!("{} {}", start(first.name), in_words(row, first)),
            None => String::new(),
        }
    }

    fn called(&self, row: &Row<'_>, column: &Column<'_>) -> String {
        match column.holds {
            Holds::Value => column.name_of(row, self.around),
            _ => text(row, column.name).map(|text| start(&text)),
        }
        .unwrap_or_else(|| "unknown".to_owned())
    }

    fn bars(&self) -> Option<Markup> {
        let plot = self.plot()?;
        let rows = &self.sheet.rows;
        let drawn: Vec<svg::Row> = match rows.as_slice() {
            // What one row has to compare are its own measures.
            [row] => self.measures(row, plot),
            rows => {
                let mut longest: Vec<(usize, &Row<'_>)> = rows.iter().enumerate().collect();
                longest.sort_by(|(a, one), (b, other)| {
                    let longer = measure(other, plot.name).total_cmp(&measure(one, plot.name));
                    longer.then(a.cmp(b))
                });
                longest.truncate(MAX_BARS);
                longest.sort_by_key(|(nth, _)| *nth);
                longest
                    .iter()
                    .map(|(_, row)| self.bar(row, plot, self.name(row)))
                    .collect()
            }
        };
        let title = format!(
            "{} of each row; the table below says the same",
            start(plot.name)
        );
        let left_out = rows.len().saturating_sub(drawn.len().max(MAX_BARS));
        Some(html! {
            figure {
                (framed(&svg::rows(&drawn, &title)))
                figcaption {
                    bdi { (start(plot.name)) }
                    @if left_out > 0 { ", the " (MAX_BARS) " longest of " (counted(rows.len(), "row", "rows")) }
                }
            }
        })
    }

    /// The measures of one row that can be compared with the one that is plotted.
    fn measures(&self, row: &Row<'_>, plot: &Column<'_>) -> Vec<svg::Row> {
        let columns = self.sheet.columns.iter();
        let alike = columns.filter(|column| column.holds == plot.holds);
        alike
            .map(|column| self.bar(row, column, start(column.name)))
            .collect()
    }

    fn bar(&self, row: &Row<'_>, column: &Column<'_>, name: String) -> svg::Row {
        let measured = in_words(row, column);
        svg::Row {
            title: format!("{name}: {} {measured}", start(column.name)),
            name,
            // Thousandths, so that shares and parts of seconds have a length.
            length: whole(measure(row, column.name) * 1000.0),
            measure: measured,
            link: self.behind(row),
        }
    }

    fn flow(&self) -> Markup {
        let (from, to) = (self.sheet.column("from"), self.sheet.column("to"));
        let (Some(from), Some(to)) = (from, to) else {
            return html! {};
        };
        let mut met = Met::default();
        for row in &self.sheet.rows {
            let ends =
                [from, to].map(|column| met.node(self.called(row, column), key(row, column)));
            met.arrows
                .entry(ends.into())
                .or_default()
                .add(whole(measure(row, "count")), self.behind(row));
        }
        let all = met.nodes.len();
        let (drawn, counted_in) = met.draw();
        let title = "Which value followed which, and how often; the table below says the same";
        let whole: i64 = met.arrows.values().map(|arrow| arrow.count).sum();
        html! {
            figure {
                (framed(&svg::flow(&drawn, title)))
                figcaption {
                    "To the right above, back below; the wider, the more often."
                    @if counted_in < whole {
                        " Drawn are " (grouped(counted_in)) " of " (grouped(whole)) ", between the "
                        (drawn.nodes.len()) " most frequent of " (all) " values; the table has all."
                    }
                }
            }
        }
    }
}

/// What makes a value the same as another one, whatever they are called.
fn key(row: &Row<'_>, column: &Column<'_>) -> String {
    let cell = row.get(column.name).map_or("null", |cell| cell.get());
    let known = row.get(&format!("{}_known", column.name));
    format!("{} {cell}", known.map_or("true", |known| known.get()))
}

/// A picture that can be moved where it is wider than the window.
pub(super) fn framed(picture: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label="Picture of the answer" { (picture) } }
}

/// How often one value followed another.
#[derive(Debug, Default)]
struct Followed {
    count: i64,
    rows: usize,
    link: Option<String>,
}

impl Followed {
    fn add(&mut self, count: i64, link: Option<String>) {
        self.count = self.count.saturating_add(count);
        self.rows += 1;
        // Of several groups no one is behind it.
        self.link = link.filter(|_| self.rows == 1);
    }
}

/// The values that were met and what followed what.
#[derive(Debug, Default)]
struct Met {
    /// By key, each with its number and its name.
    nodes: BTreeMap<String, (usize, String)>,
    arrows: BTreeMap<(usize, usize), Followed>,
}

impl Met {
    fn node(&mut self, name: String, key: String) -> usize {
        let next = self.nodes.len();
        self.nodes.entry(key).or_insert((next, name)).0
    }

    fn sum(&self, node: usize, of: impl Fn(&(usize, usize)) -> usize) -> i64 {
        let own = self.arrows.iter().filter(|(ends, _)| of(ends) == node);
        own.map(|(_, arrow)| arrow.count).sum()
    }

    /// The most frequent values, those from which most leads away first, with the arrows between them, and how much
    /// those count together.
    fn draw(&self) -> (Flow, i64) {
        let mut nodes: Vec<(usize, &str, i64, i64)> = self
            .nodes
            .values()
            .map(|(node, name)| {
                let (out, back) = (
                    self.sum(*node, |ends| ends.0),
                    self.sum(*node, |ends| ends.1),
                );
                (*node, name.as_str(), out, back)
            })
            .collect();
        nodes.sort_by_key(|(node, _, out, back)| (-(out + back), *node));
        nodes.truncate(MAX_NODES);
        nodes
            .sort_by_key(|(node, _, out, back)| ((back - out) * 1000 / (back + out).max(1), *node));
        let place = |wanted: usize| nodes.iter().position(|(node, ..)| *node == wanted);
        let mut arrows: Vec<Arrow> = self
            .arrows
            .iter()
            .filter_map(|((from, to), arrow)| {
                let (from, to) = (place(*from)?, place(*to)?);
                let name = |at: usize| nodes.get(at).map_or("", |(_, name, ..)| name);
                let measure = grouped(arrow.count);
                Some(Arrow {
                    from,
                    to,
                    count: arrow.count,
                    title: format!("{} → {}: {measure}", name(from), name(to)),
                    measure,
                    link: arrow.link.clone(),
                })
            })
            .collect();
        arrows.sort_by_key(|arrow| (-arrow.count, arrow.from, arrow.to));
        arrows.truncate(MAX_ARROWS);
        let drawn = arrows.iter().map(|arrow| arrow.count).sum();
        let nodes = nodes.iter().map(|(_, name, out, back)| {
            let title = format!(
                "{name}: {} from it, {} to it",
                grouped(*out),
                grouped(*back)
            );
            ((*name).to_owned(), title)
        });
        let nodes = nodes.collect();
        (Flow { nodes, arrows }, drawn)
    }
}
