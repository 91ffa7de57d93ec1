//! What can and cannot be said about having seen everything.
//!
//! SuperOffice sends only what a ticket holds *after* a change, and may lose or rename a delivery, so a
//! history can have holes. Each interval between two consecutive events carries the reasons to doubt it.
//! The absence of reasons is no proof: an A→B that was lost before a declared B→C leaves no trace.

use std::collections::BTreeSet;

/// How far an interval can be relied on; the greater, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing contradicts. Not a proof.
    Consistent,
    /// Nothing contradicts, but the evidence is thin.
    Unproven,
    /// Something was missed.
    Suspect,
}

impl Confidence {
    /// The word for it in SQL, JSON and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Unproven => "unproven",
            Self::Suspect => "suspect",
        }
    }
}

/// A reason to doubt the interval that ends with an event. Ordered by name, as lists show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The event's Timestamp is more than a day ahead of its arrival.
    ClockSkew,
    /// The event's id also came with other content; the first arrival counts.
    Conflict,
    /// The ticket's first entry, although its created event stands later.
    Disorder,
    /// The interval meets an outage of the feed.
    FeedOutage,
    /// A value moved undeclared, but a declared field implies it.
    ImpliedChange,
    /// Nothing is declared, yet a known value moved.
    NoChangesDeclared,
    /// A declared field arrived with the value it had.
    NoOp,
    /// The event carries no values, or lacks a field that was known before.
    NoValues,
    /// Another event of the ticket bears the same tick, so their order is a convention.
    SameInstant,
    /// The ticket's first entry, and no created event is in the log.
    StartsLate,
    /// A known value moved that the declared fields neither name nor imply.
    UndeclaredChange,
    /// `last_changed` moved to an instant at which no stored event of the ticket was written.
    UnseenWrite,
}

impl Reason {
    /// All of them, by name.
    pub const ALL: [Self; 12] = [
        Self::ClockSkew,
        Self::Conflict,
        Self::Disorder,
        Self::FeedOutage,
        Self::ImpliedChange,
        Self::NoChangesDeclared,
        Self::NoOp,
        Self::NoValues,
        Self::SameInstant,
        Self::StartsLate,
        Self::UndeclaredChange,
        Self::UnseenWrite,
    ];

    /// Reads the word that [`Reason::as_str`] gives.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The word for it in SQL, JSON and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClockSkew => "clock_skew",
            Self::Conflict => "conflict",
            Self::Disorder => "disorder",
            Self::FeedOutage => "feed_outage",
            Self::ImpliedChange => "implied_change",
            Self::NoChangesDeclared => "no_changes_declared",
            Self::NoOp => "no_op",
            Self::NoValues => "no_values",
            Self::SameInstant => "same_instant",
            Self::StartsLate => "starts_late",
            Self::UndeclaredChange => "undeclared_change",
            Self::UnseenWrite => "unseen_write",
        }
    }

    /// What an interval with this reason can claim at most.
    pub fn confidence(self) -> Confidence {
        match self {
            Self::Conflict
            | Self::NoChangesDeclared
            | Self::StartsLate
            | Self::UndeclaredChange
            | Self::UnseenWrite => Confidence::Suspect,
            Self::ClockSkew
            | Self::Disorder
            | Self::FeedOutage
            | Self::ImpliedChange
            | Self::NoOp
            | Self::NoValues
            | Self::SameInstant => Confidence::Unproven,
        }
    }
}

/// The completeness of an interval, or of several together: every reason found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completeness {
    /// The reasons, by name.
    pub reasons: BTreeSet<Reason>,
}

impl Completeness {
    /// The least confidence that a reason leaves.
    pub fn confidence(&self) -> Confidence {
        self.reasons
            .iter()
            .map(|reason| reason.confidence())
            .max()
            .unwrap_or(Confidence::Consistent)
    }
}
