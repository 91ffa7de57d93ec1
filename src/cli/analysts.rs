//! What `serve` does for analysts: where their tools connect to the private Postgres, and how long they may take.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::ensure;
use clap::Args;
use tokio::time::{Instant, sleep};

use super::serve::duration;
use crate::{
    postgres::door::Door,
    store::{Overdue, READERS, SERVICE, Store, StoreError},
};

/// Between two looks at what analysts do.
const POLL: Duration = Duration::from_secs(2);

/// How long a session has after its statement was cancelled.
const GRACE: Duration = Duration::from_secs(5);

/// Between two complaints of the same trouble.
const AGAIN: Duration = Duration::from_mins(1);

/// Options of `serve` for analysts, whom `sql-user create` makes.
#[derive(Debug, Args)]
pub(super) struct AnalystArgs {
    /// Let SQL users connect to the private Postgres at this address, with their passwords; nobody else is let in
    /// there. Without it they connect only on this machine, as the user that runs it.
    #[arg(long, value_name = "ADDRESS:PORT")]
    sql_listen: Option<SocketAddr>,
    /// Longest time that a statement, or an open transaction, of a SQL user may take: then it is cancelled, and its
    /// connection is cut 5 seconds later if that did not help.
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub(super) sql_limit: Duration,
}

impl AnalystArgs {
    /// The way in from the network, if there is to be one; a database that was given has its own.
    pub(super) fn door(&self, given: bool) -> anyhow::Result<Option<Door>> {
        let Some(address) = self.sql_listen else {
            return Ok(None);
        };
        ensure!(
            !given,
            "--sql-listen is for the private Postgres: the database of --database-url listens where it was told to"
        );
        ensure!(
            address.port() != 0,
            "--sql-listen needs a port, like 127.0.0.1:6432"
        );
        if !address.ip().is_loopback() {
            tracing::warn!(
                "--sql-listen {address}: what analysts read goes over the network unencrypted, unless it goes through a tunnel"
            );
        }
        Ok(Some(Door {
            address,
            database: SERVICE.to_owned(),
            group: READERS.to_owned(),
            service: SERVICE.to_owned(),
        }))
    }
}

/// Cancels what SQL users have been at for longer than `limit`, and ends their sessions where that does not help.
/// Never returns.
pub(super) async fn hold_to(store: &Store, limit: Duration) {
    let mut warned = Warned::default();
    let mut told_at: Option<Instant> = None;
    loop {
        if let Err(error) = warned.look(store, limit, Instant::now()).await
            && told_at.is_none_or(|at| at.elapsed() >= AGAIN)
        {
            told_at = Some(Instant::now());
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "Could not hold SQL users to --sql-limit");
        }
        sleep(POLL).await;
    }
}

/// The sessions that were cancelled and are still over the limit, each by its process and its beginning.
#[derive(Default)]
struct Warned(BTreeMap<(i32, jiff::Timestamp), Instant>);

impl Warned {
    /// One look: who is over the limit for the first time is cancelled, who still is after its grace is ended.
    async fn look(
        &mut self,
        store: &Store,
        limit: Duration,
        now: Instant,
    ) -> Result<(), StoreError> {
        let overdue = store.list_overdue(limit).await?;
        let key = |session: &Overdue| (session.pid, session.began_at);
        self.0
            .retain(|warned, _| overdue.iter().any(|session| key(session) == *warned));
        for session in &overdue {
            let Overdue {
                pid, role, idle, ..
            } = session;
            let seconds = session.seconds.round();
            match self.0.get(&key(session)) {
                None => {
                    store.cancel_overdue(session).await?;
                    self.0.insert(key(session), now);
                    tracing::warn!(
                        role,
                        pid,
                        seconds,
                        idle,
                        "A SQL user's statement or transaction was over --sql-limit and was cancelled"
                    );
                }
                Some(at) if now.duration_since(*at) >= GRACE => {
                    store.end_overdue(session).await?;
                    tracing::warn!(
                        role,
                        pid,
                        seconds,
                        idle,
                        "A SQL user's session was still over --sql-limit after that and was ended"
                    );
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
