//! The command line: composition root, a file a command. The only place that prints.

#![expect(clippy::print_stderr, reason = "the command line is what prints")]

mod analysts;
mod bring_up;
mod changes;
mod conflicts;
mod database;
mod diff;
mod export;
mod generate;
mod hooks;
mod import;
mod labels;
mod lines;
mod listen;
mod output;
mod own_reports;
mod parked;
mod postgres;
mod project;
mod report;
mod search;
mod send;
mod serve;
mod service;
mod signals;
mod sql_user;
mod tail;
mod tenant;
mod tickets;
mod timeline;
mod token;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{config::Shared, http, telemetry};

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
    /// Show what became of a ticket between two instants.
    Diff(diff::DiffArgs),
    /// List tickets by their state, now or then.
    Tickets(tickets::TicketsArgs),
    /// Show who changed what, across tickets.
    Changes(changes::ChangesArgs),
    /// Ask the history in its search language.
    Search(search::SearchArgs),
    /// Answer a question that is asked again and again: time in status, throughput, reopens …
    Report(report::ReportArgs),
    /// Show events as they are stored.
    Tail(tail::TailArgs),
    /// Write events to a file or into a pipe, from a position on.
    Export(export::ExportArgs),
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
    /// Say what ids mean: labels, and which owner is which actor.
    #[command(
        subcommand,
        after_help = "Example:\n  ticketlog labels import Cust10498 labels.csv"
    )]
    Labels(labels::LabelsCommand),
    /// Set the time zone of a tenant.
    #[command(
        subcommand,
        after_help = "Example:\n  ticketlog tenant set Cust10498 --zone Europe/Oslo"
    )]
    Tenant(tenant::TenantCommand),
    /// Make, list and revoke the tokens that reads over HTTP need.
    #[command(
        subcommand,
        after_help = "Example:\n  ticketlog token create --scope read"
    )]
    Token(token::TokenCommand),
    /// Make, list and drop SQL users: analysts, who read the schema `report` over a connection of their own.
    #[command(
        subcommand,
        after_help = "Example:\n  ticketlog sql-user create acme_bi --tenant Cust10498"
    )]
    SqlUser(sql_user::SqlUserCommand),
    /// Print the OpenAPI document of the REST API.
    Openapi,
    /// Sign and post bodies as SuperOffice does.
    Send(send::SendArgs),
    /// Look at the tables that are derived from the log, and build them again.
    #[command(subcommand, after_help = "Example:\n  ticketlog project rebuild")]
    Project(project::ProjectCommand),
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
    let code = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => Box::pin(serve::run(shared, args)).await,
            Command::Import(args) => Box::pin(import::run(shared, args)).await,
            Command::Generate(args) => Box::pin(generate::run(shared, args)).await,
            Command::Timeline(args) => Box::pin(timeline::run(shared, args)).await,
            Command::Diff(args) => Box::pin(diff::run(shared, args)).await,
            Command::Tickets(args) => Box::pin(tickets::run(shared, args)).await,
            Command::Changes(args) => Box::pin(changes::run(shared, args)).await,
            Command::Search(args) => Box::pin(search::run(shared, args)).await,
            Command::Report(args) => Box::pin(report::run(shared, args)).await,
            Command::Tail(args) => Box::pin(tail::run(shared, args)).await,
            Command::Export(args) => Box::pin(export::run(shared, args)).await,
            Command::Parked(command) => Box::pin(parked::run(shared, command)).await,
            Command::Conflicts(command) => Box::pin(conflicts::run(shared, command)).await,
            Command::Labels(command) => Box::pin(labels::run(shared, command)).await,
            Command::Tenant(command) => Box::pin(tenant::run(shared, command)).await,
            Command::Token(command) => Box::pin(token::run(shared, command)).await,
            Command::SqlUser(command) => Box::pin(sql_user::run(shared, command)).await,
            Command::Openapi => {
                print_bytes(http::document().as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Send(args) => Box::pin(send::run(args)).await,
            Command::Project(command) => Box::pin(project::run(shared, command)).await,
            Command::Postgres(command) => Box::pin(postgres::run(shared, command)).await,
        }
    });
    // What had to end has ended; a thread that hangs on its disk would be waited for.
    runtime.shutdown_background();
    code
}
