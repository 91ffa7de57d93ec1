//! Pictures, drawn by hand: small, without script, coloured by the classes of the style sheet, so that they follow
//! light and dark. Each stands beside a table that says the same.
//!
//! Lengths are whole units of a box that the page scales.

mod bars;
mod heat;
mod life;

pub use self::{
    bars::{Bar, bars},
    heat::{Cell, STRENGTHS, heat, strength},
    life::{Doubted, Lane, Life, Mark, Stretch, life},
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
