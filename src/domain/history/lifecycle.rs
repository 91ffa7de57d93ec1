//! What an event did to its ticket as a whole, read from the base status: 0 unknown, 1 active, 2 closed,
//! 3 postponed, 4 deleted, 5 merged. SuperOffice sends no event of its own for any of these.

use super::{Change, Kind};

/// What an event did to its ticket as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lifecycle {
    /// The ticket's first `ticket.created`.
    Created,
    /// From deleted to anything but merged.
    Restored,
    /// From closed to unknown, active or postponed.
    Reopened,
    /// To merged.
    Merged,
    /// To deleted.
    Deleted,
    /// To closed.
    Closed,
    /// To postponed.
    Postponed,
}

impl Lifecycle {
    /// The word for it in SQL, JSON and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Restored => "restored",
            Self::Reopened => "reopened",
            Self::Merged => "merged",
            Self::Deleted => "deleted",
            Self::Closed => "closed",
            Self::Postponed => "postponed",
        }
    }
}

/// The first that fits; `creates` for the ticket's created event.
pub(super) fn of(changes: &[Change], creates: bool) -> Option<Lifecycle> {
    if creates {
        return Some(Lifecycle::Created);
    }
    let change = changes.iter().find(|change| {
        change.field == "status" && matches!(change.kind, Kind::Changed | Kind::Set)
    })?;
    let to = change.to.as_ref()?.normal("status");
    // Known only for `changed`; a `set` is judged by its target alone.
    let from = change.from.as_ref().map(|from| from.normal("status"));
    let from_is = |status| from.as_ref().is_some_and(|from| from.is(status));
    if from_is(4) && !to.is(5) {
        return Some(Lifecycle::Restored);
    }
    if from_is(2) && [0, 1, 3].into_iter().any(|open| to.is(open)) {
        return Some(Lifecycle::Reopened);
    }
    [
        (5, Lifecycle::Merged),
        (4, Lifecycle::Deleted),
        (2, Lifecycle::Closed),
        (3, Lifecycle::Postponed),
    ]
    .into_iter()
    .find_map(|(status, lifecycle)| to.is(status).then_some(lifecycle))
}
