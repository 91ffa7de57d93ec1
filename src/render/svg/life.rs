//! The life of a ticket: a lane a field, in which each interval has the colour of its value.

use maud::{Markup, html};

use super::{along, cut};

/// Units of the box.
const WIDTH: i64 = 1000;
/// Where the lanes begin; their names stand left of it.
const LEFT: i64 = 112;
/// Between the end of time and the edge.
const RIGHT: i64 = 8;
/// Above the lanes: the marks of the lifecycle.
const TOP: i64 = 26;
const LANE: i64 = 24;
const GAP: i64 = 6;
/// Below the lanes: the axis.
const BOTTOM: i64 = 22;
/// Narrower intervals are drawn together: they could not be told apart.
const NARROW: i64 = 7;
/// Largest picture, in bytes: in a larger one wider intervals are drawn together too.
const MAX_BYTES: usize = 60_000;
/// Width of a character of the text in an interval.
const CHAR: i64 = 7;
/// Colours that there are.
const COLOURS: usize = 8;

/// What is drawn. Instants are ticks of 100 ns.
#[derive(Debug, Clone, Default)]
pub struct Life {
    /// First and last instant of the axis.
    pub span: (i64, i64),
    /// From the top.
    pub lanes: Vec<Lane>,
    /// What became of the ticket as a whole, in order.
    pub marks: Vec<Mark>,
    /// Where something may be missing, in order.
    pub doubted: Vec<Doubted>,
    /// What the axis says, and where.
    pub axis: Vec<(i64, String)>,
    /// The instant that is looked at.
    pub at: Option<i64>,
}

/// A field.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// Its intervals, in order; what is not known is left out.
    pub stretches: Vec<Stretch>,
}

/// A field held a value.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// From when until when.
    pub span: (i64, i64),
    /// What the value is called.
    pub name: String,
    /// Which colour; `None` for a value that means nothing is held.
    pub colour: Option<usize>,
    /// What it says when the pointer rests on it.
    pub title: String,
}

/// What became of the ticket as a whole.
#[derive(Debug, Clone)]
pub struct Mark {
    /// When.
    pub at: i64,
    /// Its word.
    pub word: &'static str,
    /// What it says when the pointer rests on it.
    pub title: String,
}

/// Something may be missing.
#[derive(Debug, Clone)]
pub struct Doubted {
    /// From when until when.
    pub span: (i64, i64),
    /// `suspect` or `unproven`.
    pub state: &'static str,
}

impl Life {
    fn x(&self, ticks: i64) -> i64 {
        let (from, to) = self.span;
        let part = ticks.saturating_sub(from);
        LEFT + along(part, to.saturating_sub(from), WIDTH - LEFT - RIGHT)
    }

    fn height(&self) -> i64 {
        let lanes = i64::try_from(self.lanes.len()).unwrap_or(0);
        TOP + lanes * (LANE + GAP)
    }
}

/// The picture; `about` is what it shows, for who cannot see it.
pub fn life(life: &Life, about: &str) -> Markup {
    let mut narrow = NARROW;
    loop {
        let picture = picture(life, about, narrow);
        if picture.0.len() <= MAX_BYTES || narrow > WIDTH {
            return picture;
        }
        narrow *= 2;
    }
}

fn picture(life: &Life, about: &str, narrow: i64) -> Markup {
    let floor = life.height();
    html! {
        svg.life viewBox={ "0 0 " (WIDTH) " " (floor + BOTTOM) } role="img" aria-label=(about) {
            defs { (hatch("suspect")) (hatch("unproven")) }
            (axis(life, floor))
            @for (nth, lane) in life.lanes.iter().enumerate() {
                (drawn(life, lane, TOP + i64::try_from(nth).unwrap_or(0) * (LANE + GAP), narrow))
            }
            @for (from, to, state) in merged(life) {
                rect.hatched x=(from) y=(TOP - 2) width=(to - from) height=(floor - TOP)
                    fill={ "url(#hatch-" (state) ")" } { title { (state) } }
            }
            (marks(life, narrow))
            @if let Some(at) = life.at {
                line.at x1=(life.x(at)) x2=(life.x(at)) y1="4" y2=(floor) {}
            }
        }
    }
}

fn hatch(state: &str) -> Markup {
    html! {
        pattern id={ "hatch-" (state) } width="6" height="6" patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)" {
            line.hatch.(state) x1="0" x2="0" y1="0" y2="6" {}
        }
    }
}

fn axis(life: &Life, floor: i64) -> Markup {
    let last = life.axis.len().saturating_sub(1);
    html! {
        @for (nth, (ticks, name)) in life.axis.iter().enumerate() {
            @let x = life.x(*ticks);
            line.grid x1=(x) x2=(x) y1=(TOP - 4) y2=(floor) {}
            text.name.start[nth == 0].end[nth == last && nth > 0] x=(x) y=(floor + 14) { (name) }
        }
    }
}

