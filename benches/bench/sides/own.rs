//! Sides of ours: this program again, so that each has a process whose CPU can be told from the others'.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use ticketlog::domain::signature::Secret;
use tokio::{io::AsyncReadExt, net::TcpListener, process::Command, task::JoinSet};

use super::{floor, log, naive};
use crate::{database::Database, load::SECRET};

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Own {
    /// The program's server, signature and reading, and no database.
    Floor,
    /// One insert a request.
    Naive,
    /// The program's router, spool and writer; no projector.
    Log,
}

impl Own {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Naive => "naive",
            Self::Log => "log",
        }
    }
}

/// Arguments of the hidden sub-command.
#[derive(Debug, Args)]
pub(crate) struct SideArgs {
    own: Own,
    /// Of the side's Postgres.
    #[arg(long)]
    socket_dir: Option<PathBuf>,
    #[arg(long, default_value_t = 5432)]
    port: u16,
    #[arg(long, default_value = "")]
    database: String,
    /// Where it may keep files.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A server's listener and the tasks that serve it.
pub(super) type Started = (SocketAddr, JoinSet<()>);

/// How to run it.
pub(super) fn command(
    own: Own,
    database: Option<&Database>,
    folder: &Path,
) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe().context("finding this program")?);
    command.args(["side", own.name(), "--folder"]).arg(folder);
    if let Some(database) = database {
        command.arg("--socket-dir").arg(&database.socket_dir);
        command.args(["--port", &database.port.to_string()]);
        command.args(["--database", &database.name]);
    }
    Ok(command)
}

/// Serves until its input ends.
pub(crate) async fn run(args: &SideArgs) -> anyhow::Result<()> {
    let secret = Secret::new(SECRET.to_owned()).context("no secret")?;
    let database = Database {
        socket_dir: args.socket_dir.clone().unwrap_or_default(),
        port: args.port,
        name: args.database.clone(),
    };
    let (address, _tasks) = match args.own {
        Own::Floor => floor::start(secret)?,
        Own::Naive => naive::start(&database, secret).await?,
        Own::Log => {
            let folder = args.folder.as_deref().context("no folder")?;
            log::start(&database, secret, folder).await?
        }
    };
    println!("Listening on http://{address}");
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await?;
    Ok(())
}

/// A free port of this machine.
pub(super) fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = ticketlog::http::server::listen(([127, 0, 0, 1], 0).into())?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
