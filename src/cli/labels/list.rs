//! `labels list`: the labels of a tenant.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::Context;
use clap::Args;

use crate::{
    cli::{hooks::tenant, print},
    domain::{ids::Tenant, instant::OccurredAt, label::RecordedLabel},
    render::{
        json::ListJson,
        label::{self, RecordedLabelJson},
    },
    store::{LabelFilter, Store},
};

/// Labels that are read at a time.
const PAGE: u16 = 1000;

/// Arguments of `labels list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog labels list Cust10498 --list ticket_status\n  \
    ticketlog labels list Cust10498 --at 2025-05-19T00:00:00Z --json\n\n\
    A list is stale if SuperOffice said that it changed it after labels of it were last recorded here:\n\
    export and import it again.")]
pub(in crate::cli) struct ListArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// Only this list: a field's name, or actor; may be repeated.
    #[arg(long)]
    list: Vec<String>,
    /// Only those valid at this instant.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    at: Option<i64>,
    /// As the JSON that the API gives.
    #[arg(long)]
    json: bool,
}

fn instant(text: &str) -> Result<i64, String> {
    let at = OccurredAt::parse_zoned(text).map(|at| at.ticks());
    at.context("give an instant like 2025-05-19T09:56:33Z")
        .map_err(|error| error.to_string())
}

pub(super) async fn run(store: &Store, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let filter = LabelFilter {
        lists: args.list.iter().cloned().collect(),
        at_ticks: args.at,
        ..LabelFilter::default()
    };
    let labels = all(store, &tenant, &filter).await?;
    let stale = store.list_stale(&tenant).await?;
    print(&shown(labels, &stale, args.json)?);
    Ok(ExitCode::SUCCESS)
}

async fn all(
    store: &Store,
    tenant: &Tenant,
    filter: &LabelFilter,
) -> anyhow::Result<Vec<RecordedLabel>> {
    let mut labels: Vec<RecordedLabel> = Vec::new();
    loop {
        let after = labels.last().map(|label| &label.place);
        let mut page = store.list_labels(tenant, filter, after, PAGE).await?;
        if page.is_empty() {
            return Ok(labels);
        }
        labels.append(&mut page);
    }
}

fn shown(
    labels: Vec<RecordedLabel>,
    stale: &BTreeSet<String>,
    json: bool,
) -> anyhow::Result<String> {
    if json {
        let items = labels.into_iter();
        let items: Vec<_> = items
            .map(|label| RecordedLabelJson::new(label, stale))
            .collect();
        return Ok(serde_json::to_string_pretty(&ListJson {
            items,
            next: None,
        })?);
    }
    if labels.is_empty() {
        return Ok("there is no such label".to_owned());
    }
    Ok(format!(
        "{}\n{} labels",
        label::list(&labels, stale),
        labels.len()
    ))
}
