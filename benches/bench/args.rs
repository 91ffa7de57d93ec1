//! What stands after `cargo bench --`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use super::{questions::Asked, sides::own::SideArgs};

/// Events of a log that has grown, if nothing else is said.
pub(crate) const GROWN: u64 = 1_000_000;

/// Measures the program against what else one could have run.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo bench --",
    after_help = "Examples:\n  \
    cargo bench -- ingest --quick\n  \
    cargo bench -- all --json found.json\n  \
    cargo bench -- grow --events 10000000\n  \
    cargo bench -- read --events 10000000\n  \
    cargo bench -- report --url postgres://… --tenant Big\n  \
    cargo bench -- questions http://127.0.0.1:8080 TOKEN Big --connections 16 --seconds 4"
)]
pub(crate) struct Args {
    /// What to measure; without it all.
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
    /// A rough look: slices of half a second, few pairs.
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// Write the JSON into this file instead of printing it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// Deliveries, durable and answered 200: against the HTTP floor, one insert a request, COPY, and peers.
    Ingest,
    /// Deliveries into a log that has grown, against an empty one.
    Grow {
        /// Events that are in it before.
        #[arg(long, default_value_t = GROWN)]
        events: u64,
    },
    /// A ticket's timeline, and an audit of somebody's day.
    Read(Filling),
    /// A report over everything.
    Report(Filling),
    /// Everything as a file, and how much memory that takes.
    Export(Filling),
    /// All of these.
    All(Filling),
    /// What CI runs: a minute, with bounds so wide that only a gross regression meets them.
    Guard,
    /// How long each kind of question takes, asked of a running `serve`.
    Questions(Asked),
    /// A side in a process of its own, so that its CPU can be told from the others'.
    #[command(hide = true)]
    Side(SideArgs),
}

/// The database that is asked.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Filling {
    /// Events that a new database is filled with.
    #[arg(long, default_value_t = Filling::EVENTS)]
    pub(crate) events: u64,
    /// A database that is filled and projected already, instead. Nothing stays in it but a token of a day.
    #[arg(long, value_name = "URL", requires = "tenant")]
    pub(crate) url: Option<String>,
    /// Whose log is asked there.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
}

impl Filling {
    const EVENTS: u64 = 200_000;
}

impl Default for Filling {
    fn default() -> Self {
        Self {
            events: Self::EVENTS,
            url: None,
            tenant: None,
        }
    }
}
