//! What a search found, as JSON and as tables.

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;

use super::{
    csv::{self, Cell},
    json::{
        ActorJson, ChangeJson,
        rows::{actor, change_cells},
    },
    schema::Instant,
    table::{change_line, instant, labelled},
};
use crate::domain::{
    ids::{Actor, EventId, Position, TicketId},
    label::Labels,
    search::{FoundChange, FoundCount, FoundTicket},
};

/// A change with its event and its ticket.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = FoundChange)]
pub struct FoundChangeJson {
    ticket: TicketId,
    event_id: EventId,
    position: Position,
    /// When it happened, by the sender's clock.
    #[schema(value_type = Instant)]
    occurred_at: String,
    actor: ActorJson,
    #[serde(flatten)]
    change: ChangeJson,
}

impl FoundChangeJson {
    /// With the labels valid at its instant.
    pub fn new(found: FoundChange, labels: &Labels) -> Self {
        let ticks = found.occurred_at.ticks();
        Self {
            ticket: found.ticket,
            event_id: found.event_id,
            position: found.position,
            occurred_at: found.occurred_at.as_utc().to_owned(),
            actor: ActorJson::new(found.actor, labels, ticks),
            change: ChangeJson::new(found.change, labels, ticks),
        }
    }
}

/// A ticket with changes that were asked for.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = FoundTicket)]
pub struct FoundTicketJson {
    /// The ticket.
    ticket: TicketId,
    /// How many of its changes were asked for.
    #[schema(minimum = 1)]
    changes: i64,
    /// When the first of them happened.
    #[schema(value_type = Instant)]
    first_at: String,
    /// When the last of them happened.
    #[schema(value_type = Instant)]
    last_at: String,
}

impl From<FoundTicket> for FoundTicketJson {
    fn from(found: FoundTicket) -> Self {
        Self {
            ticket: found.ticket,
            changes: found.changes,
            first_at: found.first_at.as_utc().to_owned(),
            last_at: found.last_at.as_utc().to_owned(),
        }
    }
}

/// How many changes were asked for.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[schema(as = Count)]
pub struct CountJson {
    /// How many.
    #[schema(minimum = 0)]
    pub count: i64,
}

/// How many of the changes that were asked for an actor made to a field.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = FoundCount)]
pub struct FoundCountJson {
    /// Who; the id is null for the events that do not say.
    actor: ActorJson,
    /// The field's name.
    field: String,
    /// How many.
    #[schema(minimum = 1)]
    changes: i64,
}

impl FoundCountJson {
    /// With the label valid at an instant, in ticks of 100 ns.
    pub fn new(found: FoundCount, labels: &Labels, ticks: i64) -> Self {
        Self {
            actor: ActorJson::new(found.actor, labels, ticks),
            field: found.field,
            changes: found.changes,
        }
    }
}

impl csv::Table for FoundCountJson {
    const COLUMNS: &'static [&'static str] = &["actor", "actor_label", "field", "changes"];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let mut row: Vec<Cell> = actor(&self.actor).into_iter().collect();
        row.push(Cell::from(&self.field));
        row.push(self.changes.into());
        vec![row]
    }
}

impl csv::Table for FoundChangeJson {
    const COLUMNS: &'static [&'static str] = &[
        "ticket",
        "event_id",
        "position",
        "occurred_at",
        "actor",
        "actor_label",
        "field",
        "kind",
        "declared",
        "from",
        "from_label",
        "to",
        "to_label",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let mut row = vec![
            self.ticket.into(),
            self.event_id.into(),
            self.position.into(),
            Cell::instant(Some(&self.occurred_at)),
        ];
        row.extend(actor(&self.actor));
        row.extend(change_cells(Some(&self.change)));
        vec![row]
    }
}

impl csv::Table for FoundTicketJson {
    const COLUMNS: &'static [&'static str] = &["ticket", "changes", "first_at", "last_at"];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            self.ticket.into(),
            self.changes.into(),
            Cell::instant(Some(&self.first_at)),
            Cell::instant(Some(&self.last_at)),
        ]]
    }
}

impl csv::Table for CountJson {
    const COLUMNS: &'static [&'static str] = &["count"];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![self.count.into()]]
    }
}

/// Changes as a table that fits the terminal. Ids stand before their labels.
pub fn changes(found: &[FoundChange], labels: &Labels) -> String {
    let mut table = empty(["when (UTC)", "ticket", "actor", "change"]);
    for found in found {
        let ticks = found.occurred_at.ticks();
        table.add_row([
            instant(&found.occurred_at),
            found.ticket.to_string(),
            who(found.actor, labels, ticks).unwrap_or_default(),
            change_line(&found.change, labels, ticks),
        ]);
    }
    table.to_string()
}

/// Tickets as a table that fits the terminal.
pub fn tickets(found: &[FoundTicket]) -> String {
    let mut table = empty(["ticket", "changes", "first (UTC)", "last (UTC)"]);
    for found in found {
        table.add_row([
            found.ticket.to_string(),
            found.changes.to_string(),
            instant(&found.first_at),
            instant(&found.last_at),
        ]);
    }
    table.to_string()
}

/// How many changes each actor made to each field, as a table that fits the terminal, with the labels valid at an
/// instant, in ticks of 100 ns.
pub fn counts(found: &[FoundCount], labels: &Labels, ticks: i64) -> String {
    let mut table = empty(["actor", "field", "changes"]);
    for found in found {
        table.add_row([
            who(found.actor, labels, ticks).unwrap_or_else(|| "nobody named".to_owned()),
            found.field.clone(),
            found.changes.to_string(),
        ]);
    }
    table.to_string()
}

fn who(actor: Option<Actor>, labels: &Labels, ticks: i64) -> Option<String> {
    let actor = actor?;
    Some(labelled(
        actor.0.to_string(),
        labels.of_actor(Some(actor), ticks),
    ))
}

fn empty<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}
