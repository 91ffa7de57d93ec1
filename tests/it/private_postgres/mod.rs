//! The private cluster with a real PostgreSQL: kept alive, never left behind, told apart.

mod keeping;
mod starting;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ticketlog::postgres::notice::Notice;
use ticketlog::postgres::{self, Cluster, Endpoint, SUPERUSER, Settings};

/// Longest wait for anything in these tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder that the server's user can pass through, and the settings for it.
struct Place {
    _dir: tempfile::TempDir,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        Self::below("")
    }

    fn below(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), 0o755);
        let settings = settings(dir.path().join(name).join("data"));
        Self {
            _dir: dir,
            settings,
        }
    }

    fn cluster(&self) -> PathBuf {
        self.settings.data_dir.join("cluster")
    }

    fn pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.cluster().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    async fn start(&self) -> Cluster {
        postgres::start(&self.settings, &quiet).await.unwrap()
    }
}

fn settings(data_dir: PathBuf) -> Settings {
    Settings {
        data_dir,
        offline: true,
        search_path: std::env::var_os("PATH"),
        ..Settings::default()
    }
}

fn quiet(_: Notice) {}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

/// One value from the server.
fn query(endpoint: &Endpoint, sql: &str) -> String {
    let output = Command::new("psql")
        .arg("-h")
        .arg(&endpoint.socket_dir)
        .args(["-p", &endpoint.port.to_string(), "-U", SUPERUSER, "-XAtqc"])
        .arg(sql)
        .arg(SUPERUSER)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Whether the process exists; a zombie does.
fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Whether a PostgreSQL process works in this cluster.
fn is_served(cluster: &Path) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        name.trim() == "postgres"
            && fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == cluster)
    })
}

/// Polls for a condition and fails if it does not come true.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
