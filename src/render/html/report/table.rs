//! The answer of a report: its picture, and its rows as a table that leads behind each.

use maud::{Markup, html};

use super::{
    Answer, FROM_ROW, MAX_BYTES, ROWS, ReportPage,
    chart::Drawn,
    sheet::{Column, Holds, Row, Sheet},
};
use crate::{
    domain::report::DRILL,
    render::html::{
        parts::start,
        reader::{counted, grouped},
    },
};

impl ReportPage<'_> {
    pub(super) fn answer(&self, answer: &Answer<'_>, is_behind: bool) -> Markup {
        let sheet = Sheet::new(answer.columns, answer.rows);
        if sheet.rows.is_empty() {
            return html! { p { "Nothing is as asked." } };
        }
        let link = |drill: &str| self.asked().with(DRILL, drill).link(&self.path());
        let drawn = Drawn {
            report: self.report,
            sheet: &sheet,
            around: self.around,
            link: &link,
        };
        let picture = (!is_behind && self.from_row == 1)
            .then(|| drawn.render())
            .flatten();
        let drills = !is_behind && self.report.drills;
        let (rows, last) = self.rows(&drawn);
        html! {
            @if let Some(picture) = picture { (picture) }
            p.note {
                (counted(sheet.rows.len(), "row", "rows"))
                @if answer.capped { ", and more that are left out: ask for less" }
                @if self.from_row > 1 || last < sheet.rows.len() {
                    "; here are " (grouped_place(self.from_row)) " to " (grouped_place(last))
                }
                "."
                @if drills { " Each leads to the tickets and events behind it." }
            }
            div.scroll tabindex="0" role="region" aria-label="Table of the answer" {
                table {
                    thead { tr {
                        @for column in &sheet.columns {
                            th.number[column.is_measure()] scope="col" { bdi { (start(column.name)) } }
                        }
                    } }
                    tbody { (rows) }
                }
            }
            (self.pages(last, sheet.rows.len()))
        }
    }

    /// As many rows as there is room for, and the number of the last of them.
    fn rows(&self, drawn: &Drawn<'_>) -> (Markup, usize) {
        let mut shown = String::new();
        let mut last = self.from_row - 1;
        let rows = drawn.sheet.rows.iter().skip(self.from_row - 1);
        for row in rows.take(ROWS) {
            let row = self.row(row, drawn).into_string();
            if !shown.is_empty() && shown.len() + row.len() > MAX_BYTES {
                break;
            }
            shown.push_str(&row);
            last += 1;
        }
        (maud::PreEscaped(shown), last)
    }

    fn row(&self, row: &Row<'_>, drawn: &Drawn<'_>) -> Markup {
        let behind = drawn.behind(row);
        html! {
            tr {
                @for (nth, column) in drawn.sheet.columns.iter().enumerate() {
                    @let cell = column.cell(row, self.around);
                    @if nth == 0 {
                        th.number[is_right(column)] scope="row" {
                            @if let Some(behind) = &behind {
                                a href=(behind) aria-label={ "What is behind " (drawn.name(row)) } { (cell) }
                            } @else {
                                (cell)
                            }
                        }
                    } @else {
                        td.number[is_right(column)] { (cell) }
                    }
                }
            }
        }
    }

    fn pages(&self, last: usize, all: usize) -> Markup {
        html! {
            nav.pages aria-label="Pages of the table" {
                @if self.from_row > 1 {
                    a.button href={ (self.asked().link(&self.path())) "#answer" } { "To the start" }
                }
                @if last < all {
                    @let next = self.asked().with(FROM_ROW, (last + 1).to_string());
                    a.button rel="next" href={ (next.link(&self.path())) "#answer" } { "Further rows" }
                }
            }
        }
    }
}

fn is_right(column: &Column<'_>) -> bool {
    matches!(column.holds, Holds::Seconds | Holds::Number)
}

fn grouped_place(number: usize) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}
