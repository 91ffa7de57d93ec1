//! What happened to the feed and is not itself an event.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::Tenant;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKind {
    /// Nothing was received here.
    Downtime,
    /// A run of wrong or missing signatures.
    WrongSignatures,
    /// A run of deliveries that had failed before.
    Retries,
}

impl FactKind {
    /// The word for it in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Downtime => "downtime",
            Self::WrongSignatures => "wrong_signatures",
            Self::Retries => "retries",
        }
    }
}

/// One row of the log's `feed_fact`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFact {
    /// Identity, so that writing it twice adds nothing. A `UUIDv7`.
    pub fact_id: Uuid,
    /// What happened.
    pub kind: FactKind,
    /// The hook it happened to; `None` for all.
    pub hook: Option<String>,
    /// The tenant it happened to; `None` for all tenants of the hook.
    pub tenant: Option<Tenant>,
    /// Its first instant: the last sign of life before a downtime.
    pub started_at: Timestamp,
    /// Its last instant.
    pub ended_at: Timestamp,
    /// Deliveries in it; 1 for a downtime.
    pub occurrences: u64,
}
