//! The program as people use it.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{
    app::{SECRET, sign},
    cluster::TestDb,
    payload::{self, Payload},
    program::{Serve, create_token, printed, ticketlog},
};

/// A folder that the private cluster's user can enter, even if that is not us.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn post(url: &str, secret: &str, body: Payload) -> StatusCode {
    let body: bytes::Bytes = body.into();
    let signature = sign(secret, &body);
    let request = client()
        .post(url)
        .header("X-SuperOffice-Signature", signature);
    request.body(body).send().await.unwrap().status()
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn serve_stands_on_a_private_postgres_of_its_own() {
    let folder = folder();
    let data = folder.path().join("data");
    let serve = Serve::start(&data, &[]);
    let webhook = format!("{}/webhook", serve.url);
    assert_eq!(
        post(&webhook, SECRET, payload::created(7).tenant("Acme")).await,
        200
    );

    // Other commands use the running cluster.
    let shown = ticketlog(["timeline", "Acme", "7", "--json", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    let timeline: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(timeline["items"][0]["lifecycle"], "created");
    let counted = ticketlog(["postgres", "psql", "--data-dir"])
        .arg(&data)
        .args(["--", "-Atc", "SELECT count(*), current_user FROM event"])
        .output()
        .unwrap();
    assert_eq!(printed(&counted).0, "1|ticketlog\n");

    // A second one on the same folder says so and ends.
    let second = ticketlog(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        printed(&second).1.contains("another ticketlog serve uses"),
        "{second:?}"
    );

    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert!(!data.join("cluster/postmaster.pid").exists());

    // Without it, a command starts the cluster for itself; the event is still there.
    let shown = ticketlog(["timeline", "Acme", "7", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(printed(&shown).0.contains("created"), "{shown:?}");
    assert!(!data.join("cluster/postmaster.pid").exists());
}

#[tokio::test]
async fn a_cold_start_takes_deliveries_in_its_first_second_and_keeps_them() {
    let folder = folder();
    let data = folder.path().join("data");
    let started = Instant::now();
    let serve = Serve::spawn_listening(Serve::command(&data, &[]));
    let payload = payload::created(1);
    let webhook = format!("{}/webhook", serve.url);
    assert_eq!(post(&webhook, SECRET, payload.clone()).await, 200);
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(3), "{taken:?}");
    // A read waits for the database, for 5 s.
    let event = format!(
        "{}/v1/tenants/Cust1/events/{}",
        serve.url,
        payload.event_id()
    );
    let bearer = create_token(&["--data-dir", data.to_str().unwrap()]);
    let show = || client().get(&event).bearer_auth(&bearer).send();
    let mut shown = show().await.unwrap();
    while shown.status() != 200 {
        assert!(matches!(shown.status().as_u16(), 404 | 503), "{shown:?}");
        assert!(started.elapsed() < Duration::from_mins(1));
        shown = show().await.unwrap();
    }
    // Once more it is a duplicate: it was not lost on the way, nor taken twice.
    let body: bytes::Bytes = payload.into();
    let again = client()
        .post(&webhook)
        .header("X-SuperOffice-Signature", sign(SECRET, &body))
        .body(body);
    let again = again.send().await.unwrap().bytes().await.unwrap();
    let again: Value = serde_json::from_slice(&again).unwrap();
    assert_eq!(
        (&again["outcome"], &again["position"]),
        (&"duplicate".into(), &1.into())
    );
}

#[tokio::test]
async fn a_strict_umask_does_not_shut_out_the_private_postgres() {
    let folder = folder();
    let mut command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            "umask 077 && exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_ticketlog"),
            "serve",
        ])
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path().join("a/b"))
        .env("TICKETLOG_SECRET", SECRET)
        .env_remove("DATABASE_URL");
    let serve = Serve::spawn(command);
    let webhook = format!("{}/webhook", serve.url);
    assert_eq!(post(&webhook, SECRET, payload::created(1)).await, 200);
}

