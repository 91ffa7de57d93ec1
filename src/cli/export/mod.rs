//! `export`: a tenant's events or changes as a file, from a position on.

mod rows;

use std::{ops::ControlFlow, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};

use self::rows::{Changes, Form, Rows};
use super::{database::Database, hooks::tenant, output::Output, signals::StopSignals};
use crate::{
    config::Shared,
    domain::ids::{Position, Tenant},
};

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog export Cust10498 --what events --format ndjson -o events.ndjson\n  \
    ticketlog export Cust10498 --what events --format ndjson -o events.ndjson --after 9250\n  \
    ticketlog export Cust10498 --what changes --format csv | gzip > changes.csv.gz\n\n\
    Ends with what was in the log when it began. The position that it reached is told on standard error, \
    also when it is interrupted (Ctrl-C, SIGTERM: exit code 0): --after goes on there.\n\n\
    Events never change. Changes are as they are known now: an event that comes late may change those of \
    earlier positions, so for the present truth export all of them again.")]
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
    /// Also changes not worth mentioning: bookkeeping fields, and values that stayed as they were.
    #[arg(long)]
    noise: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Events,
    Changes,
}

/// Writes rows up to the head as it is at the start.
pub(super) async fn run(shared: &Shared, args: ExportArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let mut signals = StopSignals::listen()?;
    let database = Database::open(shared).await?;
    let exported = export(&database, tenant, &args, &mut signals).await;
    database.close().await?;
    exported?;
    Ok(ExitCode::SUCCESS)
}

async fn export(
    database: &Database,
    tenant: Tenant,
    args: &ExportArgs,
    signals: &mut StopSignals,
) -> anyhow::Result<()> {
    let after = Position(args.after.unwrap_or(0));
    let mut follower = database.store.follow(tenant.clone(), after, None);
    let head = follower.look().await?.head;
    let rows = match args.what {
        What::Events => Rows::Events(follower),
        What::Changes => {
            tokio::select! {
                projected = database.projected(&tenant) => projected?,
                () = signals.told() => return Ok(()),
            };
            Rows::Changes(Changes {
                store: database.store.clone(),
                tenant,
                after,
                noise: args.noise,
            })
        }
    };
    let output = match (&args.output, args.after) {
        (None, _) => Output::standard(),
        (Some(path), None) => Output::create(path).await?,
        (Some(path), Some(_)) => Output::go_on(path).await?,
    };
    let mut export = Export {
        rows,
        head,
        form: args.format,
        output,
        reached: after,
    };
    let written = export.write(signals).await;
    // Whatever happened: up to there all is written.
    export.tell();
    written?;
    export.output.finish().await
}

/// An export under way.
struct Export {
    rows: Rows,
    head: Position,
    form: Form,
    output: Output,
    /// Up to where rows are written.
    reached: Position,
}

impl Export {
    /// Whole pages, so that nothing is written past what is told as reached.
    async fn write(&mut self, signals: &mut StopSignals) -> anyhow::Result<()> {
        let mut page = match self.form {
            Form::Csv if !self.output.has_rows() => self.rows.header(),
            _ => Vec::new(),
        };
        loop {
            let rows = tokio::select! {
                rows = self.rows.next(self.head, self.form) => rows.context("reading")?,
                () = signals.told() => return Ok(()),
            };
            let end = rows.is_none();
            page.append(&mut rows.unwrap_or_default());
            let (written, told) = signals.outlast(self.output.write(&page)).await;
            if written? == ControlFlow::Break(()) {
                return Ok(());
            }
            self.reached = self.rows.reached();
            if told || end {
                return Ok(());
            }
            page.clear();
        }
    }

    fn tell(&self) {
        let (reached, head) = (self.reached.0, self.head.0);
        let next = if reached < head {
            "go on with"
        } else {
            "what comes later begins with"
        };
        eprintln!("Reached position {reached} of {head}; {next} --after {reached}");
    }
}
