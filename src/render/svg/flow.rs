//! What followed what: the values stand in a row, and arrows go from one to another, to the right above them and back
//! below, each as wide as it is frequent.

use std::fmt::Write;

use maud::{Markup, html};

use super::{along, cut, linked};

/// Units of the box.
const WIDTH: i64 = 1000;
/// Height of a value's box.
const NODE: i64 = 30;
/// Widest arrow.
const WIDEST: i64 = 13;
/// How much higher an arrow rises for each value that it passes, and the least.
const RISE: i64 = 34;
const LEAST: i64 = 52;
/// Width of a character.
const CHAR: i64 = 7;

/// What is drawn.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// The names of the values, from the left, each with what it says when the pointer rests on it.
    pub nodes: Vec<(String, String)>,
    /// From one of them to another.
    pub arrows: Vec<Arrow>,
}

/// How often one value followed another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    /// Which of the nodes it leaves.
    pub from: usize,
    /// Which it reaches.
    pub to: usize,
    /// How often.
    pub count: i64,
    /// The same in words.
    pub measure: String,
    /// What it says when the pointer rests on it.
    pub title: String,
    /// Where a click leads.
    pub link: Option<String>,
}

impl Arrow {
    fn is_back(&self) -> bool {
        self.to < self.from
    }

    /// How high its curve is drawn towards.
    fn rise(&self) -> i64 {
        let passed = i64::try_from(self.from.abs_diff(self.to)).unwrap_or(0);
        LEAST + RISE * passed
    }
}

impl Flow {
    fn step(&self) -> i64 {
        WIDTH / i64::try_from(self.nodes.len()).unwrap_or(1).max(1)
    }

    fn middle(&self, node: usize) -> i64 {
        self.step() * i64::try_from(node).unwrap_or(0) + self.step() / 2
    }

    /// Room for the highest of some arrows and its number: a curve reaches three quarters of what it is drawn towards.
    fn room(&self, back: bool) -> i64 {
        let own = self.arrows.iter().filter(|arrow| arrow.is_back() == back);
        own.map(|arrow| arrow.rise() * 3 / 4 + 18)
            .max()
            .unwrap_or(6)
    }
}

/// The picture; `about` is what it shows, for who cannot see it.
pub fn flow(flow: &Flow, about: &str) -> Markup {
    let (above, below) = (flow.room(false), flow.room(true));
    let wide = flow.step() - 24;
    html! {
        svg.flow viewBox={ "0 0 " (WIDTH) " " (above + NODE + below) } role="img" aria-label=(about) {
            @for arrow in &flow.arrows {
                (linked(arrow.link.as_deref(), &drawn(flow, arrow, above)))
            }
            @for (nth, (name, title)) in flow.nodes.iter().enumerate() {
                g.value {
                    title { (title) }
                    rect x=(flow.middle(nth) - wide / 2) y=(above) width=(wide) height=(NODE) rx="4" {}
                    text x=(flow.middle(nth)) y=(above + 19) { (cut(name, (wide - 8) / CHAR)) }
                }
            }
        }
    }
}

fn drawn(flow: &Flow, arrow: &Arrow, above: i64) -> Markup {
    let most = flow.arrows.iter().map(|arrow| arrow.count).max();
    let wide = along(arrow.count, most.unwrap_or(1), WIDEST).max(1);
    let side = flow.step() / 5;
    // What goes to the right leaves at the right and arrives at the left; what goes back does so below, the other way.
    let (y, up, side) = if arrow.is_back() {
        (above + NODE, 1, -side)
    } else {
        (above, -1, side)
    };
    let (from, to) = (flow.middle(arrow.from) + side, flow.middle(arrow.to) - side);
    let tip = wide + 5;
    let (end, reach) = (y + up * tip, y + up * arrow.rise());
    let mut path = format!("M{from} {y}");
    // Writing into a string cannot fail.
    let _ = write!(path, " C{from} {reach} {to} {reach} {to} {end}");
    let half = wide / 2 + 4;
    let head = format!("M{to} {y} L{} {end} L{} {end} Z", to - half, to + half);
    let label = y + up * (arrow.rise() * 3 / 4 + 4) + if up > 0 { 10 } else { 0 };
    html! {
        g.arrow {
            title { (arrow.title) }
            path.reach d=(path) {}
            path.shaft d=(path) stroke-width=(wide) {}
            path.head d=(head) {}
            text.name x=(i64::midpoint(from, to)) y=(label) { (arrow.measure) }
        }
    }
}
