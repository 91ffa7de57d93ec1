//! The same rows by COPY in its binary form: the least that Postgres can do.

use std::time::Instant;

use anyhow::Context;
use futures_util::TryStreamExt;
use sqlx::PgConnection;

use crate::{
    postgres::Postgres,
    sides::Server,
    slice::{Groups, Server as Side, Slice},
};

/// Rows of a slice.
const ROWS: &str = "COPY (SELECT * FROM event WHERE position <= 20000) TO STDOUT (FORMAT binary)";

/// Rows, as COPY writes and reads them, and a table for them.
pub(super) struct Copy {
    rows: Vec<u8>,
    session: PgConnection,
    groups: Groups,
}

impl Copy {
    /// Takes rows out of a log.
    pub(super) async fn prepare(log: &Server, postgres: &Postgres) -> anyhow::Result<Self> {
        let database = log.database.as_ref().context("a log without a database")?;
        let mut session = database.connect().await?;
        sqlx::raw_sql(
            "CREATE SCHEMA copied; CREATE TABLE copied.event (LIKE public.event INCLUDING ALL)",
        )
        .execute(&mut session)
        .await?;
        let mut rows = Vec::new();
        {
            let mut read = session.copy_out_raw(ROWS).await?;
            while let Some(bytes) = read.try_next().await? {
                rows.extend_from_slice(&bytes);
            }
        }
        Ok(Self {
            rows,
            session,
            groups: Groups {
                server: Side::None,
                postgres: Some(postgres.pid),
            },
        })
    }

    /// All of them in one transaction, into the table emptied before.
    pub(super) async fn run(&mut self) -> anyhow::Result<Slice> {
        let session = &mut self.session;
        sqlx::raw_sql("TRUNCATE copied.event")
            .execute(&mut *session)
            .await?;
        let used = self.groups.used();
        let start = Instant::now();
        let mut copy = session
            .copy_in_raw("COPY copied.event FROM STDIN (FORMAT binary)")
            .await?;
        copy.send(self.rows.as_slice()).await?;
        let rows = copy.finish().await?;
        Slice::new(rows, start.elapsed(), self.groups.used().since(used))
    }
}
