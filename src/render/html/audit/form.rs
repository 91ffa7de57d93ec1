//! The form: the search as text, and fields that write into it.

use maud::{Markup, html};

use super::{AuditPage, Audited, wrong};
use crate::{
    domain::search::{Parts, PartsError},
    render::{
        html::{Pairs, parts::audit_path},
        table::start,
    },
};

/// Bytes of proposals for a field.
const MAX_CHOICES: usize = 6_000;

/// Searches to begin with.
const EXAMPLES: [(&str, &str); 4] = [
    ("status changed from 2", "opened again after being closed"),
    ("owned_by changed to none", "became nobody's"),
    (
        "priority changed and not by none",
        "another priority, by somebody named",
    ),
    (
        "ever priority = 1 and undeclared",
        "moved in silence, in tickets that ever had this priority",
    ),
];

impl AuditPage<'_> {
    pub(super) fn form(&self) -> Markup {
        let query = self.query;
        let is_wrong = matches!(self.answer, Audited::Unread(_));
        let unasked = matches!(self.answer, Audited::Unasked(_));
        let chosen = |name: &str, value: &str| query.all(name).any(|own| own == value);
        html! {
            form.ask method="get" action=(audit_path(self.tenant, &Pairs::default())) {
                (query.only(&["as"]).hidden())
                input type="hidden" name="zone" value=(query.first("zone").unwrap_or(self.reader.zone_name()));
                label for="q" { "Search" }
                textarea #q name="q" rows="2" spellcheck="false" autocapitalize="off" autocomplete="off"
                    aria-invalid=[is_wrong.then_some("true")]
                    aria-describedby=[is_wrong.then_some(wrong::ID)] { (self.text()) }
                @if let Audited::Unread(error) = &self.answer { (self.unread(error)) }
                details open[self.text().is_empty() || unasked] {
                    summary { "Add to the search" }
                    (self.parts())
                }
                div.line {
                    button.primary { "Search" }
                    label.tick { input type="checkbox" name="include" value="noise" checked[chosen("include", "noise")]; " with noise" }
                    label.tick { input type="checkbox" name="order" value="asc" checked[chosen("order", "asc")]; " oldest first" }
                    @if !self.text().is_empty() { a.button href=(self.with_text("")) { "Everything" } }
                }
            }
            @if self.text().is_empty() && !unasked { (self.examples()) }
        }
    }

    fn parts(&self) -> Markup {
        let Parts {
            field,
            from,
            to,
            actor,
            since,
            until,
            team,
        } = self.parts;
        let error = match &self.answer {
            Audited::Unasked(error) => Some(error),
            _ => None,
        };
        let values = error
            .filter(|error| **error == PartsError::NoField)
            .map(|_| "true");
        let times = error
            .filter(|error| **error == PartsError::NoTime)
            .map(|_| "true");
        html! {
            div.fields {
                (input("field", "Field", field, Some("fields"), values))
                (input("from", "from", from, None, values))
                (input("to", "to", to, None, values))
                (input("actor", "Who", actor, Some("people"), None))
                (day("since", "Since", since, times))
                (day("until", "Before", until, times))
                (input("team", "Team now", team, Some("teams"), None))
            }
            @if let Some(error) = error { p.error role="alert" { (error) "." } }
            p.hint {
                "A value is a label, a number or " code { "none" } "; who did it is a name, a number or " code { "none" }
                ". What is filled in is written into the search."
            }
            (proposals("fields", &self.choices.fields))
            (proposals("people", &self.choices.people))
            (proposals("teams", &self.choices.teams))
        }
    }

    fn examples(&self) -> Markup {
        html! {
            p.hint.examples {
                "For example "
                @for (nth, (text, about)) in EXAMPLES.iter().enumerate() {
                    @if nth > 0 { " · " }
                    a href=(self.with_text(text)) { code { (text) } } " (" (about) ")"
                }
            }
        }
    }
}

fn input(
    name: &str,
    label: &str,
    value: &str,
    list: Option<&str>,
    invalid: Option<&str>,
) -> Markup {
    html! {
        div {
            label for=(name) { (label) }
            input id=(name) name=(name) value=[some(value)] list=[list] autocomplete="off" spellcheck="false"
                autocapitalize="off" aria-invalid=[invalid];
        }
    }
}

/// A field for a day; for something else, if there is something else in it.
fn day(name: &str, label: &str, value: &str, invalid: Option<&str>) -> Markup {
    let kind = if invalid.is_some() && !value.is_empty() {
        "text"
    } else {
        "date"
    };
    html! {
        div {
            label for=(name) { (label) }
            input id=(name) type=(kind) name=(name) value=[some(value)] aria-invalid=[invalid];
        }
    }
}

fn some(value: &str) -> Option<&str> {
    Some(value).filter(|value| !value.is_empty())
}

/// As many of them as there is room for.
fn proposals(id: &str, all: &[String]) -> Markup {
    let mut room = MAX_CHOICES;
    let shown = all.iter().take_while(|text| {
        // What is escaped is six times as long at most.
        let takes = 30 + 6 * text.len();
        let fits = takes <= room;
        room = room.saturating_sub(takes);
        fits
    });
    let shown: Vec<&String> = shown.collect();
    html! {
        datalist id=(id) { @for text in shown { option value=(start(text, usize::MAX)) {} } }
    }
}
