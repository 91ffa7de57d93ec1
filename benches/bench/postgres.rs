//! The private Postgres, as `serve` runs it, on a fast or a slow disk.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use ticketlog::postgres::{self, Cluster, Endpoint, SUPERUSER, Settings};

use super::database::Database;

/// Files of the WAL, of 16 MB, that a busy server has: `max_wal_size`. Half of them come before a checkpoint begins, the
/// others before it has ended and the first ones can be used again.
const WAL_FILES: u32 = 256;

/// A cluster that vanishes with its folder.
pub(crate) struct Postgres {
    cluster: Cluster,
    folder: TempDir,
    /// Databases that were numbered.
    numbered: AtomicU32,
    /// Its first process.
    pub(crate) pid: u32,
}

impl Postgres {
    /// Starts one with the programs in this folder, else with those that `serve` would take.
    pub(crate) async fn start(bin_dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let folder = folder_open_to_all()?;
        let data_dir = folder.path().join("data");
        let settings = Settings {
            data_dir: data_dir.clone(),
            bin_dir,
            search_path: env::var_os("PATH"),
            ..Settings::default()
        };
        let notify = |notice| println!("{notice}");
        let cluster = Box::pin(postgres::start(&settings, &notify)).await?;
        let record = fs::read_to_string(data_dir.join("cluster/postmaster.pid"))?;
        let pid = record.lines().next().and_then(|line| line.parse().ok());
        Ok(Self {
            cluster,
            folder,
            numbered: AtomicU32::new(0),
            pid: pid.context("Postgres has no number")?,
        })
    }

    /// A number that no database has yet.
    pub(crate) fn next_number(&self) -> u32 {
        self.numbered.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.cluster.endpoint()
    }

    /// For logs and sockets of the sides.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program that came with it, else one in `PATH`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        program(self.pid, name)
    }

    /// One whose WAL was written once, as that of a server that has run for a while. A file of it that is not there yet is
    /// 16 MB of zeros that come before what is to be written, and everybody waits.
    pub(crate) async fn start_used(bin_dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let postgres = Self::start(bin_dir).await?;
        let mut session = postgres.superuser().await?;
        for _ in 0..WAL_FILES {
            // Without something in it a file is not left for the next one.
            sqlx::raw_sql("SELECT pg_logical_emit_message(false, 'used', '')")
                .execute(&mut session)
                .await?;
            sqlx::raw_sql("SELECT pg_switch_wal()")
                .execute(&mut session)
                .await?;
        }
        // After it they are used again.
        sqlx::raw_sql("CHECKPOINT").execute(&mut session).await?;
        session.close().await?;
        Ok(postgres)
    }

    /// Ends once all that was changed is on disk.
    pub(crate) async fn checkpoint(&self) -> anyhow::Result<()> {
        let mut session = self.superuser().await?;
        sqlx::raw_sql("CHECKPOINT").execute(&mut session).await?;
        Ok(session.close().await?)
    }

    async fn superuser(&self) -> anyhow::Result<PgConnection> {
        // The service may not be there yet.
        let database = Database::of(self.endpoint(), "postgres");
        let options = database.options().username(SUPERUSER);
        Ok(PgConnection::connect_with(&options).await?)
    }

    /// The settings that it was started with, but for those that say where it is.
    pub(crate) async fn settings(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut session = self.superuser().await?;
        let settings = sqlx::query_as(
            "SELECT name, current_setting(name) FROM pg_settings
             WHERE source = 'command line' AND name !~ 'directories|^port$|^cluster_name$|listen' ORDER BY name",
        )
        .fetch_all(&mut session)
        .await?;
        session.close().await?;
        Ok(settings)
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        Ok(self.cluster.stop_fast().await?)
    }
}

/// A program beside the server whose first process this is, else one in `PATH`.
fn program(pid: u32, name: &str) -> PathBuf {
    let server = fs::read_link(format!("/proc/{pid}/exe"));
    let beside = server
        .ok()
        .and_then(|server| Some(server.parent()?.join(name)));
    beside
        .filter(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// Root's Postgres runs as another user, who must get there.
pub(crate) fn folder_open_to_all() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}
