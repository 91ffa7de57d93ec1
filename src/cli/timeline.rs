//! `timeline`: what happened to a ticket, in the terminal.

use std::{fmt::Write, process::ExitCode};

use anyhow::Context;
use clap::Args;

use super::{database::Database, hooks::tenant, print};
use crate::{
    config::Shared,
    domain::{
        history::{Page, Selection},
        ids::{Tenant, TicketId},
        label::wanted,
    },
    render::{
        json::{EntryJson, ListJson},
        table,
    },
};

/// Arguments of `timeline`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ticketlog timeline Cust10498 45 --field status")]
pub(super) struct TimelineArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// The ticket's number.
    ticket: i64,
    /// Only changes of this field; may be repeated.
    #[arg(long)]
    field: Vec<String>,
    /// Every event, also those that changed nothing worth mentioning.
    #[arg(long)]
    noise: bool,
    /// As the JSON that the API gives.
    #[arg(long)]
    json: bool,
}

/// Prints the timeline of a ticket.
pub(super) async fn run(shared: &Shared, args: TimelineArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let ticket = TicketId::new(args.ticket).context("tickets are numbers from 1")?;
    let database = Database::open(shared).await?;
    let shown = show(&database, &tenant, ticket, &args).await;
    database.close().await?;
    print(&shown?);
    Ok(ExitCode::SUCCESS)
}

async fn show(
    database: &Database,
    tenant: &Tenant,
    ticket: TicketId,
    args: &TimelineArgs,
) -> anyhow::Result<String> {
    let store = &database.store;
    let head = store.find_head(tenant).await?;
    let head =
        head.with_context(|| format!("no event of a tenant \"{tenant}\" was ever received"))?;
    let found = store
        .find_history(tenant, ticket, Some(head), None, None)
        .await?;
    let found = found
        .with_context(|| format!("no event of ticket {ticket} is in the log of \"{tenant}\""))?;
    let selection = Selection {
        fields: args.field.iter().cloned().collect(),
        noise: args.noise,
        ..Selection::default()
    };
    let all = found.history.entries.len();
    let page = selection.page(found.history, None, usize::MAX);
    let Page { entries, .. } = page.context("the timeline has no start")?;
    let labels = store.find_labels(tenant, &wanted(&entries)).await?;
    if args.json {
        let items = entries.into_iter();
        let items: Vec<EntryJson> = items.map(|entry| EntryJson::new(entry, &labels)).collect();
        return Ok(serde_json::to_string_pretty(&ListJson {
            items,
            next: None,
        })?);
    }
    let mut text = table::timeline(&entries, &labels);
    // Writing into a string cannot fail.
    let _ = write!(text, "\n{} of {all} events", entries.len());
    if entries.len() < all && args.field.is_empty() {
        let _ = write!(text, "; --noise shows the others");
    }
    if found.undated > 0 {
        let _ = write!(
            text,
            "; {} without a Timestamp are in no history",
            found.undated
        );
    }
    Ok(text)
}
