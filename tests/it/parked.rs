//! What was parked can be looked at and becomes history once it can be read; conflicts can be looked at.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Output, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use serde_json::{Value, json};
use sqlx::Executor;
use ticketlog::domain::{hook::TenantRule, ids::Tenant};

use crate::support::{
    app::{SECRET, TestApp, hook, sign},
    payload,
    program::{printed, ticketlog},
};

/// Runs the program on the app's database; gives its exit code and what it printed.
fn run(app: &TestApp, arguments: &[&str]) -> (i32, String) {
    let output = output(app, arguments);
    let (stdout, stderr) = printed(&output);
    (output.status.code().unwrap(), format!("{stdout}{stderr}"))
}

fn output(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = ticketlog(["--database-url", &app.db.url(), "--log", "error"]);
    command.args(arguments).output().unwrap()
}

fn list(app: &TestApp, arguments: &[&str]) -> Value {
    let all = [&["parked", "list", "--json"], arguments].concat();
    let output = output(app, &all);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The ids of what is parked, oldest first.
fn ids(app: &TestApp) -> Vec<String> {
    let listed = list(app, &["--all"]);
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|item| item["parked_id"].as_str().unwrap().to_owned())
        .collect()
}

async fn park(app: &TestApp, body: impl Into<Bytes>) {
    assert_eq!(app.deliver(body).await.assert(200)["outcome"], "parked");
}

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

/// An app with the hook `online`, which may speak for Cust1 alone; and one parked body of Acme.
async fn with_a_foreign_body() -> (TestApp, payload::Payload) {
    let app = TestApp::start().await;
    let online = hook(&["o"], TenantRule::Accept(vec![tenant("Cust1")]));
    let hooks = [("online".to_owned(), online)];
    app.hooks.send_replace(Arc::new(hooks.into()));
    let foreign = payload::created(1).tenant("Acme");
    let answer = app.deliver_to("/webhook/online", "o", &foreign).await;
    assert_eq!(answer.assert(200)["reason"], "foreign_tenant");
    (app, foreign)
}

