//! The JSON of the API. Names are stable: keys may be added, never renamed.
//!
//! Values stand as SuperOffice sent them. What shows ids takes the labels that
//! [`wanted`](crate::domain::label::wanted) names, and shows those valid at its own instant.

mod activity;
mod desk;
mod diff;
mod doubt;
pub(super) mod rows;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::{
    activity::{ActivityJson, ActorActivityJson},
    diff::DiffJson,
    doubt::{DoubtJson, IntervalsJson},
};
use super::schema::{Instant, Origin};
use crate::domain::{
    completeness::{Completeness, Confidence, Reason},
    fields::Value,
    history::{Change, Entry, History, Kind, Lifecycle},
    ids::{Actor, EventId, Position, TicketId},
    instant::{OccurredAt, ticks_of_timestamp},
    label::Labels,
    log::StoredEvent,
};

/// Who changed something.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Actor)]
pub struct ActorJson {
    /// Null if the event names nobody.
    #[schema(required)]
    id: Option<Actor>,
    /// Its label; null if it has none.
    #[schema(required)]
    label: Option<String>,
}

impl ActorJson {
    /// With the label valid at an instant, in ticks of 100 ns.
    pub fn new(id: Option<Actor>, labels: &Labels, ticks: i64) -> Self {
        let label = labels.of_actor(id, ticks).map(ToOwned::to_owned);
        Self { id, label }
    }
}

/// What can be said about having seen everything.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Completeness)]
pub struct CompletenessJson {
    /// The least of what the reasons leave.
    #[schema(value_type = Confidence)]
    state: &'static str,
    /// By name; none if it is `consistent`.
    #[schema(value_type = Vec<Reason>)]
    reasons: Vec<&'static str>,
}

impl From<&Completeness> for CompletenessJson {
    fn from(completeness: &Completeness) -> Self {
        Self {
            state: completeness.confidence().as_str(),
            reasons: completeness
                .reasons
                .iter()
                .map(|reason| reason.as_str())
                .collect(),
        }
    }
}

/// The label of a value; null if it has none.
#[derive(Debug, Clone, Serialize)]
pub struct LabelJson(Option<String>);

/// One field in an entry. `from` and `to` are there only when known, so that `null` always means that
/// the sender sent null.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Change)]
pub struct ChangeJson {
    /// The field's name.
    field: String,
    /// What sort of change it is.
    #[schema(value_type = Kind)]
    kind: &'static str,
    /// True if the sender named the field in `Changes`.
    declared: bool,
    /// The value before, as sent; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    from: Option<Value>,
    /// Its label; null if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    from_label: Option<LabelJson>,
    /// The value from then on, as sent; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    to: Option<Value>,
    /// Its label; null if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    to_label: Option<LabelJson>,
}

impl ChangeJson {
    /// With the labels valid at an instant, in ticks of 100 ns.
    pub fn new(change: Change, labels: &Labels, ticks: i64) -> Self {
        let label = |value: &Option<Value>| {
            let label = labels.of_value(&change.field, value.as_ref()?, ticks);
            Some(LabelJson(label.map(ToOwned::to_owned)))
        };
        Self {
            kind: change.kind.as_str(),
            declared: change.declared,
            from_label: label(&change.from),
            from: change.from,
            to_label: label(&change.to),
            to: change.to,
            field: change.field,
        }
    }
}

/// One entry of a timeline: an event and what it changed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Entry)]
pub struct EntryJson {
    event_id: EventId,
    position: Position,
    /// SuperOffice's name of the event, like `ticket.changed`.
    event: String,
    /// When it happened, by the sender's clock.
    #[schema(value_type = Instant)]
    occurred_at: String,
    /// When it arrived here.
    received_at: jiff::Timestamp,
    /// True if an event later in order has a lower position.
    late: bool,
    actor: ActorJson,
    /// What it did to the ticket as a whole; null if nothing.
    #[schema(value_type = Option<Lifecycle>, required)]
    lifecycle: Option<&'static str>,
    /// The event of which this is a repeat, which counts nowhere; null if of none.
    #[schema(required)]
    repeats: Option<EventId>,
    /// By the field's name.
    changes: Vec<ChangeJson>,
    /// Of the interval that ends with this event.
    completeness: CompletenessJson,
}

