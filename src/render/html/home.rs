//! How a tenant's feed is, and what happened last.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Frame, Place, Reader, page,
    parts::{actor, api_path, as_data, change, field, ticket_path},
    reader::{counted, grouped},
    tenants::TenantRow,
};
use crate::{
    domain::{
        daily::OfDay,
        doubt::{Counts, OpenCounts},
        feed::FeedState,
        label::Labels,
        search::FoundChange,
    },
    render::svg::{Bar, bars},
};

/// What the page shows.
#[derive(Debug)]
pub struct Home<'a> {
    /// The tenant's log.
    pub log: &'a TenantRow,
    /// The hooks that may speak for it.
    pub feeds: &'a [FeedNow],
    /// Oldest first.
    pub days: &'a [OfDay],
    /// Intervals between two events, by how far they can be relied on.
    pub counts: Counts,
    /// Those after the last events.
    pub open: Option<OpenCounts>,
    /// Newest first.
    pub latest: &'a [FoundChange],
    /// Of what is shown.
    pub labels: &'a Labels,
    /// In whose zone.
    pub reader: &'a Reader,
}

/// How the feed through a hook is.
#[derive(Debug, Clone)]
pub struct FeedNow {
    /// The hook.
    pub hook: String,
    /// Its state.
    pub state: FeedState,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What to do about it.
    pub advice: String,
    /// The last delivery since the program started.
    pub last_delivery_at: Option<Timestamp>,
}

