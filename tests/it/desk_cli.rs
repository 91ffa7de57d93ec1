//! `tickets` and `diff` give what the API gives, and tables for people.

use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    payload,
    program::{printed, ticketlog},
};

async fn app_with_tickets() -> TestApp {
    let app = TestApp::start().await;
    for event in [
        payload::created(1).at("2025-05-01T08:00:00Z"),
        payload::created(2)
            .at("2025-05-01T09:00:00Z")
            .set("x_v", "\u{1b}[31m"),
        payload::changed(1)
            .at("2025-05-02T08:00:00.1234567Z")
            .set("status", 3),
        payload::changed(1)
            .at("2025-05-03T08:00:00Z")
            .set("status", 3)
            .set("owned_by", 1),
    ] {
        app.deliver(event).await.assert(200);
    }
    app
}

/// Standard output and error of a command on the app's database.
fn run<const N: usize>(app: &TestApp, arguments: [&str; N]) -> (String, String) {
    let output = ticketlog(arguments)
        .args(["--database-url", &app.db.url()])
        .output()
        .unwrap();
    let (out, log) = printed(&output);
    assert_eq!(output.status.success(), !log.contains("error:"), "{log}");
    (out, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_are_those_of_the_api() {
    let app = app_with_tickets().await;
    let desk = "/v1/tenants/Cust1/tickets";
    for (arguments, query) in [
        (vec![], ""),
        (
            vec![
                "--where",
                "status=3",
                "--where",
                "status=1",
                "--where",
                "owned_by=none",
            ],
            "?status=3&status=1&owned_by=none",
        ),
        (
            vec![
                "--as-of",
                "2025-05-02T08:00:00.1234566Z",
                "--order",
                "-ticket",
            ],
            "?as_of=2025-05-02T08:00:00.1234566Z&order=-ticket",
        ),
        (
            vec!["--known-at", "3", "--where", "field.x_v=\u{1b}[31m"],
            "?known_at=3&field.x_v=%1B[31m",
        ),
        (
            vec!["--changed-since", "2025-05-02T08:00:00Z", "--order=-last"],
            "?changed_since=2025-05-02T08:00:00Z&order=-last",
        ),
    ] {
        let mut command = ticketlog([
            "tickets",
            "Cust1",
            "--json",
            "--database-url",
            &app.db.url(),
        ]);
        let (out, log) = printed(&command.args(&arguments).output().unwrap());
        let ours: Value =
            serde_json::from_str(&out).unwrap_or_else(|_| panic!("{arguments:?}: {log}"));
        assert_eq!(
            ours,
            app.read(&format!("{desk}{query}")).await,
            "{arguments:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_and_differences_are_those_of_the_api() {
    let app = app_with_tickets().await;
    let desk = "/v1/tenants/Cust1/tickets";
    let (csv, _) = run(&app, ["tickets", "Cust1", "--csv"]);
    let theirs = app.get(&format!("{desk}?format=csv")).await;
    assert_eq!(csv.as_bytes(), theirs.body);
    let span = ["2025-05-01T08:00:00Z", "2025-05-03T08:00:00Z"];
    let (out, _) = run(
        &app,
        [
            "diff",
            "Cust1",
            "1",
            "--from",
            span[0],
            "--to",
            span[1],
            "--known-at",
            "3",
            "--json",
        ],
    );
    let ours: Value = serde_json::from_str(&out).unwrap();
    let theirs = app
        .read(&format!(
            "{desk}/1/diff?from={}&to={}&known_at=3",
            span[0], span[1]
        ))
        .await;
    assert_eq!(ours, theirs);
    assert_eq!(ours["fields"][0]["to"], json!(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_for_people() {
    let app = app_with_tickets().await;
    let (table, _) = run(
        &app,
        ["tickets", "Cust1", "--order", "-last", "--limit", "1"],
    );
    for shown in [
        "2025-05-03 08:00:00",
        "3 Postponed",
        "1 ticket; there are more",
    ] {
        assert!(table.contains(shown), "{table}");
    }
    let (table, _) = run(
        &app,
        [
            "diff",
            "Cust1",
            "2",
            "--from",
            "2025-05-01T08:00:00Z",
            "--to",
            "2025-05-01T09:00:00Z",
        ],
    );
    assert!(
        table.contains("x_v") && table.contains("1 event in between"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "{table:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_what_is_wrong() {
    let app = app_with_tickets().await;
    let (from, to) = ("2025-05-02T00:00:00Z", "2025-05-01T00:00:00Z");
    for (log, said) in [
        (run(&app, ["tickets", "Nobody"]).1, "ever received"),
        (
            run(&app, ["tickets", "Cust1", "--where", "status"]).1,
            "no FIELD=VALUE",
        ),
        (
            run(&app, ["tickets", "Cust1", "--where", "x_v=1"]).1,
            "field.x_v",
        ),
        (
            run(&app, ["tickets", "Cust1", "--as-of", "2025-05-01"]).1,
            "no instant",
        ),
        (
            run(
                &app,
                ["tickets", "Cust1", "--order=last", "--known-at", "1"],
            )
            .1,
            "last event",
        ),
        (
            run(&app, ["diff", "Cust1", "1", "--from", from, "--to", to]).1,
            "not be after",
        ),
        (
            run(&app, ["diff", "Cust1", "9", "--from", to, "--to", from]).1,
            "no event of ticket 9",
        ),
    ] {
        assert!(log.contains(said), "{log}");
    }
}
