//! Sessions of SQL users that take longer than the operator lets them.

use std::time::Duration;

use jiff_sqlx::Timestamp;

use super::super::{Store, StoreError};

/// A session whose transaction, or a statement in it, is older than it may be.
#[derive(Debug, Clone)]
pub struct Overdue {
    /// The server's process.
    pub pid: i32,
    /// When the session began; with the process it tells sessions apart.
    pub began_at: jiff::Timestamp,
    /// The role that logged in.
    pub role: String,
    /// Age of the transaction or of the statement, whichever is older.
    pub seconds: f64,
    /// True if it runs nothing and keeps its transaction open.
    pub idle: bool,
}

impl Store {
    /// The sessions of SQL users in this database that have been at it for longer than `limit`, oldest first.
    ///
    /// Counts from the beginning of the transaction, for fetching a long answer bit by bit is many statements, and
    /// from that of the statement, for a block of code may begin many transactions.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_overdue(&self, limit: Duration) -> Result<Vec<Overdue>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT pid AS "pid!", backend_start AS "began_at!: Timestamp", usename::text AS "role!",
                      extract(epoch FROM age)::double precision AS "seconds!",
                      starts_with(state, 'idle') AS "idle!"
               FROM pg_stat_activity
               CROSS JOIN LATERAL (
                   SELECT clock_timestamp() - LEAST(xact_start, CASE WHEN state = 'active' THEN query_start END)
               ) AS taken (age)
               WHERE datname = current_database() AND backend_type = 'client backend' AND state <> 'idle'
                 AND usename IN (SELECT role FROM report_reader) AND usename <> current_user
                 AND extract(epoch FROM age) > $1::double precision
               ORDER BY age DESC"#,
            limit.as_secs_f64()
        )
        .fetch_all(&self.reads)
        .await?;
        let overdue = rows.into_iter().map(|row| Overdue {
            pid: row.pid,
            began_at: row.began_at.to_jiff(),
            role: row.role,
            seconds: row.seconds,
            idle: row.idle,
        });
        Ok(overdue.collect())
    }

    /// Cancels what a session runs.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also if the role is not ours to cancel.
    pub async fn cancel_overdue(&self, session: &Overdue) -> Result<(), StoreError> {
        sqlx::query!(
            "SELECT pg_cancel_backend(pid) AS told FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2",
            session.pid,
            Timestamp::from(session.began_at) as _
        )
        .fetch_optional(&self.reads)
        .await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also if the role is not ours to end.
    pub async fn end_overdue(&self, session: &Overdue) -> Result<(), StoreError> {
        sqlx::query!(
            "SELECT pg_terminate_backend(pid) AS told FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2",
            session.pid,
            Timestamp::from(session.began_at) as _
        )
        .fetch_optional(&self.reads)
        .await?;
        Ok(())
    }
}
