//! `labels bridge`: which owner is the same person as which actor.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::rows::{self, Columns, FileArgs, integer};
use crate::{
    cli::{database::Database, hooks::tenant, print},
    clock,
    config::Shared,
    domain::{
        ids::Tenant,
        label::{BridgedPair, NewPair},
    },
    render::{
        json::ListJson,
        label::{self, BridgedPairJson},
    },
    store::Store,
};

/// Pairs that are read at a time.
const PAGE: u16 = 1000;

/// Arguments of `labels bridge`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog labels bridge Cust10498 owners.csv\n  \
    ticketlog labels bridge Cust10498 --json\n\n\
    The first row names the columns owner (an id of ejuser, as in owned_by) and actor (an id of an\n\
    associate). A pair replaces those that its owner or its actor was in; an empty actor ends the pair of\n\
    the owner. Without a file the pairs are shown.\n\n\
    Exit code: 0 if every row was recorded, 2 if some were bad and skipped, 1 if nothing was recorded.")]
pub(in crate::cli) struct BridgeArgs {
    /// The customer, as in `ContextIdentifier`; it need have no event yet.
    tenant: String,
    /// The CSV file; `-` is standard input.
    file: Option<PathBuf>,
    #[command(flatten)]
    rows: FileArgs,
    /// Show the pairs as JSON.
    #[arg(long, conflicts_with = "file")]
    json: bool,
}

const COLUMNS: Columns = Columns {
    needed: &[&["owner"], &["actor"]],
    optional: None,
};

pub(super) async fn run(shared: &Shared, args: &BridgeArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let Some(file) = &args.file else {
        let database = Database::open(shared).await?;
        let pairs = all(&database.store, &tenant).await;
        database.close().await?;
        print(&shown(pairs?, args.json)?);
        return Ok(ExitCode::SUCCESS);
    };
    let rows = rows::read(file, &args.rows, &COLUMNS, read)?;
    rows.report(&args.rows)?;
    let database = Database::open(shared).await?;
    let store = &database.store;
    let recorded = store
        .put_bridge(&tenant, &rows.good, &rows.source, clock::now())
        .await;
    database.close().await?;
    recorded?;
    print(&rows.summary("pairs"));
    Ok(rows.exit_code())
}

fn read(fields: &[Option<&str>]) -> Result<NewPair, String> {
    let [Some(owner), Some(actor), ..] = fields else {
        return Err("a field is missing".to_owned());
    };
    let actor = match actor.trim() {
        "" => None,
        actor => Some(integer("actor", actor)?),
    };
    Ok(NewPair {
        owner: integer("owner", owner)?,
        actor,
    })
}

async fn all(store: &Store, tenant: &Tenant) -> anyhow::Result<Vec<BridgedPair>> {
    let mut pairs: Vec<BridgedPair> = Vec::new();
    loop {
        let after = pairs.last().map(|pair| pair.owner);
        let mut page = store.list_bridge(tenant, after, PAGE).await?;
        if page.is_empty() {
            return Ok(pairs);
        }
        pairs.append(&mut page);
    }
}

fn shown(pairs: Vec<BridgedPair>, json: bool) -> anyhow::Result<String> {
    if json {
        let items: Vec<BridgedPairJson> = pairs.into_iter().map(BridgedPairJson::from).collect();
        return Ok(serde_json::to_string_pretty(&ListJson {
            items,
            next: None,
        })?);
    }
    if pairs.is_empty() {
        return Ok("no owner is joined with an actor".to_owned());
    }
    Ok(format!("{}\n{} pairs", label::bridge(&pairs), pairs.len()))
}
