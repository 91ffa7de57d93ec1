//! An answer day by day: what came and went as lines, and what was there as areas on each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use maud::{Markup, html};

use super::{
    chart::{Drawn, framed},
    sheet::{Column, Row, measure, text, whole},
};
use crate::render::{
    html::{
        parts::start,
        reader::{counted, grouped},
    },
    svg::{Part, Series, areas, lines},
};

/// Days that are drawn each by itself; more of them are drawn together in weeks, and those in fours.
const MAX_PARTS: usize = 140;

/// Colours that there are.
const MAX_SERIES: usize = 8;

/// Beside the column that is plotted, one that says how much there was, not how much came.
const STOCK: &str = "unknown";

/// An answer, day by day.
pub(super) struct Days<'a> {
    drawn: &'a Drawn<'a>,
    /// In order.
    all: Vec<String>,
    /// How many of them are drawn together.
    together: usize,
}

impl<'a> Days<'a> {
    pub(super) fn new(drawn: &'a Drawn<'a>) -> Self {
        let days = drawn.sheet.rows.iter().filter_map(|row| text(row, "day"));
        let days: BTreeSet<String> = days.collect();
        let together = [1, 7]
            .into_iter()
            .find(|together| days.len() / together <= MAX_PARTS);
        Self {
            drawn,
            together: together.unwrap_or(28),
            all: days.into_iter().collect(),
        }
    }

    pub(super) fn render(&self) -> Markup {
        let columns = self.drawn.sheet.columns.iter();
        let measures: Vec<&Column<'_>> = columns.filter(|column| column.is_measure()).collect();
        let plot = self.drawn.plot().map(|plot| plot.name);
        let is_stock = |column: &Column<'_>| Some(column.name) == plot || column.name == STOCK;
        let flows: Vec<Series> = measures
            .iter()
            .filter(|column| plot.is_none() || !is_stock(column))
            .take(MAX_SERIES)
            .map(|column| self.sums(column.name))
            .collect();
        let stocks: Vec<Series> = match plot {
            None => Vec::new(),
            Some(plot) if self.is_grouped() => self.groups(plot),
            Some(_) => {
                let own = measures.iter().filter(|column| is_stock(column));
                own.map(|column| self.lasts(column.name)).collect()
            }
        };
        let sums = match self.together {
            1 => "each day".to_owned(),
            days => format!("sums of {days} days"),
        };
        html! {
            @if !flows.is_empty() {
                figure {
                    (framed(&lines(&self.parts(&flows), &flows, "What came and went; the table below says the same")))
                    (legend(&flows, &sums))
                }
            }
            @if let Some(plot) = plot {
                figure {
                    (framed(&areas(&self.parts(&stocks), &stocks, "How much there was; the table below says the same")))
                    (legend(&stocks, &format!("{} at the end of {}", start(plot), if self.together == 1 { "each day" } else { "these days" })))
                }
            }
        }
    }

    fn is_grouped(&self) -> bool {
        self.drawn.sheet.column("group").is_some()
    }

    fn group(&self, row: &Row<'_>) -> String {
        let column = self.drawn.sheet.column("group");
        let name = column.and_then(|column| column.name_of(row, self.drawn.around));
        name.unwrap_or_default()
    }

    /// Which part a row is drawn in.
    fn part(&self, row: &Row<'_>) -> Option<usize> {
        let day = self.all.binary_search(&text(row, "day")?).ok()?;
        Some(day / self.together)
    }

    fn count(&self) -> usize {
        self.all.len().div_ceil(self.together)
    }

    /// What came in each part, in all groups together.
    fn sums(&self, column: &str) -> Series {
        let mut values = vec![0; self.count()];
        for row in &self.drawn.sheet.rows {
            if let Some(value) = self.part(row).and_then(|part| values.get_mut(part)) {
                *value += whole(measure(row, column));
            }
        }
        Series {
            name: start(column),
            values,
        }
    }

    /// What there was at the end of each part; rows are in the order of their days.
    fn lasts(&self, column: &str) -> Series {
        let mut values = vec![0; self.count()];
        for row in &self.drawn.sheet.rows {
            if let Some(value) = self.part(row).and_then(|part| values.get_mut(part)) {
                *value = whole(measure(row, column)).max(0);
            }
        }
        Series {
            name: start(column),
            values,
        }
    }

    /// What there was of each group, of those that are not the largest together.
    fn groups(&self, column: &str) -> Vec<Series> {
        let mut by_group: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in &self.drawn.sheet.rows {
            let values = by_group.entry(self.group(row));
            let values = values.or_insert_with(|| vec![0; self.count()]);
            if let Some(value) = self.part(row).and_then(|part| values.get_mut(part)) {
                *value = whole(measure(row, column)).max(0);
            }
        }
        let series = by_group.into_iter();
        let mut series: Vec<Series> = series
            .map(|(name, values)| Series { name, values })
            .collect();
        let most = |one: &Series| one.values.iter().max().copied().unwrap_or(0);
        series.sort_by(|one, other| most(other).cmp(&most(one)).then(one.name.cmp(&other.name)));
        if series.len() > MAX_SERIES {
            let others = series.split_off(MAX_SERIES - 1);
            let sum = |nth| others.iter().filter_map(|one| one.values.get(nth)).sum();
            series.push(Series {
                name: counted(others.len(), "other", "others"),
                values: (0..self.count()).map(sum).collect(),
            });
        }
        series
    }

    /// The parts, each with what all series have there.
    fn parts(&self, series: &[Series]) -> Vec<Part> {
        let parts = self.all.chunks(self.together).enumerate();
        let parts = parts.map(|(nth, days)| {
            let (first, last) = (days.first().cloned(), days.last().cloned());
            let name = first.clone().unwrap_or_default();
            let mut title = match last.filter(|_| days.len() > 1) {
                Some(last) => format!("{name} to {last}"),
                None => name.clone(),
            };
            for one in series {
                let value = one.values.get(nth).copied().unwrap_or(0);
                // Writing into a string cannot fail.
                let _ = write!(title, ", {} {}", one.name, grouped(value));
            }
            Part {
                link: self.link(first.filter(|_| days.len() == 1)),
                name,
                title,
            }
        });
        parts.collect()
    }

    /// What is behind a day that is drawn by itself and is one row.
    fn link(&self, day: Option<String>) -> Option<String> {
        let day = day.filter(|_| !self.is_grouped())?;
        let mut rows = self.drawn.sheet.rows.iter();
        let row = rows.find(|row| text(row, "day").as_ref() == Some(&day))?;
        self.drawn.behind(row)
    }
}

fn legend(series: &[Series], what: &str) -> Markup {
    html! {
        figcaption {
            @for (nth, one) in series.iter().enumerate() {
                span.key.{ "c" (nth) } { bdi { (one.name) } } " "
            }
            "– " (what)
        }
    }
}
