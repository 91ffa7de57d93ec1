//! A calendar: a cell a day, a column a week, the stronger its colour the more happened.

use jiff::civil::{Date, Weekday};
use maud::{Markup, html};

/// From one cell to the next, and the side of one.
const STEP: i64 = 17;
const SIDE: i64 = 14;
/// Room for the days at the left and the months above.
const LEFT: i64 = 34;
const TOP: i64 = 18;
/// Columns for which there is always room: the weeks of a year.
const WEEKS: i64 = 54;
/// Shades of what is not nothing.
pub const STRENGTHS: i64 = 5;

/// A day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Which.
    pub date: Date,
    /// How much happened.
    pub count: i64,
    /// What it says when the pointer rests on it.
    pub title: String,
}

/// How strongly a value is coloured, of the greatest: 0 for nothing, else 1 to [`STRENGTHS`], by the square root,
/// so that small ones differ too.
pub fn strength(value: i64, most: i64) -> i64 {
    if value <= 0 {
        return 0;
    }
    let (value, most) = (i128::from(value), i128::from(most.max(value)));
    let stronger = (1..STRENGTHS).filter(|nth| {
        let nth = i128::from(*nth);
        value * i128::from(STRENGTHS * STRENGTHS) > most * nth * nth
    });
    1 + i64::try_from(stronger.count()).unwrap_or(0)
}

/// The picture of days in a row; `about` is what it shows, for who cannot see it.
pub fn heat(cells: &[Cell], about: &str) -> Markup {
    let most = cells.iter().map(|cell| cell.count).max().unwrap_or(0);
    // Of the first week only the days from the first on are there.
    let before = cells.first().map_or(0, |cell| row(cell.date));
    let place = |nth: usize| {
        let nth = before + i64::try_from(nth).unwrap_or(0);
        (LEFT + nth / 7 * STEP, TOP + nth % 7 * STEP)
    };
    html! {
        svg.heat viewBox={ "0 0 " (LEFT + WEEKS * STEP) " " (TOP + 7 * STEP) } role="img" aria-label=(about) {
            @for (row, name) in [(0, "Mon"), (2, "Wed"), (4, "Fri")] {
                text.name.end x=(LEFT - 6) y=(TOP + row * STEP + 11) { (name) }
            }
            @for (nth, cell) in cells.iter().enumerate() {
                @let (x, y) = place(nth);
                @if cell.date.day() == 1 {
                    text.name.start x=(x) y=(TOP - 6) { (cell.date.strftime("%b").to_string()) }
                }
                rect.{ "h" (strength(cell.count, most)) } x=(x) y=(y) width=(SIDE) height=(SIDE) rx="2" {
                    title { (cell.title) }
                }
            }
        }
    }
}

/// The place of a day in its week, from 0 for Monday.
fn row(date: Date) -> i64 {
    i64::from(date.weekday().since(Weekday::Monday))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn small_values_differ_and_the_greatest_is_strongest() {
        assert_eq!(
            [0, 1, 4, 5, 16, 17, 36, 64, 65, 100].map(|value| strength(value, 100)),
            [0, 1, 1, 2, 2, 3, 3, 4, 5, 5]
        );
        assert_eq!([strength(1, 1), strength(-1, 1), strength(7, 0)], [5, 0, 5]);
        assert_eq!(strength(i64::MAX, i64::MAX), 5);
    }

    #[test]
    fn a_week_is_a_column_that_begins_with_monday() {
        // The 1st of January 2016 was a Friday.
        let cells: Vec<Cell> = (1..=4)
            .map(|day| Cell {
                date: date(2016, 1, day),
                count: i64::from(day),
                title: day.to_string(),
            })
            .collect();
        let picture = heat(&cells, "").into_string();
        for place in [
            r#"x="34" y="86""#,
            r#"x="34" y="103""#,
            r#"x="34" y="120""#,
            r#"x="51" y="18""#,
        ] {
            assert!(picture.contains(place), "{place}: {picture}");
        }
        assert!(picture.contains(">Jan</text>"));
    }
}
