//! One ticket: what it is or was, the picture of its life, and its timeline.

mod picture;
mod state;
mod timeline;

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    Frame, Pairs, Place, Reader, page,
    parts::{api_path, as_data, doubt, ticket_path},
    reader::{counted, duration},
};
use crate::{
    domain::{
        completeness::{Completeness, Confidence},
        fields::Value,
        history::{Entry, History},
        ids::{Actor, EventId, Tenant, TicketId},
        instant::OccurredAt,
        label::Labels,
    },
    render::svg::{Life, life},
};

/// Parameters that say which ticket is seen, and not which part of its timeline.
const ABOUT: [&str; 2] = ["as_of", "known_at"];

/// Fields that a filter offers.
const MAX_CHOICES: usize = 60;

/// What the whole history of a ticket says, of which its timeline shows a part.
#[derive(Debug)]
pub struct Found {
    first: Option<OccurredAt>,
    last: Option<OccurredAt>,
    /// Instants of its events, in order.
    instants: Vec<i64>,
    noise: usize,
    /// Intervals in each state.
    states: BTreeMap<Confidence, usize>,
    all: Completeness,
    fields: Vec<String>,
    actors: Vec<Option<Actor>>,
    since: BTreeMap<String, OccurredAt>,
    life: Life,
    intervals: Vec<picture::Row>,
}

/// What the page shows.
#[derive(Debug)]
pub struct TicketPage<'a> {
    /// Whose.
    pub tenant: &'a Tenant,
    /// Which.
    pub ticket: TicketId,
    /// Of the whole history.
    pub found: &'a Found,
    /// Events in the log, and those of them without a readable Timestamp.
    pub events: (usize, usize),
    /// What is known at the instant that is looked at.
    pub state: &'a BTreeMap<String, Value>,
    /// That instant; `None` for now.
    pub as_of: Option<&'a OccurredAt>,
    /// The instant whose labels hold, in ticks.
    pub labels_at: i64,
    /// Of all that is shown.
    pub labels: &'a Labels,
    /// The part of the timeline that was asked for.
    pub entries: &'a [Entry],
    /// The parameters of the page.
    pub query: &'a Pairs,
    /// In whose zone.
    pub reader: &'a Reader,
}

impl Found {
    /// Reads a history; with the labels of all its values, as seen at an instant.
    pub fn new(
        history: &History,
        labels: &Labels,
        as_of: Option<&OccurredAt>,
        reader: &Reader,
    ) -> Self {
        let entries = &history.entries;
        let originals = || entries.iter().filter(|entry| entry.repeats.is_none());
        let mut states = BTreeMap::new();
        let mut all = history.open.clone();
        for entry in originals() {
            *states.entry(entry.completeness.confidence()).or_insert(0) += 1;
            all.reasons.extend(entry.completeness.reasons.iter());
        }
        let changes = || entries.iter().flat_map(|entry| entry.changes.iter());
        let fields = changes().map(|change| change.field.as_str());
        let fields: std::collections::BTreeSet<&str> = fields.collect();
        let actors = entries.iter().map(|entry| entry.actor);
        let actors: std::collections::BTreeSet<Option<Actor>> = actors.collect();
        let until = as_of.map_or(i64::MAX, OccurredAt::ticks);
        let mut since = BTreeMap::new();
        for entry in entries
            .iter()
            .filter(|entry| entry.occurred_at.ticks() <= until)
        {
            for turn in &entry.turns {
                since.insert(turn.field.clone(), entry.occurred_at.clone());
            }
        }
        Self {
            first: entries.first().map(|entry| entry.occurred_at.clone()),
            last: entries.last().map(|entry| entry.occurred_at.clone()),
            instants: entries
                .iter()
                .map(|entry| entry.occurred_at.ticks())
                .collect(),
            noise: changes().filter(|change| change.is_noise()).count(),
            states,
            all,
            fields: fields
                .into_iter()
                .take(MAX_CHOICES)
                .map(ToOwned::to_owned)
                .collect(),
            actors: actors.into_iter().take(MAX_CHOICES).collect(),
            since,
            life: picture::draw(history, labels, as_of, reader),
            intervals: picture::rows(history, labels),
        }
    }