impl Home<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let tenant = &self.log.tenant;
        let content = html! {
            h1 { bdi { (tenant) } }
            (self.health())
            (self.figures())
            (self.chart())
            (self.changes())
        };
        let frame = Frame {
            title: tenant.as_str(),
            tenant: Some(tenant),
            place: Place::Home,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }

    fn health(&self) -> Markup {
        html! {
            section.feeds aria-labelledby="feed" {
                h2 #feed { "Feed" }
                @if self.feeds.is_empty() {
                    p { "No configured hook may speak for this tenant: what is here was imported." }
                }
                @for feed in self.feeds {
                    @let well = feed.state == FeedState::Ok;
                    div.feed.well[well].ill[!well] {
                        p {
                            strong { (feed_words(feed)) }
                            " through the hook " bdi { (feed.hook) }
                            @if let Some(at) = feed.last_delivery_at {
                                ", last delivery " (self.reader.stamp(at))
                            } @else {
                                ", no delivery since the program started"
                            }
                            @if let Some(since) = feed.since.filter(|_| !well) {
                                ", so since " (self.reader.stamp(since))
                            }
                            "."
                        }
                        @if !well { p.advice { strong { "What to do: " } (feed.advice) } }
                    }
                }
            }
        }
    }

    fn figures(&self) -> Markup {
        let log = self.log;
        let lag = log.head.0 - log.projected.0;
        let all = self.counts.consistent + self.counts.unproven + self.counts.suspect;
        html! {
            dl.figures #live-figures {
                div { dt { "Events" } dd { (grouped(log.head.0)) } }
                div { dt { "Tickets" } dd { (grouped(log.tickets)) } }
                div {
                    dt { "Last event" }
                    dd.small { @if let Some(at) = &log.last_at { (self.reader.time(at)) } @else { "none dated" } }
                }
                div {
                    dt title="Events in the log that lists and reports do not count yet" { "Lag" }
                    dd { @if lag == 0 { "none" } @else { (counted(lag, "event", "events")) } }
                }
                div {
                    dt title="Intervals in which something was missed" { "Suspect" }
                    dd { (share(self.counts.suspect, all)) }
                }
                div {
                    dt title="Intervals of which nothing contradicts, but the evidence is thin" { "Unproven" }
                    dd { (share(self.counts.unproven, all)) }
                }
            }
            p.data {
                (grouped(all)) " intervals between events: " (grouped(self.counts.consistent)) " consistent, "
                (grouped(self.counts.unproven)) " unproven, " (grouped(self.counts.suspect)) " suspect"
                @if let Some(open) = self.open {
                    "; of the tickets' last states " (grouped(open.unproven)) " meet a disturbed feed"
                }
                ". "
                a href={ (api_path(&log.tenant)) "/completeness?format=csv" } { "CSV" } " "
                a href={ (api_path(&log.tenant)) "/completeness" } { "JSON" }
            }
        }
    }

    fn chart(&self) -> Markup {
        let drawn: Vec<Bar> = self.days.iter().map(bar).collect();
        html! {
            section aria-labelledby="days" {
                h2 #days { "Events and tickets a day" }
                @if self.days.iter().all(|day| day.events == 0) {
                    p { "No event in these days." }
                } @else {
                    figure {
                        div.scroll tabindex="0" role="region" aria-label="Picture of the days" {
                            (bars(&drawn, "Events and tickets a day; the table below says the same"))
                        }
                        figcaption {
                            span.key.whole { "events" } " " span.key.part { "tickets with an event" }
                        }
                    }
                    details {
                        summary { "As a table" }
                        div.scroll tabindex="0" role="region" aria-label="Table of the days" {
                            table {
                                thead { tr {
                                    th scope="col" { "Day" } th.number scope="col" { "Events" }
                                    th.number scope="col" { "Tickets" } th.number scope="col" { "Created" }
                                } }
                                tbody {
                                    @for day in self.days.iter().rev().filter(|day| day.events > 0) { tr {
                                        th scope="row" { (day.date) }
                                        td.number { (grouped(day.events)) }
                                        td.number { (grouped(day.tickets)) }
                                        td.number { (grouped(day.created)) }
                                    } }
                                }
                            }
                        }
                        (as_data(&self.days_path(), "The days"))
                    }
                }
            }
        }
    }

    fn days_path(&self) -> String {
        let zone = super::Pairs::default().with("zone", self.reader.zone_name());
        zone.link(&format!("{}/days", api_path(&self.log.tenant)))
    }

    fn changes(&self) -> Markup {
        let tenant = &self.log.tenant;
        html! {
            section aria-labelledby="latest" {
                h2 #latest { "Latest changes" }
                // What the script refreshes as events come.
                div #live data-stream={ (api_path(tenant)) "/events/stream?after=" (self.log.head.0) }
                    data-projected=(self.log.projected.0) aria-live="polite" {
                    @if self.latest.is_empty() {
                        p { "No change yet." }
                    } @else {
                        div.scroll tabindex="0" role="region" aria-label="Table of the latest changes" {
                            table.changes {
                                thead { tr {
                                    th scope="col" { "When" } th scope="col" { "Ticket" }
                                    th scope="col" { "Who" } th scope="col" { "Field" } th scope="col" { "Change" }
                                } }
                                tbody { @for found in self.latest { (self.row(found)) } }
                            }
                        }
                    }
                }
                (as_data(&format!("{}/changes?order=desc", api_path(tenant)), "The latest changes"))
            }
        }
    }

    fn row(&self, found: &FoundChange) -> Markup {
        let ticks = found.occurred_at.ticks();
        html! {
            tr {
                td { (self.reader.time(&found.occurred_at)) }
                td { a href=(ticket_path(&self.log.tenant, found.ticket)) { (found.ticket) } }
                td { (actor(&self.log.tenant, found.actor, self.labels, ticks)) }
                td { (field(&found.change.field)) }
                td { (change(&found.change, self.labels, ticks)) }
            }
        }
    }
}

fn bar(day: &OfDay) -> Bar {
    Bar {
        whole: day.events,
        part: day.tickets,
        name: day.date.to_string(),
        title: format!(
            "{}: {}, {}",
            day.date,
            counted(day.events, "event", "events"),
            counted(day.tickets, "ticket", "tickets")
        ),
    }
}

/// A share in percent with one digit; what is there never shows as nothing.
fn share(part: i64, all: i64) -> String {
    if part == 0 || all == 0 {
        return "0 %".to_owned();
    }
    let thousandths = (part.saturating_mul(1000) / all).max(1);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

pub(super) fn feed_words(feed: &FeedNow) -> &'static str {
    match feed.state {
        FeedState::Ok if feed.last_delivery_at.is_none() => "Nothing is known to be wrong",
        FeedState::Ok => "Events arrive",
        FeedState::Retrying => "Deliveries fail and are tried again",
        FeedState::Silent => "Nothing arrives",
        FeedState::Stopped => "SuperOffice has stopped sending",
        FeedState::WrongSecret => "Deliveries carry a wrong signature",
    }
}
