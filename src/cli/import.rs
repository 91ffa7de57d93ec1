//! `import`: bodies from files, through the same writer as a webhook's.

use std::{collections::VecDeque, path::PathBuf, process::ExitCode};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{database::Database, hooks::tenant, lines, print};
use crate::{
    clock,
    config::Shared,
    domain::{
        delivery::{Arrival, Delivery, KeptHeaders, Outcome},
        event::Reading,
        hook::TenantRule,
        log::Origin,
    },
    ingest::{self, Ingest, IngestError},
    project,
    store::{Store, StoreError},
};

/// Most bodies under way: four full batches, so that the writer never waits for the file.
const WINDOW: usize = 2048;

/// Most bad lines that are shown one by one.
const MAX_SHOWN: u64 = 20;

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog import events.ndjson.gz\n  \
    zcat old/*.gz | ticketlog import - --tenant Acme\n\n\
    Exit code: 0 if every line was taken, 2 if some were bad, 1 if it could not go on.\n\
    Importing a file again stores nothing twice.")]
pub(super) struct ImportArgs {
    /// Files with one webhook body a line, plain or gzip; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Store everything under this tenant, whatever the bodies say.
    #[arg(long)]
    tenant: Option<String>,
    /// End once everything is stored, before questions across tickets know of it.
    #[arg(long)]
    no_wait: bool,
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    stored: u64,
    duplicates: u64,
    conflicts: u64,
    ignored: u64,
    bad: u64,
}

/// A line that was handed to the writer.
struct Pending {
    line: u64,
    outcome: oneshot::Receiver<Result<Outcome, IngestError>>,
}

/// Imports files one after the other.
pub(super) async fn run(shared: &Shared, args: ImportArgs) -> anyhow::Result<ExitCode> {
    let rule = match &args.tenant {
        Some(name) => TenantRule::Override(tenant(name)?),
        None => TenantRule::Any,
    };
    for file in &args.files {
        lines::check(file)?;
    }
    let database = Database::open(shared).await?;
    let (ingest, writer) = ingest::channel(database.store.clone());
    let importing = async {
        let mut tally = Tally::default();
        for file in &args.files {
            import(&ingest, file, &rule, &mut tally)
                .await
                .with_context(|| format!("importing {}", file.display()))?;
        }
        drop(ingest);
        Ok(tally)
    };
    let (tally, ()): (anyhow::Result<Tally>, ()) = tokio::join!(importing, writer.run());
    let stored = tally.as_ref().is_ok_and(|tally| tally.stored > 0);
    let projected = if args.no_wait {
        Ok(())
    } else {
        follow(&database.store, stored).await
    };
    database.close().await?;
    let tally = tally?;
    projected.context("all is stored, but could not be projected")?;
    print(&format!(
        "{} stored, {} duplicates, {} conflicts, {} ignored, {} bad",
        tally.stored, tally.duplicates, tally.conflicts, tally.ignored, tally.bad
    ));
    Ok(if tally.bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

/// Brings up to date what answers questions across tickets, and after something `new` what Postgres knows of it.
async fn follow(store: &Store, new: bool) -> Result<(), StoreError> {
    project::catch_up_all(store).await?;
    if new {
        store.analyze().await?;
    }
    Ok(())
}

async fn import(
    ingest: &Ingest,
    file: &std::path::Path,
    rule: &TenantRule,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let source = file.to_string_lossy().replace('\0', "\u{FFFD}");
    let (bytes_total, mut lines) = lines::read(file)?;
    let bar = progress_bar(bytes_total);
    let mut pending = VecDeque::new();
    while let Some(line) = lines.recv().await {
        let line = line?;
        bar.set_position(line.bytes_read);
        match line.body {
            Ok(body) => {
                let taken = submit(ingest, body, rule, &source).await?;
                match taken {
                    Ok(outcome) => pending.push_back(Pending {
                        line: line.number,
                        outcome,
                    }),
                    Err(Refusal::Test) => tally.ignored += 1,
                    Err(Refusal::Bad(why)) => tally.bad_line(&bar, &source, line.number, why),
                }
            }
            Err(why) => tally.bad_line(&bar, &source, line.number, why),
        }
        if pending.len() >= WINDOW {
            settle(pending.pop_front(), tally).await?;
        }
    }
    for pending in pending {
        settle(Some(pending), tally).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Why a line is not handed to the writer.
enum Refusal {
    Test,
    Bad(&'static str),
}

async fn submit(
    ingest: &Ingest,
    body: Bytes,
    rule: &TenantRule,
    source: &str,
) -> Result<Result<oneshot::Receiver<Result<Outcome, IngestError>>, Refusal>, IngestError> {
    let arrival = Arrival {
        arrival_id: Uuid::now_v7(),
        received_at: clock::now(),
        origin: Origin::Import {
            source: source.to_owned(),
        },
        headers: KeptHeaders::new(),
    };
    let delivery = Delivery::read(body, rule, arrival);
    match &delivery.reading {
        Reading::Event(_) => ingest.submit(delivery).await.map(Ok),
        Reading::Test { .. } => Ok(Err(Refusal::Test)),
        // A webhook's would be parked; a file can be mended and imported again.
        Reading::Parked(reason) => Ok(Err(Refusal::Bad(reason.explain()))),
    }
}

async fn settle(pending: Option<Pending>, tally: &mut Tally) -> anyhow::Result<()> {
    let Some(Pending { line, outcome }) = pending else {
        return Ok(());
    };
    let outcome = outcome.await.map_err(|_| IngestError::Stopped).flatten();
    let outcome = outcome.with_context(|| {
        format!("line {line} and what follows may not be stored: import the file again")
    })?;
    match outcome {
        // Spooled: not here, an import has its file.
        Outcome::Stored(_) | Outcome::Spooled { .. } => tally.stored += 1,
        Outcome::Duplicate(_) => tally.duplicates += 1,
        Outcome::Conflict(_) => tally.conflicts += 1,
        Outcome::Ignored { .. } => tally.ignored += 1,
        Outcome::Parked(_) => tally.bad += 1,
    }
    Ok(())
}

impl Tally {
    fn bad_line(&mut self, bar: &ProgressBar, source: &str, line: u64, why: &str) {
        self.bad += 1;
        bar.suspend(|| match self.bad {
            shown if shown <= MAX_SHOWN => eprintln!("{source}:{line}: {why}"),
            next if next == MAX_SHOWN + 1 => eprintln!("… further bad lines are only counted"),
            _ => {}
        });
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(bytes_total: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes_total {
        Some(bytes) => (
            ProgressBar::new(bytes),
            "{bar:40} {percent}% {bytes_per_sec} {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "{spinner} {bytes} {bytes_per_sec}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
