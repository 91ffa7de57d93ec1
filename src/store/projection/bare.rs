//! Tables without their indexes, for as long as all of a tenant's rows are written at once.
//!
//! To keep ten indexes up to date row by row takes many times what the rows take, and several times what making each
//! index at the end does.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{Claim, StoreError};
use crate::store::error::is_denied;

/// All tables but `projection`, which says where they stand.
const TABLES: [&str; 4] = ["ticket", "entry", "change", "field_interval"];

/// Each index takes as long as there are rows. Sorting is quickest within the processor's caches, 8 MB a process; of so
/// little memory Postgres would make one process, unless the table says otherwise: then as many as it may, eight at most.
/// Rough statistics are enough until autovacuum takes its own.
const DRESSING: &str = "SET LOCAL statement_timeout = 0; SET LOCAL default_statistics_target = 25; \
    SELECT set_config('maintenance_work_mem', \
        8 * (1 + least(8, current_setting('max_parallel_maintenance_workers')::integer)) || 'MB', true)";

/// The indexes that were taken away; they have to be made again before the step is committed.
#[derive(Debug)]
#[must_use]
pub struct Bare {
    /// A statement each.
    make: Vec<String>,
}

impl Claim {
    /// Empties the tables and takes their indexes away, keys apart, until the step ends: nobody can read them meanwhile.
    /// `None`, having done nothing, if there is another tenant's log, if somebody is reading them now, or if they are
    /// not ours to change.
    ///
    /// All of it is in the step's transaction: if that does not end well, rows and indexes are there as before.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn strip(&mut self) -> Result<Option<Bare>, StoreError> {
        if !self.beside && self.has_others().await? {
            return Ok(None);
        }
        self.run("SAVEPOINT dressed".to_owned()).await?;
        match strip(&mut self.connection).await {
            Ok(bare) => Ok(Some(bare)),
            Err(error) if is_denied(&error) => {
                self.run("ROLLBACK TO SAVEPOINT dressed".to_owned()).await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the indexes again, and statistics of what is in the tables now. `made` is told after each how many are, and
    /// how many there will be.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] if a row is there twice, which is a bug.
    pub async fn dress(
        &mut self,
        bare: Bare,
        made: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), StoreError> {
        self.run(DRESSING.to_owned()).await?;
        for table in TABLES {
            self.run(format!("ALTER TABLE {table} SET (parallel_workers = 8)"))
                .await?;
        }
        let all = bare.make.len();
        for (before, index) in bare.make.into_iter().enumerate() {
            self.run(index).await?;
            made(before + 1, all);
        }
        for table in TABLES {
            self.run(format!("ALTER TABLE {table} RESET (parallel_workers)"))
                .await?;
        }
        self.run(format!("ANALYZE {}", TABLES.join(", "))).await
    }

    async fn run(&mut self, statement: String) -> Result<(), StoreError> {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn has_others(&mut self) -> Result<bool, StoreError> {
        let others = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM head WHERE tenant <> $1) AS "others!""#,
            self.tenant.as_str()
        );
        Ok(others.fetch_one(&mut self.connection).await?)
    }
}

async fn strip(connection: &mut PgConnection) -> Result<Bare, sqlx::Error> {
    // Whoever waited for the lock would keep all others from reading.
    let tables = TABLES.join(", ");
    let empty = format!("LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE NOWAIT; TRUNCATE {tables}");
    sqlx::raw_sql(AssertSqlSafe(empty))
        .execute(&mut *connection)
        .await?;
    let indexes = sqlx::query!(
        r#"SELECT indexrelid::regclass::text AS "name!", pg_get_indexdef(indexrelid) AS "make!"
           FROM pg_index
           WHERE indrelid = ANY($1::text[]::regclass[])
             AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
           ORDER BY indexrelid"#,
        &TABLES as _
    );
    let mut make = Vec::new();
    for index in indexes.fetch_all(&mut *connection).await? {
        let drop = format!("DROP INDEX {}", index.name);
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut *connection)
            .await?;
        make.push(index.make);
    }
    Ok(Bare { make })
}
