//! A receiver and a Postgres that a scenario may hurt, and the account afterwards.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use ticketlog::{
    postgres::{self, Cluster, Endpoint, Settings},
    store::{self, Address, SERVICE},
};

use super::sender::Run;
use crate::support::program::Serve;

/// Longest wait for what should be a matter of seconds.
const PATIENCE: Duration = Duration::from_mins(3);

/// A Postgres of the scenario's own and a folder for receivers.
pub(super) struct Place {
    folder: TempDir,
    settings: Settings,
    cluster: Option<Cluster>,
    endpoint: Endpoint,
}

impl Place {
    pub(super) async fn new() -> Self {
        Self::in_folder(Self::folder()).await
    }

    pub(super) fn folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        // Root's Postgres runs as another user, who must get there.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    /// Where its Postgres will have its data.
    pub(super) fn postgres_in(folder: &TempDir) -> PathBuf {
        folder.path().join("postgres")
    }

    pub(super) async fn in_folder(folder: TempDir) -> Self {
        let settings = Settings {
            data_dir: Self::postgres_in(&folder),
            search_path: std::env::var_os("PATH"),
            ..Settings::default()
        };
        let cluster = postgres::start(&settings, &|_| ()).await.unwrap();
        let endpoint = cluster.endpoint().clone();
        let superuser = address(&endpoint, postgres::SUPERUSER, "postgres");
        store::provision(&superuser, SERVICE).await.unwrap();
        Self {
            folder,
            settings,
            cluster: Some(cluster),
            endpoint,
        }
    }

    pub(super) fn data_dir(&self, receiver: &str) -> PathBuf {
        self.folder.path().join(receiver)
    }

    /// Starts a receiver that listens; Postgres need not be there.
    pub(super) fn serve(&self, receiver: &str) -> Serve {
        self.serve_with(receiver, &[])
    }

    pub(super) fn serve_with(&self, receiver: &str, arguments: &[&str]) -> Serve {
        let url = self.url();
        let mut all = vec!["--database-url", &url, "--log", "warn"];
        all.extend(arguments);
        Serve::spawn_listening(Serve::command(&self.data_dir(receiver), &all))
    }

    fn url(&self) -> String {
        let host = self.endpoint.socket_dir.display().to_string();
        format!(
            "postgres://{SERVICE}@localhost/{SERVICE}?host={}&port={}",
            host.replace('/', "%2F"),
            self.endpoint.port
        )
    }

    pub(super) async fn start_postgres(&mut self) {
        let cluster = postgres::start(&self.settings, &|_| ()).await.unwrap();
        assert_eq!(cluster.endpoint(), &self.endpoint);
        self.cluster = Some(cluster);
    }

    pub(super) async fn stop_postgres(&mut self) {
        self.cluster.take().unwrap().stop_fast().await.unwrap();
    }

    /// Kill -9 of the postmaster; its children end by themselves.
    pub(super) fn kill_postgres(&mut self) {
        signal(self.postmaster(), Signal::SIGKILL);
        self.cluster = None;
    }

    /// Leaves no byte of its disk free, until the file that it gives is removed.
    pub(super) fn fill_disk_of_postgres(&self) -> PathBuf {
        let filler = self.settings.data_dir.join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        filler
    }

    /// Stops all its processes in their tracks, or lets them go on.
    pub(super) fn signal_postgres(&self, what: Signal) {
        let postmaster = self.postmaster();
        for child in children(postmaster) {
            signal(child, what);
        }
        signal(postmaster, what);
    }

    fn postmaster(&self) -> i32 {
        find_postmaster(&self.settings.data_dir).unwrap()
    }

    pub(super) async fn connect(&self) -> PgConnection {
        self.connect_as(SERVICE).await
    }

    pub(super) async fn connect_as(&self, role: &str) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.endpoint.socket_dir)
            .port(self.endpoint.port)
            .username(role)
            .database(SERVICE);
        PgConnection::connect_with(&options).await.unwrap()
    }

    /// Events in the log.
    pub(super) async fn count_events(&self) -> usize {
        // There is no table before the first receiver has made it.
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM event")
            .fetch_one(&mut self.connect().await)
            .await;
        count.map_or(0, |count| usize::try_from(count).unwrap())
    }

    /// All that was answered 200 is in the log, once; nothing was taken for a repeat that was not sent
    /// again; positions have no hole.
    pub(super) async fn settle(&self, run: &Run) {
        let mut session = self.connect().await;
        let stored: Vec<String> = sqlx::query_scalar("SELECT event_id::text FROM event")
            .fetch_all(&mut session)
            .await
            .unwrap();
        let count = stored.len();
        let stored: std::collections::BTreeSet<String> = stored.into_iter().collect();
        assert_eq!(stored.len(), count, "none is doubled");
        let lost: Vec<&str> = run
            .taken()
            .into_keys()
            .filter(|event_id| !stored.contains(*event_id))
            .collect();
        assert_eq!(lost, Vec::<&str>::new(), "of {count}");
        let (holes, repeats): (i64, Vec<(String, i64)>) = (
            sqlx::query_scalar("SELECT coalesce(max(position), 0) - count(*) FROM event")
                .fetch_one(&mut session)
                .await
                .unwrap(),
            sqlx::query_as("SELECT event_id::text, count(*) FROM delivery GROUP BY event_id")
                .fetch_all(&mut session)
                .await
                .unwrap(),
        );
        assert_eq!(holes, 0);
        let tries = run.tries();
        for (event_id, repeats) in repeats {
            let tries = tries[&*event_id];
            assert!(
                usize::try_from(repeats).unwrap() < tries,
                "{event_id} has {repeats} repeats of {tries} tries"
            );
        }
    }
}

/// A small file system; unmounted when dropped.
pub(super) struct Tmpfs(PathBuf);

impl Tmpfs {
    /// None if this user or this system may not mount.
    pub(super) fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at)
            .output();
        mount
            .is_ok_and(|mount| mount.status.success())
            .then(|| Self(at.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Returns when the receiver's spool is empty and Postgres takes its deliveries.
pub(super) async fn drained(serve: &Serve) {
    let start = Instant::now();
    loop {
        let readiness = serve.readiness();
        if readiness.contains("\"database\":\"ok\"") && readiness.contains("\"bytes\":0}") {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{readiness}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The process that the record of a private cluster names; none while there is none, or half of one.
pub(super) fn find_postmaster(data_dir: &Path) -> Option<i32> {
    let record = fs::read_to_string(data_dir.join("cluster/postmaster.pid")).ok()?;
    let (pid, _) = record.split_once('\n')?;
    pid.parse().ok()
}

pub(super) fn signal(pid: i32, what: Signal) {
    // A backend may have ended meanwhile.
    let _ = kill(Pid::from_raw(pid), what);
}

fn children(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let found = processes.filter_map(|process| {
        let pid: i32 = process.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        // After the name in parentheses: state, parent.
        let owner = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        (owner.parse() == Ok(parent)).then_some(pid)
    });
    found.collect()
}

fn address(endpoint: &Endpoint, role: &str, database: &str) -> Address {
    Address::of_socket(&endpoint.socket_dir, endpoint.port, role, database)
}
