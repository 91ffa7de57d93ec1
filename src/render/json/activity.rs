//! Who changed how much, as JSON and as rows of a table.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::ActorJson;
use crate::{
    domain::{
        activity::{Activity, OfDay},
        instant::OccurredAt,
        label::Labels,
    },
    render::{
        csv::{Cell, Table},
        schema::Instant,
    },
};

/// What an actor did.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Activity)]
pub struct ActivityJson {
    /// Who; the id is null for the events that do not say.
    actor: ActorJson,
    /// Events that create a ticket.
    created: i64,
    /// Events, those that create a ticket among them; repeats count as nothing.
    events: i64,
    /// Changes of kind `changed`, noise left out.
    changes: i64,
    /// Timestamp of the first event.
    #[schema(value_type = Option<Instant>, required)]
    first_at: Option<String>,
    /// Timestamp of the last event.
    #[schema(value_type = Option<Instant>, required)]
    last_at: Option<String>,
}

impl ActivityJson {
    /// With the label valid at the last event.
    pub fn new(activity: Activity, labels: &Labels) -> Self {
        let at = |at: Option<OccurredAt>| at.map(|at| at.as_utc().to_owned());
        let ticks = activity
            .last_at
            .as_ref()
            .map_or(i64::MAX, OccurredAt::ticks);
        Self {
            actor: ActorJson::new(activity.actor, labels, ticks),
            created: activity.created,
            events: activity.events,
            changes: activity.changes,
            first_at: at(activity.first_at),
            last_at: at(activity.last_at),
        }
    }
}

/// What one actor did, taken apart.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ActorActivity)]
pub struct ActorActivityJson {
    #[serde(flatten)]
    all: ActivityJson,
    /// Most changes first.
    by_field: Vec<FieldChangesJson>,
    /// In order, without days on which nothing happened.
    by_day: Vec<DayJson>,
    /// Whose days these are: an IANA name.
    zone: String,
}

/// Changes of one field.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = FieldChanges)]
struct FieldChangesJson {
    field: String,
    changes: i64,
}

/// What was done on one day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ActorDay)]
struct DayJson {
    #[schema(format = Date)]
    day: String,
    events: i64,
    changes: i64,
}

impl ActorActivityJson {
    /// The same by field, and by the days of a zone.
    pub fn new(
        all: ActivityJson,
        fields: Vec<(String, i64)>,
        days: BTreeMap<Date, OfDay>,
        zone: String,
    ) -> Self {
        let by_field = fields
            .into_iter()
            .map(|(field, changes)| FieldChangesJson { field, changes });
        let by_day = days.into_iter().map(|(day, of_day)| DayJson {
            day: day.to_string(),
            events: of_day.events,
            changes: of_day.changes,
        });
        Self {
            all,
            by_field: by_field.collect(),
            by_day: by_day.collect(),
            zone,
        }
    }
}

impl Table for ActivityJson {
    const COLUMNS: &'static [&'static str] = &[
        "actor",
        "actor_label",
        "created",
        "events",
        "changes",
        "first_at",
        "last_at",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            self.actor.id.into(),
            self.actor.label.as_ref().into(),
            self.created.into(),
            self.events.into(),
            self.changes.into(),
            Cell::instant(self.first_at.as_deref()),
            Cell::instant(self.last_at.as_deref()),
        ]]
    }
}