    fn of(&self, state: Confidence) -> usize {
        self.states.get(&state).copied().unwrap_or(0)
    }
}

impl TicketPage<'_> {
    /// The page, and if it became too long the last event that it shows: then the cursor of the page after it
    /// is made of that. `next` is the cursor if all entries are shown.
    pub fn render(&self, next: impl FnOnce(Option<EventId>) -> Option<String>) -> String {
        let (items, cut) = timeline::items(self);
        let next = next(cut);
        let title = format!("Ticket {}", self.ticket);
        let content = html! {
            (self.head())
            (self.picture())
            (self.state_section())
            (self.timeline_section(&items, next.as_deref()))
        };
        let frame = Frame {
            title: &title,
            tenant: Some(self.tenant),
            place: Place::Tickets,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }

    fn path(&self) -> String {
        ticket_path(self.tenant, self.ticket)
    }

    fn api(&self) -> String {
        format!("{}/tickets/{}", api_path(self.tenant), self.ticket)
    }

    fn head(&self) -> Markup {
        let found = self.found;
        let (events, undated) = self.events;
        html! {
            h1 { "Ticket " (self.ticket) }
            p.lead {
                (counted(events, "event", "events"))
                @if let (Some(first), Some(last)) = (&found.first, &found.last) {
                    " in " (duration(last.ticks() - first.ticks()))
                    ", from " (self.reader.time(first)) " to " (self.reader.time(last))
                }
                "."
                @if undated > 0 {
                    " " strong { (undated) } " of them without a time that can be read: they are in the log, and in no history."
                }
            }
            p.lead {
                "Of the intervals between its events "
                (found.of(Confidence::Consistent)) " consistent, "
                span.doubt[found.of(Confidence::Unproven) > 0].unproven[found.of(Confidence::Unproven) > 0] { (found.of(Confidence::Unproven)) " unproven" } ", "
                span.doubt[found.of(Confidence::Suspect) > 0].suspect[found.of(Confidence::Suspect) > 0] { (found.of(Confidence::Suspect)) " suspect" } ". "
                (doubt(&found.all))
            }
            @if let Some(known_at) = self.query.first("known_at") {
                p.banner {
                    "From what was in the log by " strong { (super::parts::start(known_at)) } " alone. "
                    a href=(self.query.without(&["known_at", "cursor"]).link(&self.path())) { "From all that is there now" }
                }
            }
        }
    }

    fn picture(&self) -> Markup {
        let found = self.found;
        if found.life.lanes.is_empty() {
            return html! {};
        }
        html! {
            section aria-labelledby="life" {
                h2 #life { "Its life" }
                figure {
                    div.scroll tabindex="0" role="region" aria-label="Picture of its life" {
                        (life(&found.life, "Which field held what; the table below says the same"))
                    }
                    (self.slider())
                    figcaption {
                        "▼ what became of it as a whole; hatched: "
                        span.key.suspect { "suspect" } " " span.key.unproven { "unproven" }
                        "; empty: not known"
                    }
                }
                details {
                    summary { "As a table" }
                    (picture::table(&found.intervals, self.reader))
                    (as_data(&format!("{}/timeline", self.api()), "The timeline"))
                }
            }
        }
    }

    fn slider(&self) -> Markup {
        let (Some(first), Some(last)) = (&self.found.first, &self.found.last) else {
            return html! {};
        };
        let seconds = |ticks: i64| ticks.div_euclid(10_000_000);
        let end = seconds(last.ticks()) + 1;
        let at = self.as_of.map_or(end, |at| seconds(at.ticks()));
        html! {
            form.slide method="get" action=(self.path()) {
                (self.query.without(&["as_of", "cursor", "at"]).hidden())
                label for="at" { "Look at" }
                input #at type="range" name="at" min=(seconds(first.ticks())) max=(end)
                    value=(at.clamp(seconds(first.ticks()), end)) data-submit="change" data-shows="at-shown";
                output #at-shown for="at" { (self.reader.second(at * 10_000_000)) }
                button { "Show" }
            }
        }
    }
}
