//! `diff`: what became of a ticket between two instants, in the terminal.

use std::{fmt::Write, process::ExitCode};

use anyhow::{Context, ensure};
use clap::Args;

use super::{
    database::Database,
    hooks::tenant,
    print,
    tickets::{counted, instant, known_at},
};
use crate::{
    config::Shared,
    domain::{
        history::Scope,
        ids::{Tenant, TicketId},
        instant::OccurredAt,
        label::wanted,
    },
    render::{desk, json::DiffJson},
};

/// Arguments of `diff`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
        ticketlog diff Cust10498 45 --from 2016-02-29T02:00:00Z --to 2016-03-05T12:00:00Z")]
pub(super) struct DiffArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// The ticket's number.
    ticket: i64,
    /// The earlier instant (inclusive), like 2025-05-19T09:56:33Z.
    #[arg(long, value_name = "INSTANT")]
    from: String,
    /// The later instant (inclusive).
    #[arg(long, value_name = "INSTANT")]
    to: String,
    /// From what was in the log by this position or instant.
    #[arg(long, value_name = "POSITION|INSTANT")]
    known_at: Option<String>,
    /// Only this field; may be repeated.
    #[arg(long)]
    field: Vec<String>,
    /// With bookkeeping fields, and with steps that changed nothing.
    #[arg(long)]
    noise: bool,
    /// As the JSON that the API gives.
    #[arg(long)]
    json: bool,
}

/// Prints the difference.
pub(super) async fn run(shared: &Shared, args: DiffArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let ticket = TicketId::new(args.ticket).context("tickets are numbers from 1")?;
    let span = (instant(&args.from)?, instant(&args.to)?);
    ensure!(
        span.0.ticks() <= span.1.ticks(),
        "--from must not be after --to"
    );
    let database = Database::open(shared).await?;
    let shown = show(&database, &tenant, ticket, &span, &args).await;
    database.close().await?;
    print(&shown?);
    Ok(ExitCode::SUCCESS)
}

async fn show(
    database: &Database,
    tenant: &Tenant,
    ticket: TicketId,
    (from, to): &(OccurredAt, OccurredAt),
    args: &DiffArgs,
) -> anyhow::Result<String> {
    let store = &database.store;
    let head = store.find_head(tenant).await?;
    let head =
        head.with_context(|| format!("no event of a tenant \"{tenant}\" was ever received"))?;
    let up_to = match &args.known_at {
        Some(text) => known_at(store, tenant, head, text).await?,
        None => head,
    };
    let scope = Scope {
        fields: args.field.iter().cloned().collect(),
        noise: args.noise,
    };
    let span = (from.ticks(), to.ticks());
    let mut found = store
        .find_diffs(tenant, &[ticket], up_to, span, &scope)
        .await?;
    let diff = found
        .pop()
        .with_context(|| format!("no event of ticket {ticket} is in the log of \"{tenant}\""))?
        .diff;
    let labels = store.find_labels(tenant, &wanted([&diff])).await?;
    if args.json {
        let json = DiffJson::new(ticket, diff, (from, to), &labels);
        return Ok(serde_json::to_string_pretty(&json)?);
    }
    let mut text = desk::diff(&diff, &labels, span);
    // Writing into a string cannot fail.
    let _ = write!(text, "\n{} in between", counted(diff.events, "event"));
    let doubt = desk::doubt_between(&diff);
    if !doubt.is_empty() {
        let _ = write!(text, "; {doubt}");
    }
    Ok(text)
}
