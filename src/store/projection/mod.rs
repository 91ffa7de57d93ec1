//! The tables derived from the log, and the claim under which one instance at a time changes a tenant's.
//!
//! What stands in them is decided in `project`; here are the statements. All of a tenant's changes for one
//! step are one transaction with the new position, so that a crash leaves either all or nothing of it.

mod bare;
mod beside;
mod claim;
mod extent;
mod progress;
mod rows;
mod write;

use std::fmt;

use sqlx::PgConnection;

pub use self::{
    bare::Bare,
    beside::Differences,
    claim::{Claim, Known, Standing, Sums},
    extent::TicketSize,
    progress::{Holding, Holdings, Progress},
    rows::{ChangeRow, EntryRow, IntervalRow, Rows, TicketRow},
};
use super::{Store, StoreError};

/// Projects through a session of its own, apart from those for reads.
pub struct Projector {
    store: Store,
    /// True if it fills tables beside the live ones.
    beside: bool,
    connection: Option<PgConnection>,
}

impl fmt::Debug for Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Projector")
    }
}

impl Store {
    /// A session that projects into the live tables; it connects when it is first used.
    pub fn projector(&self) -> Projector {
        Projector {
            store: self.clone(),
            beside: false,
            connection: None,
        }
    }
}

/// Starts a step's transaction, in one round trip.
///
/// Bounds every wait. A step is made of look-ups by key, so the planner is kept from everything else; asked anew each
/// time, since what it found good for a table that was empty then walks a whole tenant for each row (28 s for one
/// statement, seen after 25,000 events); and not told which tenant, since of one that is new in a large table it expects
/// a single row, and walks all that there are by any index (1.5 s for one statement, seen beside ten million events).
/// What is lost with the last moments before a crash is projected again, so the commit waits for no disk.
const BEGIN: &str = "BEGIN; \
    DISCARD PLANS; \
    SET LOCAL lock_timeout = '5s'; \
    SET LOCAL statement_timeout = '60s'; \
    SET LOCAL idle_in_transaction_session_timeout = '5min'; \
    SET LOCAL synchronous_commit = off; \
    SET LOCAL plan_cache_mode = force_generic_plan; \
    SET LOCAL enable_hashjoin = off; \
    SET LOCAL enable_mergejoin = off; \
    SET LOCAL enable_seqscan = off";

impl Projector {
    /// The session with a transaction begun.
    async fn begin(&mut self) -> Result<PgConnection, StoreError> {
        if let Some(mut connection) = self.connection.take()
            && sqlx::raw_sql(BEGIN).execute(&mut connection).await.is_ok()
        {
            return Ok(connection);
        }
        // None yet, or broken since its last use.
        let mut connection = self.connect().await?;
        sqlx::raw_sql(BEGIN).execute(&mut connection).await?;
        Ok(connection)
    }

    /// The session, outside a transaction.
    async fn connect(&mut self) -> Result<PgConnection, StoreError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let mut connection = self.store.connect().await?;
        if self.beside {
            beside::create(&mut connection).await?;
        }
        Ok(connection)
    }
}