fn hooks_file(folder: &Path, accept: &str) -> String {
    let file = folder.join("hooks.toml");
    let text = format!("[hooks.online]\nsecrets = [\"o\"]\naccept = {accept}\n");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_body_without_a_tenant_becomes_history_once_the_operator_names_it() {
    let app = TestApp::start().await;
    let payload = payload::created(7).without("ContextIdentifier");
    let body: Bytes = (&payload).into();
    let signature = sign(SECRET, &body);
    let headers = [
        ("X-SuperOffice-Signature", &*signature),
        ("X-SuperOffice-Retry", "2"),
    ];
    app.post("/webhook", &headers, body.clone())
        .await
        .assert(200);
    let (code, said) = run(&app, &["parked", "reprocess"]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("stays parked: has no ContextIdentifier"),
        "{said}"
    );
    assert!(said.ends_with("0 taken, 1 left parked\n"), "{said}");

    let parked_id = ids(&app).remove(0);
    let taken = format!(
        "{parked_id}  stored: event {} of Acme, position 1\n1 taken (1 stored), 0 left parked\n",
        payload.event_id()
    );
    let again = ["parked", "reprocess", "--tenant", "Acme"];
    assert_eq!(run(&app, &again), (0, taken));
    let path = format!("/v1/tenants/Acme/events/{}", payload.event_id());
    let event = app.read(&path).await;
    assert_eq!(
        (&event["origin"], &event["hook"], &event["signature"]),
        (&json!("webhook"), &json!("default"), &json!(signature))
    );
    assert_eq!(event["headers"]["x-superoffice-retry"], "2");
    assert_eq!(event["deliveries"], json!([]));
    let same = "SELECT count(*) FROM event JOIN parked ON parked_id = arrival_id
        WHERE event.received_at = parked.received_at AND event.body = parked.body AND event.retry = 2";
    assert_eq!(app.count(same).await, 1);
    let timeline = app.read("/v1/tenants/Acme/tickets/7/timeline").await;
    assert_eq!(timeline["items"][0]["lifecycle"], "created");
}

#[tokio::test]
async fn reprocessing_twice_adds_nothing_and_the_parked_copy_stays() {
    let app = TestApp::start().await;
    let payload = payload::created(7).without("ContextIdentifier");
    park(&app, &payload).await;
    let id = ids(&app).remove(0);
    for tenant in ["Acme", "Acme", "Other"] {
        let (code, said) = run(&app, &["parked", "reprocess", &id, "--tenant", tenant]);
        assert_eq!(code, 0, "{said}");
    }
    let (code, said) = run(&app, &["parked", "reprocess", &id]);
    let expected = format!("before: stored as event {} of Acme at ", payload.event_id());
    assert!(code == 0 && said.contains(&expected), "{said}");
    assert_eq!(
        run(&app, &["parked", "reprocess"]),
        (0, "0 taken, 0 left parked\n".to_owned())
    );
    for (count, expected) in [
        ("SELECT count(*) FROM event", 1),
        ("SELECT count(*) FROM delivery", 0),
        ("SELECT count(*) FROM reprocessed", 1),
        ("SELECT count(*) FROM parked", 1),
    ] {
        assert_eq!(app.count(count).await, expected, "{count}");
    }
    // Left out of the list, unless all are wanted.
    assert_eq!(list(&app, &[])["items"], json!([]));
    let item = &list(&app, &["--all"])["items"][0];
    assert_eq!(
        (
            &item["reprocessed"]["outcome"],
            &item["reprocessed"]["tenant"]
        ),
        (&json!("stored"), &json!("Acme"))
    );
}

#[tokio::test]
async fn many_that_reprocess_at_once_take_each_body_once() {
    let app = TestApp::start().await;
    for _ in 0..10 {
        park(&app, payload::created(7).without("ContextIdentifier")).await;
    }
    let runs: Vec<_> = ["A", "B", "A", "B"]
        .map(|tenant| {
            let mut command = ticketlog(["--database-url", &app.db.url(), "--log", "error"]);
            command.args(["parked", "reprocess", "--tenant", tenant]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .into();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(app.count("SELECT count(*) FROM event").await, 10);
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 0);
    assert_eq!(
        app.count("SELECT sum(position)::bigint FROM head").await,
        10
    );
}

#[tokio::test]
async fn what_arrived_again_meanwhile_is_a_duplicate_and_a_test_is_ignored() {
    let app = TestApp::start().await;
    let payload = payload::created(7).without("ContextIdentifier");
    park(&app, &payload).await;
    park(&app, &payload).await;
    park(&app, payload.clone().set("status", 3)).await;
    park(
        &app,
        payload::created(7)
            .without("ContextIdentifier")
            .with("Event", "test"),
    )
    .await;
    let (code, said) = run(&app, &["parked", "reprocess", "--tenant", "Acme"]);
    let summary = "4 taken (1 conflict, 1 duplicate, 1 ignored, 1 stored), 0 left parked\n";
    assert!(code == 0 && said.ends_with(summary), "{said}");
    assert_eq!(app.count("SELECT count(*) FROM event").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 3);
}

#[tokio::test]
async fn a_foreign_body_stays_parked_until_its_hook_may_speak_for_it() {
    let (app, foreign) = with_a_foreign_body().await;
    let (code, said) = run(&app, &["parked", "reprocess"]);
    assert_eq!(code, 2);
    let why = "stays parked: names a tenant that its hook may not speak for\n";
    assert!(said.contains(why), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let file = hooks_file(folder.path(), "[\"Cust1\"]");
    let (code, said) = run(&app, &["parked", "reprocess", "--hooks", &file]);
    assert!(code == 2 && said.contains(why), "{said}");
    assert_eq!(app.count("SELECT count(*) FROM event").await, 0);

    let file = hooks_file(folder.path(), "[\"Cust1\", \"Acme\"]");
    let (code, said) = run(&app, &["parked", "reprocess", "--hooks", &file]);
    assert!(code == 0 && said.contains("of Acme, position 1"), "{said}");
    let path = format!("/v1/tenants/Acme/events/{}", foreign.event_id());
    assert_eq!(app.read(&path).await["hook"], "online");
}

#[tokio::test]
async fn no_hook_speaks_for_a_tenant_without_the_file_that_says_so() {
    let (app, _) = with_a_foreign_body().await;
    let nobody = payload::created(1).without("ContextIdentifier");
    let answer = app.deliver_to("/webhook/online", "o", nobody).await;
    assert_eq!(answer.assert(200)["reason"], "no_tenant");
    let (code, said) = run(&app, &["parked", "reprocess"]);
    assert_eq!(code, 2);
    let why = "came through the hook \"online\", of which no tenants are given\n";
    assert!(said.contains(why), "{said}");
    assert!(said.ends_with("0 taken, 2 left parked\n"), "{said}");
    // The default hook is no exception: what is foreign to it stays so.
    let app = TestApp::start().await;
    let default = hook(&[SECRET], TenantRule::Accept(vec![tenant("Cust1")]));
    let hooks = [("default".to_owned(), default)];
    app.hooks.send_replace(Arc::new(hooks.into()));
    park(&app, payload::created(1).tenant("Acme")).await;
    let (code, said) = run(&app, &["parked", "reprocess"]);
    assert_eq!(code, 2, "{said}");
    assert_eq!(app.count("SELECT count(*) FROM event").await, 0);
}

#[tokio::test]
async fn what_the_database_refused_is_tried_again() {
    let app = TestApp::start().await;
    let mut superuser = app.db.connect_as_superuser().await;
    let poison = "ALTER TABLE event ADD CONSTRAINT poison CHECK (primary_key <> 666)";
    superuser.execute(poison).await.unwrap();
    park(&app, payload::created(666)).await;
    let (code, said) = run(&app, &["parked", "reprocess"]);
    let why = "stays parked: was refused by the database\n0 taken, 1 left parked\n";
    assert!(code == 2 && said.contains(why), "{said}");
    assert_eq!(app.count("SELECT count(*) FROM parked").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM reprocessed").await, 0);
    let mended = "ALTER TABLE event DROP CONSTRAINT poison";
    superuser.execute(mended).await.unwrap();
    let (code, said) = run(&app, &["parked", "reprocess"]);
    assert!(code == 0 && said.contains("of Cust1, position 1"), "{said}");
}

#[tokio::test]
async fn a_slip_of_the_pen_reprocesses_nothing() {
    let app = TestApp::start().await;
    park(&app, payload::created(7).without("ContextIdentifier")).await;
    let id = ids(&app).remove(0);
    let unknown = "019c1f9e-5a6e-7a53-9c1e-7f2a55e01b64";
    let (code, said) = run(
        &app,
        &["parked", "reprocess", &id, unknown, "--tenant", "A"],
    );
    assert_eq!(
        (code, &*said),
        (1, &*format!("error: no body is parked as {unknown}\n"))
    );
    assert_eq!(app.count("SELECT count(*) FROM reprocessed").await, 0);
    let (code, said) = run(&app, &["parked", "list", "--reason", "odd"]);
    assert!(
        code == 2 && said.contains("reasons are not_an_object, "),
        "{said}"
    );
}

#[tokio::test]
async fn parked_bodies_are_listed_oldest_first_page_by_page() {
    let app = TestApp::start().await;
    let bodies = ["one", "{}", "{\"Event\":\"x\"}", "two"];
    for body in bodies {
        park(&app, body).await;
    }
    let starts = |listed: &Value| -> Vec<String> {
        let items = listed["items"].as_array().unwrap().iter();
        items
            .map(|item| item["body_start"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(starts(&list(&app, &[])), bodies);
    assert_eq!(list(&app, &[])["next"], Value::Null);
    let first = list(&app, &["--limit", "3"]);
    assert_eq!(starts(&first), bodies[..3]);
    let next = first["next"].as_str().unwrap();
    assert_eq!(
        starts(&list(&app, &["--limit", "3", "--after", next])),
        bodies[3..]
    );
    assert_eq!(
        starts(&list(&app, &["--reason", "not_an_object"])),
        ["one", "two"]
    );
    assert_eq!(
        starts(&list(&app, &["--reason", "no_tenant"])),
        ["{\"Event\":\"x\"}"]
    );
}

#[tokio::test]
async fn a_hostile_body_is_shown_but_never_obeyed() {
    let app = TestApp::start().await;
    let hostile =
        "\x1b[2J\x1b]0;owned\x07\u{9b}31m\r\nreason       fine\n\u{202e}txt.exe \u{200b}\0\x7f";
    let body = [hostile.as_bytes(), b"\xff\xfe"].concat();
    let signature = sign(SECRET, &body);
    let headers = [
        ("X-SuperOffice-Signature", &*signature),
        ("User-Agent", "\u{9b}31mred"),
    ];
    app.post("/webhook", &headers, body.clone())
        .await
        .assert(200);
    let id = ids(&app).remove(0);
    for arguments in [&["parked", "list"][..], &["parked", "show", &id]] {
        let (code, shown) = run(&app, arguments);
        assert_eq!(code, 0, "{shown}");
        let harmless = |c: char| c == '\n' || !(c.is_control() || "\u{202e}\u{200b}".contains(c));
        assert!(shown.chars().all(harmless), "{shown:?}");
        assert!(shown.contains(r"\u{1b}[2J"), "{shown}");
    }
    let (_, shown) = run(&app, &["parked", "show", &id]);
    // What passes itself off as a line of ours is set apart.
    assert!(!shown.contains("\nreason       fine"), "{shown}");
    assert!(shown.contains("\n  reason       fine\n"), "{shown}");
    assert!(shown.ends_with("\\0\\u{7f}\\xff\\xfe\n"), "{shown}");
    assert_eq!(output(&app, &["parked", "show", &id, "--raw"]).stdout, body);
}

#[tokio::test]
async fn nobody_reading_is_no_panic() {
    let app = TestApp::start().await;
    park(&app, vec![b'x'; 1 << 20]).await;
    let id = ids(&app).remove(0);
    for arguments in [
        &["parked", "show", &id][..],
        &["parked", "show", &id, "--raw"],
    ] {
        let mut command = ticketlog(["--database-url", &app.db.url()]);
        command.args(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 10]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let (_, said) = printed(&output);
        assert!(output.status.success() && !said.contains("panic"), "{said}");
    }
}

#[tokio::test]
async fn conflicts_are_listed_and_shown_key_by_key() {
    let app = TestApp::start().await;
    let first = payload::created(1);
    let other = first.clone().set("status", 2).without("Entity");
    let evil = first.clone().with("Entity", "\x1b[31m").set("x.y", 7);
    for body in [&first, &other, &first, &other, &evil, &payload::created(2)] {
        app.deliver(body).await.assert(200);
    }
    let listed = output(&app, &["conflicts", "list", "Cust1", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{listed}");
    assert_eq!(
        (
            &items[0]["event_id"],
            &items[0]["ticket"],
            &items[0]["deliveries"]
        ),
        (&json!(first.event_id()), &json!(1), &json!(3))
    );
    let (_, table) = run(&app, &["conflicts", "list", "Cust1", "--ticket", "1"]);
    assert!(table.contains(&first.event_id()), "{table}");
    let (_, none) = run(&app, &["conflicts", "list", "Cust1", "--ticket", "2"]);
    assert_eq!(none, "no event came with other content\n");

    let (code, shown) = run(&app, &["conflicts", "show", "Cust1", &first.event_id()]);
    assert_eq!(code, 0, "{shown}");
    for line in [
        "The first body counts: received ",
        "through default, 2 times, SHA-256 ",
        "through default, once, SHA-256 ",
        "FieldValues.status",
        "FieldValues.x.y",
        "(absent)",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    assert!(!shown.contains('\x1b'), "{shown:?}");
    let unknown = "32a093ac-418a-40f1-a14a-f4193ea92b59";
    let (code, said) = run(&app, &["conflicts", "show", "Cust1", unknown]);
    let expected = format!("error: no event {unknown} is in the log of \"Cust1\"\n");
    assert_eq!((code, said), (1, expected));
}
