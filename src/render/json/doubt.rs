//! Intervals in doubt, as JSON and as rows of a table.

use serde::Serialize;

use crate::{
    domain::{
        completeness::{Confidence, Reason},
        doubt::{Counts, Doubt, OpenCounts},
        ids::{EventId, Position, TicketId},
    },
    render::{
        csv::{Cell, Table},
        schema::Instant,
    },
};

/// How many intervals are in each state.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Intervals)]
pub struct IntervalsJson {
    /// Intervals between two events that nothing speaks against.
    consistent: i64,
    /// Those of which the evidence is thin.
    unproven: i64,
    /// Those in which something was missed.
    suspect: i64,
    /// The part of the three that is unproven, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    unproven_share: f64,
    /// The part of the three that is suspect, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    suspect_share: f64,
    /// The intervals after tickets' last events; null if `until` leaves them all out.
    #[schema(required)]
    open: Option<OpenJson>,
}

/// Of the intervals after tickets' last events.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = OpenIntervals)]
struct OpenJson {
    consistent: i64,
    unproven: i64,
}

impl From<(Counts, Option<OpenCounts>)> for IntervalsJson {
    fn from((counts, open): (Counts, Option<OpenCounts>)) -> Self {
        let (suspect_share, unproven_share) = counts.shares();
        Self {
            consistent: counts.consistent,
            unproven: counts.unproven,
            suspect: counts.suspect,
            unproven_share,
            suspect_share,
            open: open.map(|open| OpenJson {
                consistent: open.consistent,
                unproven: open.unproven,
            }),
        }
    }
}

/// An interval in doubt.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Doubt)]
pub struct DoubtJson {
    ticket: TicketId,
    /// The event that it ends with.
    event_id: EventId,
    /// That event's place in the log.
    position: Position,
    /// Timestamp of the event that it began with; null if it ends with the ticket's first.
    #[schema(value_type = Option<Instant>, required)]
    from_at: Option<String>,
    /// Timestamp of the event that it ends with.
    #[schema(value_type = Instant)]
    to_at: String,
    /// `suspect` or `unproven`.
    #[schema(value_type = Confidence)]
    state: String,
    /// Why.
    #[schema(value_type = Vec<Reason>)]
    reasons: Vec<String>,
}

impl From<Doubt> for DoubtJson {
    fn from(doubt: Doubt) -> Self {
        Self {
            ticket: doubt.ticket,
            event_id: doubt.event_id,
            position: doubt.position,
            from_at: doubt.from_at.map(|at| at.as_utc().to_owned()),
            to_at: doubt.to_at.as_utc().to_owned(),
            state: doubt.state,
            reasons: doubt.reasons,
        }
    }
}

impl Table for DoubtJson {
    const COLUMNS: &'static [&'static str] = &[
        "ticket", "event_id", "position", "from_at", "to_at", "state", "reasons",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            self.ticket.into(),
            self.event_id.into(),
            self.position.into(),
            Cell::instant(self.from_at.as_deref()),
            Cell::instant(Some(&self.to_at)),
            Cell::from(&self.state),
            Cell::words(&self.reasons),
        ]]
    }
}
