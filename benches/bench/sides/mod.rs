//! The sides that take deliveries, each in a process of its own.

mod floor;
mod log;
mod naive;
pub(crate) mod own;
pub(crate) mod peers;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use tokio::{process::Command, time::sleep};

use self::own::Own;
use super::{
    database::Database,
    load::SECRET,
    postgres::Postgres,
    process::Process,
    questions,
    slice::{self, Groups},
};

/// The program, as cargo built it.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_ticketlog");

/// What an event that is in the table is answered.
const STORED: &str = "\"outcome\":\"stored\"";

/// Between looks whether it is ready.
const POLL: Duration = Duration::from_millis(10);

/// A running server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// What stands in each good answer.
    pub(crate) outcome: &'static str,
    pub(crate) groups: Groups,
    /// Where what it answered is stored; none for the floor.
    pub(crate) database: Option<Database>,
    /// Events that it has answered.
    answered: AtomicU64,
    /// Requests that a connection gets for a slice, by the number of connections.
    shares: Mutex<BTreeMap<u32, usize>>,
    process: Process,
}

impl Server {
    /// The HTTP floor: no database.
    pub(crate) async fn floor(folder: &Path) -> anyhow::Result<Self> {
        let command = own::command(Own::Floor, None, folder)?;
        let outcome = "\"outcome\":\"read\"";
        Self::start("floor", command, folder, (outcome, None, None)).await
    }

    /// One of ours that stores, with a database of its own: empty, so that what grew in one comparison does not slow down
    /// the next.
    pub(crate) async fn own(own: Own, postgres: &Postgres) -> anyhow::Result<Self> {
        let name = format!("{}_{}", own.name(), postgres.next_number());
        let database = Database::create(postgres.endpoint(), &name).await?;
        Self::own_on(own, own.name(), postgres, database).await
    }

    /// The same on a database that is there.
    pub(crate) async fn own_on(
        own: Own,
        name: &'static str,
        postgres: &Postgres,
        database: Database,
    ) -> anyhow::Result<Self> {
        let command = own::command(own, Some(&database), postgres.folder())?;
        let stores = (STORED, Some(database), Some(postgres.pid));
        Self::start(name, command, postgres.folder(), stores).await
    }

    /// `ticketlog serve`, projector and all, on this database.
    pub(crate) async fn serve(
        name: &'static str,
        postgres: &Postgres,
        database: Database,
    ) -> anyhow::Result<Self> {
        let command = serve(&database.url(), &postgres.folder().join(name));
        let stores = (STORED, Some(database), Some(postgres.pid));
        Self::start(name, command, postgres.folder(), stores).await
    }

    /// `ticketlog serve` on a database somewhere.
    pub(crate) async fn serve_given(url: &str, folder: &Path) -> anyhow::Result<Self> {
        let command = serve(url, &folder.join("asked"));
        Self::start("asked", command, folder, (STORED, None, None)).await
    }

    /// `ticketlog serve` whose Postgres is away, so that everything goes to the spool.
    pub(crate) async fn spooling(folder: &Path) -> anyhow::Result<Self> {
        let away = "postgres://ticketlog@localhost/away?host=%2Fnonexistent";
        let command = serve(away, &folder.join("spool"));
        let outcome = "\"outcome\":\"spooled\"";
        Self::start("spool", command, folder, (outcome, None, None)).await
    }

    async fn start(
        name: &'static str,
        command: Command,
        folder: &Path,
        stores: (&'static str, Option<Database>, Option<u32>),
    ) -> anyhow::Result<Self> {
        let mut process = Process::start(command, name, folder)?;
        let address = process.said_address().await?;
        Ok(Self::running(name, address, process, stores))
    }

    fn running(
        name: &'static str,
        address: SocketAddr,
        process: Process,
        (outcome, database, postgres): (&'static str, Option<Database>, Option<u32>),
    ) -> Self {
        Self {
            name,
            address,
            outcome,
            groups: Groups {
                server: slice::Server::Process(process.pid),
                postgres,
            },
            database,
            answered: AtomicU64::new(0),
            shares: Mutex::default(),
            process,
        }
    }

    /// Waits until a `serve` has made its tables, and no delivery goes to the spool any more.
    pub(crate) async fn takes_deliveries(&self) -> anyhow::Result<()> {
        let url = format!("http://{}/readyz", self.address);
        let client = questions::builder().build()?;
        loop {
            let ready = client.get(&url).send().await?.text().await?;
            if ready.contains("\"database\":\"ok\"") {
                return Ok(());
            }
            sleep(POLL).await;
        }
    }

    /// Of its first process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid
    }

    pub(crate) fn count(&self, events: u64) {
        self.answered.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn share(&self, connections: u32, first: usize) -> usize {
        let shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.get(&connections).copied().unwrap_or(first)
    }

    pub(crate) fn set_share(&self, connections: u32, share: usize) {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.insert(connections, share);
    }

    /// What it answered is in its table and nothing else is, or its figures mean nothing.
    ///
    /// # Errors
    /// If it is not so.
    pub(crate) async fn check_stored(&self) -> anyhow::Result<()> {
        let Some(database) = &self.database else {
            return Ok(());
        };
        let (stored, answered) = (database.count_events().await?, self.answered());
        let name = self.name;
        ensure!(
            stored == answered,
            "{name}: {answered} events were answered as stored, {stored} are"
        );
        println!("{name}: all {stored} events answered as stored are");
        Ok(())
    }
}

/// Serves from this database on a free port.
fn serve(url: &str, data_dir: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
        // Room for all that a run spools.
        .args(["--spool-max-bytes", "8589934592"])
        .arg("--data-dir")
        .arg(data_dir)
        .env("DATABASE_URL", url)
        .env("TICKETLOG_SECRET", SECRET);
    command
}
