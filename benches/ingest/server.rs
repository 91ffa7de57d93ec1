//! What both servers have in common: a runtime, a port, a database.

use std::net::SocketAddr;

use tokio::{net::TcpListener, runtime::Runtime, task::JoinSet};

use super::database::Database;

/// A server's listener and the tasks that serve it.
pub(crate) type Started = (SocketAddr, JoinSet<()>);

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) database: Database,
    /// Events it has answered 200.
    pub(crate) answered: u64,
    tasks: JoinSet<()>,
    /// Its own, as in production: its tasks do not queue behind the load's.
    runtime: Runtime,
}

impl Server {
    pub(crate) fn start(
        database: Database,
        start: impl AsyncFnOnce(&Database) -> anyhow::Result<Started>,
    ) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let (address, tasks) = runtime.block_on(start(&database))?;
        Ok(Self {
            address,
            database,
            answered: 0,
            tasks,
            runtime,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.database.name
    }

    /// Ends its tasks.
    pub(crate) fn stop(mut self) {
        self.runtime.block_on(self.tasks.shutdown());
    }
}

/// A free port of this machine.
pub(crate) async fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
