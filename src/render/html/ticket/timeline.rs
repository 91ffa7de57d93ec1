//! What happened to a ticket, entry by entry.

use maud::{Markup, html};

use super::{ABOUT, TicketPage};
use crate::{
    domain::{completeness::Confidence, history::Entry, ids::EventId, instant::OccurredAt},
    render::html::{
        parts::{actor, api_path, as_data, change, doubt, field, start},
        reader::counted,
    },
};

/// Bytes of entries in a page: with the rest of it far less than 200 kB, whatever somebody wrote into fields.
const MAX_BYTES: usize = 90_000;

/// Parameters of the filter.
const FILTER: [&str; 6] = ["field", "actor", "since", "until", "include", "order"];

/// As many of the page's entries as there is room for, and if those are not all the last of them.
pub(super) fn items(page: &TicketPage<'_>) -> (Markup, Option<EventId>) {
    let mut text = String::new();
    let mut last = None;
    for entry in page.entries {
        let item = page.item(entry).into_string();
        if last.is_some() && text.len() + item.len() > MAX_BYTES {
            return (maud::PreEscaped(text), last);
        }
        text.push_str(&item);
        last = Some(entry.event_id);
    }
    (maud::PreEscaped(text), None)
}

impl TicketPage<'_> {
    pub(super) fn timeline_section(&self, items: &Markup, next: Option<&str>) -> Markup {
        let later = self.query.has_any(&["cursor"]);
        html! {
            section aria-labelledby="timeline" {
                h2 #timeline { "Timeline" }
                (self.filter())
                (self.noise_line())
                @if self.entries.is_empty() {
                    p { "No entry is as asked." }
                } @else {
                    ol.timeline { (items) }
                }
                nav.pages aria-label="Pages of the timeline" {
                    @if later {
                        a.button href={ (self.query.without(&["cursor"]).link(&self.path())) "#timeline" } { "To the start" }
                    }
                    @if let Some(next) = next {
                        a.button rel="next" href={ (self.query.with("cursor", next).link(&self.path())) "#timeline" } { "Further entries" }
                    }
                }
                (as_data(&self.timeline_api(), "The timeline"))
            }
        }
    }

    /// The same part of the timeline in the API, which begins with the oldest if it is not told.
    fn timeline_api(&self) -> String {
        let mut query = self.query.only(&FILTER);
        if let Some(known_at) = self.query.first("known_at") {
            query = query.with("known_at", known_at);
        }
        if query.first("order").is_none() {
            query = query.with("order", "desc");
        }
        query.link(&format!("{}/timeline", self.api()))
    }

    fn filter(&self) -> Markup {
        let query = self.query;
        let chosen = |name: &str, value: &str| query.all(name).any(|own| own == value);
        let oldest = query.first("order") == Some("asc");
        html! {
            details.filter open[query.has_any(&FILTER)] {
                summary { "Filter" }
                form.line method="get" action={ (self.path()) "#timeline" } {
                    (query.only(&ABOUT).hidden())
                    label for="field" { "Field" }
                    select #field name="field" multiple[query.all("field").count() > 1] {
                        option value="" { "any" }
                        @for name in &self.found.fields {
                            option value=(name) selected[chosen("field", name)] { (start(name)) }
                        }
                    }
                    label for="actor" { "Who" }
                    select #actor name="actor" multiple[query.all("actor").count() > 1] {
                        option value="" { "anybody" }
                        @for id in self.found.actors.iter().flatten() {
                            @let text = id.0.to_string();
                            option value=(text) selected[chosen("actor", &text)] {
                                (self.labels.of_actor(Some(*id), self.labels_at).map_or_else(|| format!("associate {text}"), start))
                            }
                        }
                    }
                    label for="since" { "Since" }
                    input #since type="datetime-local" step="1" name="since" value=[self.local("since")];
                    label for="until" { "Until" }
                    input #until type="datetime-local" step="1" name="until" value=[self.local("until")];
                    label.tick { input type="checkbox" name="include" value="noise" checked[chosen("include", "noise")]; " with noise" }
                    label.tick { input type="checkbox" name="order" value="asc" checked[oldest]; " oldest first" }
                    button { "Filter" }
                    @if query.has_any(&FILTER) {
                        a.button href={ (query.only(&ABOUT).link(&self.path())) "#timeline" } { "All" }
                    }
                }
            }
        }
    }

    fn local(&self, name: &str) -> Option<String> {
        let at = OccurredAt::parse_zoned(self.query.first(name)?)?;
        Some(self.reader.field(at.ticks()))
    }

    fn noise_line(&self) -> Markup {
        let noise = self.found.noise;
        let shown = self.query.all("include").any(|word| word == "noise");
        let others = self.query.without(&["include", "cursor"]);
        html! {
            @if noise > 0 {
                p.note {
                    (counted(noise, "change is", "changes are")) " noise: bookkeeping fields, and fields that kept their value. "
                    @if shown {
                        a href={ (others.link(&self.path())) "#timeline" } { "Leave it out" }
                    } @else {
                        a href={ (others.with("include", "noise").link(&self.path())) "#timeline" } { "Show it" }
                    }
                }
            }
        }
    }

    fn item(&self, entry: &Entry) -> Markup {
        let ticks = entry.occurred_at.ticks();
        let utc = entry.occurred_at.as_utc();
        let event = entry.event_id.0;
        let here = self.query.only(&["known_at"]);
        html! {
            li.entry.repeat[entry.repeats.is_some()] {
                p.line {
                    span.when { (self.reader.time(&entry.occurred_at)) }
                    " " (actor(self.tenant, entry.actor, self.labels, ticks))
                    @if let Some(lifecycle) = entry.lifecycle {
                        " " span.lifecycle.(lifecycle.as_str()) { (lifecycle.as_str()) }
                    }
                    @if entry.name != "ticket.changed" && !entry.is_created() { " " span.note { (start(&entry.name)) } }
                    @if entry.late { " " span.note title="A later event was stored before it" { "arrived late" } }
                    @if let Some(original) = entry.repeats { " " span.note title=(original.0) { "repeats another event, counts as nothing" } }
                }
                @if !entry.changes.is_empty() {
                    dl.changes {
                        @for made in &entry.changes {
                            div.noise[made.is_noise()] {
                                dt { (field(&made.field)) }
                                dd { (change(made, self.labels, ticks)) }
                            }
                        }
                    }
                } @else if entry.repeats.is_none() {
                    p.note { "No field is known to have changed." }
                }
                @if entry.completeness.confidence() != Confidence::Consistent {
                    p.doubts { (doubt(&entry.completeness)) }
                }
                p.links {
                    a href=(here.with("as_of", utc).link(&self.path())) { "state then" }
                    @if let Some(last) = self.found.last.as_ref().filter(|last| last.ticks() > ticks) {
                        " · "
                        a href=(here.with("from", utc).with("to", last.as_utc()).link(&format!("{}/diff", self.path()))) { "changed since" }
                    }
                    " · "
                    a href={ (api_path(self.tenant)) "/events/" (event) } title={ "event " (event) ", position " (entry.position.0) } { "raw event" }
                }
            }
        }
    }
}
