//! What is wrong with a search, where, and what would be right.

use maud::{Markup, html};

use super::AuditPage;
use crate::domain::search::QueryError;

/// What the field for the search is described by.
pub(super) const ID: &str = "wrong";

impl AuditPage<'_> {
    pub(super) fn unread(&self, error: &QueryError) -> Markup {
        html! {
            div id=(ID) .wrong role="alert" {
                p.error { strong { "The search cannot be read: " } bdi { (error.what()) } "." }
                @if let Some([before, wrong, after]) = error.parts() {
                    pre.query {
                        code {
                            bdi {
                                (before)
                                // At the end there is nothing to mark but the end.
                                @if wrong.is_empty() { mark aria-label="the end" { " " } } @else { mark { (wrong) } }
                                (after)
                            }
                        }
                    }
                }
                @if let Some(mended) = error.mended() {
                    p { "Did you mean " a.mended href=(self.with_text(mended)) { bdi { (mended) } } "?" }
                } @else if let Some(suggest) = error.suggest() {
                    p { "Did you mean " bdi { (suggest) } "?" }
                }
            }
        }
    }

    pub(super) fn too_broad(&self, narrower: Option<&str>) -> Markup {
        html! {
            div.wrong role="alert" {
                p.error {
                    strong { "The search takes longer than 30 s. " }
                    "Add a time, a field, an actor or a ticket."
                }
                @if let Some(narrower) = narrower {
                    p { "The last month alone: " a href=(self.with_text(narrower)) { bdi { (narrower) } } }
                }
            }
        }
    }
}
