//! What one actor did: a year as a calendar, by field, and the latest changes.

use std::collections::BTreeMap;

use jiff::civil::Date;
use maud::{Markup, html};

use super::{
    Frame, Pairs, Place, Reader,
    changes::Changes,
    page,
    parts::{actor_path, api_path, as_data, audit_path, field, who},
    reader::{counted, grouped},
};
use crate::{
    domain::{
        completeness::Completeness,
        daily::DoneOnDay,
        ids::{Actor, EventId, Tenant},
        instant::timestamp_of_ticks,
        label::Labels,
        search::{Field, FoundChange, Narrowed, Predicate, Span, When, Who},
    },
    render::svg::{Cell, STRENGTHS, heat},
};

/// Bytes of changes in a page: beside a year of days less than 200 kB.
const MAX_BYTES: usize = 45_000;

/// Fields that are shown by name.
const MAX_FIELDS: usize = 20;

/// What the page shows.
#[derive(Debug)]
pub struct ActorPage<'a> {
    /// Whose.
    pub tenant: &'a Tenant,
    /// Who; `None` for the events that do not say.
    pub actor: Option<Actor>,
    /// The first and the last event, in ticks.
    pub span: (i64, i64),
    /// The year that is shown, of this zone.
    pub year: i16,
    /// The zone of the days.
    pub zone: &'a str,
    /// The first instant of the year, and the first after it, in ticks.
    pub window: (i64, i64),
    /// Its days, in order.
    pub days: &'a [DoneOnDay],
    /// Changes in it by field, most first.
    pub fields: &'a [(String, i64)],
    /// How many of the latest are counted by field; `None` if it is all.
    pub counted: Option<u32>,
    /// The latest changes in it.
    pub latest: &'a [FoundChange],
    /// Of the intervals that end with their events.
    pub doubts: &'a BTreeMap<EventId, Completeness>,
    /// Of all that is shown.
    pub labels: &'a Labels,
    /// The parameters of the page.
    pub query: &'a Pairs,
    /// In whose zone.
    pub reader: &'a Reader,
}

