//! What Postgres knows of its tables when it plans.

use sqlx::Connection;

use super::{Store, StoreError};

impl Store {
    /// Lets Postgres look at what the log and its projections hold now. By itself it does so within a minute; until
    /// then it takes tables that were just filled for empty ones, and a report may take thirty times as long.
    ///
    /// Takes a sample, so that it costs seconds at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn analyze(&self) -> Result<(), StoreError> {
        const TABLES: &str =
            "ANALYZE head, event, entry, change, field_interval, ticket, projection";
        // Waits for whoever vacuums.
        let mut session = self.connect().await?;
        sqlx::raw_sql(TABLES).execute(&mut session).await?;
        Ok(session.close().await?)
    }
}
