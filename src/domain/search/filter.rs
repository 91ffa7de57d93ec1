//! What is left of a query once it is resolved.

use super::{Noise, Window};
use crate::domain::history::Kind;

/// A query that means the same to everybody: only keys, ids and ticks are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What has to be true of a change and its ticket.
    pub filter: Filter,
    /// Which noise counts.
    pub noise: Noise,
}

/// An expression that is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// Any of these.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// The field is one of these.
    Fields(Vec<String>),
    /// From one of some keys to one of others; `None` is whatever it is.
    Move {
        /// The field.
        field: String,
        /// Only what moved.
        changed: bool,
        /// Keys before.
        from: Option<Vec<String>>,
        /// Keys after.
        to: Option<Vec<String>>,
    },
    /// Declared or not.
    Declared(bool),
    /// One of these actors, or none if `nobody`.
    Actors {
        /// Their numbers.
        ids: Vec<i64>,
        /// Also of no actor.
        nobody: bool,
    },
    /// One of these tickets.
    Tickets(Vec<i64>),
    /// One of these kinds.
    Kinds(Vec<Kind>),
    /// In this stretch of time.
    Time(Window),
    /// The ticket held one of some keys.
    Held {
        /// The field.
        field: String,
        /// Keys.
        keys: Vec<String>,
        /// When.
        when: HeldWhen,
    },
}

impl Filter {
    /// True if it says anything of what tickets held.
    pub fn says_what_was_held(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::says_what_was_held),
            Self::Not(part) => part.says_what_was_held(),
            Self::Held { .. } => true,
            _ => false,
        }
    }
}

/// When a ticket held a value, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldWhen {
    /// At some time, however short.
    Ever,
    /// Now.
    Now,
    /// At some instant in it.
    During(Window),
}