impl ActorPage<'_> {
    /// The page. `after` gives the cursor that goes on: after a change, or if there was room for all after the last.
    pub fn render(&self, after: impl FnOnce(Option<&FoundChange>) -> Option<String>) -> String {
        let name = who(self.actor, self.labels, self.span.1);
        let content = html! {
            h1 { (name) }
            p.lead {
                @match self.actor {
                    Some(Actor(id)) => { "Associate " strong { (id) } ". " },
                    None => "The events that do not say who it was. ",
                }
                "First event " (self.reader.ticks(self.span.0)) ", last " (self.reader.ticks(self.span.1)) "."
            }
            (self.calendar())
            (self.by_field())
            (self.changes(after))
        };
        let title = match self.actor {
            Some(actor) => match self.labels.of_actor(Some(actor), self.span.1) {
                Some(label) => super::parts::start(label),
                None => format!("Associate {}", actor.0),
            },
            None => "Nobody named".to_owned(),
        };
        let frame = Frame {
            title: &title,
            tenant: Some(self.tenant),
            place: Place::Elsewhere,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }

    fn calendar(&self) -> Markup {
        let events: i64 = self.days.iter().map(|day| day.events).sum();
        let created: i64 = self.days.iter().map(|day| day.created).sum();
        let cells: Vec<Cell> = self.days.iter().map(cell).collect();
        html! {
            section aria-labelledby="days" {
                h2 #days { (self.year) ": " (counted(events, "event", "events")) ", " (counted(created, "ticket", "tickets")) " created" }
                (self.years())
                figure {
                    div.scroll tabindex="0" role="region" aria-label="Calendar of the year" {
                        (heat(&cells, "Events a day; the table below says the same"))
                    }
                    figcaption {
                        "Events a day, the stronger the colour the more: "
                        @for strength in 0..=STRENGTHS { span.shade.{ "h" (strength) } {} }
                        " up to " (grouped(self.days.iter().map(|day| day.events).max().unwrap_or(0)))
                        ". Days are those of " (self.zone) "."
                    }
                }
                details {
                    summary { "As a table" }
                    (self.table())
                    (as_data(&self.days_path(), "The days"))
                }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="Table of the days" {
                table {
                    thead { tr {
                        th scope="col" { "Day" } th.number scope="col" { "Events" } th.number scope="col" { "Tickets created" }
                    } }
                    tbody {
                        @for day in self.days.iter().rev().filter(|day| day.events > 0) { tr {
                            th scope="row" { a href=(self.day_path(day.date)) { (day.date) } }
                            td.number { (grouped(day.events)) }
                            td.number { (grouped(day.created)) }
                        } }
                    }
                }
            }
        }
    }

    fn years(&self) -> Markup {
        let year = |ticks| self.reader.year(ticks);
        let (first, last) = (year(self.span.0), year(self.span.1));
        let link = |year: i16| {
            let query = self.query.without(&["cursor", "year"]);
            query.with("year", year.to_string()).link(&self.path())
        };
        html! {
            nav.pages aria-label="Years" {
                @if self.year > first { a.button rel="prev" href=(link((self.year - 1).min(last))) { ((self.year - 1).min(last)) } }
                @if self.year < last { a.button rel="next" href=(link((self.year + 1).max(first))) { ((self.year + 1).max(first)) } }
            }
        }
    }

    fn by_field(&self) -> Markup {
        let (shown, others) = self.fields.split_at(self.fields.len().min(MAX_FIELDS));
        let sum = |fields: &[(String, i64)]| fields.iter().map(|(_, changes)| changes).sum::<i64>();
        html! {
            section aria-labelledby="fields" {
                h2 #fields { "What was changed" }
                @if let Some(latest) = self.counted {
                    p.note { "Of the latest " (grouped(i64::from(latest))) " changes of the year, first values among them." }
                }
                @if self.fields.is_empty() {
                    p { "No value is known to have changed." }
                } @else {
                    div.scroll tabindex="0" role="region" aria-label="Table of the fields" {
                        table.narrow {
                            thead { tr { th scope="col" { "Field" } th.number scope="col" { "Changes" } } }
                            tbody {
                                @for (name, changes) in shown { tr {
                                    th scope="row" { (field(name)) }
                                    td.number { (super::audit::number(*changes, &self.field_path(name))) }
                                } }
                                @if !others.is_empty() { tr {
                                    th scope="row" { (counted(others.len(), "other field", "other fields")) }
                                    td.number { (grouped(sum(others))) }
                                } }
                            }
                            tfoot { tr { th scope="row" { "All" } td.number { (grouped(sum(self.fields))) } } }
                        }
                    }
                }
                (as_data(&self.asked().with("kind", "changed").with("return", "matrix").link(&self.changes_api()), "The changes by field"))
            }
        }
    }

    fn changes(&self, after: impl FnOnce(Option<&FoundChange>) -> Option<String>) -> Markup {
        let changes = Changes {
            tenant: self.tenant,
            found: self.latest,
            doubts: self.doubts,
            labels: self.labels,
            reader: self.reader,
        };
        let (table, cut) = changes.table(MAX_BYTES, "Table of the latest changes");
        let here = |query: &Pairs| format!("{}#latest", query.link(&self.path()));
        let settled = self
            .query
            .with("year", self.year.to_string())
            .with("zone", self.zone);
        html! {
            section aria-labelledby="latest" {
                h2 #latest { "Changes, newest first" }
                p.note {
                    "Noise is left out. "
                    a href=(self.audit(&[])) { "All of them in the audit" }
                }
                @if self.latest.is_empty() { p { "No change in this year." } } @else { (table) }
                nav.pages aria-label="Pages of the changes" {
                    @if self.query.has_any(&["cursor"]) {
                        a.button href=(here(&self.query.without(&["cursor"]))) { "To the newest" }
                    }
                    @if let Some(next) = after(cut) {
                        a.button rel="next" href=(here(&settled.with("cursor", next))) { "Further changes" }
                    }
                }
                (as_data(&self.asked().with("order", "desc").link(&self.changes_api()), "The changes"))
            }
        }
    }

    fn path(&self) -> String {
        actor_path(self.tenant, self.actor)
    }

    fn changes_api(&self) -> String {
        format!("{}/changes", api_path(self.tenant))
    }

    /// The changes of the year in the API.
    fn asked(&self) -> Pairs {
        asked(self.actor, self.window)
    }

    fn days_path(&self) -> String {
        let id = self
            .actor
            .map_or_else(|| "none".to_owned(), |actor| actor.0.to_string());
        let query = Pairs::default()
            .with("zone", self.zone)
            .with("days", self.days.len().to_string());
        let last = self.days.last().map(|day| day.date.to_string());
        let query = query.with("last", last.unwrap_or_default());
        query.link(&format!("{}/actors/{id}/days", api_path(self.tenant)))
    }

    fn day_path(&self, day: Date) -> String {
        let on = Predicate::Time(Span::On(When::Day(day)));
        self.audited(&Narrowed::new("").by(&[self.by(), on]))
    }

    fn field_path(&self, name: &str) -> String {
        self.audit(&[Predicate::Field(vec![Field::written(name)])])
    }

    /// The changes of the year that are as stated, in the audit.
    fn audit(&self, stated: &[Predicate]) -> String {
        let mut all = stated.to_vec();
        all.push(self.by());
        if let (Some(first), Some(last)) = (self.days.first(), self.days.last()) {
            let span = Span::Between(When::Day(first.date), When::Day(last.date));
            all.push(Predicate::Time(span));
        }
        self.audited(&Narrowed::new("").by(&all))
    }

    fn audited(&self, text: &str) -> String {
        let query = Pairs::default().with("q", text).with("zone", self.zone);
        audit_path(self.tenant, &query)
    }

    fn by(&self) -> Predicate {
        Predicate::Actor(vec![
            self.actor.map_or(Who::Nobody, |actor| Who::Id(actor.0)),
        ])
    }
}

/// How an API is asked for the changes of an actor in a window of ticks.
pub fn asked(actor: Option<Actor>, (since, until): (i64, i64)) -> Pairs {
    let who = match actor {
        Some(actor) => Pairs::default().with("actor", actor.0.to_string()),
        None => Pairs::default().with("q", "by none"),
    };
    who.with("since", timestamp_of_ticks(since).to_string())
        .with("until", timestamp_of_ticks(until).to_string())
}

fn cell(day: &DoneOnDay) -> Cell {
    Cell {
        date: day.date,
        count: day.events,
        title: format!("{}: {}", day.date, counted(day.events, "event", "events")),
    }
}
