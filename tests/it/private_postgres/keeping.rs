//! A running server: kept alive, stopped with its owner, never mistaken for another.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use ticketlog::postgres::notice::Notice;
use ticketlog::postgres::{self, SUPERUSER};

use super::{Place, exists, is_root, is_served, kill, query, quiet, settings, until};

/// Names the data folder to the helper process.
const HELPER: &str = "TICKETLOG_TEST_DATA_DIR";

/// This test binary again, as a process of its own that owns the cluster until killed.
struct Helper(Child);

impl Helper {
    async fn start(place: &Place) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["owner_in_a_process_of_its_own", "--ignored", "--nocapture"])
            .env(HELPER, &place.settings.data_dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let helper = Self(child);
        until("the helper's server is ready", || {
            fs::read_to_string(place.cluster().join("postmaster.pid"))
                .is_ok_and(|text| text.contains("ready"))
        })
        .await;
        helper
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
#[ignore = "not a test: the process that others kill"]
async fn owner_in_a_process_of_its_own() {
    let Some(data_dir) = std::env::var_os(HELPER) else {
        return;
    };
    let settings = settings(data_dir.into());
    let mut cluster = postgres::start(&settings, &quiet).await.unwrap();
    cluster.supervise(&quiet).await;
}

#[tokio::test]
async fn a_server_others_use_stays_until_they_end() {
    let place = Place::new();
    let cluster = place.start().await;
    let endpoint = cluster.endpoint().clone();
    let mut other = Command::new("psql")
        .arg("-h")
        .arg(&endpoint.socket_dir)
        .args(["-U", SUPERUSER, "-XAtq", SUPERUSER])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql'";
    until("the other is connected", || {
        query(&endpoint, sessions) == "2"
    })
    .await;
    let waiting = Arc::new(Mutex::new(false));
    let heard = Arc::clone(&waiting);
    let notify = move |notice: Notice| {
        *heard.lock().unwrap() |= matches!(notice, Notice::WaitingForOthers);
    };
    let leave = async {
        until("it says that it waits", || *waiting.lock().unwrap()).await;
        assert!(is_served(&place.cluster()), "the other is not cut off");
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success(), "the other ended in peace");
    };
    let (stopped, ()) = tokio::join!(cluster.stop_when_unused(&notify), leave);
    stopped.unwrap();
    assert!(!is_served(&place.cluster()));
}

#[tokio::test]
async fn a_killed_server_is_reaped_and_comes_back_twice() {
    let place = Place::new();
    let mut cluster = place.start().await;
    let endpoint = cluster.endpoint().clone();
    let told = Mutex::new(Vec::new());
    let notify = |notice: Notice| told.lock().unwrap().push(notice);
    let drill = async {
        for round in 1..=2 {
            let victim = place.pid().unwrap();
            // A backend that is busy for long keeps the shared memory of a dead server.
            let mut busy = Command::new("psql")
                .arg("-h")
                .arg(&endpoint.socket_dir)
                .args(["-U", SUPERUSER, "-Xqc"])
                .arg("SELECT count(*) FROM generate_series(1, 4000000000)")
                .arg(SUPERUSER)
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%40000%' AND state = 'active'";
            until("it is busy", || query(&endpoint, running) == "2").await;
            kill("-KILL", victim);
            until("it is ready again", || {
                let back = |notice: &&Notice| matches!(notice, Notice::Restarted);
                told.lock().unwrap().iter().filter(back).count() == round
            })
            .await;
            assert_ne!(place.pid(), Some(victim));
            assert!(!exists(victim), "the dead one is reaped");
            assert_eq!(query(&endpoint, "SELECT 1"), "1");
            busy.wait().unwrap();
        }
    };
    tokio::select! {
        _ = cluster.supervise(&notify) => {}
        () = drill => {}
    }
    let told = told.into_inner().unwrap();
    let died =
        |notice: &&Notice| matches!(notice, Notice::Died { status, .. } if status.contains('9'));
    assert_eq!(told.iter().filter(died).count(), 2, "{told:?}");
    cluster.stop_fast().await.unwrap();
    assert!(!is_served(&place.cluster()));
}

