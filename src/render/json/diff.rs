//! Differences as JSON and as rows of a table.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{ActorJson, CompletenessJson, LabelJson, rows};
use crate::{
    domain::{
        completeness::Confidence,
        fields::Value,
        history::{Diff, FieldDiff},
        ids::{Actor, TicketId},
        instant::OccurredAt,
        label::Labels,
    },
    render::{
        csv::{Cell, Table},
        schema::Instant,
    },
};

/// What became of a ticket between two instants.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Diff)]
pub struct DiffJson {
    /// The ticket.
    ticket: TicketId,
    /// The earlier instant.
    #[schema(value_type = Instant)]
    from_at: String,
    /// The later instant.
    #[schema(value_type = Instant)]
    to_at: String,
    /// The fields that hold another value or were changed on the way, by name.
    fields: Vec<FieldDiffJson>,
    /// Its events in between, repeats not counted.
    events: usize,
    /// Who made the changes that are counted.
    actors: Vec<ActorJson>,
    /// Of the intervals that end with these events, and of what is left until the later instant.
    completeness: SpanJson,
}

/// One field between two instants. `from` and `to` are there only when known.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = FieldDiff)]
struct FieldDiffJson {
    /// The field's name.
    field: String,
    /// True if it holds another value at the end; if not, it went there and back.
    changed: bool,
    /// Its changes in between.
    steps: usize,
    /// The value at the earlier instant, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    from: Option<Value>,
    /// Its label; null if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    from_label: Option<LabelJson>,
    /// The value at the later instant, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    to: Option<Value>,
    /// Its label; null if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    to_label: Option<LabelJson>,
    /// Who made them.
    actors: Vec<ActorJson>,
}

/// The least confidence, every reason, and how many intervals are in each state.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = SpanCompleteness)]
struct SpanJson {
    #[serde(flatten)]
    all: CompletenessJson,
    /// Intervals in which nothing contradicts.
    consistent: usize,
    /// Those for which the evidence is thin.
    unproven: usize,
    /// Those in which something was missed.
    suspect: usize,
}

impl DiffJson {
    /// With the labels valid at the instants that the values are of.
    pub fn new(
        ticket: TicketId,
        diff: Diff,
        (from, to): (&OccurredAt, &OccurredAt),
        labels: &Labels,
    ) -> Self {
        let actors: BTreeSet<Option<Actor>> = diff
            .fields
            .iter()
            .flat_map(|field| field.actors.iter().copied())
            .collect();
        let count = |state| diff.intervals.get(&state).copied().unwrap_or(0);
        Self {
            ticket,
            from_at: from.as_utc().to_owned(),
            to_at: to.as_utc().to_owned(),
            events: diff.events,
            actors: actors_of(actors, labels, to.ticks()),
            completeness: SpanJson {
                all: (&diff.completeness).into(),
                consistent: count(Confidence::Consistent),
                unproven: count(Confidence::Unproven),
                suspect: count(Confidence::Suspect),
            },
            fields: diff
                .fields
                .into_iter()
                .map(|field| FieldDiffJson::new(field, labels, (from.ticks(), to.ticks())))
                .collect(),
        }
    }
}

impl FieldDiffJson {
    fn new(diff: FieldDiff, labels: &Labels, (from, to): (i64, i64)) -> Self {
        let label = |value: &Option<Value>, ticks| {
            let label = labels.of_value(&diff.field, value.as_ref()?, ticks);
            Some(LabelJson(label.map(ToOwned::to_owned)))
        };
        Self {
            changed: diff.is_changed(),
            steps: diff.steps,
            from_label: label(&diff.from, from),
            to_label: label(&diff.to, to),
            from: diff.from,
            to: diff.to,
            actors: actors_of(diff.actors, labels, to),
            field: diff.field,
        }
    }
}

fn actors_of(ids: BTreeSet<Option<Actor>>, labels: &Labels, ticks: i64) -> Vec<ActorJson> {
    let actors = ids.into_iter().map(|id| ActorJson::new(id, labels, ticks));
    actors.collect()
}

/// A row for each field.
impl Table for DiffJson {
    const COLUMNS: &'static [&'static str] = &[
        "ticket",
        "from_at",
        "to_at",
        "events",
        "field",
        "changed",
        "steps",
        "from",
        "from_label",
        "to",
        "to_label",
        "actors",
        "confidence",
        "reasons",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let rows = self.fields.iter().map(|field| {
            let actors: Vec<String> = (field.actors.iter())
                .filter_map(|actor| Some(actor.id?.0.to_string()))
                .collect();
            vec![
                self.ticket.into(),
                Cell::instant(Some(&self.from_at)),
                Cell::instant(Some(&self.to_at)),
                self.events.into(),
                Cell::from(&field.field),
                field.changed.into(),
                field.steps.into(),
                field.from.as_ref().into(),
                rows::label(field.from_label.as_ref()).into(),
                field.to.as_ref().into(),
                rows::label(field.to_label.as_ref()).into(),
                Cell::words(&actors),
                self.completeness.all.state.into(),
                Cell::words(&self.completeness.all.reasons),
            ]
        });
        rows.collect()
    }
}
