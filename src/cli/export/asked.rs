//! What an export is asked for on the command line.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use super::{mining::LogAsked, rows::Form};
use crate::domain::mining::Activity;

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog export Cust10498 --what events --format ndjson -o events.ndjson\n  \
    ticketlog export Cust10498 --what events --format ndjson -o events.ndjson --after 9250\n  \
    ticketlog export Cust10498 --what changes --format csv | gzip > changes.csv.gz\n  \
    ticketlog export Cust10498 --format xes -o cust10498.xes\n  \
    ticketlog export Cust10498 --format ocel --activity ticket-status -o cust10498.json\n\n\
    Ends with what was in the log when it began. Of events and changes the position that it reached is told on \
    standard error, also when it is interrupted (Ctrl-C, SIGTERM: exit code 0): --after goes on there.\n\n\
    Events never change. Changes are as they are known now: an event that comes late may change those of \
    earlier positions, so for the present truth export all of them again.\n\n\
    xes and ocel are for process mining: each ticket is a case, each event of its history one of its events. \
    No part of such a log can be read, so one that is interrupted is removed (of one on standard output it is \
    said) and the exit code is 1.")]
pub(in crate::cli) struct ExportArgs {
    /// The customer, as in `ContextIdentifier`.
    pub(super) tenant: String,
    /// A row for each event, or for each change of a field. Needed for ndjson and csv.
    #[arg(long, value_enum)]
    what: Option<What>,
    /// How it is written.
    #[arg(long, value_enum)]
    format: Format,
    /// Only what comes after this position. With -o the file is gone on with.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Write to this file, which without --after must not be there yet.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Also changes not worth mentioning: bookkeeping fields, and values that stayed as they were.
    #[arg(long)]
    noise: bool,
    /// What an event of xes and ocel is called [default: step].
    #[arg(long, value_enum)]
    activity: Option<Called>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    Events,
    Changes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON a line.
    Ndjson,
    /// A table.
    Csv,
    /// A log for process mining, IEEE 1849: a trace for each ticket.
    Xes,
    /// A log for process mining, OCEL 2.0 as JSON: tickets, those who changed them, owners and teams.
    Ocel,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Called {
    /// The first that fits: created, closed, reopened …; the `ticket_status` that it changed to; the field
    /// that it changed, like `owned_by changed`; changed.
    Step,
    /// created, closed, reopened …, else changed.
    Lifecycle,
    /// The base status after it.
    Status,
    /// The `ticket_status` after it.
    TicketStatus,
    /// All fields that it changed.
    Fields,
}

/// What can be asked for.
pub(super) enum Asked {
    Rows(RowsAsked),
    Log(LogAsked),
}

/// Rows of events or changes.
pub(super) struct RowsAsked {
    pub(super) what: What,
    pub(super) form: Form,
    pub(super) after: Option<i64>,
    pub(super) noise: bool,
}

impl ExportArgs {
    /// What these arguments ask for together.
    ///
    /// # Errors
    /// If one does not go with the format; says what does.
    pub(super) fn read(&self) -> anyhow::Result<Asked> {
        match self.format {
            Format::Ndjson => self.rows("ndjson", Form::Ndjson).map(Asked::Rows),
            Format::Csv => self.rows("csv", Form::Csv).map(Asked::Rows),
            Format::Xes => self.log("xes", LogAsked::Xes).map(Asked::Log),
            Format::Ocel => self.log("ocel", LogAsked::Ocel).map(Asked::Log),
        }
    }

    fn rows(&self, format: &str, form: Form) -> anyhow::Result<RowsAsked> {
        ensure!(
            self.activity.is_none(),
            "--activity is for --format xes and ocel; {format} has rows of events or changes, and no activities"
        );
        let what = self.what.with_context(|| {
            format!("--format {format} needs --what events or --what changes: of which it has rows")
        })?;
        Ok(RowsAsked {
            what,
            form,
            after: self.after,
            noise: self.noise,
        })
    }

    fn log(&self, format: &str, log: fn(Activity) -> LogAsked) -> anyhow::Result<LogAsked> {
        ensure!(
            self.what.is_none(),
            "--what does not go with --format {format}, which has tickets and the events of their histories: \
             leave it out"
        );
        ensure!(
            self.after.is_none(),
            "--after does not go with --format {format}: it is by ticket, and what comes later belongs to \
             tickets that are in it already; export all of it again"
        );
        ensure!(
            !self.noise,
            "--noise does not go with --format {format}: every event of a ticket's history is in it"
        );
        Ok(log(self.activity.unwrap_or(Called::Step).into()))
    }
}

impl From<Called> for Activity {
    fn from(called: Called) -> Self {
        match called {
            Called::Step => Self::Step,
            Called::Lifecycle => Self::Lifecycle,
            Called::Status => Self::Status,
            Called::TicketStatus => Self::TicketStatus,
            Called::Fields => Self::Fields,
        }
    }
}
