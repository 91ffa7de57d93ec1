//! `postgres`: the private cluster, for those who want to use it directly.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use tokio::process::Command;

use super::{
    database::{data_dir, given, open_private, tell, url},
    print,
    signals::StopSignals,
};
use crate::{
    config::{DatabaseUrl, Shared},
    postgres,
};

/// Sub-commands of `postgres`.
#[derive(Debug, Subcommand)]
pub(super) enum PostgresCommand {
    /// Open psql on the database, or print its URL where there is no psql.
    #[command(
        after_help = "Example:\n  ticketlog postgres psql -- -c 'SELECT count(*) FROM event'"
    )]
    Psql {
        /// Arguments for psql, after `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run the private Postgres alone, print the URL of its database, stop on Ctrl-C.
    #[command(after_help = "Example:\n  ticketlog postgres run --data-dir /tmp/try")]
    Run,
}

/// Carries out a sub-command.
pub(super) async fn run(shared: &Shared, command: PostgresCommand) -> anyhow::Result<ExitCode> {
    match command {
        PostgresCommand::Psql { arguments } => psql(shared, arguments).await,
        PostgresCommand::Run => run_alone(shared).await,
    }
}

async fn psql(shared: &Shared, arguments: Vec<String>) -> anyhow::Result<ExitCode> {
    if given(shared)?.is_some() {
        let url = shared.database_url.as_ref().map_or("", DatabaseUrl::expose);
        return open_psql("psql".as_ref(), url, arguments).await;
    }
    let settings = shared.postgres(data_dir(shared)?);
    let session = postgres::attach_or_start(&settings, &tell).await?;
    open_private(session.endpoint()).await?.close().await;
    let url = url(session.endpoint());
    let ended = if let Some(program) = postgres::find_psql(&settings).await {
        open_psql(program.as_os_str(), &url, arguments).await
    } else {
        print(&url);
        eprintln!("There is no psql on this machine. The URL is good while ticketlog serve runs.");
        Ok(ExitCode::SUCCESS)
    };
    session.close(&tell).await?;
    ended
}

async fn open_psql(
    program: &std::ffi::OsStr,
    url: &str,
    arguments: Vec<String>,
) -> anyhow::Result<ExitCode> {
    let status = Command::new(program)
        .arg(url)
        .args(arguments)
        .status()
        .await
        .with_context(|| format!("starting {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn run_alone(shared: &Shared) -> anyhow::Result<ExitCode> {
    let settings = shared.postgres(data_dir(shared)?);
    let mut cluster = Box::pin(postgres::start(&settings, &tell)).await?;
    open_private(cluster.endpoint()).await?.close().await;
    let mut signals = StopSignals::listen()?;
    print(&url(cluster.endpoint()));
    tokio::select! {
        () = signals.told() => {}
        never = cluster.supervise(&tell) => match never {},
    }
    cluster.stop_fast().await?;
    Ok(ExitCode::SUCCESS)
}
