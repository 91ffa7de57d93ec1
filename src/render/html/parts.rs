//! What pages share: values under their labels, actors, doubt, and the links to the same as CSV and JSON.

use maud::{Markup, html};

use super::Pairs;
use crate::{
    domain::{
        completeness::{Completeness, Confidence, Reason},
        fields::Value,
        history::{Change, Kind},
        ids::{Actor, Tenant, TicketId},
        label::Labels,
    },
    render::table,
};

/// Characters of a value that a page shows; the raw event has all.
const MAX_CHARS: usize = 120;

/// The path of a tenant's pages. A tenant's name needs no escaping in one.
pub(super) fn tenant_path(tenant: &Tenant) -> String {
    format!("/t/{tenant}")
}

/// The path of a ticket's page.
pub(super) fn ticket_path(tenant: &Tenant, ticket: TicketId) -> String {
    format!("{}/tickets/{ticket}", tenant_path(tenant))
}

/// The path of a tenant in the API.
pub(super) fn api_path(tenant: &Tenant) -> String {
    format!("/v1/tenants/{tenant}")
}

/// The beginning of a text, without what could be taken for a line break or move the writing.
pub(super) fn start(text: &str) -> String {
    table::start(text, MAX_CHARS)
}

/// A value as sent, a text without its quotes.
pub(super) fn sent(value: &Value) -> String {
    start(
        &value
            .as_text()
            .unwrap_or_else(|| value.as_json().to_owned()),
    )
}

/// What a value is called: its label, else what was sent; and whether it means that nothing is held.
pub(super) fn name_of(field: &str, value: &Value, labels: &Labels, ticks: i64) -> String {
    match labels.of_value(field, value, ticks) {
        Some(label) => start(label),
        None if value.is_none(field) => "none".to_owned(),
        None => sent(value),
    }
}

/// A value under its label, with the id behind it; one that is not known is said so.
pub(super) fn value(field: &str, value: Option<&Value>, labels: &Labels, ticks: i64) -> Markup {
    let Some(value) = value else {
        return html! { span.unknown title="not known: SuperOffice did not send it" { "unknown" } };
    };
    let name = name_of(field, value, labels, ticks);
    html! {
        bdi.value.none[value.is_none(field)] title={ (start(field)) " " (sent(value)) } { (name) }
    }
}

/// The path of an actor's page.
pub(super) fn actor_path(tenant: &Tenant, actor: Option<Actor>) -> String {
    let id = actor.map_or_else(|| "none".to_owned(), |actor| actor.0.to_string());
    format!("{}/actors/{id}", tenant_path(tenant))
}

/// Who did something, and the way to what else they did.
pub(super) fn actor(tenant: &Tenant, actor: Option<Actor>, labels: &Labels, ticks: i64) -> Markup {
    html! { a.person href=(actor_path(tenant, actor)) { (who(actor, labels, ticks)) } }
}

/// Who did something.
pub(super) fn who(actor: Option<Actor>, labels: &Labels, ticks: i64) -> Markup {
    let Some(Actor(id)) = actor else {
        return html! { span.unknown { "nobody named" } };
    };
    if let Some(label) = labels.of_actor(actor, ticks) {
        return html! { bdi.who title={ "associate " (id) } { (start(label)) } };
    }
    html! { span.who { "associate " (id) } }
}

/// A field's name.
pub(super) fn field(name: &str) -> Markup {
    html! { bdi.field { (start(name)) } }
}

/// What happened to a field, in one line.
pub(super) fn change(change: &Change, labels: &Labels, ticks: i64) -> Markup {
    let shown = |of: &Option<Value>| value(&change.field, of.as_ref(), labels, ticks);
    let undeclared = !change.declared && change.kind != Kind::Initial;
    html! {
        @match change.kind {
            Kind::NotSent => span.unknown { "changed, value not sent" },
            Kind::Touched => { (shown(&change.to)) " " span.note { "unchanged" } },
            Kind::Initial => (shown(&change.to)),
            Kind::Changed | Kind::Set => {
                (shown(&change.from)) " " span.to aria-label="to" { "→" } " " (shown(&change.to))
            },
        }
        @if undeclared {
            " " span.note title="SuperOffice did not name this field among the changes" { "undeclared" }
        }
    }
}

/// What is to be said against an interval; nothing of one that is consistent.
pub(super) fn doubt(completeness: &Completeness) -> Markup {
    let confidence = completeness.confidence();
    if confidence == Confidence::Consistent {
        return html! {};
    }
    html! {
        span.doubt.(confidence.as_str()) { (confidence.as_str()) }
        " "
        span.reasons {
            @for (nth, reason) in completeness.reasons.iter().enumerate() {
                @if nth > 0 { "; " }
                span title=(reason.as_str()) { (explained(*reason)) }
            }
        }
    }
}

/// A reason in words for people.
pub(super) fn explained(reason: Reason) -> &'static str {
    match reason {
        Reason::ClockSkew => "its time lies over a day after its arrival",
        Reason::Conflict => "its id also came with other content",
        Reason::Disorder => "it stands before the event that created the ticket",
        Reason::FeedOutage => "events may have been missed while the feed was disturbed",
        Reason::ImpliedChange => "a value moved that only follows from a declared one",
        Reason::NoChangesDeclared => "a value moved although no change was declared",
        Reason::NoOp => "a declared field came with the value it had",
        Reason::NoValues => "values were left out",
        Reason::SameInstant => "another event has the same time, so their order is a convention",
        Reason::StartsLate => "the event that created the ticket is missing",
        Reason::UndeclaredChange => "a value moved that no declared change explains",
        Reason::UnseenWrite => "the ticket was written at a time of which no event is known",
    }
}

/// A share from 0 to 1 in percent with one digit; what is there never shows as nothing.
pub(super) fn share(share: f64) -> String {
    if share <= 0.0 {
        return "0 %".to_owned();
    }
    format!("{:.1} %", (share * 100.0).max(0.1))
}

/// The path of a search for changes, in the language of searches.
pub(super) fn audit_path(tenant: &Tenant, query: &Pairs) -> String {
    query.link(&format!("{}/audit", tenant_path(tenant)))
}

/// Where a table is to be had as data: a path in the API, whose parameters may follow.
pub(super) fn as_data(path: &str, what: &str) -> Markup {
    let joint = if path.contains('?') { '&' } else { '?' };
    html! {
        p.data {
            a href={ (path) (joint) "format=csv" } aria-label={ (what) " as CSV" } { "CSV" }
            " "
            a href={ (path) (joint) "format=json" } aria-label={ (what) " as JSON" } { "JSON" }
        }
    }
}
