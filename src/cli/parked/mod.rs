//! `parked`: bodies that could not be an event of a tenant when they arrived.

mod list;
mod reprocess;
mod show;

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use uuid::Uuid;

use super::database::Database;
use crate::{config::Shared, domain::parked::Parked, store::Store};

/// Sub-commands of `parked`.
#[derive(Debug, Subcommand)]
pub(super) enum ParkedCommand {
    /// Show which bodies are parked, and why; oldest first.
    List(list::ListArgs),
    /// Show one parked body with all that is known of it.
    Show(show::ShowArgs),
    /// Read parked bodies again as if they arrived now, and make history of what is an event.
    Reprocess(reprocess::ReprocessArgs),
}

/// Carries out a sub-command.
pub(super) async fn run(shared: &Shared, command: ParkedCommand) -> anyhow::Result<ExitCode> {
    let database = Database::open(shared).await?;
    let store = &database.store;
    let done = match command {
        ParkedCommand::List(args) => list::run(store, &args).await,
        ParkedCommand::Show(args) => show::run(store, &args).await,
        ParkedCommand::Reprocess(args) => reprocess::run(store, &args).await,
    };
    database.close().await?;
    done
}

async fn find(store: &Store, id: Uuid) -> anyhow::Result<Parked> {
    let found = store.find_parked(id).await?;
    found.with_context(|| format!("no body is parked as {id}"))
}
