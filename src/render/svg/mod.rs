//! Pictures, drawn by hand: small, without script, coloured by the classes of the style sheet, so that they follow
//! light and dark. Each stands beside a table that says the same.
//!
//! Lengths are whole units of a box that the page scales.

mod bars;
mod flow;
mod heat;
mod life;
mod lines;
mod rows;

use maud::{Markup, html};

pub use self::{
    bars::{Bar, bars},
    flow::{Arrow, Flow, flow},
    heat::{Cell, STRENGTHS, heat, strength},
    life::{Doubted, Lane, Life, Mark, Stretch, life},
    lines::{Part, Series, areas, lines},
    rows::{Row, rows},
};

/// Where a part of a whole lies on a line of this length; 0 for an empty whole.
fn along(part: i64, whole: i64, length: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    // Spans of ticks are up to 3e17: their products need more than 64 bits.
    let at = i128::from(part.clamp(0, whole)) * i128::from(length) / i128::from(whole);
    i64::try_from(at).unwrap_or(length)
}

/// As much of a text as there is room for.
fn cut(text: &str, most: i64) -> String {
    let most = usize::try_from(most).unwrap_or(0);
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A shape that leads somewhere. Keys pass it by: the table beside the picture has the same link.
fn linked(link: Option<&str>, shape: &Markup) -> Markup {
    html! {
        @if let Some(link) = link {
            a href=(link) tabindex="-1" { (shape) }
        } @else {
            (shape)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_text_that_does_not_fit_is_cut() {
        assert_eq!(cut("Solved", 6), "Solved");
        assert_eq!(cut("Solved", 4), "Sol…");
        assert_eq!(cut("Solved", 0), "…");
    }
}
