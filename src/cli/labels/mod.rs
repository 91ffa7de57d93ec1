//! `labels`: what ids mean.

mod bridge;
mod import;
mod list;
mod rows;

use std::process::ExitCode;

use clap::Subcommand;

use super::database::Database;
use crate::config::Shared;

/// Sub-commands of `labels`.
#[derive(Debug, Subcommand)]
pub(super) enum LabelsCommand {
    /// Record the labels of a CSV file, beside and in the place of those recorded before.
    Import(import::ImportArgs),
    /// Show the labels of a tenant, those built in among them.
    List(list::ListArgs),
    /// Say which owner is the same person as which actor, or show what was said.
    Bridge(bridge::BridgeArgs),
}

/// Carries out a sub-command.
pub(super) async fn run(shared: &Shared, command: LabelsCommand) -> anyhow::Result<ExitCode> {
    match command {
        LabelsCommand::Import(args) => import::run(shared, &args).await,
        LabelsCommand::Bridge(args) => bridge::run(shared, &args).await,
        LabelsCommand::List(args) => {
            let database = Database::open(shared).await?;
            let listed = list::run(&database.store, &args).await;
            database.close().await?;
            listed
        }
    }
}
