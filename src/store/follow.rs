//! Reading on in a tenant's log as it grows.

use std::{fmt, time::Duration};

use tokio::{sync::watch, time::sleep};
use uuid::Uuid;

use super::{Appended, Store, StoreError};
use crate::domain::{
    ids::{Position, Tenant},
    label::{Labels, wanted},
    log::StoredEvent,
};

/// Longest time between two looks at the head of one that waits: what another process appends is seen
/// within it.
const POLL: Duration = Duration::from_secs(1);

/// Which log a tenant has, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    /// Its random identity.
    pub log_id: Uuid,
    /// The position of its last event, 0 if it is empty.
    pub head: Position,
}

/// Why a log cannot be followed on.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Nothing of the tenant was ever received.
    #[error("no event of a tenant \"{0}\" was ever received")]
    NoLog(Tenant),
    /// What was followed so far is not this log.
    #[error(transparent)]
    Replaced(#[from] Replaced),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A log has another identity than it had, or ends before a position that was read from it, as it does
/// after it was restored from a backup. Nobody can tell what was missed: start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log is not the one that was followed to position {}: it is {} and ends at {}, as after it was restored \
     from a backup; start again from 0",
    after.0, log.log_id, log.head.0
)]
pub struct Replaced {
    /// The log that is there now.
    pub log: LogEnd,
    /// Up to where the other one was followed.
    pub after: Position,
}

/// How much is read at once.
#[derive(Debug, Clone, Copy)]
pub struct PageSize {
    /// Most events.
    pub events: u16,
    /// Bytes of bodies after which no further event is read.
    pub bytes: u32,
}

/// A reader of a tenant's log that gives every event once, in order. It holds no connection while it waits.
pub struct Follower {
    store: Store,
    tenant: Tenant,
    after: Position,
    log_id: Option<Uuid>,
    appended: watch::Receiver<Appended>,
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("tenant", &self.tenant)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// A reader that goes on after a position, in the log with this identity if one is named.
    pub fn follow(&self, tenant: Tenant, after: Position, log_id: Option<Uuid>) -> Follower {
        Follower {
            store: self.clone(),
            tenant,
            after,
            log_id,
            appended: self.appended(),
        }
    }

    /// `None` if the tenant has no log.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_log(&self, tenant: &Tenant) -> Result<Option<LogEnd>, StoreError> {
        let head = sqlx::query!(
            "SELECT log_id, position FROM head WHERE tenant = $1",
            tenant.as_str()
        )
        .fetch_optional(&self.reads)
        .await?;
        Ok(head.map(|head| LogEnd {
            log_id: head.log_id,
            head: Position(head.position),
        }))
    }
}

impl Follower {
    /// Whose log it is.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The position of the last event it gave.
    pub fn after(&self) -> Position {
        self.after
    }

    /// Where the log ends now.
    ///
    /// # Errors
    /// [`FollowError`], each case.
    pub async fn look(&mut self) -> Result<LogEnd, FollowError> {
        // Before the look: what is appended after it wakes the next wait.
        self.appended.mark_unchanged();
        let log = self.store.find_log(&self.tenant).await?;
        let log = log.ok_or_else(|| FollowError::NoLog(self.tenant.clone()))?;
        let followed = *self.log_id.get_or_insert(log.log_id);
        if followed != log.log_id || self.after > log.head {
            let after = self.after;
            return Err(Replaced { log, after }.into());
        }
        Ok(log)
    }

    /// The next events up to a position that was seen as the head; none only if that is reached. Given up
    /// in the middle, the next call gives the same.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`] also if an event is missing.
    pub async fn read(
        &mut self,
        up_to: Position,
        size: PageSize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let (events, last) = self.peek(up_to, size).await?;
        self.after = last;
        Ok(events)
    }

    /// [`Follower::read`], with the labels of the ids in them.
    ///
    /// # Errors
    /// As [`Follower::read`]: the next call gives the same.
    pub async fn read_labelled(
        &mut self,
        up_to: Position,
        size: PageSize,
    ) -> Result<(Vec<StoredEvent>, Labels), StoreError> {
        let (events, last) = self.peek(up_to, size).await?;
        let labels = self
            .store
            .find_labels(&self.tenant, &wanted(&events))
            .await?;
        self.after = last;
        Ok((events, labels))
    }

    async fn peek(
        &self,
        up_to: Position,
        size: PageSize,
    ) -> Result<(Vec<StoredEvent>, Position), StoreError> {
        if self.after >= up_to {
            return Ok((Vec::new(), self.after));
        }
        let store = &self.store;
        let events = store
            .list_events(&self.tenant, self.after, up_to, size)
            .await?;
        let mut last = self.after;
        for event in &events {
            if event.position.0 != last.0 + 1 {
                break;
            }
            last = event.position;
        }
        if events.last().is_none_or(|event| event.position != last) {
            return Err(StoreError::Corrupt {
                table: "event",
                column: "position",
                row: format!("{}/{}", self.tenant, last.0 + 1),
            });
        }
        Ok((events, last))
    }

    /// Returns when there may be more than at the last look: at once when this process has appended it,
    /// within a second when another one has. Also when the store is closed.
    pub async fn wait(&mut self) {
        let (tenant, after) = (&self.tenant, self.after);
        let appended = async {
            // Its sender lives as long as the store.
            while self.appended.changed().await.is_ok() {
                let last = self.appended.borrow_and_update().get(tenant).copied();
                if last.is_some_and(|last| last > after) {
                    return;
                }
            }
        };
        tokio::select! {
            () = appended => {}
            () = sleep(POLL) => {}
            () = self.store.closed() => {}
        }
    }

    /// True once the store is closed: nothing comes any more.
    pub fn is_closed(&self) -> bool {
        self.store.reads.is_closed()
    }
}
