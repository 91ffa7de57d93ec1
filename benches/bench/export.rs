//! Everything as a file, and how much memory that takes.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::Context;
use flate2::read::GzDecoder;
use tokio::process::Command;

use super::{
    bars::{Bar, Findings},
    compare::compare,
    database::Database,
    filled::Filled,
    memory,
    plan::Plan,
    slice::{Groups, Server, Slice},
};

/// Real bodies to import.
const BODIES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/uci_incidents_3500.ndjson.gz"
);

/// Bodies of the smaller import, of the 25,014 of the larger.
const FEW: usize = 6000;

/// How much more a command's memory may be for four times as much.
const FLAT: Bar = Bar::AtMost(1.25);

pub(crate) async fn run(filled: &Filled, plan: &Plan, found: &mut Findings) -> anyhow::Result<()> {
    for (format, bar) in [("csv", 0.95), ("ndjson", 0.8)] {
        let what = format!("export of events as {format}");
        println!("{what}, against COPY through psql");
        let compared = compare(
            plan,
            ("export", async || {
                timed(filled, export(filled, format, 0)).await
            }),
            ("psql", async || timed(filled, copy(filled)).await),
        )
        .await?;
        found.ratio(&what, "psql", compared, Some(Bar::AtLeast(bar)));
    }
    let all = memory::of_command(export(filled, "ndjson", 0)).await?;
    let quarter = memory::of_command(export(filled, "ndjson", filled.events * 3 / 4)).await?;
    found.row("memory of export, all", "", (all, "MiB"), None);
    found.row(
        "memory of export, all by a quarter",
        "",
        (all / quarter, "x"),
        Some(FLAT),
    );
    importing(filled, found).await
}

fn export(filled: &Filled, format: &str, after: u64) -> Command {
    let mut command = filled.program();
    command.args(["export", &filled.tenant, "--what", "events"]);
    command.args(["--format", format, "--after", &after.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The same columns, written by Postgres itself.
fn copy(filled: &Filled) -> Command {
    let tenant = filled.tenant.replace('\'', "''");
    let mut command = Command::new(&filled.psql);
    command.args(["--no-psqlrc", "--quiet", &filled.url, "--command"]);
    command.arg(format!(
        "COPY (SELECT position, event_id, name, entity, primary_key, actor, occurred_text, received_at, stored_at,
             origin, hook, source, webhook_name, convert_from(body, 'UTF8')
         FROM event WHERE tenant = '{tenant}' ORDER BY position) TO STDOUT (FORMAT csv, HEADER)"
    ));
    command.stdout(Stdio::null());
    command
}

/// How long a command takes for all events.
async fn timed(filled: &Filled, mut command: Command) -> anyhow::Result<Slice> {
    let groups = Groups {
        server: Server::Commands,
        ..filled.groups()
    };
    let (used, start) = (groups.used(), Instant::now());
    let status = command.stdin(Stdio::null()).status().await?;
    anyhow::ensure!(status.success(), "{command:?} ended with {status}");
    Slice::new(filled.events, start.elapsed(), groups.used().since(used))
}

/// Imports few and many into databases of their own.
async fn importing(filled: &Filled, found: &mut Findings) -> anyhow::Result<()> {
    let Some(postgres) = &filled.postgres else {
        found.skip(
            "memory of import",
            "only in a database of the benchmark's own",
        );
        return Ok(());
    };
    let mut most = Vec::new();
    for (name, count) in [("few", FEW), ("many", usize::MAX)] {
        let database = Database::create(postgres.endpoint(), name).await?;
        let file = bodies(filled.folder.path(), name, count)?;
        let mut command = Command::new(super::sides::PROGRAM);
        command
            .args(["import", "--no-wait", "--log", "error"])
            .arg(file);
        command.env("DATABASE_URL", database.url());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        most.push(memory::of_command(command).await?);
    }
    let [few, many] = most.as_slice() else {
        return Ok(());
    };
    found.row("memory of import, 25,014 events", "", (*many, "MiB"), None);
    found.row(
        "memory of import, all by a quarter",
        "",
        (many / few, "x"),
        Some(FLAT),
    );
    Ok(())
}

fn bodies(folder: &Path, name: &str, count: usize) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("{name}.ndjson"));
    let packed = File::open(BODIES).context("opening the bodies")?;
    let mut out = BufWriter::new(File::create(&path)?);
    for line in BufReader::new(GzDecoder::new(packed)).lines().take(count) {
        writeln!(out, "{}", line?)?;
    }
    out.flush()?;
    Ok(path)
}
