//! How much the grouping writer gains over one insert a request, on this machine, in this run.
//!
//! `cargo bench` runs both servers against one private Postgres with the product's own settings, in
//! alternating slices (A B B A …), because machines change their speed within a minute: only a ratio of
//! neighbouring slices means anything. `cargo bench -- --quick` is a rough look in an eighth of the time.
//! Ends with a failure if a request did, or if what was answered 200 is not what the tables hold.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod database;
mod load;
mod naive;
mod product;
mod request;
mod server;
mod slice;
mod table;

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use anyhow::{Context, ensure};
use tempfile::TempDir;
use ticketlog::{
    domain::signature::Secret,
    postgres::{self, Endpoint, Settings},
};
use tokio::runtime::Runtime;

use self::{database::Database, load::Load, server::Server, slice::Slice};

/// Open connections, each with one delivery under way.
const CONNECTIONS: [u32; 2] = [64, 256];

/// How long and how often. The number of pairs is even, so that neither server is first more often.
struct Plan {
    slice: Duration,
    pairs: usize,
}

impl Plan {
    const FULL: Self = Self {
        slice: Duration::from_millis(1500),
        pairs: 16,
    };
    const QUICK: Self = Self {
        slice: Duration::from_millis(500),
        pairs: 6,
    };
}

fn main() -> anyhow::Result<()> {
    let quick = env::args().any(|argument| argument == "--quick");
    let plan = if quick { Plan::QUICK } else { Plan::FULL };
    let folder = folder_open_to_all()?;
    let settings = Settings {
        data_dir: folder.path().join("data"),
        search_path: env::var_os("PATH"),
        ..Settings::default()
    };
    let runtime = Runtime::new()?;
    let notify = |notice| println!("{notice}");
    let cluster = runtime.block_on(Box::pin(postgres::start(&settings, &notify)))?;
    let measured = measure(&runtime, cluster.endpoint(), &plan);
    let stopped = runtime.block_on(cluster.stop_fast());
    measured?;
    Ok(stopped?)
}

/// Root's Postgres runs as another user, who must get there.
fn folder_open_to_all() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let path: &Path = folder.path();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

fn measure(runtime: &Runtime, endpoint: &Endpoint, plan: &Plan) -> anyhow::Result<()> {
    let secret = Secret::new("benchmark".to_owned()).context("no secret")?;
    let grouping = runtime.block_on(Database::create(endpoint, "grouping"))?;
    let naive = runtime.block_on(Database::create(endpoint, "naive"))?;
    let mut servers = [
        Server::start(grouping, async |db: &Database| {
            product::start(db, secret.clone()).await
        })?,
        Server::start(naive, async |db: &Database| {
            naive::start(db, secret.clone()).await
        })?,
    ];
    table::print_head();
    let mut load = Load::new(secret, plan.slice);
    let measured = runtime.block_on(async {
        for connections in CONNECTIONS {
            compare(&mut servers, &mut load, connections, plan.pairs).await?;
        }
        check_all_stored(&servers).await
    });
    for server in servers {
        server.stop();
    }
    measured
}

/// Measures both servers in turn and prints what came out.
async fn compare(
    [grouping, naive]: &mut [Server; 2],
    load: &mut Load,
    connections: u32,
    pairs: usize,
) -> anyhow::Result<()> {
    // Fills caches and pools; not counted.
    load.run(grouping, connections).await?;
    load.run(naive, connections).await?;
    let mut ratios = Vec::with_capacity(pairs);
    let mut totals = (Slice::default(), Slice::default());
    for pair in 0..pairs {
        let (ours, theirs) = if pair % 2 == 0 {
            let ours = load.run(grouping, connections).await?;
            (ours, load.run(naive, connections).await?)
        } else {
            let theirs = load.run(naive, connections).await?;
            (load.run(grouping, connections).await?, theirs)
        };
        ratios.push(ours.rate() / theirs.rate());
        totals.0.merge(ours);
        totals.1.merge(theirs);
    }
    table::print_server(connections, grouping.name(), &mut totals.0);
    table::print_server(connections, naive.name(), &mut totals.1);
    table::print_ratios(connections, &ratios);
    Ok(())
}

/// What was answered 200 is in the table and nothing else is, or the figures mean nothing.
async fn check_all_stored(servers: &[Server; 2]) -> anyhow::Result<()> {
    for server in servers {
        let stored = server.database.count_events().await?;
        let (name, answered) = (server.name(), server.answered);
        ensure!(
            stored == answered,
            "{name}: {answered} events were answered 200, {stored} are stored"
        );
        println!("{name}: all {stored} events answered 200 are stored");
    }
    Ok(())
}
