//! How much the grouping writer gains over one insert a request, on this machine, in this run.
//!
//! `cargo bench` runs both servers against one private Postgres with the product's own settings, in
//! alternating slices (A B B A …), because machines change their speed within a minute: only a ratio of
//! neighbouring slices means anything. `cargo bench -- --quick` takes a sixth of the time.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod load;
mod naive;
mod product;

use std::{env, time::Duration};

use anyhow::{Context, ensure};
use load::{Load, Slice};
use ticketlog::{
    domain::signature::Secret,
    postgres::{self, Endpoint, SUPERUSER, Settings},
    store::{self, Address, SERVICE},
};

/// Open connections, each with one delivery under way.
const CONNECTIONS: [usize; 2] = [64, 256];

/// How long and how often.
struct Plan {
    slice: Duration,
    pairs: usize,
}

fn main() -> anyhow::Result<()> {
    let quick = env::args().any(|argument| argument == "--quick");
    let plan = if quick {
        Plan {
            slice: Duration::from_millis(500),
            pairs: 6,
        }
    } else {
        Plan {
            slice: Duration::from_millis(1500),
            pairs: 16,
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&plan))
}

async fn run(plan: &Plan) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = Settings {
        // Root's Postgres runs as another user, who must get there.
        data_dir: open_to_all(folder.path())?.join("data"),
        search_path: env::var_os("PATH"),
        ..Settings::default()
    };
    let cluster = Box::pin(postgres::start(&settings, &|notice| println!("{notice}"))).await?;
    let measured = measure(cluster.endpoint(), plan).await;
    cluster.stop_fast().await?;
    measured
}

async fn measure(endpoint: &Endpoint, plan: &Plan) -> anyhow::Result<()> {
    let secret = Secret::new("benchmark".to_owned()).context("no secret")?;
    let grouping = product::start(database(endpoint, "grouping").await?, secret.clone()).await?;
    database(endpoint, "naive").await?;
    let naive = naive::start(endpoint, secret.clone()).await?;
    println!(
        "{:>11} {:>10} {:>12} {:>9} {:>9}",
        "connections", "server", "events/s", "p50 ms", "p99 ms"
    );
    for connections in CONNECTIONS {
        let mut load = Load::new(secret.clone(), connections, plan.slice);
        // Fills caches and pools; not counted.
        load.run(grouping.address).await?;
        load.run(naive.address).await?;
        let mut ratios = Vec::new();
        let (mut of_grouping, mut of_naive) = (Slice::default(), Slice::default());
        for pair in 0..plan.pairs {
            let (ours, theirs) = if pair % 2 == 0 {
                let ours = load.run(grouping.address).await?;
                (ours, load.run(naive.address).await?)
            } else {
                let theirs = load.run(naive.address).await?;
                (load.run(grouping.address).await?, theirs)
            };
            ratios.push(ours.rate() / theirs.rate());
            of_grouping.merge(ours);
            of_naive.merge(theirs);
        }
        ratios.sort_by(f64::total_cmp);
        for (name, slice) in [("grouping", &mut of_grouping), ("naive", &mut of_naive)] {
            let (p50, p99) = slice.percentiles();
            println!(
                "{connections:>11} {name:>10} {:>12.0} {p50:>9.2} {p99:>9.2}",
                slice.rate()
            );
        }
        let at = |part: usize| {
            ratios
                .get(ratios.len() * part / 4)
                .copied()
                .unwrap_or(f64::NAN)
        };
        println!(
            "{connections:>11} {:>10} {:.2} (median of {} pairs; half lie within {:.2} and {:.2})",
            "ratio",
            at(2),
            ratios.len(),
            at(1),
            at(3)
        );
        assert_all_stored(&grouping, &naive, &load).await?;
    }
    Ok(())
}

/// What was answered 200 is in the table, or the figures mean nothing.
async fn assert_all_stored(
    grouping: &product::Product,
    naive: &naive::Naive,
    load: &Load,
) -> anyhow::Result<()> {
    for (stored, address) in [
        (grouping.count().await?, grouping.address),
        (naive.count().await?, naive.address),
    ] {
        let answered = load.answered(address);
        // Slices of other connection counts are in the table too.
        ensure!(
            stored >= answered,
            "{answered} were answered, {stored} are stored"
        );
    }
    Ok(())
}

async fn database(endpoint: &Endpoint, name: &str) -> anyhow::Result<Address> {
    let Endpoint { socket_dir, port } = endpoint;
    let superuser = Address::of_socket(socket_dir, *port, SUPERUSER, "postgres");
    store::provision(&superuser, name).await?;
    Ok(Address::of_socket(socket_dir, *port, SERVICE, name))
}

fn open_to_all(folder: &std::path::Path) -> anyhow::Result<&std::path::Path> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}
