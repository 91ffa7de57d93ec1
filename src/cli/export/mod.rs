//! `export`: a tenant's events or changes as a file, from a position on; or its histories as a log for
//! process mining.

mod asked;
mod mining;
mod rows;

use std::{mem, ops::ControlFlow, path::Path, process::ExitCode};

use anyhow::{Context, ensure};

pub(super) use self::asked::ExportArgs;
use self::{
    asked::{Asked, RowsAsked, What},
    rows::{Changes, Form, Pages, Rows},
};
use super::{database::Database, hooks::tenant, output::Output, signals::StopSignals};
use crate::{
    config::Shared,
    domain::ids::{Position, Tenant},
};

/// Writes what there is up to the head as it is at the start.
pub(super) async fn run(shared: &Shared, args: ExportArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let asked = args.read()?;
    let output = args.output.as_deref();
    let mut signals = StopSignals::listen()?;
    let database = Database::open(shared).await?;
    let exported = match asked {
        Asked::Rows(rows) => export(&database, tenant, &rows, output, &mut signals).await,
        Asked::Log(log) => mining::export(&database, tenant, log, output, &mut signals).await,
    };
    database.close().await?;
    exported?;
    Ok(ExitCode::SUCCESS)
}

async fn export(
    database: &Database,
    tenant: Tenant,
    asked: &RowsAsked,
    output: Option<&Path>,
    signals: &mut StopSignals,
) -> anyhow::Result<()> {
    let after = Position(asked.after.unwrap_or(0));
    let mut follower = database.store.follow(tenant.clone(), after, None);
    let head = follower.look().await?.head;
    let rows = match asked.what {
        What::Events => Rows::Events(follower),
        What::Changes => {
            tokio::select! {
                projected = database.projected(&tenant) => projected?,
                () = signals.told() => return Ok(()),
            };
            Rows::Changes(Changes {
                store: database.store.clone(),
                tenant: tenant.clone(),
                after,
                noise: asked.noise,
            })
        }
    };
    let output = match (output, asked.after) {
        (None, _) => Output::standard(),
        (Some(path), None) => Output::create(path).await?,
        (Some(path), Some(_)) => Output::go_on(path).await?,
    };
    let mut export = Export {
        header: rows.header(),
        pages: rows.pages(database.store.clone(), tenant, head),
        head,
        form: asked.form,
        output,
        reached: after,
    };
    let written = export.write(signals).await;
    // Whatever happened: up to there all is written.
    export.tell();
    written?;
    export.output.finish().await
}

/// An export under way.
struct Export {
    /// The names of the columns, as a row.
    header: Vec<u8>,
    pages: Pages,
    head: Position,
    form: Form,
    output: Output,
    /// Up to where rows are written.
    reached: Position,
}

impl Export {
    /// Whole pages, so that nothing is written past what is told as reached.
    async fn write(&mut self, signals: &mut StopSignals) -> anyhow::Result<()> {
        let mut rows = match self.form {
            Form::Csv if !self.output.has_rows() => mem::take(&mut self.header),
            _ => Vec::new(),
        };
        loop {
            let reached = tokio::select! {
                reached = self.next(&mut rows) => reached.context("reading")?,
                () = signals.told() => return Ok(()),
            };
            let (written, told) = signals.outlast(self.output.write(&rows)).await;
            if written? == ControlFlow::Break(()) {
                return Ok(());
            }
            let Some(reached) = reached else {
                return Ok(());
            };
            self.reached = reached;
            if told {
                return Ok(());
            }
            rows.clear();
        }
    }

    /// Adds the next page to rows, and tells where it ends; `None` after the last.
    async fn next(&mut self, rows: &mut Vec<u8>) -> anyhow::Result<Option<Position>> {
        let Some(page) = self.pages.next().await? else {
            let (reached, head) = (self.reached.0, self.head.0);
            ensure!(reached >= head, "it ended at position {reached} of {head}");
            return Ok(None);
        };
        let reached = page.reached;
        rows.append(&mut self.pages.write(page, self.form).await?);
        Ok(Some(reached))
    }

    fn tell(&self) {
        let (reached, head) = (self.reached.0, self.head.0);
        let next = if reached < head {
            "go on with"
        } else {
            "what comes later begins with"
        };
        eprintln!("Reached position {reached} of {head}; {next} --after {reached}");
    }
}
