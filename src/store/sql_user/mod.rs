//! SQL users: roles of Postgres that log in, read the schema `report` and nothing else.
//!
//! Which tenants a role sees is in `report_reader`; that we made the role is in the comment on it, for only such a
//! role is ever dropped. Roles are of the whole cluster, so the comment names the database too.

mod create;
mod forget;
mod opening;
mod overdue;
mod url;

use jiff::SignedDuration;

pub use self::{create::NewSqlUser, opening::Opening, overdue::Overdue};
use super::{Store, StoreError};
use crate::domain::{
    ids::Tenant,
    sql_user::{SqlUser, SqlUserOrigin},
};

/// Why a SQL user was not made or dropped; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum SqlUserError {
    /// As everywhere.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service's role may not make roles.
    #[error("the role {0} may not make roles")]
    MayNot(String),
    /// There is such a role already.
    #[error("there is a role of that name already")]
    Exists(SqlUserOrigin),
    /// The role would reach more than it should, and we may not close it.
    #[error("more than the schema report would be open to it")]
    Open(Vec<Opening>),
    /// There is no such SQL user.
    #[error("there is no such SQL user")]
    Unknown,
    /// There is such a role, but somebody else made it.
    #[error("the role was not made for this database by sql-user create")]
    Foreign,
    /// Its sessions did not end in time.
    #[error("its sessions do not end")]
    Busy,
    /// Postgres refused a statement about roles.
    #[error("the database refused the statement")]
    Refused(#[source] sqlx::Error),
}

impl From<sqlx::Error> for SqlUserError {
    fn from(error: sqlx::Error) -> Self {
        if error.as_database_error().is_some() {
            Self::Refused(error)
        } else {
            Self::Store(error.into())
        }
    }
}

/// The comment on a role that was made for a database.
fn mark(database: &str) -> String {
    format!("Reads the schema report of the database {database}; made by ticketlog sql-user create")
}

impl Store {
    /// Every role that `report_reader` gives tenants to, by name. Reads the whole table, which is as long as people
    /// made SQL users.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_sql_users(&self) -> Result<Vec<SqlUser>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT reader.role::text AS "role!", array_agg(reader.tenant ORDER BY reader.tenant) AS "tenants!",
                      current_database()::text AS "database!",
                      min(role.oid::bigint) IS NOT NULL AS "there!",
                      min(shobj_description(role.oid, 'pg_authid')) AS mark,
                      min((SELECT substr(setting, length('statement_timeout=') + 1)
                           FROM pg_db_role_setting AS set, unnest(set.setconfig) AS setting
                           WHERE set.setrole = role.oid AND set.setdatabase = 0
                             AND starts_with(setting, 'statement_timeout='))) AS timeout,
                      min((SELECT count(*) FROM pg_stat_activity AS session
                           WHERE session.usesysid = role.oid)) AS sessions
               FROM report_reader AS reader LEFT JOIN pg_roles AS role ON role.rolname = reader.role
               GROUP BY reader.role ORDER BY reader.role"#
        )
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter()
            .map(|row| {
                let tenants = row.tenants.iter().map(|name| Tenant::parse(name));
                let tenants =
                    tenants
                        .collect::<Option<_>>()
                        .ok_or_else(|| StoreError::Corrupt {
                            table: "report_reader",
                            column: "tenant",
                            row: row.role.clone(),
                        })?;
                let origin = match row.mark {
                    _ if !row.there => SqlUserOrigin::Gone,
                    Some(found) if found == mark(&row.database) => SqlUserOrigin::Ours,
                    _ => SqlUserOrigin::Foreign,
                };
                let timeout = row.timeout.as_deref().and_then(parse_timeout);
                Ok(SqlUser {
                    name: row.role,
                    tenants,
                    origin,
                    statement_timeout: timeout,
                    sessions: row.sessions.unwrap_or_default(),
                })
            })
            .collect()
    }
}

/// A time-out as we set it, in milliseconds; the analyst may have set another, in any unit.
fn parse_timeout(setting: &str) -> Option<SignedDuration> {
    if let Ok(millis) = setting.trim_end_matches("ms").parse() {
        return Some(SignedDuration::from_millis(millis));
    }
    setting.parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::parse_timeout;

    #[test]
    fn a_timeout_is_in_milliseconds_unless_it_says_otherwise() {
        for (setting, millis) in [
            ("60000ms", 60_000),
            ("500", 500),
            ("5min", 300_000),
            ("2s", 2_000),
        ] {
            let expected = SignedDuration::from_millis(millis);
            assert_eq!(parse_timeout(setting), Some(expected), "{setting}");
        }
        assert_eq!(parse_timeout("soon"), None);
    }
}
