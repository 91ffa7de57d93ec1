//! `export`: a tenant's log as a file, from a position on.

use std::{ops::ControlFlow, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::{database::Database, hooks::tenant, output::Output, signals::StopSignals};
use crate::{
    config::Shared,
    domain::ids::{Position, Tenant},
    render::{csv, json::EventJson, lines},
    store::{Follower, PageSize, Store},
};

/// What is read at once.
const PAGE: PageSize = PageSize {
    events: 1000,
    bytes: 4 << 20,
};

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog export Cust10498 --what events --format ndjson -o events.ndjson\n  \
    ticketlog export Cust10498 --what events --format ndjson -o events.ndjson --after 9250\n  \
    ticketlog export Cust10498 --what events --format csv | gzip > events.csv.gz\n\n\
    Ends with what was in the log when it began. The position that it reached is told on standard error, \
    also when it is interrupted (Ctrl-C, SIGTERM: exit code 0): --after goes on there.")]
pub(super) struct ExportArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// A row for each event, or for each change of a field.
    #[arg(long, value_enum)]
    what: What,
    /// One JSON a line, or a table.
    #[arg(long, value_enum)]
    format: Form,
    /// Only what comes after this position. With -o the file is gone on with.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Write to this file, which without --after must not be there yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Ndjson,
    Csv,
}

/// Writes rows up to the head as it is at the start.
pub(super) async fn run(shared: &Shared, args: ExportArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let mut signals = StopSignals::listen()?;
    let database = Database::open(shared).await?;
    let exported = export(&database.store, tenant, &args, &mut signals).await;
    database.close().await?;
    exported?;
    Ok(ExitCode::SUCCESS)
}

async fn export(
    store: &Store,
    tenant: Tenant,
    args: &ExportArgs,
    signals: &mut StopSignals,
) -> anyhow::Result<()> {
    let mut follower = store.follow(tenant, Position(args.after.unwrap_or(0)), None);
    let head = follower.look().await?.head;
    let mut output = match (&args.output, args.after) {
        (None, _) => Output::standard(),
        (Some(path), None) => Output::create(path).await?,
        (Some(path), Some(_)) => Output::go_on(path).await?,
    };
    let mut reached = follower.after();
    let written = write(
        &mut follower,
        head,
        args,
        &mut output,
        &mut reached,
        signals,
    )
    .await;
    // Told whatever happened: the rows up to there are written.
    let more = if reached < head {
        "; go on with --after"
    } else {
        "; what comes later begins with --after"
    };
    eprintln!(
        "Reached position {} of {}{more} {}",
        reached.0, head.0, reached.0
    );
    written?;
    output.finish().await
}

async fn write(
    follower: &mut Follower,
    head: Position,
    args: &ExportArgs,
    output: &mut Output,
    reached: &mut Position,
    signals: &mut StopSignals,
) -> anyhow::Result<()> {
    let mut rows = match args.format {
        Form::Csv if !output.has_rows() => csv::header::<EventJson>(),
        _ => Vec::new(),
    };
    loop {
        let page = tokio::select! {
            page = follower.read_labelled(head, PAGE) => page,
            () = signals.told() => return Ok(()),
        };
        let (events, labels) = page.context("reading the log")?;
        let end = events.is_empty();
        let events = events.into_iter();
        let events: Vec<EventJson> = events.map(|it| EventJson::new(it, &labels)).collect();
        rows.append(&mut match args.format {
            Form::Ndjson => lines::lines(&events),
            Form::Csv => csv::rows(&events),
        });
        // Whole pages: what is told as reached is written, and nothing past it.
        let (written, told) = signals.outlast(output.write(&rows)).await;
        if written? == ControlFlow::Break(()) {
            return Ok(());
        }
        *reached = follower.after();
        if told || end {
            return Ok(());
        }
        rows.clear();
    }
}
