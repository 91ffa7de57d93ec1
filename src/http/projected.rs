//! Waiting for the projections, so that an answer across tickets holds all that was acknowledged before it was
//! asked for.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::{AppState, error::ApiError, extract::unknown_tenant};
use crate::{
    domain::ids::{Position, Tenant},
    store::{Store, projection::Holdings},
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
    /// Waits until a tenant's projection holds what its log does now, conflicts among it; gives the position that it
    /// stands at.
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
        let Holdings { log, projected } = store.find_holdings(tenant).await?.ok_or_else(unknown)?;
        if stale == Some(Stale::Allow) || projected.holds(log) {
            return Ok(projected.position);
        }
        let acknowledged = log;
        let deadline = Instant::now() + TIMEOUT;
        let (mut wait, longest) = POLL;
        loop {
            sleep(wait).await;
            wait = (wait * 2).min(longest);
            let Holdings { log, projected } =
                store.find_holdings(tenant).await?.ok_or_else(unknown)?;
            if projected.holds(acknowledged) {
                return Ok(projected.position);
            }
            if Instant::now() > deadline {
                return Err(ApiError::Behind {
                    projected: projected.position,
                    head: log.position,
                });
            }
        }
    }
}
