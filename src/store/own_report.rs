//! Reports of the operator's own: run by a role that logs in and sees one tenant, never by this program's.
//!
//! Such a file is somebody's SQL. `SET ROLE` would not hold it: a function in it can set the role back. So there is a role
//! for each tenant, a SQL user like those of analysts, that is made when it is first needed; its password lives in this
//! process. Another instance that makes itself a password for the same role takes this one's away: whoever is refused
//! makes a new one and tries once more.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    postgres::{PgConnectOptions, PgErrorPosition},
};

use super::{
    NewSqlUser, SqlUserError, Store, StoreError,
    error::is_canceled,
    quote::{identifier, text},
    report::{self, ReportRows},
};
use crate::domain::{
    ids::Tenant,
    report::{Arguments, FileError, Report},
    sql_user::{Password, SqlUserName, SqlUserOrigin},
};

/// How the roles' names begin.
const PREFIX: &str = "ticketlog_report_";

/// Longest time of a statement of such a role, by default: that of reports.
const TIMEOUT: Duration = Duration::from_mins(1);

/// `invalid_password`, and `invalid_authorization_specification`: the role's password is another's, or it is gone.
const REFUSED: [&str; 2] = ["28P01", "28000"];

/// The passwords of the roles for reports, by tenant. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct ReportLogins(Arc<Mutex<BTreeMap<Tenant, Password>>>);

impl Store {
    /// Runs a report of the operator's own, as the tenant's role for it.
    pub(super) async fn run_own_report(
        &self,
        tenant: &Tenant,
        report: &Report,
        arguments: &Arguments,
    ) -> Result<ReportRows, StoreError> {
        let mut session = self.log_in(tenant).await?;
        let statement = report.statement(arguments);
        let found = report::run(&mut session, &statement, arguments).await;
        let found = found.map_err(|error| StoreError::of_own_report(error, &statement.sql))?;
        // Nothing is lost if it ends otherwise.
        let _ = session.close().await;
        Ok(found)
    }

    /// Asks Postgres whether a report of the operator's own can be run at all, as far as that can be told without running
    /// it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]. Within: the line of the file at which it cannot, and why.
    pub async fn check_report(&self, report: &Report) -> Result<Result<(), FileError>, StoreError> {
        let mut session = self.connect().await?;
        for statement in report.statements() {
            let mut tx = session.begin().await?;
            sqlx::raw_sql("SET LOCAL search_path = report")
                .execute(&mut *tx)
                .await?;
            let prepared = report::prepare(&mut tx, &statement).await;
            tx.rollback().await?;
            if let Err(error) = prepared {
                let Some((line, message)) = placed(&error, &statement.sql) else {
                    return Err(error.into());
                };
                return Ok(Err(FileError { line, message }));
            }
        }
        session.close().await?;
        Ok(Ok(()))
    }

    async fn log_in(&self, tenant: &Tenant) -> Result<PgConnection, StoreError> {
        let role = role(self.options.get_database().unwrap_or_default(), tenant)?;
        let known = {
            let logins = self
                .report_logins
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            logins.get(tenant).cloned()
        };
        if let Some(password) = known {
            match self.connect_as(&role, &password).await {
                Err(StoreError::Unavailable(error)) if is_refused(&error) => {}
                connected => return connected,
            }
        }
        let password = self.make_login(tenant, &role).await?;
        let connected = self.connect_as(&role, &password).await?;
        let mut logins = self
            .report_logins
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        logins.insert(tenant.clone(), password);
        Ok(connected)
    }

    async fn connect_as(
        &self,
        role: &SqlUserName,
        password: &Password,
    ) -> Result<PgConnection, StoreError> {
        let options = PgConnectOptions::clone(&self.options)
            .username(role.as_str())
            .password(password.expose());
        self.connect_with(&options).await
    }

    /// Makes the role, or gives the one that is there another password.
    async fn make_login(
        &self,
        tenant: &Tenant,
        role: &SqlUserName,
    ) -> Result<Password, StoreError> {
        let random = |bytes: &mut [u8]| {
            getrandom::fill(bytes)
                .map_err(|error| StoreError::Report(format!("no random numbers: {error}")))
        };
        let (mut secret, mut salt) = ([0; 32], [0; 16]);
        random(&mut secret)?;
        random(&mut salt)?;
        let password = Password::of(secret);
        let verifier = password.verifier(salt);
        let made = self
            .create_sql_user(&NewSqlUser {
                name: role,
                verifier: &verifier,
                tenants: &[tenant.clone()].into(),
                statement_timeout: TIMEOUT,
            })
            .await;
        match made {
            Ok(_) => {}
            Err(SqlUserError::Exists(SqlUserOrigin::Ours)) => {
                let mut session = self.connect().await?;
                let alter = format!(
                    "ALTER ROLE {} PASSWORD {}",
                    identifier(role.as_str()),
                    text(&verifier)
                );
                let altered = sqlx::query(AssertSqlSafe(alter))
                    .execute(&mut session)
                    .await;
                altered.map_err(|error| StoreError::Report(error.to_string()))?;
            }
            Err(SqlUserError::Store(error)) => return Err(error),
            Err(error) => {
                return Err(StoreError::Report(format!(
                    "the role {role}, which runs reports of your own for {tenant}, cannot be made: {error}; \
                     `ticketlog sql-user create` says what is missing"
                )));
            }
        }
        Ok(password)
    }
}

impl StoreError {
    /// Of a report of the operator's own: what Postgres says of it is for the operator.
    fn of_own_report(error: sqlx::Error, sql: &str) -> Self {
        match placed(&error, sql) {
            Some((line, message)) if !is_canceled(&error) => {
                Self::Report(format!("line {line}: {message}"))
            }
            _ => Self::of_report(error),
        }
    }
}

/// The name of the role for a tenant of a database. Roles are of the whole cluster.
fn role(database: &str, tenant: &Tenant) -> Result<SqlUserName, StoreError> {
    let hash = Sha256::digest(format!("{database}/{tenant}"));
    let mut name = PREFIX.to_owned();
    for byte in hash.iter().take(12) {
        // Writing into a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    SqlUserName::parse(&name).map_err(|error| StoreError::Report(error.to_string()))
}

fn is_refused(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| REFUSED.contains(&code.as_ref()))
}

/// What Postgres has against a statement, and the line at which; `None` for another failure.
fn placed(error: &sqlx::Error, sql: &str) -> Option<(usize, String)> {
    let error = error.as_database_error()?;
    let error = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
    let line = match error.position() {
        // Characters, from 1.
        Some(PgErrorPosition::Original(at)) => {
            1 + sql
                .chars()
                .take(at.saturating_sub(1))
                .filter(|c| *c == '\n')
                .count()
        }
        _ => 1,
    };
    let hint = error
        .hint()
        .map_or_else(String::new, |hint| format!(" ({hint})"));
    Some((line, format!("{}{hint}", error.message())))
}
