//! Drops a SQL user: its sessions, what it owns, its rows and its role.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use super::{
    super::{Store, StoreError, quote::identifier},
    SqlUserError,
    create::{execute, origin_of},
};
use crate::domain::sql_user::{SqlUserName, SqlUserOrigin};

/// Longest wait for its sessions to end: one that is told to ends within milliseconds.
const ENDING: Duration = Duration::from_secs(5);

/// Between two looks at them.
const POLL: Duration = Duration::from_millis(50);

impl Store {
    /// Drops a SQL user that we made, ending its sessions; what is left of one whose role is gone goes too. A role
    /// that somebody else made stays.
    ///
    /// # Errors
    /// [`SqlUserError::Unknown`], [`SqlUserError::Foreign`], [`SqlUserError::Busy`]: its sessions do not end; it can
    /// no longer log in, and the same call may succeed later.
    pub async fn drop_sql_user(&self, name: &SqlUserName) -> Result<(), SqlUserError> {
        let mut connection = self.connect().await?;
        let database = sqlx::query!(r#"SELECT current_database()::text AS "name!""#)
            .fetch_one(&mut connection)
            .await?
            .name;
        match origin_of(&mut connection, name, &database).await? {
            None | Some(SqlUserOrigin::Gone) => {
                if !forget(&mut connection, name).await? {
                    return Err(SqlUserError::Unknown);
                }
            }
            Some(SqlUserOrigin::Foreign) => return Err(SqlUserError::Foreign),
            Some(SqlUserOrigin::Ours) => {
                let role = identifier(name.as_str());
                execute(&mut connection, format!("ALTER ROLE {role} NOLOGIN")).await?;
                end_sessions(&mut connection, name).await?;
                let mut dropping = connection.begin().await?;
                forget(&mut dropping, name).await?;
                // Large objects, if it could make any: they would hold the role.
                execute(&mut dropping, format!("DROP OWNED BY {role}")).await?;
                execute(&mut dropping, format!("DROP ROLE {role}")).await?;
                dropping.commit().await?;
            }
        }
        connection.close().await?;
        Ok(())
    }
}

/// Takes its tenants from it; true if it had any.
async fn forget(session: &mut PgConnection, name: &SqlUserName) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM report_reader WHERE role = $1::text::name",
        name.as_str()
    )
    .execute(session)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends its sessions, in whatever database, and waits until there is none.
async fn end_sessions(session: &mut PgConnection, name: &SqlUserName) -> Result<(), SqlUserError> {
    let end = Instant::now() + ENDING;
    loop {
        let left = sqlx::query!(
            "SELECT pg_terminate_backend(pid) AS told FROM pg_stat_activity WHERE usename = $1::text::name",
            name.as_str()
        )
        .fetch_all(&mut *session)
        .await?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(SqlUserError::Busy);
        }
        sleep(POLL).await;
    }
}
