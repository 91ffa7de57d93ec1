//! What is open to a SQL user beyond the schema `report`.
//!
//! Postgres opens some things to everybody (PUBLIC): to use the schema `public`, in version 14 to make objects in it,
//! and to make temporary tables. Others do the same with what they make. The service closes what is its own to close;
//! for the rest no SQL user is made, and whoever may close it is told how.

use sqlx::PgConnection;

use super::{super::StoreError, SqlUserError, create::execute};
use crate::domain::sql_user::SqlUserName;

/// Most openings that are told at once.
const MAX_TOLD: i64 = 20;

/// Something that a SQL user could do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// What, like `CREATE in the schema public`.
    pub what: String,
    /// The statement that closes it.
    pub close: String,
}

/// Takes from everybody what is ours to take; gives the statements that did. The service does not depend on it: what it makes
/// is its own, and it owns what it closes.
pub(super) async fn close(session: &mut PgConnection) -> Result<Vec<String>, SqlUserError> {
    let row = sqlx::query!(
        r#"SELECT (SELECT (has_schema_privilege('public', oid, 'USAGE') OR has_schema_privilege('public', oid, 'CREATE'))
                          AND pg_has_role(nspowner, 'USAGE')
                   FROM pg_namespace WHERE nspname = 'public') AS schema,
                  (SELECT (has_database_privilege('public', oid, 'TEMPORARY')
                           OR has_database_privilege('public', oid, 'CREATE'))
                          AND pg_has_role(datdba, 'USAGE')
                   FROM pg_database WHERE datname = current_database()) AS temporary,
                  quote_ident(current_database()) AS "database!""#
    )
    .fetch_one(&mut *session)
    .await?;
    let mut closing = Vec::new();
    if row.schema == Some(true) {
        closing.push("REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned());
    }
    if row.temporary == Some(true) {
        let database = row.database;
        closing.push(format!(
            "REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC"
        ));
    }
    for statement in &closing {
        execute(session, statement.clone()).await?;
    }
    Ok(closing)
}

/// What a role may do beyond reading the schema `report`, the catalogs aside: make objects, read or write what
/// stands elsewhere, run functions with the rights of their owner. The most general first, 20 at most.
pub(super) async fn list(
    session: &mut PgConnection,
    name: &SqlUserName,
) -> Result<Vec<Opening>, StoreError> {
    sqlx::query_as!(
        Opening,
        r#"WITH schema AS (
               SELECT oid, nspname, nspowner, has_schema_privilege($1::text, oid, 'CREATE') AS creates,
                      has_schema_privilege($1::text, oid, 'USAGE') AS uses
               FROM pg_namespace
               WHERE nspname <> 'pg_catalog' AND nspname <> 'information_schema'
           )
           SELECT what AS "what!", close AS "close!" FROM (
               SELECT 1 AS nth, 'make schemas or temporary tables' AS what,
                      format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) AS close
               WHERE has_database_privilege($1::text, current_database(), 'CREATE')
                  OR has_database_privilege($1::text, current_database(), 'TEMPORARY')
               UNION ALL
               SELECT 2, format('make objects in the schema %I', nspname),
                      -- The service goes on to need what it has so far as one of all.
                      CASE WHEN nspname = 'public' AND NOT pg_has_role(nspowner, 'USAGE')
                           THEN format('GRANT USAGE, CREATE ON SCHEMA public TO %I; ', current_user) ELSE '' END
                      || format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', nspname)
               FROM schema WHERE creates
               UNION ALL
               SELECT 3, format('read or write %I.%I', nspname, relname),
                      format('REVOKE ALL ON %I.%I FROM PUBLIC', nspname, relname)
               FROM schema JOIN pg_class ON relnamespace = schema.oid
               WHERE uses AND relkind IN ('r', 'v', 'm', 'f', 'p')
                 AND (has_table_privilege($1::text, pg_class.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES')
                      OR has_any_column_privilege($1::text, pg_class.oid, 'INSERT, UPDATE')
                      OR (nspname <> 'report' AND has_any_column_privilege($1::text, pg_class.oid, 'SELECT')))
               UNION ALL
               SELECT 4, format('use the sequence %I.%I', nspname, relname),
                      format('REVOKE ALL ON SEQUENCE %I.%I FROM PUBLIC', nspname, relname)
               FROM schema JOIN pg_class ON relnamespace = schema.oid
               -- In a CASE, for what is no sequence is an error.
               WHERE uses AND CASE WHEN relkind = 'S'
                                   THEN has_sequence_privilege($1::text, pg_class.oid, 'USAGE, SELECT, UPDATE') END
               UNION ALL
               SELECT 5, format('run %s with the rights of its owner', pg_proc.oid::regprocedure),
                      format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', pg_proc.oid::regprocedure)
               FROM schema JOIN pg_proc ON pronamespace = schema.oid
               -- The fence asks the one that is ours, which tells only what is the asker's.
               WHERE uses AND prosecdef AND has_function_privilege($1::text, pg_proc.oid, 'EXECUTE')
                 AND pg_proc.oid <> 'public.report_passes()'::regprocedure
           ) AS open
           ORDER BY nth, what LIMIT $2"#,
        name.as_str(),
        MAX_TOLD
    )
    .fetch_all(session)
    .await
    .map_err(Into::into)
}
