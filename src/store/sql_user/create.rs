//! Makes a SQL user.

use std::{collections::BTreeSet, time::Duration};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{
    super::{
        READERS, Store, StoreError,
        quote::{identifier, text},
    },
    SqlUserError, mark, opening,
};
use crate::domain::{
    ids::Tenant,
    sql_user::{SqlUserName, SqlUserOrigin},
};

/// Most connections of one SQL user: as many as Metabase opens at most. Six of them leave a private cluster, which
/// takes 100, enough for the service.
const MAX_CONNECTIONS: u8 = 15;

/// A role with this version's grants needs to be told to lend its rights.
const GRANTS_HAVE_OPTIONS_SINCE: i32 = 160_000;

/// What a SQL user is made of.
#[derive(Debug)]
pub struct NewSqlUser<'a> {
    /// Its name.
    pub name: &'a SqlUserName,
    /// What Postgres keeps of its password.
    pub verifier: &'a str,
    /// The tenants that it sees.
    pub tenants: &'a BTreeSet<Tenant>,
    /// What a statement of its may take if it asks for nothing else.
    pub statement_timeout: Duration,
}

/// Who we are, as Postgres sees it.
struct Service {
    role: String,
    database: String,
    superuser: bool,
    version: i32,
}

impl Store {
    /// Makes a role that logs in with its password and reads its tenants' rows in the schema `report`, by default
    /// without writing and for no longer than its time-out, and nothing else. What is open to everybody and to be
    /// closed for that is closed, by the statements that are given: all of it, or nothing has changed.
    ///
    /// # Errors
    /// [`SqlUserError`]: [`SqlUserError::MayNot`], [`SqlUserError::Exists`], [`SqlUserError::Open`] above all.
    pub async fn create_sql_user(&self, new: &NewSqlUser<'_>) -> Result<Vec<String>, SqlUserError> {
        let mut connection = self.connect().await?;
        let mut making = connection.begin().await?;
        let service = who(&mut making).await?;
        if let Some(origin) = origin_of(&mut making, new.name, &service.database).await? {
            return Err(SqlUserError::Exists(origin));
        }
        for statement in statements(new, &service) {
            execute(&mut making, statement).await?;
        }
        if may_let_in(&mut making).await? {
            let (readers, name) = (identifier(READERS), identifier(new.name.as_str()));
            execute(&mut making, format!("GRANT {readers} TO {name}")).await?;
        }
        let tenants: Vec<&str> = new.tenants.iter().map(Tenant::as_str).collect();
        sqlx::query!(
            "INSERT INTO report_reader (role, tenant) SELECT $1::text::name, * FROM UNNEST($2::text[])
             ON CONFLICT DO NOTHING",
            new.name.as_str(),
            tenants as _
        )
        .execute(&mut *making)
        .await?;
        let closed = opening::close(&mut making).await?;
        let open = opening::list(&mut making, new.name).await?;
        if !open.is_empty() {
            return Err(SqlUserError::Open(open));
        }
        making.commit().await?;
        connection.close().await?;
        Ok(closed)
    }
}

/// The statements that make the role. `NOINHERIT`: whatever is granted to it later is not open to it at once.
fn statements(new: &NewSqlUser<'_>, service: &Service) -> Vec<String> {
    let name = identifier(new.name.as_str());
    let millis = new.statement_timeout.as_millis();
    let mut statements = vec![
        format!(
            "CREATE ROLE {name} LOGIN PASSWORD {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION
             NOBYPASSRLS CONNECTION LIMIT {MAX_CONNECTIONS}",
            text(new.verifier)
        ),
        format!("ALTER ROLE {name} SET statement_timeout = '{millis}ms'"),
        format!("ALTER ROLE {name} SET search_path = report"),
        format!("ALTER ROLE {name} SET default_transaction_read_only = on"),
        format!(
            "COMMENT ON ROLE {name} IS {}",
            text(&mark(&service.database))
        ),
    ];
    // So that the service may see what its sessions do, and end them. A superuser may anyway.
    if !service.superuser {
        let options = if service.version < GRANTS_HAVE_OPTIONS_SINCE {
            ""
        } else {
            " WITH INHERIT TRUE"
        };
        let service = identifier(&service.role);
        statements.push(format!("GRANT {name} TO {service}{options}"));
    }
    statements
}

/// Who we are.
///
/// # Errors
/// [`SqlUserError::MayNot`] if we may not make roles.
async fn who(session: &mut PgConnection) -> Result<Service, SqlUserError> {
    let row = sqlx::query!(
        r#"SELECT rolname::text AS "role!", current_database()::text AS "database!", rolsuper AS "superuser!",
                  rolcreaterole AS "creates!", current_setting('server_version_num')::integer AS "version!"
           FROM pg_roles WHERE rolname = current_user"#
    )
    .fetch_one(session)
    .await?;
    if !row.superuser && !row.creates {
        return Err(SqlUserError::MayNot(row.role));
    }
    Ok(Service {
        role: row.role,
        database: row.database,
        superuser: row.superuser,
        version: row.version,
    })
}

/// Whose a role is; `None` if there is none of that name.
pub(super) async fn origin_of(
    session: &mut PgConnection,
    name: &SqlUserName,
    database: &str,
) -> Result<Option<SqlUserOrigin>, StoreError> {
    let row = sqlx::query!(
        "SELECT rolsuper, shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = $1",
        name.as_str()
    )
    .fetch_optional(session)
    .await?;
    Ok(row.map(|row| {
        let ours = row.mark.is_some_and(|found| found == mark(database));
        if ours && row.rolsuper != Some(true) {
            SqlUserOrigin::Ours
        } else {
            SqlUserOrigin::Foreign
        }
    }))
}

/// True where there is the group of those whom the network lets in, and we may add to it.
async fn may_let_in(session: &mut PgConnection) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1
                          AND pg_has_role(oid, 'MEMBER WITH ADMIN OPTION')) AS "may!""#,
        READERS
    )
    .fetch_one(session)
    .await?;
    Ok(row.may)
}

/// Executes a statement that takes no parameters.
pub(super) async fn execute(
    session: &mut PgConnection,
    statement: String,
) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(statement))
        .execute(session)
        .await?;
    Ok(())
}
