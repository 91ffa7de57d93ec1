//! A database of one of the servers in the shared cluster.

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use ticketlog::{
    postgres::{Endpoint, SUPERUSER},
    store::{self, Address, SERVICE},
};

/// An own database, called as its server is.
pub(crate) struct Database {
    endpoint: Endpoint,
    pub(crate) name: &'static str,
}

impl Database {
    /// Makes it, empty.
    pub(crate) async fn create(endpoint: &Endpoint, name: &'static str) -> anyhow::Result<Self> {
        let Endpoint { socket_dir, port } = endpoint;
        let superuser = Address::of_socket(socket_dir, *port, SUPERUSER, "postgres");
        store::provision(&superuser, name).await?;
        Ok(Self {
            endpoint: endpoint.clone(),
            name,
        })
    }

    /// For the product's store.
    pub(crate) fn address(&self) -> Address {
        let Endpoint { socket_dir, port } = &self.endpoint;
        Address::of_socket(socket_dir, *port, SERVICE, self.name)
    }

    /// For sqlx.
    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.endpoint.socket_dir)
            .port(self.endpoint.port)
            .username(SERVICE)
            .database(self.name)
    }

    /// Rows of the table `event`, which both servers have.
    pub(crate) async fn count_events(&self) -> anyhow::Result<u64> {
        let mut session = PgConnection::connect_with(&self.options()).await?;
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM event")
            .fetch_one(&mut session)
            .await?;
        session.close().await?;
        Ok(u64::try_from(events)?)
    }
}
