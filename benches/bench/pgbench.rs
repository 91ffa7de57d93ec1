//! pgbench: statements as fast as Postgres takes them, without a program of ours.

use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::{
    plan::Plan,
    postgres::Postgres,
    process, sides,
    slice::{Groups, Server, Slice},
};

/// A row as the naive side inserts it, made by Postgres itself.
const INSERT: &str = "\\set number random(1, 1000000000)
INSERT INTO event (tenant, event_id, ticket, occurred_ticks, received_at, stored_at, primary_key, actor, retry,
    arrival_id, origin, hook, source, name, entity, occurred_text, webhook_name, headers, signature, body_sha256, body)
SELECT tenant, gen_random_uuid(), ticket, occurred_ticks, received_at, stored_at, primary_key, actor, retry,
    gen_random_uuid(), origin, hook, source, name, entity, occurred_text, webhook_name, headers, signature,
    body_sha256, body
FROM event WHERE id = 1 + :number % 1000;
";

/// Scripts against a database.
pub(crate) struct Pgbench {
    program: PathBuf,
    scripts: Vec<PathBuf>,
    url: String,
    /// Settings of its sessions.
    options: &'static str,
    groups: Groups,
    done: AtomicU64,
}

impl Pgbench {
    /// One insert a transaction into the naive side's table.
    ///
    /// # Errors
    /// Says what is missing.
    pub(crate) fn inserting(naive: &sides::Server, postgres: &Postgres) -> anyhow::Result<Self> {
        let database = naive.database.as_ref().context("no database")?;
        let script = postgres.folder().join("insert.sql");
        fs::write(&script, INSERT)?;
        let program = postgres.program("pgbench");
        Self::new(program, vec![script], &database.url(), (naive.groups, ""))
    }

    /// These scripts, drawn evenly.
    ///
    /// # Errors
    /// If there is no pgbench.
    pub(crate) fn new(
        program: PathBuf,
        scripts: Vec<PathBuf>,
        url: &str,
        (groups, options): (Groups, &'static str),
    ) -> anyhow::Result<Self> {
        let there = std::process::Command::new(&program)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        there.context("there is no pgbench")?;
        Ok(Self {
            program,
            scripts,
            url: url.to_owned(),
            options,
            groups: Groups {
                server: Server::Commands,
                ..groups
            },
            done: AtomicU64::new(0),
        })
    }

    /// One slice; it takes whole seconds only.
    pub(crate) async fn run(&self, clients: u32, plan: &Plan) -> anyhow::Result<Slice> {
        let seconds = plan.slice.as_secs().max(1);
        let clients = clients.to_string();
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol", "prepared", "--jobs", "2"]);
        command.args(["--client", &clients, "--time", &seconds.to_string()]);
        for script in &self.scripts {
            command.arg("--file").arg(script);
        }
        command.arg(&self.url).env("PGOPTIONS", self.options);
        let used = self.groups.used();
        let said = process::run(&mut command).await?;
        let cpu = self.groups.used().since(used);
        let after = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next())
                .with_context(|| format!("pgbench does not say {name}: {said}"))
        };
        let done: u64 = after("number of transactions actually processed: ")?.parse()?;
        let rate: f64 = after("tps = ")?.parse()?;
        ensure!(rate > 0.0, "pgbench did nothing: {said}");
        self.done.fetch_add(done, Ordering::Relaxed);
        // Without the time that it took to connect.
        let elapsed = Duration::from_secs_f64(super::slice::number(done) / rate);
        Slice::new(done, elapsed, cpu)
    }

    /// Has what it did counted as the side's.
    ///
    /// # Errors
    /// If more or fewer rows are there.
    pub(crate) async fn count(&self, naive: &sides::Server) -> anyhow::Result<()> {
        naive.count(self.done.load(Ordering::Relaxed));
        naive.check_stored().await
    }
}