fn drawn(life: &Life, lane: &Lane, top: i64, narrow: i64) -> Markup {
    html! {
        text.lane x=(LEFT - 8) y=(top + 16) { (cut(&lane.name, (LEFT - 8) / CHAR)) }
        rect.empty x=(LEFT) y=(top) width=(WIDTH - LEFT - RIGHT) height=(LANE) {}
        @for run in runs(life, lane, narrow) {
            @match run {
                Run::One(stretch, from, to) => {
                    g.{ "v" (colour(stretch)) } {
                        title { (stretch.title) }
                        rect x=(from) y=(top) width=(to - from) height=(LANE) rx="2" {}
                        @if to - from > 4 * CHAR {
                            text x=(from + 5) y=(top + 16) { (cut(&stretch.name, (to - from - 8) / CHAR)) }
                        }
                    }
                }
                Run::Many(count, from, to) => {
                    g.many {
                        title { (count) " short intervals" }
                        rect x=(from) y=(top) width=(to - from) height=(LANE) {}
                    }
                }
            }
        }
    }
}

fn colour(stretch: &Stretch) -> String {
    let number = stretch.colour.map(|colour| (colour % COLOURS).to_string());
    number.unwrap_or_else(|| "none".to_owned())
}

/// Intervals next to each other, as they are drawn: where they begin and end.
enum Run<'a> {
    One(&'a Stretch, i64, i64),
    Many(usize, i64, i64),
}

fn runs<'a>(life: &Life, lane: &'a Lane, narrow: i64) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for stretch in &lane.stretches {
        let (from, to) = (life.x(stretch.span.0), life.x(stretch.span.1));
        if to - from >= narrow {
            runs.push(Run::One(stretch, from, to));
            continue;
        }
        match runs.last_mut() {
            Some(Run::Many(count, _, end)) if from - *end < narrow => {
                *count += 1;
                *end = to.max(*end);
            }
            _ => runs.push(Run::Many(1, from, to.max(from + 1))),
        }
    }
    // One that is alone is worth its own colour.
    let alone = |run: &Run<'a>| match run {
        Run::Many(1, from, to) => {
            let mut own = lane.stretches.iter();
            own.find(|stretch| life.x(stretch.span.0) == *from)
                .map(|stretch| Run::One(stretch, *from, *to))
        }
        _ => None,
    };
    for run in &mut runs {
        if let Some(one) = alone(run) {
            *run = one;
        }
    }
    runs
}

/// Doubt as it is drawn: adjoining or overlapping parts of one state together.
fn merged(life: &Life) -> Vec<(i64, i64, &'static str)> {
    let mut merged: Vec<(i64, i64, &'static str)> = Vec::new();
    for doubted in &life.doubted {
        let (from, to) = (life.x(doubted.span.0), life.x(doubted.span.1));
        match merged.last_mut() {
            Some((_, end, state)) if *state == doubted.state && from <= *end + 1 => {
                *end = to.max(*end);
            }
            _ => merged.push((from, to.max(from + 2), doubted.state)),
        }
    }
    merged
}

/// The marks, of which those that would lie on each other are one.
fn marks(life: &Life, narrow: i64) -> Markup {
    let mut shown: Vec<(i64, &'static str, String)> = Vec::new();
    for mark in &life.marks {
        let x = life.x(mark.at);
        match shown.last_mut() {
            Some((last, _, title)) if x - *last < narrow => {
                if title.len() < 200 {
                    title.push_str("; ");
                    title.push_str(&mark.title);
                }
            }
            _ => shown.push((x, mark.word, mark.title.clone())),
        }
    }
    html! {
        @for (x, word, title) in shown {
            g.mark.(word) {
                title { (title) }
                path d={ "M" (x) " 20 l-5 -9 h10 z" } {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: i64, to: i64) -> Stretch {
        Stretch {
            span: (from, to),
            name: "Open".to_owned(),
            colour: Some(0),
            title: String::new(),
        }
    }

    #[test]
    fn however_many_intervals_there_are_the_picture_stays_small() {
        let stretches = (0..100_000).map(|nth| stretch(nth, nth + 1)).collect();
        let whole = Life {
            span: (0, 100_000),
            lanes: vec![Lane {
                name: "status".to_owned(),
                stretches,
            }],
            marks: (0..100_000)
                .map(|at| Mark {
                    at,
                    word: "closed",
                    title: "closed".to_owned(),
                })
                .collect(),
            ..Life::default()
        };
        let picture = life(&whole, "").into_string();
        assert!(picture.len() < 60_000, "{}", picture.len());
        assert!(picture.contains("100000 short intervals"));
    }
    #[test]
    fn long_names_make_it_no_larger_and_what_is_wide_stays_by_itself() {
        let mut stretches: Vec<_> = (0..100).map(|nth| stretch(nth, nth + 1)).collect();
        stretches.push(stretch(100, 200));
        for stretch in &mut stretches {
            stretch.title = "\"".repeat(120);
        }
        let lane = Lane {
            name: "status".to_owned(),
            stretches,
        };
        let whole = Life {
            span: (0, 200),
            lanes: vec![lane; 5],
            ..Life::default()
        };
        let picture = life(&whole, "").into_string();
        assert!(picture.len() <= MAX_BYTES, "{}", picture.len());
        assert!(picture.contains("100 short intervals"));
        assert_eq!(picture.matches(&"&quot;".repeat(120)).count(), 5);
    }
}
