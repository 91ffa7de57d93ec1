//! The task that follows every tenant's log.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    build::Built,
    step::{Step, Stride, step},
};
use crate::{
    domain::ids::{Position, Tenant},
    store::{
        Store, StoreError,
        projection::{Progress, Projector},
    },
};

/// Longest time between two looks at the log: what another instance appends, and what becomes known
/// without a position, is told by nobody.
const POLL: Duration = Duration::from_secs(1);

/// Between two tries after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Between two looks at what another instance is doing.
const BUSY_POLL: Duration = Duration::from_millis(20);

/// Between two times that it is told how far a long build has come.
const TELL: Duration = Duration::from_secs(30);

/// Keeps every tenant's projection at the head of its log, until told to stop (the sender dropped): nothing remains of
/// the step under way then. Tenants take turns, a step each, so that a long way of one keeps no other waiting.
pub async fn follow(mut live: watch::Receiver<Option<Store>>, mut stop: oneshot::Receiver<()>) {
    let store = tokio::select! {
        there = live.wait_for(Option::is_some) => match there {
            Ok(there) => there.clone(),
            Err(_) => return,
        },
        _ = &mut stop => return,
    };
    let Some(store) = store else { return };
    let mut appended = store.appended();
    let mut projector = store.projector();
    let mut trouble = Trouble::default();
    loop {
        appended.mark_unchanged();
        let moved = tokio::select! {
            moved = round(&store, &mut projector, &mut trouble) => moved,
            _ = &mut stop => return,
        };
        let wait = match moved {
            Ok(true) => continue,
            Ok(false) => POLL,
            Err(error) => {
                trouble.tell(None, &error);
                RETRY
            }
        };
        tokio::select! {
            _ = timeout(wait, appended.changed()) => {}
            _ = &mut stop => return,
        }
    }
}

/// A step of each tenant that is behind; true if one moved.
async fn round(
    store: &Store,
    projector: &mut Projector,
    trouble: &mut Trouble,
) -> Result<bool, StoreError> {
    let mut moved = false;
    let all_behind = store.list_behind().await?;
    let stride = match all_behind.len() {
        // What has just failed would fail again, after longer.
        1 if !trouble.is_recent() => Stride::Long,
        _ => Stride::Short,
    };
    for behind in all_behind {
        let building = Building::of(&behind);
        let progress = |built| building.tell(built);
        let stepped = step(
            store,
            projector,
            &behind.tenant,
            behind.head,
            stride,
            &progress,
        );
        match stepped.await {
            Ok(Step::Moved(_)) => moved = true,
            Ok(Step::Done | Step::Busy) => {}
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            // The others go on.
            Err(error) => trouble.tell(Some(&behind.tenant), &error),
        }
    }
    Ok(moved)
}

/// Tells how far a tenant's build from nothing has come.
struct Building<'a> {
    behind: &'a Progress,
    told_at: Mutex<Instant>,
}

impl<'a> Building<'a> {
    fn of(behind: &'a Progress) -> Self {
        Self {
            behind,
            told_at: Mutex::new(Instant::now()),
        }
    }

    fn tell(&self, built: Built) {
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if told_at.elapsed() < TELL {
            return;
        }
        *told_at = Instant::now();
        let tenant = self.behind.tenant.as_str();
        match built {
            Built::Events(events) => {
                let of = self.behind.head.0;
                tracing::info!(tenant, events, of, "Projecting the log from its beginning");
            }
            Built::Indexes { made, of } => {
                tracing::info!(tenant, made, of, "Making the indexes of what was projected");
            }
        }
    }
}

/// When each tenant, or all of them, was last complained of, so that what fails every second is told once a minute.
#[derive(Default)]
struct Trouble {
    told_at: BTreeMap<Option<Tenant>, Instant>,
}

impl Trouble {
    fn is_recent(&self) -> bool {
        self.told_at.values().any(is_recent)
    }

    fn tell(&mut self, tenant: Option<&Tenant>, error: &StoreError) {
        let of = tenant.cloned();
        if self.told_at.get(&of).is_some_and(is_recent) {
            return;
        }
        self.told_at.retain(|_, told_at| is_recent(told_at));
        self.told_at.insert(of, Instant::now());
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let tenant = tenant.map(Tenant::as_str);
        tracing::error!(tenant, %error, cause, "Could not project; answers across tickets are behind the log");
    }
}

fn is_recent(told_at: &Instant) -> bool {
    const AGAIN: Duration = Duration::from_mins(1);
    told_at.elapsed() < AGAIN
}

/// Projects what every tenant's log holds now, if nobody else does it meanwhile.
///
/// # Errors
/// As [`step`].
pub async fn catch_up_all(store: &Store) -> Result<(), StoreError> {
    for behind in store.list_behind().await? {
        catch_up(store, &behind.tenant, behind.head).await?;
    }
    Ok(())
}

/// Projects a tenant's log up to a position, if nobody else does it meanwhile.
///
/// # Errors
/// As [`step`].
pub async fn catch_up(store: &Store, tenant: &Tenant, head: Position) -> Result<(), StoreError> {
    let mut projector = store.projector();
    loop {
        match step(store, &mut projector, tenant, head, Stride::Long, &|_| ()).await? {
            Step::Moved(_) => {}
            Step::Busy => sleep(BUSY_POLL).await,
            Step::Done => return Ok(()),
        }
    }
}
