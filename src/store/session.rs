//! Sessions of browsers: their hashes, and the tokens behind them.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::session::SessionHash;

impl Store {
    /// Stores a session that begins now, and forgets those that are over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] if it is there already.
    pub async fn begin_session(
        &self,
        hash: &SessionHash,
        token_id: Uuid,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "WITH over AS (DELETE FROM session WHERE expires_at <= $3)
             INSERT INTO session (sha256, token_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
            hash.as_slice(),
            token_id,
            now.to_sqlx() as _,
            expires_at.to_sqlx() as _,
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// Ends a session; one that is not there has ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_session(&self, hash: &SessionHash) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM session WHERE sha256 = $1", hash.as_slice())
            .execute(&self.reads)
            .await?;
        Ok(())
    }
}
