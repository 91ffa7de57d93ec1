//! What a page says when there is none to show.

use maud::html;

use super::{Frame, Place, page};
use crate::render::table::start;

/// Characters of a detail that are shown: all of every detail of ours, and no page of somebody's parameter.
const MAX_CHARS: usize = 1000;

/// What was wrong.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// The status of the answer.
    pub status: u16,
    /// What kind of problem it is.
    pub title: &'a str,
    /// What was wrong and what would be right.
    pub detail: &'a str,
    /// Names the request in the log.
    pub back: &'a str,
}

/// The page.
pub fn problem(problem: Problem<'_>) -> String {
    let content = html! {
        div.card {
            p.status { (problem.status) }
            h1 { (problem.title) }
            p {
                @for (nth, line) in problem.detail.lines().enumerate() {
                    @if nth > 0 { br; }
                    bdi { (start(line, MAX_CHARS)) }
                }
            }
            p {
                @if problem.status == 503 || problem.status == 500 {
                    a.button href=(problem.back) { "Try again" } " "
                }
                a.button href="/t" { "To your tenants" }
            }
        }
    };
    let frame = Frame {
        title: problem.title,
        tenant: None,
        place: Place::Elsewhere,
        reader: None,
    };
    page(frame, &content)
}
