//! Brings the database up behind a `serve` that listens already, and keeps the private one running.

use std::{convert::Infallible, path::Path, time::Duration};

use tokio::{sync::watch, time::sleep};

use super::{database, token};
use crate::{
    config::Shared,
    postgres::{self, Cluster, door::Door, error::ClusterError},
    store::{Store, StoreError},
};

/// Between looks at whether a short command still owns the private cluster.
const OWNER_POLL: Duration = Duration::from_millis(200);

/// Waits between attempts to reach the database: the first, and the longest after doubling.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Starts the private cluster into `cluster`, unless a database was given, with its door to the network if there
/// is to be one; opens the store, hands it to `there`, and then keeps the cluster running. Dropped, it leaves the cluster as it is.
///
/// # Errors
/// What no waiting will mend: no Postgres to be found, a schema that this program does not know.
pub(super) async fn bring_up(
    shared: &Shared,
    data_dir: &Path,
    door: Option<Door>,
    cluster: &mut Option<Cluster>,
    there: watch::Sender<Option<Store>>,
) -> anyhow::Result<Infallible> {
    if let Some(address) = database::given(shared)? {
        let store = until_reached(|| Store::open(&address)).await?;
        there.send_replace(Some(store.clone()));
        token::tell_if_none(shared, &store).await;
        return std::future::pending().await;
    }
    let cluster = cluster.insert(start_cluster(shared, data_dir, door).await?);
    let endpoint = cluster.endpoint().clone();
    let mut supervising = Box::pin(cluster.supervise(&database::tell));
    let store = tokio::select! {
        store = until_reached(|| database::open_private(&endpoint)) => store?,
        never = &mut supervising => match never {},
    };
    there.send_replace(Some(store.clone()));
    tokio::select! {
        () = token::tell_if_none(shared, &store) => match supervising.await {},
        never = &mut supervising => match never {},
    }
}

/// Tries for as long as the database is away, and says so.
async fn until_reached<F: Future<Output = Result<Store, StoreError>>>(
    open: impl Fn() -> F,
) -> anyhow::Result<Store> {
    let (mut wait, longest) = RETRY;
    loop {
        match open().await {
            Err(error @ StoreError::Unavailable(_)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "Deliveries are spooled until the database is there");
                sleep(wait).await;
                wait = (wait * 2).min(longest);
            }
            opened => return Ok(opened?),
        }
    }
}

/// A short command may own the cluster: then waits for that one to end, because the server would end with
/// it.
async fn start_cluster(
    shared: &Shared,
    data_dir: &Path,
    door: Option<Door>,
) -> anyhow::Result<Cluster> {
    let settings = postgres::Settings {
        door,
        ..shared.postgres(data_dir.to_owned())
    };
    let mut told = false;
    loop {
        match Box::pin(postgres::start(&settings, &database::tell)).await {
            Ok(cluster) => return Ok(cluster),
            Err(ClusterError::Owned { .. }) => {
                if !told {
                    tracing::info!(
                        "Waiting for another ticketlog command that uses the private Postgres"
                    );
                    told = true;
                }
                sleep(OWNER_POLL).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
