//! Logs for process mining, written piece by piece so that no log is too large.

mod ocel;
mod xes;

use crate::domain::{
    history::{Entry, History, Lifecycle},
    ids::{Position, Tenant, TicketId},
    mining::{Activity, Names, Steps, fields},
};

pub use self::{ocel::Ocel, xes::Xes};

/// Of what a log is.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose tickets.
    pub tenant: Tenant,
    /// From what was in the log up to this position.
    pub position: Position,
    /// What the activity of an event is.
    pub activity: Activity,
}

/// A ticket with its history.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The ticket.
    pub ticket: TicketId,
    /// All of it.
    pub history: &'a History,
    /// Of everything that it shows.
    pub names: Names<'a>,
}

/// What a log says of an event beside its activity, its instant, who did it and what the ticket held then.
struct Said {
    event_id: String,
    position: i64,
    lifecycle: Option<&'static str>,
    completeness: &'static str,
    changes: Option<String>,
}

impl Said {
    fn of(entry: &Entry) -> Self {
        let changes = fields(entry);
        Self {
            event_id: entry.event_id.to_string(),
            position: entry.position.0,
            lifecycle: entry.lifecycle.map(Lifecycle::as_str),
            completeness: entry.completeness.confidence().as_str(),
            changes: (!changes.is_empty()).then(|| changes.join(" ")),
        }
    }
}

impl Case<'_> {
    /// How many events of it are in a log: those that are dated and no repeats.
    pub fn events(&self) -> usize {
        Steps::of(self.history).count()
    }
}
