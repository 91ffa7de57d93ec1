//! A database of one of the sides in the shared cluster.

use std::path::PathBuf;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use ticketlog::{
    postgres::{Endpoint, SUPERUSER},
    store::{self, Address, SERVICE},
};

/// Where a side's database is.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) socket_dir: PathBuf,
    pub(crate) port: u16,
    pub(crate) name: String,
}

impl Database {
    /// One that is there.
    pub(crate) fn of(endpoint: &Endpoint, name: &str) -> Self {
        Self {
            socket_dir: endpoint.socket_dir.clone(),
            port: endpoint.port,
            name: name.to_owned(),
        }
    }

    /// Makes it, empty.
    pub(crate) async fn create(endpoint: &Endpoint, name: &str) -> anyhow::Result<Self> {
        let Endpoint { socket_dir, port } = endpoint;
        let superuser = Address::of_socket(socket_dir, *port, SUPERUSER, "postgres");
        store::provision(&superuser, name).await?;
        Ok(Self::of(endpoint, name))
    }

    /// For the program's store.
    pub(crate) fn address(&self) -> Address {
        Address::of_socket(&self.socket_dir, self.port, SERVICE, &self.name)
    }

    /// For sqlx.
    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_dir)
            .port(self.port)
            .username(SERVICE)
            .database(&self.name)
    }

    /// For other programs.
    pub(crate) fn url(&self) -> String {
        let host = self.socket_dir.display().to_string().replace('/', "%2F");
        format!(
            "postgres://{SERVICE}@localhost/{}?host={host}&port={}",
            self.name, self.port
        )
    }

    pub(crate) async fn connect(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.options()).await?)
    }

    /// Runs statements.
    pub(crate) async fn run(&self, statements: &'static str) -> anyhow::Result<()> {
        let mut session = self.connect().await?;
        sqlx::raw_sql(statements).execute(&mut session).await?;
        Ok(session.close().await?)
    }

    /// A number that a query gives.
    pub(crate) async fn number(&self, query: &'static str) -> anyhow::Result<u64> {
        let mut session = self.connect().await?;
        let number: i64 = sqlx::query_scalar(query).fetch_one(&mut session).await?;
        session.close().await?;
        Ok(u64::try_from(number)?)
    }

    /// Rows of the table `event`, which all sides have.
    pub(crate) async fn count_events(&self) -> anyhow::Result<u64> {
        self.number("SELECT count(*) FROM event").await
    }
}
