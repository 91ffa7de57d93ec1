//! What somebody would write instead: small honest programs under `benches/peers`, installed on demand below
//! `target`.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tokio::process::Command;

use super::{STORED, Server};
use crate::{
    database::Database,
    load::SECRET,
    postgres::Postgres,
    process::{Process, run},
};

/// A peer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// `FastAPI`, asyncpg and two workers of uvicorn.
    FastApi,
    /// Fastify and pg.
    Fastify,
}

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");

/// What a user would keep: enough to find an event, and the event.
const TABLE: &str = "CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text NOT NULL, event_id uuid NOT NULL,
    name text NOT NULL, ticket bigint, occurred_at timestamptz, actor bigint,
    received_at timestamptz NOT NULL DEFAULT now(), body text NOT NULL, UNIQUE (tenant, event_id))";

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FastApi => "fastapi",
            Self::Fastify => "fastify",
        }
    }

    /// Installs it and starts it.
    ///
    /// # Errors
    /// Says what is missing here.
    pub(crate) async fn start(self, postgres: &Postgres) -> anyhow::Result<Server> {
        let installed = match self {
            Self::FastApi => install_python().await?,
            Self::Fastify => install_node().await?,
        };
        let database = Database::create(postgres.endpoint(), self.name()).await?;
        database.run(TABLE).await?;
        let address = free_port()?;
        let mut command = self.command(&installed, address);
        command
            .env("SECRET", SECRET)
            .env("PGHOST", &database.socket_dir)
            .env("PGPORT", database.port.to_string())
            .env("PGUSER", ticketlog::store::SERVICE)
            .env("PGDATABASE", &database.name);
        let mut process = Process::start(command, self.name(), postgres.folder())?;
        process.listens(address).await?;
        let stores = (STORED, Some(database), Some(postgres.pid));
        Ok(Server::running(self.name(), address, process, stores))
    }

    fn command(self, installed: &Path, address: SocketAddr) -> Command {
        let port = address.port().to_string();
        match self {
            Self::FastApi => {
                let mut command = Command::new(installed.join("bin/python"));
                command
                    .args(["-m", "uvicorn", "app:app", "--workers", "2", "--app-dir"])
                    .arg(Path::new(SOURCES).join("fastapi"))
                    .args(["--no-access-log", "--log-level", "warning", "--port", &port])
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
            Self::Fastify => {
                let mut command = Command::new("node");
                command.arg(installed.join("app.mjs")).env("PORT", port);
                command.env("NODE_ENV", "production");
                command
            }
        }
    }
}

/// Where peers are kept.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers")
}

/// A virtual environment with what the peer needs; made under another name, so that half of one is never taken
/// for one.
async fn install_python() -> anyhow::Result<PathBuf> {
    let wanted = Path::new(SOURCES).join("fastapi/requirements.txt");
    let place = cache().join("fastapi");
    if is_of(&place, &wanted)? {
        return Ok(place);
    }
    empty(&place)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&place)).await?;
    let mut install = Command::new(place.join("bin/python"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    run(install.arg(&wanted)).await?;
    mark(&place, &wanted)?;
    Ok(place)
}

async fn install_node() -> anyhow::Result<PathBuf> {
    let source = Path::new(SOURCES).join("fastify");
    let wanted = source.join("package.json");
    let place = cache().join("fastify");
    if !is_of(&place, &wanted)? {
        empty(&place)?;
        fs::create_dir_all(&place)?;
        fs::copy(&wanted, place.join("package.json"))?;
        let mut install = Command::new("npm");
        install.args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--omit=dev",
        ]);
        run(install.current_dir(&place)).await?;
        mark(&place, &wanted)?;
    }
    // Beside its modules, where node looks for them.
    fs::copy(source.join("app.mjs"), place.join("app.mjs"))?;
    Ok(place)
}

/// Whether it was installed, whole, from this list.
fn is_of(place: &Path, wanted: &Path) -> anyhow::Result<bool> {
    let installed = fs::read(place.join("installed")).unwrap_or_default();
    Ok(installed == fs::read(wanted).context("reading what a peer needs")?)
}

fn mark(place: &Path, wanted: &Path) -> anyhow::Result<()> {
    fs::copy(wanted, place.join("installed"))?;
    Ok(())
}

fn empty(place: &Path) -> anyhow::Result<()> {
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::create_dir_all(place.parent().context("a peer has no place")?)?;
    Ok(())
}

/// One that nobody listens on now.
fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
