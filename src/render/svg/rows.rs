//! Bars that lie one below the other, each with its name and its measure.

use maud::{Markup, html};

use super::{along, cut, linked};

/// Units of the box.
const WIDTH: i64 = 1000;
/// Where bars begin; their names stand left of it.
const LEFT: i64 = 270;
/// Room for the measure at the right.
const RIGHT: i64 = 110;
const ROW: i64 = 22;
const BAR: i64 = 14;
/// Width of a character of a name.
const CHAR: i64 = 7;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it stands for.
    pub name: String,
    /// Its length.
    pub length: i64,
    /// The length in words.
    pub measure: String,
    /// What it says when the pointer rests on it.
    pub title: String,
    /// Where a click leads.
    pub link: Option<String>,
}

/// The picture; `about` is what it shows, for who cannot see it.
pub fn rows(rows: &[Row], about: &str) -> Markup {
    let longest = rows.iter().map(|row| row.length).max().unwrap_or(0).max(1);
    let height = i64::try_from(rows.len()).unwrap_or(0) * ROW + 4;
    let wide = |row: &Row| along(row.length, longest, WIDTH - LEFT - RIGHT).max(1);
    html! {
        svg.rows viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(about) {
            @for (nth, row) in rows.iter().enumerate() {
                @let top = i64::try_from(nth).unwrap_or(0) * ROW + 2;
                (linked(row.link.as_deref(), &html! {
                    g {
                        title { (row.title) }
                        rect.room x="0" y=(top) width=(WIDTH) height=(ROW) {}
                        text.scale x=(LEFT - 8) y=(top + 15) { (cut(&row.name, (LEFT - 8) / CHAR)) }
                        rect.part x=(LEFT) y=(top + (ROW - BAR) / 2) width=(wide(row)) height=(BAR) rx="1" {}
                        text.measure x=(LEFT + wide(row) + 6) y=(top + 15) { (row.measure) }
                    }
                }))
            }
            line.axis x1=(LEFT) x2=(LEFT) y1="0" y2=(height) {}
        }
    }
}