#[tokio::test]
async fn a_server_ends_with_its_parent_even_if_that_is_killed() {
    let place = Place::new();
    let helper = Helper::start(&place).await;
    assert!(is_served(&place.cluster()));
    helper.kill();
    until("the server is gone", || !is_served(&place.cluster())).await;
    assert_eq!(place.pid(), None, "it was stopped, not killed");
}

#[tokio::test]
async fn a_killed_guard_is_replaced() {
    let place = Place::new();
    let helper = Helper::start(&place).await;
    let cluster = place.cluster();
    let first = guards(&cluster);
    assert_eq!(first.len(), 1);
    kill("-KILL", first[0]);
    until("another guard", || {
        let now = guards(&cluster);
        now.len() == 1 && now != first
    })
    .await;
    helper.kill();
    until("the server is gone", || !is_served(&cluster)).await;
}

/// The guards of a cluster, by their command line.
fn guards(cluster: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let named = entries.filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let guard = line.contains("ticketlog-guard") && line.contains(cluster.to_str()?);
        guard.then(|| entry.file_name().to_str()?.parse().ok())?
    });
    named.collect()
}

#[tokio::test]
async fn a_left_over_server_is_stopped_and_replaced() {
    let place = Place::new();
    let helper = Helper::start(&place).await;
    let left = place.pid().unwrap();
    // Stopped, the owner cannot replace the guard before it is killed too.
    kill("-STOP", helper.0.id());
    for guard in guards(&place.cluster()) {
        kill("-KILL", guard);
    }
    helper.kill();
    assert!(is_served(&place.cluster()), "nobody is left to stop it");
    let told = Mutex::new(Vec::new());
    let notify = |notice: Notice| told.lock().unwrap().push(notice);
    let cluster = postgres::start(&place.settings, &notify).await.unwrap();
    assert_ne!(place.pid(), Some(left));
    let told = told.into_inner().unwrap();
    assert!(
        matches!(told[..], [Notice::StoppingLeftOver { pid }] if pid == left),
        "{told:?}"
    );
    assert_eq!(query(cluster.endpoint(), "SELECT 1"), "1");
    cluster.stop_fast().await.unwrap();
}

#[tokio::test]
async fn a_stale_record_that_names_a_living_stranger_is_no_server() {
    let place = Place::new();
    let cluster = place.start().await;
    let record = fs::read_to_string(place.cluster().join("postmaster.pid")).unwrap();
    let socket_lock = cluster.endpoint().socket_dir.join(".s.PGSQL.5432.lock");
    let lock = fs::read_to_string(&socket_lock).unwrap();
    cluster.stop_fast().await.unwrap();

    // A stranger of the same user, for which PostgreSQL itself would refuse to start.
    let owner = fs::metadata(place.cluster()).unwrap();
    let mut command = Command::new("sleep");
    command.arg("600");
    if is_root() {
        command.uid(std::os::unix::fs::MetadataExt::uid(&owner));
    }
    let mut stranger = command.spawn().unwrap();
    let renamed = |text: &str| {
        let (_, rest) = text.split_once('\n').unwrap();
        format!("{}\n{rest}", stranger.id())
    };
    fs::write(place.cluster().join("postmaster.pid"), renamed(&record)).unwrap();
    fs::write(&socket_lock, renamed(&lock)).unwrap();

    assert_eq!(postgres::attach(&place.settings).await.unwrap(), None);
    let cluster = place.start().await;
    assert_eq!(query(cluster.endpoint(), "SELECT 1"), "1");
    assert!(stranger.try_wait().unwrap().is_none(), "it was left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    cluster.stop_fast().await.unwrap();
}
