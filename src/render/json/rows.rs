//! The same as rows of a table.

use super::{ActorJson, BodyJson, ChangeJson, EntryJson, EventJson, LabelJson};
use crate::render::csv::{Cell, Table};

impl Table for EventJson {
    const COLUMNS: &'static [&'static str] = &[
        "position",
        "event_id",
        "event",
        "entity",
        "primary_key",
        "actor",
        "actor_label",
        "occurred_at",
        "received_at",
        "stored_at",
        "origin",
        "hook",
        "source",
        "webhook_name",
        "body",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let [actor, actor_label] = actor(&self.actor);
        vec![vec![
            self.position.into(),
            self.event_id.into(),
            Cell::from(&self.event),
            self.entity.as_ref().into(),
            self.primary_key.into(),
            actor,
            actor_label,
            Cell::instant(self.occurred_at.as_deref()),
            self.received_at.into(),
            self.stored_at.into(),
            self.origin.into(),
            self.hook.as_ref().into(),
            self.source.as_ref().into(),
            self.webhook_name.as_ref().into(),
            match &self.body {
                BodyJson::Json(json) => Cell::json(json),
                BodyJson::Text(text) => Cell::from(text),
            },
        ]]
    }
}

/// A row for each change; an entry without any has one row with empty cells in their place.
impl Table for EntryJson {
    const COLUMNS: &'static [&'static str] = &[
        "event_id",
        "position",
        "event",
        "occurred_at",
        "received_at",
        "late",
        "actor",
        "actor_label",
        "lifecycle",
        "repeats",
        "field",
        "kind",
        "declared",
        "from",
        "from_label",
        "to",
        "to_label",
        "confidence",
        "reasons",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let changes = self.changes.iter().map(Some);
        let nothing = self.changes.is_empty().then_some(None);
        let rows = changes.chain(nothing).map(|change| {
            let [actor, actor_label] = actor(&self.actor);
            let mut row = vec![
                self.event_id.into(),
                self.position.into(),
                Cell::from(&self.event),
                Cell::instant(Some(&self.occurred_at)),
                self.received_at.into(),
                self.late.into(),
                actor,
                actor_label,
                self.lifecycle.into(),
                self.repeats.into(),
            ];
            row.extend(change_cells(change));
            row.push(self.completeness.state.into());
            row.push(Cell::words(&self.completeness.reasons));
            row
        });
        rows.collect()
    }
}

pub(in crate::render) fn change_cells(change: Option<&ChangeJson>) -> [Cell; 7] {
    [
        change.map(|change| &change.field).into(),
        change.map(|change| change.kind).into(),
        change.map(|change| change.declared).into(),
        change.and_then(|change| change.from.as_ref()).into(),
        change
            .and_then(|change| label(change.from_label.as_ref()))
            .into(),
        change.and_then(|change| change.to.as_ref()).into(),
        change
            .and_then(|change| label(change.to_label.as_ref()))
            .into(),
    ]
}

pub(super) fn label(label: Option<&LabelJson>) -> Option<&String> {
    label.and_then(|LabelJson(label)| label.as_ref())
}

pub(in crate::render) fn actor(actor: &ActorJson) -> [Cell; 2] {
    [actor.id.into(), actor.label.as_ref().into()]
}
