//! Who changed what across all tickets: a search, what it finds, and who changed which field how often.

mod form;
mod matrix;
mod results;
mod wrong;

use std::collections::BTreeMap;

use maud::{Markup, html};

pub(super) use self::results::number;
use super::{Frame, Pairs, Place, Reader, page, parts::audit_path, reader::counted};
use crate::domain::{
    completeness::Completeness,
    doubt::Counts,
    ids::{EventId, Tenant, TicketId},
    label::Labels,
    search::{FoundChange, FoundCount, FoundTicket, Parts, PartsError, QueryError},
};

/// Longest address that many cells of one table have: with a search that is longer they are numbers alone.
const MAX_LINK: usize = 1000;

/// What the page shows.
#[derive(Debug)]
pub struct AuditPage<'a> {
    /// Whose.
    pub tenant: &'a Tenant,
    /// The parameters of the page.
    pub query: &'a Pairs,
    /// The zone whose days the search means.
    pub zone: &'a str,
    /// What the form could not write into the search.
    pub parts: &'a Parts,
    /// What its fields propose.
    pub choices: &'a Choices,
    /// What was found.
    pub answer: Audited<'a>,
    /// The instant whose labels hold where none is shown, in ticks.
    pub labels_at: i64,
    /// Of all that is shown.
    pub labels: &'a Labels,
    /// Events that are in the log and not yet in what is searched.
    pub behind: i64,
    /// In whose zone.
    pub reader: &'a Reader,
}

/// What can be filled in.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Names of fields.
    pub fields: Vec<String>,
    /// Labels of people.
    pub people: Vec<String>,
    /// Labels of teams.
    pub teams: Vec<String>,
}

/// What became of a search.
#[derive(Debug)]
pub enum Audited<'a> {
    /// What was filled in makes no search.
    Unasked(PartsError),
    /// It is none.
    Unread(&'a QueryError),
    /// It takes too long; a search that may not, if one can be named.
    TooBroad(Option<String>),
    /// A page of changes.
    Changes {
        /// In the order asked for.
        found: &'a [FoundChange],
        /// Of the intervals that end with their events.
        doubts: &'a BTreeMap<EventId, Completeness>,
        /// Where to go on.
        next: Option<String>,
    },
    /// A page of tickets.
    Tickets {
        /// By number.
        found: &'a [FoundTicket],
        /// How many of their intervals are in each state.
        doubts: &'a BTreeMap<TicketId, Counts>,
        /// Where to go on.
        next: Option<String>,
    },
    /// Counts by actor and field.
    Counts {
        /// All of them, or the first.
        found: &'a [FoundCount],
        /// True if there are more.
        capped: bool,
        /// How many of all intervals of the tenant are in each state.
        intervals: Counts,
    },
}

/// What can be shown of what was found, in the order of the page: how the address and the API name it, and its
/// name.
const VIEWS: [(&str, &str, &str); 3] = [
    ("changes", "changes", "Changes"),
    ("tickets", "tickets", "Tickets"),
    ("counts", "matrix", "Who changed what"),
];

impl AuditPage<'_> {
    /// The page. `after` gives the cursor that goes on after a change, for a page that has no room for all.
    pub fn render(&self, after: impl FnOnce(&FoundChange) -> Option<String>) -> String {
        let content = html! {
            h1 { "Audit" }
            p.lead { "Who changed what, across all tickets." }
            (self.form())
            @match &self.answer {
                Audited::Unasked(_) | Audited::Unread(_) => {},
                Audited::TooBroad(narrower) => (self.too_broad(narrower.as_deref())),
                answer => {
                    (self.views())
                    (self.notes())
                    (self.found(answer, after))
                }
            }
        };
        let frame = Frame {
            title: "Audit",
            tenant: Some(self.tenant),
            place: Place::Audit,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }

    fn text(&self) -> &str {
        self.query.first("q").unwrap_or_default()
    }

    /// How the page's address names what is shown.
    fn view(&self) -> &str {
        self.query.first("as").unwrap_or("changes")
    }

    /// The same page with another search.
    fn with_text(&self, text: &str) -> String {
        let query = self.query.without(&["cursor", "q"]);
        let query = if text.is_empty() {
            query
        } else {
            query.with("q", text)
        };
        audit_path(self.tenant, &query)
    }

    /// The same search in the API.
    fn api(&self) -> String {
        let view = VIEWS.iter().find(|(own, ..)| *own == self.view());
        let give = view.map_or("changes", |(_, give, _)| *give);
        let mut query = self.query.only(&["q", "zone", "include"]);
        if give != "matrix" && self.query.first("order").is_none() {
            query = query.with("order", "desc");
        }
        if give != "changes" {
            query = query.with("return", give);
        }
        query.link(&format!("{}/changes", super::parts::api_path(self.tenant)))
    }

    fn views(&self) -> Markup {
        let others = self.query.without(&["as", "cursor"]);
        html! {
            nav.views aria-label="What is shown of what was found" {
                ul {
                    @for (view, _, name) in VIEWS {
                        @let query = if view == "changes" { others.clone() } else { others.with("as", view) };
                        li {
                            a href=(audit_path(self.tenant, &query))
                                aria-current=[(view == self.view()).then_some("true")] { (name) }
                        }
                    }
                }
            }
        }
    }

    /// What to know of what was found: what is left out, whose days are meant, and what is missing.
    fn notes(&self) -> Markup {
        let others = self.query.without(&["include", "cursor"]);
        let noisy = self.query.all("include").any(|word| word == "noise");
        html! {
            p.note {
                @if noisy {
                    "With noise: bookkeeping fields, and values that came again unchanged. "
                    a href=(audit_path(self.tenant, &others)) { "Leave it out" }
                } @else {
                    "Noise is left out, unless the search names it: bookkeeping fields, and values that came again unchanged. "
                    a href=(audit_path(self.tenant, &others.with("include", "noise"))) { "Show it" }
                }
            }
            @if !self.text().is_empty() {
                p.note {
                    "Days in the search are those of " strong { (self.zone) } ". "
                    @if self.zone != self.reader.zone_name() {
                        @let own = self.query.without(&["cursor"]).with("zone", self.reader.zone_name());
                        a href=(audit_path(self.tenant, &own)) { "Mean those of " (self.reader.zone_name()) }
                    }
                }
            }
            @if self.behind > 0 {
                p.banner {
                    "What is searched is " (counted(self.behind, "event", "events")) " behind the log: load again in a moment."
                }
            }
        }
    }
}
