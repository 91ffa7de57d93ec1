//! A database that is filled and projected, and a `serve` on it.

use std::{path::PathBuf, time::Instant};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::process::Command;

use super::{
    args::Filling,
    bars::{Bar, Findings},
    database::Database,
    ingest::projector,
    load::Run,
    plan::Plan,
    postgres::{Postgres, folder_open_to_all},
    process,
    questions::{self, Sample},
    sides::{PROGRAM, Server},
    slice::{self, Groups, number},
};

/// The tenant of a new one.
const TENANT: &str = "Bench";

/// Nothing happens in it before.
const SINCE: &str = "2023-01-01T00:00:00Z";

/// As many events a day as ten million in two years, so that somebody's day is as long in a small log.
const EVENTS_A_DAY: u64 = 10_000_000 / 730;

/// A database that is filled and projected, and a `serve` on it.
pub(crate) struct Filled {
    pub(crate) serve: Server,
    pub(crate) url: String,
    pub(crate) tenant: String,
    pub(crate) events: u64,
    /// For `Authorization`.
    token: String,
    /// Shows it.
    client: reqwest::Client,
    pub(crate) psql: PathBuf,
    pub(crate) pgbench: PathBuf,
    /// Ours; nothing if the database was given.
    pub(crate) postgres: Option<Postgres>,
    pub(crate) folder: TempDir,
}

impl Filled {
    /// Fills a new database, or takes the one that was given.
    ///
    /// # Errors
    /// If it cannot be reached, filled or projected.
    pub(crate) async fn prepare(
        filling: &Filling,
        plan: &Plan,
        found: &mut Findings,
    ) -> anyhow::Result<Self> {
        let folder = folder_open_to_all()?;
        match (&filling.url, &filling.tenant) {
            (Some(url), Some(tenant)) => Self::given(url, tenant, folder).await,
            _ => Self::new(filling.events, plan, found, folder).await,
        }
    }

    async fn new(
        events: u64,
        plan: &Plan,
        found: &mut Findings,
        folder: TempDir,
    ) -> anyhow::Result<Self> {
        let postgres = Postgres::start(None).await?;
        found.settings = postgres.settings().await?;
        let database = Database::create(postgres.endpoint(), "filled").await?;
        let url = database.url();
        println!("Filling a database with {events} events");
        let (events_given, until) = (events.to_string(), until(events)?);
        let mut generate = program(&url);
        generate.args(["generate", "--tenant", TENANT, "--events", &events_given]);
        generate.args(["--since", SINCE, "--until", &until]);
        process::run(&mut generate).await?;
        let serve = Server::serve("asked", &postgres, database.clone()).await?;
        let start = Instant::now();
        projector::caught_up(&database).await?;
        let rate = number(events) / start.elapsed().as_secs_f64();
        let bar = Some(Bar::AtLeast(25_000.0)).filter(|_| events >= plan.backlog);
        found.row("projecting a filled database", "", (rate, "events/s"), bar);
        // Neither statistics nor a checkpoint shall come while it is asked.
        database.run("ANALYZE").await?;
        bytes(&database, events, found).await?;
        let token = token(&url).await?;
        Ok(Self {
            client: questions::client(&token)?,
            serve,
            url,
            tenant: TENANT.to_owned(),
            events,
            token,
            psql: postgres.program("psql"),
            pgbench: postgres.program("pgbench"),
            postgres: Some(postgres),
            folder,
        })
    }

    async fn given(url: &str, tenant: &str, folder: TempDir) -> anyhow::Result<Self> {
        let serve = Server::serve_given(url, folder.path()).await?;
        let token = token(url).await?;
        let mut session = PgConnection::connect(url).await?;
        let events: i64 = sqlx::query_scalar("SELECT position FROM head WHERE tenant = $1")
            .bind(tenant)
            .fetch_optional(&mut session)
            .await?
            .with_context(|| format!("there is no tenant {tenant}"))?;
        session.close().await?;
        Ok(Self {
            client: questions::client(&token)?,
            serve,
            url: url.to_owned(),
            tenant: tenant.to_owned(),
            events: u64::try_from(events)?,
            token,
            psql: PathBuf::from("psql"),
            pgbench: PathBuf::from("pgbench"),
            postgres: None,
            folder,
        })
    }

    /// Ends `serve` and, if it is ours, the database.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        drop(self.serve);
        match self.postgres {
            Some(postgres) => postgres.stop().await,
            None => Ok(()),
        }
    }

    /// Where its closed loops run.
    pub(crate) fn run(&self, expected: &'static str) -> Run {
        Run {
            address: self.serve.address,
            expected,
            groups: self.groups(),
        }
    }

    /// Whose CPU is looked at.
    pub(crate) fn groups(&self) -> Groups {
        self.serve.groups
    }

    /// The same, where the program has no part.
    pub(crate) fn postgres_alone(&self) -> Groups {
        Groups {
            server: slice::Server::None,
            ..self.groups()
        }
    }

    /// Places in the log to ask about.
    pub(crate) async fn sample(&self) -> anyhow::Result<Sample> {
        let base = format!("http://{}/v1/tenants/{}", self.serve.address, self.tenant);
        Sample::draw(&self.client, &base).await
    }

    /// A session of the service's.
    pub(crate) async fn connect(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// The program, to be run on this database.
    pub(crate) fn program(&self) -> Command {
        program(&self.url)
    }

    /// A question as it goes over the wire; `path` is what follows the tenant.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let Self { tenant, token, .. } = self;
        format!(
            "GET /v1/tenants/{tenant}{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .into_bytes()
    }

    /// Asks once.
    pub(crate) async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let (address, tenant) = (self.serve.address, &self.tenant);
        let url = format!("http://{address}/v1/tenants/{tenant}{path}");
        let answer = self.client.get(url).send().await?;
        let answer = answer.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

/// The program, to be run on a database.
pub(crate) fn program(url: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--log", "error"]).env("DATABASE_URL", url);
    command.kill_on_drop(true);
    command
}

async fn token(url: &str) -> anyhow::Result<String> {
    let mut create = program(url);
    create.args(["token", "create", "--scope", "read", "--scope", "report"]);
    create.args(["--name", "benchmark", "--expires", "1d"]);
    Ok(process::run(&mut create).await?.trim().to_owned())
}

/// The end of the days that so many events take.
fn until(events: u64) -> anyhow::Result<String> {
    let days = i64::try_from(events / EVENTS_A_DAY)?.max(2);
    let since: Timestamp = SINCE.parse()?;
    Ok((since + SignedDuration::from_hours(24 * days)).to_string())
}

/// Of made-up events, with all indexes.
async fn bytes(database: &Database, events: u64, found: &mut Findings) -> anyhow::Result<()> {
    let beside = database
        .number(
            "SELECT pg_total_relation_size('event') - (SELECT sum(length(body))::bigint FROM event)",
        )
        .await?;
    let projections = database
        .number(
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
               AND relname IN ('projection', 'ticket', 'entry', 'change', 'field_interval', 'moved')",
        )
        .await?;
    let each = |bytes| (number(bytes) / number(events), "B");
    let bar = Some(Bar::AtMost(450.0));
    found.row(
        "bytes on disk an event beside its body: made-up log",
        "",
        each(beside),
        bar,
    );
    found.row(
        "bytes on disk an event: projections",
        "",
        each(projections),
        bar,
    );
    Ok(())
}
