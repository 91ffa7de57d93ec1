//! `project`: the tables that are derived from the log.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{database::Database, hooks::tenant, print};
use crate::{
    config::Shared,
    domain::ids::Tenant,
    project::{self, Built},
    store::Store,
};

/// Sub-commands of `project`.
#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// Show how far each tenant's projection is behind its log.
    Status,
    /// Build projections from nothing, beside the live ones, and put them in their place.
    Rebuild(RebuildArgs),
}

/// Arguments of `project rebuild`.
#[derive(Debug, Args)]
#[command(
    after_help = "Answers go on meanwhile. Tells how many rows differed: none, unless there is a bug or somebody \
        changed them.\n\nExample:\n  ticketlog project rebuild Cust10498"
)]
pub(super) struct RebuildArgs {
    /// Only these tenants; all if none is given.
    #[arg(value_name = "TENANT")]
    tenants: Vec<String>,
}

/// Carries one out.
pub(super) async fn run(shared: &Shared, command: ProjectCommand) -> anyhow::Result<ExitCode> {
    let wanted = match &command {
        ProjectCommand::Status => Vec::new(),
        ProjectCommand::Rebuild(args) => {
            let names = args.tenants.iter().map(|name| tenant(name));
            names.collect::<anyhow::Result<Vec<Tenant>>>()?
        }
    };
    let database = Database::open(shared).await?;
    let done = match command {
        ProjectCommand::Status => status(&database.store).await,
        ProjectCommand::Rebuild(_) => rebuild(&database.store, wanted).await,
    };
    database.close().await?;
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn status(store: &Store) -> anyhow::Result<()> {
    let tenants = store.list_progress().await?;
    if tenants.is_empty() {
        print("No event was ever received");
    }
    for progress in tenants {
        let behind = progress.head.0 - progress.projected.0;
        print(&format!(
            "{}: projected up to {} of {}{}",
            progress.tenant,
            progress.projected.0,
            progress.head.0,
            if behind > 0 {
                format!(", {behind} behind")
            } else {
                String::new()
            }
        ));
    }
    Ok(())
}

async fn rebuild(store: &Store, wanted: Vec<Tenant>) -> anyhow::Result<()> {
    let tenants = if wanted.is_empty() {
        let all = store.list_progress().await?;
        all.into_iter().map(|progress| progress.tenant).collect()
    } else {
        wanted
    };
    let mut projector = store.projector_beside();
    for tenant in tenants {
        let head = store.find_head(&tenant).await?;
        let head =
            head.with_context(|| format!("no event of a tenant \"{tenant}\" was ever received"))?;
        let bar = progress_bar(head.0);
        let told = |built| match built {
            Built::Events(events) => bar.set_position(u64::try_from(events).unwrap_or_default()),
            Built::Indexes { made, of } => bar.set_message(format!(", {made} of {of} indexes")),
        };
        let differences = project::rebuild(store, &mut projector, &tenant, &told)
            .await
            .with_context(|| format!("rebuilding {tenant}; its live projection is unchanged"))?;
        bar.finish_and_clear();
        print(&format!(
            "{tenant}: {} events projected again, {} rows deleted, {} inserted",
            head.0, differences.deleted, differences.inserted
        ));
    }
    Ok(())
}

fn progress_bar(events: i64) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(events).unwrap_or_default());
    match ProgressStyle::with_template("{bar:40} {percent}% {per_sec} events {eta} left{msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