impl EntryJson {
    /// With the labels valid at its instant.
    pub fn new(entry: Entry, labels: &Labels) -> Self {
        let ticks = entry.occurred_at.ticks();
        let changes = entry.changes.into_iter();
        Self {
            event_id: entry.event_id,
            position: entry.position,
            event: entry.name,
            occurred_at: entry.occurred_at.as_utc().to_owned(),
            received_at: entry.received_at,
            late: entry.late,
            actor: ActorJson::new(entry.actor, labels, ticks),
            lifecycle: entry.lifecycle.map(Lifecycle::as_str),
            repeats: entry.repeats,
            completeness: (&entry.completeness).into(),
            changes: changes
                .map(|change| ChangeJson::new(change, labels, ticks))
                .collect(),
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Page)]
pub struct ListJson<T> {
    /// The page.
    pub items: Vec<T>,
    /// Cursor of the next page; null if this is the last.
    #[schema(required)]
    pub next: Option<String>,
}

/// One ticket: what is known of it, and how well.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Ticket)]
pub struct TicketJson {
    ticket: TicketId,
    /// The values that are known, as sent. A field that is not here is not known.
    fields: BTreeMap<String, Value>,
    /// The labels of those that have one.
    labels: BTreeMap<String, String>,
    /// Null if no event of it has an instant.
    #[schema(value_type = Option<Instant>, required)]
    first_event_at: Option<String>,
    /// Null if no event of it has an instant.
    #[schema(value_type = Option<Instant>, required)]
    last_event_at: Option<String>,
    /// How many the log holds of it.
    events: usize,
    /// How many of these say no instant that can be read, and so are no history.
    undated: usize,
    /// What became of it as a whole, oldest first.
    lifecycle: Vec<LifecycleJson>,
    completeness: TicketCompletenessJson,
}

/// What an event did to a ticket as a whole.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = LifecycleStep)]
struct LifecycleJson {
    #[schema(value_type = Lifecycle)]
    lifecycle: &'static str,
    #[schema(value_type = Instant)]
    at: String,
    event_id: EventId,
}

/// All intervals of a ticket together: its least confidence, every reason, how many between two events
/// are in each state, and the open one after the last.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = TicketCompleteness)]
struct TicketCompletenessJson {
    #[serde(flatten)]
    all: CompletenessJson,
    /// Intervals between two events in which nothing contradicts.
    consistent: usize,
    /// Those for which the evidence is thin.
    unproven: usize,
    /// Those in which something was missed.
    suspect: usize,
    /// Of the interval after the last event.
    open: CompletenessJson,
}

impl TicketJson {
    /// Of a ticket's history; `events` and `undated` count what the log holds of it. With the labels of
    /// its fields valid at an instant, in ticks of 100 ns.
    pub fn new(
        ticket: TicketId,
        history: History,
        (events, undated): (usize, usize),
        labels: &Labels,
        ticks: i64,
    ) -> Self {
        let entries = &history.entries;
        let at = |entry: &Entry| entry.occurred_at.as_utc().to_owned();
        let lifecycle = entries.iter().filter_map(|entry| {
            Some(LifecycleJson {
                lifecycle: entry.lifecycle?.as_str(),
                at: at(entry),
                event_id: entry.event_id,
            })
        });
        Self {
            ticket,
            labels: labels_of(&history.state, labels, ticks),
            first_event_at: entries.first().map(at),
            last_event_at: entries.last().map(at),
            events,
            undated,
            lifecycle: lifecycle.collect(),
            completeness: TicketCompletenessJson::new(entries, &history.open),
            fields: history.state,
        }
    }
}

/// The labels of a ticket's fields, of those that have one, valid at an instant in ticks of 100 ns.
pub fn labels_of(
    fields: &BTreeMap<String, Value>,
    labels: &Labels,
    ticks: i64,
) -> BTreeMap<String, String> {
    let labelled = fields.iter().filter_map(|(field, value)| {
        let label = labels.of_value(field, value, ticks)?;
        Some((field.clone(), label.to_owned()))
    });
    labelled.collect()
}

impl TicketCompletenessJson {
    fn new(entries: &[Entry], open: &Completeness) -> Self {
        let intervals = || entries.iter().filter(|entry| entry.repeats.is_none());
        let count = |wanted: Confidence| {
            intervals()
                .filter(|entry| entry.completeness.confidence() == wanted)
                .count()
        };
        let reasons = intervals().flat_map(|entry| entry.completeness.reasons.iter().copied());
        let all = Completeness {
            reasons: reasons.chain(open.reasons.iter().copied()).collect(),
        };
        Self {
            all: (&all).into(),
            consistent: count(Confidence::Consistent),
            unproven: count(Confidence::Unproven),
            suspect: count(Confidence::Suspect),
            open: open.into(),
        }
    }
}

/// One event of the log with its body as sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Event)]
pub struct EventJson {
    position: Position,
    event_id: EventId,
    /// SuperOffice's name of it, like `ticket.changed`.
    event: String,
    /// What it is about, like `ticket`; null if the name does not say.
    #[schema(required)]
    entity: Option<String>,
    /// The number of that thing; null if the body has none.
    #[schema(required)]
    primary_key: Option<i64>,
    actor: ActorJson,
    /// When it happened, by the sender's clock; null if the body does not say.
    #[schema(value_type = Option<Instant>, required)]
    occurred_at: Option<String>,
    /// When it arrived here.
    received_at: jiff::Timestamp,
    /// When it was stored; grows with the position.
    stored_at: jiff::Timestamp,
    #[schema(value_type = Origin)]
    origin: &'static str,
    /// The hook it came through; null if it was imported.
    #[schema(required)]
    hook: Option<String>,
    /// The file it was imported from; null if it was delivered.
    #[schema(required)]
    source: Option<String>,
    /// What SuperOffice calls the webhook; null if the body does not say.
    #[schema(required)]
    webhook_name: Option<String>,
    /// As sent: JSON, or a string if it is none.
    #[schema(value_type = Value)]
    body: BodyJson,
}

impl EventJson {
    /// With the label of its actor valid at its instant, or where it has none when it arrived.
    pub fn new(stored: StoredEvent, labels: &Labels) -> Self {
        let occurred_at = stored.event.occurred_at;
        let received_ticks = ticks_of_timestamp(stored.received_at);
        let ticks = occurred_at
            .as_ref()
            .map_or(received_ticks, OccurredAt::ticks);
        Self {
            position: stored.position,
            event_id: stored.event.event_id,
            event: stored.event.name,
            entity: stored.event.entity,
            primary_key: stored.event.primary_key,
            actor: ActorJson::new(stored.event.actor, labels, ticks),
            occurred_at: occurred_at.map(|at| at.as_utc().to_owned()),
            received_at: stored.received_at,
            stored_at: stored.stored_at,
            origin: stored.origin.as_str(),
            hook: stored.origin.hook().map(ToOwned::to_owned),
            source: stored.origin.source().map(ToOwned::to_owned),
            webhook_name: stored.event.webhook_name,
            body: BodyJson::from(stored.body),
        }
    }
}

impl EventJson {
    /// Its place in the log.
    pub fn position(&self) -> Position {
        self.position
    }
}

/// A body: the JSON as sent, or a string where it is none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum BodyJson {
    /// It is JSON.
    Json(Box<RawValue>),
    /// It is not; what is no UTF-8 reads as U+FFFD.
    Text(String),
}

impl From<Vec<u8>> for BodyJson {
    fn from(body: Vec<u8>) -> Self {
        let text = match String::from_utf8(body) {
            Ok(text) => text,
            Err(error) => {
                return Self::Text(String::from_utf8_lossy(error.as_bytes()).into_owned());
            }
        };
        // A byte order mark before JSON is no part of it.
        let json = text.trim_start_matches('\u{FEFF}').to_owned();
        RawValue::from_string(json).map_or(Self::Text(text), Self::Json)
    }
}
