//! Sessions for look-ups, and running one.
//!
//! In a pool of their own, not in one of sqlx: that exchanges a message with Postgres each time a session comes back,
//! which takes about as long as a look-up does, and an answer is made of several.

use std::{fmt, time::Duration};

use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult,
};
use sqlx::{
    Connection, PgConnection, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Map,
};
use tokio::time::timeout;

use super::{ACQUIRE_TIMEOUT, TRIED_AFTER};

/// Look-ups take less time than planning them: they are planned once. They name what an index has, row by row,
/// so that with what is forbidden here no statistics, and none at all, lead to another plan.
const LOOKING_UP: &str = "SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; \
     SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET max_parallel_workers_per_gather = 0; SET lock_timeout = '2s'";

/// Most sessions: what so many cannot serve, two cores could not either.
const SESSIONS: usize = 10;

/// Age at which a session is replaced: what Postgres keeps in one only grows.
const MAX_AGE: Duration = Duration::from_mins(30);

/// Runs look-ups. Clones share the sessions.
#[derive(Clone)]
pub(super) struct Lookups(Pool<Sessions>);

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookups")
    }
}

impl Lookups {
    /// Opens a session when one is needed, not yet.
    ///
    /// # Errors
    /// [`sqlx::Error::Configuration`], if there cannot be such a pool.
    pub(super) fn new(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let pool = Pool::builder(Sessions(options.clone()))
            .max_size(SESSIONS)
            // The one used last has most at hand.
            .queue_mode(QueueMode::Lifo)
            .build();
        Ok(Self(pool.map_err(sqlx::Error::config)?))
    }

    /// All rows.
    ///
    /// # Errors
    /// Those of the statement; [`sqlx::Error::PoolTimedOut`], [`sqlx::Error::PoolClosed`].
    pub(super) async fn fetch_all<F, T>(
        &self,
        question: Map<'_, Postgres, F, PgArguments>,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        F: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
    {
        let mut session = self.take().await?;
        let rows = question.fetch_all(session.connection()?).await;
        session.give_back(rows)
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Self::fetch_all`].
    pub(super) async fn fetch_optional<F, T>(
        &self,
        question: Map<'_, Postgres, F, PgArguments>,
    ) -> Result<Option<T>, sqlx::Error>
    where
        F: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
    {
        let mut session = self.take().await?;
        let row = question.fetch_optional(session.connection()?).await;
        session.give_back(row)
    }

    async fn take(&self) -> Result<Session, sqlx::Error> {
        match timeout(ACQUIRE_TIMEOUT, self.0.get()).await {
            Ok(Ok(session)) => Ok(Session(Some(session))),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(PoolError::Closed)) => Err(sqlx::Error::PoolClosed),
            Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Ends the sessions, those in use when they come back.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

/// A session in use. It goes back to the others once its statement has ended; one that was given up in the middle, or
/// broke, ends.
struct Session(Option<Object<Sessions>>);

impl Session {
    fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.0.as_deref_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    fn give_back<T>(mut self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let has_ended = match &result {
            Ok(_) => true,
            Err(error) => error.as_database_error().is_some(),
        };
        if has_ended {
            self.0 = None;
        }
        result
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            drop(Object::take(session));
        }
    }
}

/// Opens sessions, and says which are still good.
struct Sessions(PgConnectOptions);

impl Manager for Sessions {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        let mut session = PgConnection::connect_with(&self.0).await?;
        sqlx::raw_sql(LOOKING_UP).execute(&mut session).await?;
        Ok(session)
    }

    async fn recycle(
        &self,
        session: &mut PgConnection,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message("it is old"));
        }
        if metrics.last_used() > TRIED_AFTER {
            session.ping().await?;
        }
        Ok(())
    }
}
