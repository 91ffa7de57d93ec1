//! `labels import`: labels out of a CSV file.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::rows::{self, Columns, FileArgs, integer};
use crate::{
    cli::{database::Database, hooks::tenant, print},
    clock,
    config::Shared,
    domain::label::{NewLabel, read_label},
};

/// Arguments of `labels import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog labels import Cust10498 tests/data/uci_incidents_3500.labels.csv\n  \
    printf 'field,id,label,valid_from\\nticket_status,3,On hold,2025-01-01T00:00:00Z\\n' |\n    \
    ticketlog labels import Cust10498 - --source by-hand\n\n\
    The first row names the columns field, id, label and, if there is one, valid_from. Without a\n\
    valid_from a label holds from the beginning; with one and an empty label the id has none from then on.\n\
    changed_by reads as actor. A label of the same field, id and valid_from is replaced, others stay.\n\n\
    Exit code: 0 if every row was recorded, 2 if some were bad and skipped, 1 if nothing was recorded.")]
pub(in crate::cli) struct ImportArgs {
    /// The customer, as in `ContextIdentifier`; it need have no event yet.
    tenant: String,
    /// The CSV file; `-` is standard input.
    file: PathBuf,
    #[command(flatten)]
    rows: FileArgs,
}

const COLUMNS: Columns = Columns {
    needed: &[&["field", "list"], &["id"], &["label"]],
    optional: Some("valid_from"),
};

pub(super) async fn run(shared: &Shared, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let rows = rows::read(&args.file, &args.rows, &COLUMNS, read)?;
    rows.report(&args.rows)?;
    let database = Database::open(shared).await?;
    let store = &database.store;
    let recorded = store
        .put_labels(&tenant, &rows.good, &rows.source, clock::now())
        .await;
    database.close().await?;
    recorded?;
    print(&rows.summary("labels"));
    Ok(rows.exit_code())
}

fn read(fields: &[Option<&str>]) -> Result<NewLabel, String> {
    let [Some(list), Some(id), Some(label), from] = fields else {
        return Err("a field is missing".to_owned());
    };
    let id = integer("id", id)?;
    let from = from.map(str::trim).filter(|from| !from.is_empty());
    // An empty label is more likely forgotten than meant, but where it says from when on.
    let label = Some(*label).filter(|label| from.is_none() || !label.is_empty());
    read_label(list.trim(), id, label, from).map_err(|(_, error)| error.to_string())
}
