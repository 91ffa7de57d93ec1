//! Labels and the bridge as they are recorded.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::instant::OccurredAt;

/// A label of an id.
#[derive(Debug, Clone)]
pub struct RecordedLabel {
    /// Where it stands.
    pub place: LabelPlace,
    /// The name; `None` if the id has none from then on.
    pub label: Option<String>,
    /// From when on it holds; `None` from the beginning.
    pub valid_from: Option<OccurredAt>,
    /// The imported file, `api`, or `built-in`.
    pub source: String,
    /// When it was recorded; `None` of a built-in one.
    pub recorded_at: Option<Timestamp>,
}

/// Place of a label in the order of the list: by list, id and instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabelPlace {
    /// The list.
    pub list: String,
    /// The id.
    pub id: i64,
    /// From when on it holds, in ticks of 100 ns.
    pub valid_ticks: i64,
}

/// An owner and an actor who are the same person.
#[derive(Debug, Clone)]
pub struct BridgedPair {
    /// An ejuser id.
    pub owner: i64,
    /// An associate id.
    pub actor: i64,
    /// The imported file, or `api`.
    pub source: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}
