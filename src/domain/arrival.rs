//! What arrived, as a list of it says.

use jiff::Timestamp;

use super::ids::{EventId, TicketId};

/// What became of an arrival, by its word.
pub const OUTCOMES: [&str; 4] = ["stored", "duplicate", "conflict", "ignored"];

/// One arrival of an event, or a registration test.
#[derive(Debug, Clone)]
pub struct ArrivalSummary {
    /// When.
    pub received_at: Timestamp,
    /// The event that it is of; a test has none in the log.
    pub event_id: EventId,
    /// One of [`OUTCOMES`].
    pub outcome: String,
    /// `webhook`, `unsigned` or `import`.
    pub origin: String,
    /// Through which hook.
    pub hook: Option<String>,
    /// From which file.
    pub source: Option<String>,
    /// `X-SuperOffice-Retry`, of all but the first arrival of an event.
    pub retry: Option<i32>,
    /// The name of an event that is in the log.
    pub name: Option<String>,
    /// Its ticket.
    pub ticket: Option<TicketId>,
}
