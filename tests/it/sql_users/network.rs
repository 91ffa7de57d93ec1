//! `serve --sql-listen` and `--sql-limit`: analysts come in over TCP, nobody else does, and none stays too long.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
};

use bytes::Bytes;
use tempfile::TempDir;

use super::ask;
use crate::support::{
    payload::created,
    program::{Serve, printed, ticketlog},
};

/// Goes on whenever it is cancelled.
const STUBBORN: &str = "SET statement_timeout = 0;
    DO $$ BEGIN LOOP
        BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
    END LOOP; END $$";

/// A running service with an event of Cust1 and an analyst of it.
struct Place {
    _folder: TempDir,
    serve: Serve,
    listen: String,
    url: String,
}

fn start(limit: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    // Free again at once, for Postgres to take.
    let listen = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let serve = Serve::start(&data, &["--sql-listen", &listen, "--sql-limit", limit]);
    let events = folder.path().join("events.ndjson");
    fs::write(&events, Bytes::from(created(7))).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = ticketlog([]);
        command.args(arguments).arg("--data-dir").arg(&data);
        let output = command.output().unwrap();
        let (out, log) = printed(&output);
        assert!(output.status.success(), "{log}");
        out.trim_end().to_owned()
    };
    run(&["import", events.to_str().unwrap()]);
    let url = run(&["sql-user", "create", "over_tcp", "--tenant", "Cust1"]);
    Place {
        _folder: folder,
        serve,
        listen,
        url,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn analysts_come_in_over_tcp_and_nobody_else_does() {
    let place = start("10m");
    let (listen, url) = (&place.listen, &place.url);
    assert!(url.ends_with(&format!("@{listen}/ticketlog")), "{url}");
    let seen = ask(url, "SELECT tenant, ticket FROM ticket");
    assert_eq!(seen.unwrap(), "Cust1|7\n");
    for (way, refusal) in [
        (
            format!("postgres://postgres@{listen}/postgres"),
            "rejects connection",
        ),
        (
            format!("postgres://ticketlog@{listen}/ticketlog"),
            "rejects connection",
        ),
        (
            format!("postgres://over_tcp:wrong@{listen}/ticketlog"),
            "password authentication failed",
        ),
        (
            url.replace("/ticketlog", "/postgres"),
            "no pg_hba.conf entry",
        ),
    ] {
        let refused = ask(&way, "SELECT 1").unwrap_err();
        assert!(refused.contains(refusal), "{way}: {refused}");
    }
    let (status, log) = place.serve.stop();
    assert!(status.success(), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_stays_over_the_limit_whatever_it_sets() {
    let place = start("1s");
    let begin = |sql: &str| {
        let mut session = Command::new("psql");
        session.args(["-XAtq", "-v", "ON_ERROR_STOP=1", &place.url, "-c", sql]);
        let session = session.stdout(Stdio::piped()).stderr(Stdio::piped());
        session.spawn().unwrap()
    };
    let said = |session: Child| printed(&session.wait_with_output().unwrap()).1;
    let stubborn = begin(STUBBORN);
    let slow = begin("SET statement_timeout = 0; SELECT pg_sleep(60)");
    let cancelled = said(slow);
    let why = "canceling statement due to user request";
    assert!(cancelled.contains(why), "{cancelled}");
    let ended = said(stubborn);
    let why = "terminating connection due to administrator command";
    assert!(ended.contains(why), "{ended}");
    let again = ask(&place.url, "SELECT 1");
    assert_eq!(again.unwrap(), "1\n", "it may log in again");
    let (status, log) = place.serve.stop();
    assert!(status.success(), "{log}");
    for told in [
        "was over --sql-limit and was cancelled",
        "was still over --sql-limit after that and was ended",
    ] {
        assert!(log.contains(told), "{log}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, refusal) in [
        (&["--sql-listen", "127.0.0.1:0"][..], "needs a port"),
        (
            &[
                "--sql-listen",
                "127.0.0.1:6432",
                "--database-url",
                "postgres://localhost/there",
            ],
            "is for the private Postgres",
        ),
        (&["--sql-listen", "localhost"], "--sql-listen"),
    ] {
        let mut serve = Serve::command(&folder.path().join("data"), arguments);
        let output = serve.output().unwrap();
        let (_, log) = printed(&output);
        assert!(
            !output.status.success() && log.contains(refusal),
            "{arguments:?}: {log}"
        );
    }
}
