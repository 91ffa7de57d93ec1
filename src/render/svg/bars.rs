//! Bars over time, each with a part of it that is darker.

use maud::{Markup, html};

use super::along;

/// Units of the box.
const WIDTH: i64 = 1000;
const HEIGHT: i64 = 170;
/// Room for the numbers at the left and for the words below.
const LEFT: i64 = 56;
const TOP: i64 = 12;
const BOTTOM: i64 = 24;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Its height.
    pub whole: i64,
    /// The height of its darker part.
    pub part: i64,
    /// What it stands for, below the axis where there is room.
    pub name: String,
    /// What it says when the pointer rests on it.
    pub title: String,
}

/// The picture; `about` is what it shows, for who cannot see it.
pub fn bars(bars: &[Bar], about: &str) -> Markup {
    let most = bars.iter().map(|bar| bar.whole).max().unwrap_or(0).max(1);
    let count = i64::try_from(bars.len()).unwrap_or(1).max(1);
    let (room, floor) = (WIDTH - LEFT, HEIGHT - BOTTOM);
    let height = |value| along(value, most, floor - TOP);
    let left = |nth: usize| LEFT + along(i64::try_from(nth).unwrap_or(0), count, room);
    let wide = (room / count - 3).max(1);
    let last = bars.len().saturating_sub(1);
    html! {
        svg.bars viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(about) {
            @for line in [most, most / 2] {
                @let y = floor - height(line);
                line.grid x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                text.scale x=(LEFT - 8) y=(y + 4) { (line) }
            }
            line.axis x1=(LEFT) x2=(WIDTH) y1=(floor) y2=(floor) {}
            @for (nth, bar) in bars.iter().enumerate() {
                g {
                    title { (bar.title) }
                    rect.room x=(left(nth)) y=(TOP) width=(wide + 3) height=(floor - TOP) {}
                    rect.whole x=(left(nth)) y=(floor - height(bar.whole)) width=(wide)
                        height=(height(bar.whole)) {}
                    rect.part x=(left(nth)) y=(floor - height(bar.part)) width=(wide)
                        height=(height(bar.part)) {}
                }
                @if nth == 0 || nth == last || nth == last / 2 {
                    text.name.start[nth == 0].end[nth == last && nth > 0]
                        x=(if nth == last && nth > 0 { left(nth) + wide } else { left(nth) })
                        y=(HEIGHT - 6) { (bar.name) }
                }
            }
        }
    }
}
