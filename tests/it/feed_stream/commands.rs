//! `tail` and `export`.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    payload,
    program::{printed, ticketlog},
};

const FEED: &str = "/v1/tenants/Cust1/events";

fn command<const N: usize>(app: &TestApp, arguments: [&str; N]) -> Command {
    let mut command = ticketlog(arguments);
    command.args(["--database-url", &app.db.url()]);
    command
}

fn run<const N: usize>(app: &TestApp, arguments: [&str; N]) -> Output {
    command(app, arguments).output().unwrap()
}

fn start<const N: usize>(app: &TestApp, arguments: [&str; N]) -> (Child, BufReader<ChildStdout>) {
    let mut command = command(app, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn interrupt(child: &Child) {
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
}

/// Waits for its end in order; gives what it said on standard error.
fn end(mut child: Child) -> String {
    let mut said = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {said}");
    said
}

fn read_line(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line.pop(), Some('\n'));
    line
}

fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn positions(items: &[Value]) -> Vec<i64> {
    let positions = items.iter().map(|item| item["position"].as_i64().unwrap());
    positions.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_shows_what_is_there_and_what_comes() {
    let app = TestApp::start().await;
    for ticket in 1..=12 {
        app.deliver(payload::created(ticket)).await.assert(200);
    }
    let (child, mut out) = start(&app, ["tail", "Cust1", "--from-start", "--json"]);
    let (short, mut text) = start(&app, ["tail", "Cust1"]);
    let page = app.read(FEED).await;
    for item in page["items"].as_array().unwrap() {
        let line: Value = serde_json::from_str(&read_line(&mut out)).unwrap();
        assert_eq!(&line, item);
    }
    for position in 3..=12 {
        let line = read_line(&mut text);
        assert_eq!(line.split_whitespace().next(), Some(&*position.to_string()));
    }
    let event = payload::changed(7)
        .set("status", 2)
        .set("title", "a\u{1b}[2J\nb");
    app.deliver(event).await.assert(200);
    let line: Value = serde_json::from_str(&read_line(&mut out)).unwrap();
    assert_eq!(line["position"], 13);
    assert_eq!(
        read_line(&mut text),
        "      13  2025-05-19T09:56:33.1554128Z  ticket.changed 7 by 19: status, title"
    );
    interrupt(&child);
    assert_eq!(end(child), "");
    // Nobody reads any more: it finds out with the next event.
    drop(text);
    app.deliver(payload::changed(7)).await.assert(200);
    assert_eq!(end(short), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_gives_what_the_api_gives_and_goes_on_by_position() {
    let app = TestApp::start().await;
    for ticket in 1..=5 {
        app.deliver(payload::created(ticket).set("title", "=1\n\"2\""))
            .await
            .assert(200);
    }
    let folder = tempfile::tempdir().unwrap();
    for format in ["ndjson", "csv"] {
        let whole = app.get(&format!("{FEED}?format={format}")).await.body;
        let exported = run(
            &app,
            ["export", "Cust1", "--what", "events", "--format", format],
        );
        assert!(exported.status.success(), "{exported:?}");
        assert_eq!(exported.stdout, whole);
        let (_, said) = printed(&exported);
        let head = whole_head(&app).await;
        assert_eq!(
            said,
            format!(
                "Reached position {head} of {head}; what comes later begins with --after {head}\n"
            )
        );
        let file = folder.path().join(format);
        let path = file.to_str().unwrap();
        let arguments = [
            "export", "Cust1", "--what", "events", "--format", format, "-o", path,
        ];
        assert!(run(&app, arguments).status.success());
        // Not written over.
        let again = run(&app, arguments);
        assert!(
            !again.status.success() && printed(&again).1.contains(path),
            "{again:?}"
        );
        app.deliver(payload::created(6)).await.assert(200);
        let after = head.to_string();
        let mut later = command(&app, arguments);
        let later = later.args(["--after", &after]).output().unwrap();
        assert!(later.status.success(), "{later:?}");
        let whole = app.get(&format!("{FEED}?format={format}")).await.body;
        assert!(fs::read(&file).unwrap() == whole, "{format} is not whole");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_would_not_be_whole_is_refused() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let folder = tempfile::tempdir().unwrap();
    // Nothing is added to half a row.
    // Nothing is added to half a row.
    let file = folder.path().join("cut");
    fs::write(&file, "{\"position\":1}\n{\"posi").unwrap();
    let path = file.to_str().unwrap();
    let cut = [
        "export", "Cust1", "--what", "events", "--format", "ndjson", "-o", path, "--after", "1",
    ];
    let refused = run(&app, cut);
    assert!(
        printed(&refused).1.contains("in the middle of a row"),
        "{refused:?}"
    );
    for (after, word) in [("99", "start again"), ("-1", "-1")] {
        let after = format!("--after={after}");
        let wrong = run(
            &app,
            [
                "export", "Cust1", "--what", "events", "--format", "csv", &after,
            ],
        );
        assert!(!wrong.status.success());
        assert!(printed(&wrong).1.contains(word), "{wrong:?}");
    }
}

async fn whole_head(app: &TestApp) -> i64 {
    app.read(FEED).await["head"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_interrupted_says_where_to_go_on() {
    let app = TestApp::start().await;
    let large = "x".repeat(1 << 20);
    for ticket in 1..=8 {
        let event = payload::created(ticket).with("Padding", large.as_str());
        app.deliver(event).await.assert(200);
    }
    let arguments = ["export", "Cust1", "--what", "events", "--format", "ndjson"];
    let (child, mut out) = start(&app, arguments);
    let mut first = [0];
    out.read_exact(&mut first).unwrap();
    // It waits for the pipe now.
    interrupt(&child);
    let mut text = String::from_utf8(first.to_vec()).unwrap();
    out.read_to_string(&mut text).unwrap();
    let said = end(child);
    let mut items = json_lines(&text);
    let reached = positions(&items).pop().unwrap();
    assert!(
        said.starts_with(&format!("Reached position {reached} of 8; ")),
        "{said}"
    );
    let after = format!("--after={reached}");
    let rest = command(&app, arguments).arg(after).output().unwrap();
    items.append(&mut json_lines(&printed(&rest).0));
    assert_eq!(json!(positions(&items)), json!([1, 2, 3, 4, 5, 6, 7, 8]));
    // And whoever reads only the beginning is served too.
    let (child, mut out) = start(&app, arguments);
    read_line(&mut out);
    drop(out);
    end(child);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_exported_in_the_order_of_the_log() {
    let app = TestApp::start().await;
    // The instants go the other way.
    for (at, ticket) in [(9, 1), (7, 2), (5, 1), (3, 2), (1, 1)] {
        let event = payload::changed(ticket).at(&format!("2025-05-19T09:56:0{at}Z"));
        let event = event.set("status", at % 4).set("title", format!("={at}"));
        app.deliver(event).await.assert(200);
    }
    app.deliver(payload::changed(1).without("Timestamp"))
        .await
        .assert(200);
    let export = |more: &[&str], format| {
        let mut command = command(
            &app,
            ["export", "Cust1", "--what", "changes", "--format", format],
        );
        command.args(more).output().unwrap()
    };
    for (noise, include) in [(None, ""), (Some("--noise"), "?include=noise")] {
        let mut expected = app
            .read_all(&format!("/v1/tenants/Cust1/changes{include}"))
            .await;
        // Stable: within an event they stay in their order.
        expected.sort_by_key(|change| change["position"].as_i64());
        assert!(!expected.is_empty());
        let noise = noise.as_slice();
        let (out, said) = printed(&export(noise, "ndjson"));
        assert_eq!(json_lines(&out), expected);
        assert!(said.starts_with("Reached position 6 of 6; "), "{said}");
        let after = [noise, &["--after", "3"]].concat();
        let (out, _) = printed(&export(&after, "ndjson"));
        expected.retain(|change| change["position"].as_i64().unwrap() > 3);
        assert_eq!(json_lines(&out), expected);
        let (out, _) = printed(&export(&after, "csv"));
        let mut table = csv::Reader::from_reader(out.as_bytes());
        let columns = table.headers().unwrap().clone();
        let positions: Vec<i64> = (table.records())
            .map(|row| {
                let row = row.unwrap();
                let place = columns.iter().position(|name| name == "position").unwrap();
                row[place].parse().unwrap()
            })
            .collect();
        assert_eq!(positions, self::positions(&expected));
        assert!(out.contains(",'=1"), "{out}");
    }
}
