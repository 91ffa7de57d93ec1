//! The benchmark: what the program does in a second, held against what else one could have run.
//!
//! Two sides are never measured one after the other but in short slices that alternate (A B B A …), because a
//! machine changes its speed within a minute: the median of the ratios of neighbouring slices is the figure that
//! counts. docs/performance.md says how each side works and what came out.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints what it finds"
)]

mod args;
mod bars;
mod compare;
mod cpu;
mod database;
mod export;
mod filled;
mod grown;
mod guard;
mod host;
mod ingest;
mod load;
mod memory;
mod pgbench;
mod plan;
mod postgres;
mod process;
mod questions;
mod read;
mod report;
mod sides;
mod slice;
mod slow_disk;
mod table;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio::runtime::Runtime;

use self::{
    args::{Args, Filling, GROWN, Part},
    bars::Findings,
    filled::Filled,
    plan::Plan,
};

// As the program has it: the sides that are made of its parts are to differ from it in nothing else.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("starting the runtime")?;
    let plan = if args.quick { Plan::QUICK } else { Plan::FULL };
    runtime.block_on(async {
        match &args.part {
            Some(Part::Side(side)) => Box::pin(sides::own::run(side)).await,
            Some(Part::Questions(asked)) => Box::pin(questions::run(asked)).await,
            Some(Part::Guard) => Box::pin(guard::run()).await,
            Some(Part::Ingest) => measure(args, &plan, true, None, &[], None).await,
            Some(Part::Grow { events }) => {
                measure(args, &plan, false, Some(*events), &[], None).await
            }
            Some(Part::Read(filling)) => {
                measure(args, &plan, false, None, &[Book::Read], Some(filling)).await
            }
            Some(Part::Report(filling)) => {
                measure(args, &plan, false, None, &[Book::Report], Some(filling)).await
            }
            Some(Part::Export(filling)) => {
                measure(args, &plan, false, None, &[Book::Export], Some(filling)).await
            }
            Some(Part::All(filling)) => {
                measure(args, &plan, true, Some(GROWN), &Book::ALL, Some(filling)).await
            }
            None => measure(args, &plan, true, Some(GROWN), &Book::ALL, None).await,
        }
    })
}

/// A part that asks a database which is filled before.
#[derive(Clone, Copy)]
enum Book {
    Read,
    Report,
    Export,
}

impl Book {
    const ALL: [Self; 3] = [Self::Read, Self::Report, Self::Export];
}

/// Measures, and prints what came out even if a later part failed.
async fn measure(
    args: &Args,
    plan: &Plan,
    ingest: bool,
    grown: Option<u64>,
    books: &[Book],
    filling: Option<&Filling>,
) -> anyhow::Result<()> {
    let mut found = Findings::new(host::describe(plan));
    let measured = async {
        if ingest {
            Box::pin(ingest::run(plan, &mut found)).await?;
        }
        if let Some(events) = grown {
            Box::pin(grown::run(events, plan, &mut found)).await?;
        }
        if !books.is_empty() {
            let filling = filling.cloned().unwrap_or_default();
            let filled = Box::pin(Filled::prepare(&filling, plan, &mut found)).await?;
            let asked = Box::pin(ask(books, &filled, plan, &mut found)).await;
            let ended = filled.end().await;
            asked.and(ended)?;
        }
        anyhow::Ok(())
    };
    let measured = measured.await;
    if !found.rows.is_empty() {
        table::print(&found, args.json.as_deref())?;
    }
    measured
}

async fn ask(
    books: &[Book],
    filled: &Filled,
    plan: &Plan,
    found: &mut Findings,
) -> anyhow::Result<()> {
    for book in books {
        match book {
            Book::Read => read::run(filled, plan, found).await?,
            Book::Report => report::run(filled, plan, found).await?,
            Book::Export => export::run(filled, plan, found).await?,
        }
    }
    Ok(())
}
