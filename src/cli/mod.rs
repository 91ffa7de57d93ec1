//! The command line: composition root, a file a command. The only place that prints.

#![expect(clippy::print_stderr, reason = "the command line is what prints")]

mod bring_up;
mod conflicts;
mod database;
mod generate;
mod hooks;
mod import;
mod lines;
mod listen;
mod parked;
mod postgres;
mod send;
mod serve;
mod service;
mod signals;
mod timeline;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{config::Shared, telemetry};

/// Keeps every SuperOffice ticket webhook in an append-only PostgreSQL log and rebuilds each ticket's
/// history from it.
///
/// Without --database-url it runs a private Postgres of its own.
#[derive(Debug, Parser)]
#[command(
    name = "ticketlog",
    version,
    after_help = "Try it out:\n  \
        ticketlog import tests/data/uci_incidents_3500.ndjson.gz\n  \
        ticketlog timeline Cust10498 45"
)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive webhooks and answer questions, until it is told to stop.
    Serve(serve::ServeArgs),
    /// Store bodies from files as if they had been delivered.
    Import(import::ImportArgs),
    /// Fill a new tenant with made-up tickets, to try the program at size.
    Generate(generate::GenerateArgs),
    /// Show what happened to a ticket.
    Timeline(timeline::TimelineArgs),
    /// Look at bodies that could not be an event when they arrived, and make history of them.
    #[command(
        subcommand,
        after_help = "Example:\n  ticketlog parked list\n  ticketlog parked reprocess --hooks hooks.toml"
    )]
    Parked(parked::ParkedCommand),
    /// Look at events whose id came again with other content.
    #[command(
        subcommand,
        after_help = "Example:\n  ticketlog conflicts list Cust10498"
    )]
    Conflicts(conflicts::ConflictsCommand),
    /// Sign and post bodies as SuperOffice does.
    Send(send::SendArgs),
    /// Use the private Postgres directly.
    #[command(
        subcommand,
        after_help = "Example:\n  ticketlog postgres psql -- -c 'SELECT count(*) FROM event'"
    )]
    Postgres(postgres::PostgresCommand),
}

/// Runs the program: reads the command line, carries it out, prints errors, gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line. Nobody may be reading any more (`| head`), which is no reason to die as `println!`
/// would.
fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes bytes as they are. That nobody reads any more is no error; a full disk is.
fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    use anyhow::Context;

    telemetry::start(&cli.shared.log, cli.shared.log_json)
        .with_context(|| format!("--log \"{}\" is not a filter", cli.shared.log))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let shared = &cli.shared;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => Box::pin(serve::run(shared, args)).await,
            Command::Import(args) => Box::pin(import::run(shared, args)).await,
            Command::Generate(args) => Box::pin(generate::run(shared, args)).await,
            Command::Timeline(args) => Box::pin(timeline::run(shared, args)).await,
            Command::Parked(command) => Box::pin(parked::run(shared, command)).await,
            Command::Conflicts(command) => Box::pin(conflicts::run(shared, command)).await,
            Command::Send(args) => Box::pin(send::run(args)).await,
            Command::Postgres(command) => Box::pin(postgres::run(shared, command)).await,
        }
    })
}
