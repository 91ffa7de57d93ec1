//! `conflicts`: events whose id came again with other content.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Context;
use clap::Subcommand;

use super::{database::Database, hooks::tenant, print};
use crate::{
    config::Shared,
    domain::{
        conflict::{ConflictSummary, OtherBody, differences},
        ids::{EventId, Tenant, TicketId},
    },
    render::{
        conflict::{self, ConflictJson},
        json::ListJson,
    },
    store::{EventDetail, SeenDelivery, Store},
};

/// Conflicts that are read at a time.
const PAGE: u16 = 500;

/// Sub-commands of `conflicts`.
#[derive(Debug, Subcommand)]
pub(super) enum ConflictsCommand {
    /// Show which events came again with other content, in the order of the log.
    #[command(after_help = "Example:\n  ticketlog conflicts list Cust10498 --ticket 45")]
    List {
        /// The customer, as in `ContextIdentifier`.
        tenant: String,
        /// Only events of this ticket.
        #[arg(long)]
        ticket: Option<i64>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what the bodies of one event say differently, and which of them counts.
    #[command(
        after_help = "Example:\n  ticketlog conflicts show Cust10498 32a093ac-418a-40f1-a14a-f4193ea92b59"
    )]
    Show {
        /// The customer, as in `ContextIdentifier`.
        tenant: String,
        /// The event's id, as `conflicts list` gives it.
        event_id: String,
    },
}

/// Carries out a sub-command.
pub(super) async fn run(shared: &Shared, command: ConflictsCommand) -> anyhow::Result<ExitCode> {
    let database = Database::open(shared).await?;
    let shown = match command {
        ConflictsCommand::List {
            tenant,
            ticket,
            json,
        } => list(&database.store, &tenant, ticket, json).await,
        ConflictsCommand::Show { tenant, event_id } => {
            show(&database.store, &tenant, &event_id).await
        }
    };
    database.close().await?;
    print(&shown?);
    Ok(ExitCode::SUCCESS)
}

async fn list(
    store: &Store,
    name: &str,
    ticket: Option<i64>,
    json: bool,
) -> anyhow::Result<String> {
    let tenant = tenant(name)?;
    let ticket = match ticket {
        Some(number) => Some(TicketId::new(number).context("tickets are numbers from 1")?),
        None => None,
    };
    let head = store.find_head(&tenant).await?;
    head.with_context(|| format!("no event of a tenant \"{tenant}\" was ever received"))?;
    let mut conflicts = all(store, &tenant, ticket).await?;
    conflicts.sort_by_key(|conflict| conflict.position);
    if json {
        let items: Vec<ConflictJson> = conflicts.into_iter().map(ConflictJson::from).collect();
        return Ok(serde_json::to_string_pretty(&ListJson {
            items,
            next: None,
        })?);
    }
    if conflicts.is_empty() {
        return Ok("no event came with other content".to_owned());
    }
    Ok(format!(
        "{}\n{} that came with other content; `conflicts show` says what differs",
        conflict::list(&conflicts),
        conflicts.len()
    ))
}

async fn all(
    store: &Store,
    tenant: &Tenant,
    ticket: Option<TicketId>,
) -> anyhow::Result<Vec<ConflictSummary>> {
    let mut conflicts: Vec<ConflictSummary> = Vec::new();
    loop {
        let after = conflicts.last().map(|conflict| conflict.event_id);
        let mut page = store
            .list_conflict_summaries(tenant, ticket, after, PAGE)
            .await?;
        if page.is_empty() {
            return Ok(conflicts);
        }
        conflicts.append(&mut page);
    }
}

async fn show(store: &Store, name: &str, event_id: &str) -> anyhow::Result<String> {
    let tenant = tenant(name)?;
    let event_id =
        EventId::parse(event_id).with_context(|| format!("\"{event_id}\" is no event id"))?;
    let detail = store.find_event(&tenant, event_id).await?;
    let detail =
        detail.with_context(|| format!("no event {event_id} is in the log of \"{tenant}\""))?;
    let others = others(&detail);
    if others.is_empty() {
        return Ok(format!("event {event_id} never came with other content"));
    }
    Ok(conflict::show(&detail.event, &others))
}

/// The other bodies in the order in which they came, each with its deliveries counted.
fn others(detail: &EventDetail) -> Vec<OtherBody> {
    let conflicts = || {
        let deliveries = detail.deliveries.iter();
        deliveries.filter(|delivery| delivery.outcome == "conflict")
    };
    let mut times: BTreeMap<&[u8], usize> = BTreeMap::new();
    for delivery in conflicts() {
        *times.entry(&delivery.sha256).or_default() += 1;
    }
    // The bytes are kept once, with one of the deliveries.
    conflicts()
        .filter_map(|delivery| Some((delivery, delivery.body.as_ref()?)))
        .map(|(delivery, body)| OtherBody {
            sha256: delivery.sha256.clone(),
            received_at: delivery.received_at,
            came_from: came_from(delivery),
            deliveries: times.get(&*delivery.sha256).copied().unwrap_or_default(),
            differences: differences(&detail.event.body, body),
        })
        .collect()
}

fn came_from(delivery: &SeenDelivery) -> String {
    match (&delivery.hook, &delivery.source) {
        (Some(hook), _) => hook.clone(),
        (None, Some(source)) => format!("file {source}"),
        (None, None) => delivery.origin.clone(),
    }
}