#[tokio::test]
async fn a_killed_postgres_comes_back_under_serve() {
    let folder = folder();
    let data = folder.path().join("data");
    let serve = Serve::start(&data, &[]);
    let webhook = format!("{}/webhook", serve.url);
    assert_eq!(post(&webhook, SECRET, payload::created(1)).await, 200);
    let pid = fs::read_to_string(data.join("cluster/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let end = Instant::now() + Duration::from_mins(1);
    while post(&webhook, SECRET, payload::changed(1)).await != 200 {
        assert!(Instant::now() < end, "it did not come back");
    }
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn a_secret_is_made_once_and_kept_for_the_owner_alone() {
    let db = TestDb::create().await;
    let folder = folder();
    let start = || {
        let mut command = ticketlog(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        command
            .arg(folder.path())
            .args(["--database-url", &db.url()]);
        Serve::spawn(command)
    };
    let serve = start();
    let file = folder.path().join("secret");
    let secret = fs::read_to_string(&file).unwrap();
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(secret.len() >= 32, "{} characters", secret.len());
    let webhook = format!("{}/webhook", serve.url);
    assert_eq!(post(&webhook, &secret, payload::created(1)).await, 200);
    assert_eq!(post(&webhook, SECRET, payload::created(1)).await, 401);
    let (_, log) = serve.stop();
    assert!(!log.contains(&secret), "the secret is in the log");
    let serve = start();
    assert_eq!(
        post(
            &format!("{}/webhook", serve.url),
            &secret,
            payload::changed(1)
        )
        .await,
        200
    );
}

#[tokio::test]
async fn hooks_come_from_a_file_and_are_read_again_on_sighup() {
    let db = TestDb::create().await;
    let folder = folder();
    let file = folder.path().join("hooks.toml");
    let write = |secret: &str| {
        let text = format!("[hooks.acme]\nsecrets = [\"{secret}\"]\ntenant = \"Acme\"\n");
        fs::write(&file, text).unwrap();
    };
    write("first, with a comma");
    let mut command = ticketlog(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    command
        .arg(folder.path())
        .args(["--database-url", &db.url(), "--hooks"])
        .arg(&file);
    let serve = Serve::spawn(command);
    let acme = format!("{}/webhook/acme", serve.url);
    assert_eq!(
        post(&acme, "first, with a comma", payload::created(1)).await,
        200
    );
    // There is a file and no secret was given: no hook `default`.
    assert_eq!(
        post(
            &format!("{}/webhook", serve.url),
            SECRET,
            payload::created(1)
        )
        .await,
        404
    );

    write("second");
    serve.signal(Signal::SIGHUP);
    let end = Instant::now() + Duration::from_secs(30);
    while post(&acme, "second", payload::changed(1)).await != 200 {
        assert!(Instant::now() < end, "the new secret is not taken");
    }
    assert_eq!(
        post(&acme, "first, with a comma", payload::changed(1)).await,
        401
    );

    // What cannot be read changes nothing.
    fs::write(&file, "[hooks.acme]\nsecrets = []\n").unwrap();
    serve.signal(Signal::SIGHUP);
    assert_eq!(post(&acme, "second", payload::changed(1)).await, 200);
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert!(!log.contains("second"), "a secret is in the log: {log}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_what_would_be_right() {
    let folder = folder();
    let serve = |arguments: &[&str]| {
        let output = ticketlog(["serve", "--data-dir"])
            .arg(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        printed(&output).1
    };
    let open = serve(&["--allow-unsigned", "--listen", "0.0.0.0:0"]);
    assert!(
        open.contains("works only with a loopback --listen address"),
        "{open}"
    );
    let url = serve(&["--database-url", "mysql://x"]);
    assert!(url.contains("not a database URL like postgres://"), "{url}");
    let hooks = folder.path().join("hooks.toml");
    for (text, error) in [
        ("[hooks.a]\nsecrets = [\"s3cret\"]\n", "one of tenant ="),
        (
            "[hooks.a]\nsecrets = [\"s3cret\"]\ntenant = \"a b\"\n",
            "is no tenant",
        ),
        (
            "[hooks.a]\nsecrets = [\"\"]\naccept = \"any\"\n",
            "cannot be empty",
        ),
        (
            "[hooks.a]\nsecrets = [\"s3cret\"]\naccept = \"all\"\n",
            "accept = \"any\"",
        ),
        (
            "[hooks.\"a/b\"]\nsecrets = [\"s3cret\"]\naccept = \"any\"\n",
            "a hook's name",
        ),
        ("[hooks.a]\nsecrets = [\"s3cret\"\n", "line 2"),
        ("", "names no hook"),
    ] {
        fs::write(&hooks, text).unwrap();
        let said = serve(&["--hooks", hooks.to_str().unwrap()]);
        assert!(said.contains(error), "{text}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

fn import(db: &TestDb, file: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = ticketlog(["import", "--database-url", &db.url()]);
    command.arg(file).args(arguments).output().unwrap()
}

#[tokio::test]
async fn import_takes_what_it_can_and_names_the_lines_that_are_bad() {
    let db = TestDb::create().await;
    let folder = folder();
    let line = |payload: Payload| String::from_utf8(bytes::Bytes::from(payload).to_vec()).unwrap();
    let first = line(payload::created(1));
    let text = [
        first.as_str(),
        "",
        "not json",
        &line(payload::changed(1).without("ContextIdentifier")),
        &line(payload::changed(1).with("Event", "test")),
        &format!("{}\r", line(payload::changed(1))),
        &first,
    ]
    .join("\n");
    let plain = folder.path().join("events.ndjson");
    fs::write(&plain, &text).unwrap();
    let output = import(&db, &plain, &[]);
    let (stdout, stderr) = printed(&output);
    assert_eq!(
        stdout,
        "2 stored, 1 duplicates, 0 conflicts, 1 ignored, 2 bad\n"
    );
    assert_eq!(output.status.code(), Some(2));
    let name = plain.display();
    assert!(
        stderr.contains(&format!("{name}:3: is not a JSON object")),
        "{stderr}"
    );
    assert!(
        stderr.contains(&format!("{name}:4: has no ContextIdentifier")),
        "{stderr}"
    );

    // The same, packed in two members, for a named tenant.
    let packed = folder.path().join("events.gz");
    let mut file = fs::File::create(&packed).unwrap();
    for part in [&text, "\n{}\n"] {
        let mut member = GzEncoder::new(Vec::new(), Compression::fast());
        member.write_all(part.as_bytes()).unwrap();
        file.write_all(&member.finish().unwrap()).unwrap();
    }
    let output = import(&db, &packed, &["--tenant", "Acme"]);
    assert_eq!(
        printed(&output).0,
        "3 stored, 1 duplicates, 0 conflicts, 1 ignored, 2 bad\n"
    );

    let missing = import(&db, &folder.path().join("none"), &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(printed(&missing).1.contains("opening"), "{missing:?}");
}

#[tokio::test]
async fn import_reads_standard_input() {
    let db = TestDb::create().await;
    let mut child = ticketlog(["import", "-", "--database-url", &db.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let body: bytes::Bytes = payload::created(1).into();
    child.stdin.take().unwrap().write_all(&body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        printed(&output).0,
        "1 stored, 0 duplicates, 0 conflicts, 0 ignored, 0 bad\n"
    );
}

#[tokio::test]
async fn timeline_says_what_it_does_not_know() {
    let db = TestDb::create().await;
    let timeline = |arguments: [&str; 2]| {
        let mut command = ticketlog(["timeline", "--database-url", &db.url()]);
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        printed(&output).1
    };
    assert_eq!(
        timeline(["Nobody", "1"]),
        "error: no event of a tenant \"Nobody\" was ever received\n"
    );
    assert_eq!(
        timeline(["Cust1", "0"]),
        "error: tickets are numbers from 1\n"
    );
    assert!(timeline(["Cust 1", "1"]).contains("is no tenant"));
}

#[test]
fn help_teaches_with_an_example() {
    for command in ["serve", "import", "timeline", "send", "postgres", "token"] {
        let output = ticketlog([command, "--help"]).output().unwrap();
        let (help, _) = printed(&output);
        assert!(help.contains("Example"), "{help}");
        assert!(!help.contains("Arguments of"), "{help}");
    }
}

#[tokio::test]
async fn a_supervisor_hears_when_it_takes_deliveries_and_when_it_stops() {
    let db = TestDb::create().await;
    let folder = folder();
    let socket = folder.path().join("notify");
    let heard = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    heard
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let next = || {
        let mut message = [0; 256];
        let length = heard.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let mut command = Serve::command(folder.path(), &["--database-url", &db.url()]);
    command.env("NOTIFY_SOCKET", &socket);
    let serve = Serve::spawn(command);
    assert_eq!(next(), "READY=1\n");
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert_eq!(next(), "STOPPING=1\n");
}

#[tokio::test]
async fn a_database_that_is_away_at_the_start_is_waited_for_and_one_that_cannot_be_is_said() {
    let folder = folder();
    let nobody = "postgres://nobody@127.0.0.1:1/nothing";
    let command = Serve::command(folder.path(), &["--database-url", nobody]);
    let serve = Serve::spawn_listening(command);
    let webhook = format!("{}/webhook", serve.url);
    assert_eq!(post(&webhook, SECRET, payload::created(1)).await, 200);
    assert!(serve.readiness().contains("\"database\":\"away\""));
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("spooled until the database is there"), "{log}");

    let never = ticketlog(["serve", "--commit-timeout", "0s"])
        .output()
        .unwrap();
    assert_eq!(never.status.code(), Some(2));
    assert!(printed(&never).1.contains("like 500ms"), "{never:?}");

    let serve = ticketlog(["serve", "--database-url", "mysql://x", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(serve.status.code(), Some(1));
    assert!(printed(&serve).1.contains("postgres://"), "{serve:?}");
}

#[tokio::test]
async fn the_log_says_in_a_sentence_why_a_body_was_parked() {
    let db = TestDb::create().await;
    let folder = folder();
    let serve = Serve::start(folder.path(), &["--database-url", &db.url()]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for body in ["[]", "{}", r#"{"Event":"x"}"#] {
        let request = http
            .post(format!("{}/webhook", serve.url))
            .header("X-SuperOffice-Signature", sign(SECRET, body.as_bytes()));
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let (_, log) = serve.stop();
    for said in [
        "is not a JSON object",
        "has no Event",
        "has no ContextIdentifier",
    ] {
        let said = format!("A body was parked: it {said}");
        assert!(log.contains(&said), "{said} is not in {log}");
    }
}
