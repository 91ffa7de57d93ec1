//! Waiting for the projections, so that an answer across tickets holds all that was acknowledged before it was
//! asked for.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::{AppState, error::ApiError, extract::unknown_tenant};
use crate::{
    domain::ids::{Position, Tenant},
    store::Store,
};

/// Longest wait for a projection.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks at how far it is: the first, and the longest after doubling.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// `stale=allow`: answer at once, from what is projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stale {
    /// Answer from what is projected, however far that is behind.
    Allow,
}

/// Greatest position of a tenant's log.
///
/// # Errors
/// 404 if it has none.
pub(super) async fn head_of(store: &Store, tenant: &Tenant) -> Result<Position, ApiError> {
    let head = store.find_head(tenant).await?;
    head.ok_or_else(|| unknown_tenant(tenant.as_str()))
}

impl AppState {
    /// Waits until a tenant's projection has reached what is the head of its log now; gives the position
    /// that it stands at.
    ///
    /// # Errors
    /// 404 if the tenant has no log; 503 if the projection is not there after 10 s.
    pub(super) async fn projected(
        &self,
        store: &Store,
        tenant: &Tenant,
        stale: Option<Stale>,
    ) -> Result<Position, ApiError> {
        let unknown = || unknown_tenant(tenant.as_str());
        let progress = store.find_progress(tenant).await?.ok_or_else(unknown)?;
        if stale == Some(Stale::Allow) || progress.projected >= progress.head {
            return Ok(progress.projected);
        }
        let head = progress.head;
        let deadline = Instant::now() + TIMEOUT;
        let (mut wait, longest) = POLL;
        loop {
            sleep(wait).await;
            wait = (wait * 2).min(longest);
            let progress = store.find_progress(tenant).await?.ok_or_else(unknown)?;
            if progress.projected >= head {
                return Ok(progress.projected);
            }
            if Instant::now() > deadline {
                return Err(ApiError::Behind {
                    projected: progress.projected,
                    head: progress.head,
                });
            }
        }
    }
}
