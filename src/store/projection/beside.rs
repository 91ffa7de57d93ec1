//! A projection built beside the live one, and how it takes its place.
//!
//! Temporary tables of the same names hide the live ones from the session that builds, so that it runs the
//! very statements that follow the log, and leave nothing behind when it ends. The switch writes only what
//! differs, in one transaction: nobody reads half of it, and whatever refers to the live tables goes on.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{Projector, Store, StoreError};
use crate::{domain::ids::Tenant, store::quote::identifier};

/// The tables and their keys beside the tenant.
const TABLES: [(&str, &[&str]); 5] = [
    ("projection", &[]),
    ("ticket", &["ticket"]),
    ("entry", &["ticket", "event_id"]),
    ("change", &["ticket", "event_id", "nth"]),
    ("field_interval", &["ticket", "field", "from_event"]),
];

/// What finds the rows of a ticket, and the interval that ends.
const INDEXES: &str = "
    ALTER TABLE pg_temp.projection ADD PRIMARY KEY (tenant);
    ALTER TABLE pg_temp.ticket ADD PRIMARY KEY (tenant, ticket);
    ALTER TABLE pg_temp.entry ADD PRIMARY KEY (tenant, ticket, event_id);
    CREATE INDEX ON pg_temp.change (ticket, tenant, event_id);
    CREATE INDEX ON pg_temp.field_interval (ticket, tenant, field);
    CREATE UNIQUE INDEX ON pg_temp.field_interval (ticket, tenant, field) WHERE until_event IS NULL";

/// Rows that were not the same, of all tables but `projection`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differences {
    /// Rows that were there and should not have been, or not so.
    pub deleted: u64,
    /// Rows that were missing, or not so.
    pub inserted: u64,
}

impl Store {
    /// A session that projects from nothing into tables of its own; [`Projector::switch`] puts them in the
    /// place of the live ones.
    pub fn projector_beside(&self) -> Projector {
        Projector {
            beside: true,
            ..self.projector()
        }
    }
}

/// Makes the tables of a session that builds beside: with the indexes that building needs, which are a few of those that
/// questions need, and cost more than the rows.
pub(super) async fn create(connection: &mut PgConnection) -> Result<(), StoreError> {
    let live = live_schema(connection).await?;
    for (table, _) in TABLES {
        let create = format!(
            "CREATE TEMP TABLE {table} (LIKE {live}.{table} INCLUDING ALL EXCLUDING INDEXES)"
        );
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut *connection)
            .await?;
    }
    sqlx::raw_sql(INDEXES).execute(connection).await?;
    Ok(())
}

async fn live_schema(connection: &mut PgConnection) -> Result<String, StoreError> {
    let schema = sqlx::query_scalar!(r#"SELECT current_schema()::text AS "schema!""#)
        .fetch_one(connection)
        .await?;
    Ok(identifier(&schema))
}

impl Projector {
    /// Puts what was built of a tenant in the place of the live rows, and forgets it here. `None`, having
    /// done nothing, if the two do not stand at the same position; the live one is claimed meanwhile, so
    /// it is at most a step ahead at the next try.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn switch(&mut self, tenant: &Tenant) -> Result<Option<Differences>, StoreError> {
        let mut connection = self.begin().await?;
        let live = live_schema(&mut connection).await?;
        // Whole tables are compared here, for which look-ups by key are the wrong plan.
        sqlx::raw_sql(
            "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; \
             SET LOCAL enable_seqscan = on; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'",
        )
        .execute(&mut connection)
        .await?;
        let claim = format!(
            "SELECT new.position = old.position FROM {live}.projection AS old, projection AS new
             WHERE old.tenant = $1 AND new.tenant = $1 FOR UPDATE OF old"
        );
        let same: Option<bool> = sqlx::query_scalar(AssertSqlSafe(claim))
            .bind(tenant.as_str())
            .fetch_optional(&mut connection)
            .await?;
        if same != Some(true) {
            self.end(connection, "ROLLBACK").await?;
            return Ok(None);
        }
        let mut differences = Differences::default();
        for (table, key) in TABLES {
            let found = replace(&mut connection, &live, table, key, tenant).await?;
            if table != "projection" {
                differences.deleted += found.deleted;
                differences.inserted += found.inserted;
            }
        }
        for (table, _) in TABLES {
            let empty = format!("TRUNCATE pg_temp.{table}");
            sqlx::raw_sql(AssertSqlSafe(empty))
                .execute(&mut connection)
                .await?;
        }
        self.end(connection, "COMMIT").await?;
        Ok(Some(differences))
    }
}

/// Makes a tenant's rows of a live table those of the table beside it.
async fn replace(
    tx: &mut PgConnection,
    live: &str,
    table: &str,
    key: &[&str],
    tenant: &Tenant,
) -> Result<Differences, StoreError> {
    let same_key: Vec<String> = key
        .iter()
        .map(|column| format!(" AND new.{column} = old.{column}"))
        .collect();
    let same_key = same_key.concat();
    let delete = format!(
        "DELETE FROM {live}.{table} AS old WHERE tenant = $1 AND NOT EXISTS (
             SELECT 1 FROM pg_temp.{table} AS new
             WHERE new.tenant = $1{same_key} AND ROW(new.*) IS NOT DISTINCT FROM ROW(old.*))"
    );
    let insert = format!(
        "INSERT INTO {live}.{table} SELECT * FROM pg_temp.{table} AS new
         WHERE tenant = $1 AND NOT EXISTS (
             SELECT 1 FROM {live}.{table} AS old WHERE old.tenant = $1{same_key})"
    );
    let deleted = sqlx::query(AssertSqlSafe(delete))
        .bind(tenant.as_str())
        .execute(&mut *tx)
        .await?;
    let inserted = sqlx::query(AssertSqlSafe(insert))
        .bind(tenant.as_str())
        .execute(&mut *tx)
        .await?;
    Ok(Differences {
        deleted: deleted.rows_affected(),
        inserted: inserted.rows_affected(),
    })
}
