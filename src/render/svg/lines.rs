//! What went on over time: a line for each series, or one area on top of the other.

use std::fmt::Write;

use maud::{Markup, html};

use super::{along, linked};

/// Units of the box.
const WIDTH: i64 = 1000;
const HEIGHT: i64 = 220;
/// Room for the numbers at the left and for the words below.
const LEFT: i64 = 64;
const TOP: i64 = 12;
const BOTTOM: i64 = 24;

/// One quantity over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// One for each part of the time.
    pub values: Vec<i64>,
}

/// A part of the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called below the axis, where there is room.
    pub name: String,
    /// What it says when the pointer rests on it.
    pub title: String,
    /// Where a click leads.
    pub link: Option<String>,
}

/// A line for each series; `about` is what the picture shows, for who cannot see it.
pub fn lines(parts: &[Part], series: &[Series], about: &str) -> Markup {
    let values = series.iter().flat_map(|one| one.values.iter().copied());
    let most = values.max().unwrap_or(0).max(1);
    let drawn = html! {
        @for (nth, one) in series.iter().enumerate() {
            polyline.trace.{ "c" (nth) } points=(points(&one.values, most)) { title { (one.name) } }
        }
    };
    framed("lines", parts, most, &drawn, about)
}

/// The series on top of each other, the first at the floor.
pub fn areas(parts: &[Part], series: &[Series], about: &str) -> Markup {
    let mut floors = vec![vec![0; parts.len()]];
    for one in series {
        let below = floors.last().cloned().unwrap_or_default();
        let sums = below.iter().zip(&one.values);
        floors.push(sums.map(|(below, value)| below + value).collect());
    }
    let highest = floors.last().and_then(|top| top.iter().max().copied());
    let most = highest.unwrap_or(0).max(1);
    let drawn = html! {
        @for (nth, ((one, below), above)) in series.iter().zip(&floors).zip(floors.iter().skip(1)).enumerate() {
            polygon.area.{ "c" (nth) } points=(band(below, above, most)) { title { (one.name) } }
        }
    };
    framed("areas", parts, most, &drawn, about)
}

/// What stands around: the scale, the time, and over each part of it what it says.
fn framed(class: &str, parts: &[Part], most: i64, drawn: &Markup, about: &str) -> Markup {
    let floor = HEIGHT - BOTTOM;
    let last = parts.len().saturating_sub(1);
    html! {
        svg.{ (class) } viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(about) {
            @for value in [most, most / 2] {
                line.grid x1=(LEFT) x2=(WIDTH) y1=(y(value, most)) y2=(y(value, most)) {}
                text.scale x=(LEFT - 8) y=(y(value, most) + 4) { (value) }
            }
            (drawn)
            line.axis x1=(LEFT) x2=(WIDTH) y1=(floor) y2=(floor) {}
            @for (nth, part) in parts.iter().enumerate() {
                @let (from, to) = (edge(nth, parts.len()), edge(nth + 1, parts.len()));
                (linked(part.link.as_deref(), &html! {
                    rect.room x=(from) y=(TOP) width=((to - from).max(1)) height=(floor - TOP) { title { (part.title) } }
                }))
                @if nth == 0 || nth == last || nth == last / 2 {
                    text.name.start[nth == 0].end[nth == last && nth > 0]
                        x=(if nth == last && nth > 0 { WIDTH } else { x(nth, parts.len()) }) y=(HEIGHT - 6) { (part.name) }
                }
            }
        }
    }
}

/// Where the space of a part begins.
fn edge(nth: usize, parts: usize) -> i64 {
    let number = |count: usize| i64::try_from(count).unwrap_or(0);
    LEFT + along(number(nth), number(parts), WIDTH - LEFT)
}

/// The middle of a part.
fn x(nth: usize, parts: usize) -> i64 {
    i64::midpoint(edge(nth, parts), edge(nth + 1, parts))
}

fn y(value: i64, most: i64) -> i64 {
    HEIGHT - BOTTOM - along(value, most, HEIGHT - BOTTOM - TOP)
}

fn points(values: &[i64], most: i64) -> String {
    let mut points = String::new();
    for (nth, value) in values.iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = write!(points, "{},{} ", x(nth, values.len()), y(*value, most));
    }
    points
}

/// The outline of what lies between two lines.
fn band(below: &[i64], above: &[i64], most: i64) -> String {
    let mut outline = points(above, most);
    for (nth, value) in below.iter().enumerate().rev() {
        // Writing into a string cannot fail.
        let _ = write!(outline, "{},{} ", x(nth, below.len()), y(*value, most));
    }
    outline
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[i64]) -> Series {
        Series {
            name: String::new(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn areas_stand_on_each_other_and_reach_the_top_together() {
        let part = |name: &str| Part {
            name: name.to_owned(),
            title: name.to_owned(),
            link: None,
        };
        let parts = [part("a"), part("b")];
        let drawn = areas(&parts, &[series(&[1, 2]), series(&[1, 2])], "").into_string();
        // The floor is 196 and the top 12; the second begins where the first ends.
        assert!(
            drawn.contains(r#"points="298,150 766,104 766,196 298,196 ""#),
            "{drawn}"
        );
        assert!(
            drawn.contains(r#"points="298,104 766,12 766,104 298,150 ""#),
            "{drawn}"
        );
    }
}
