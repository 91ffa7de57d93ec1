//! A log is whole or it is not there, and it is of one position.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use super::{command, export, read, run};
use crate::support::{app::TestApp, payload, program::printed};

/// More than one page of tickets, and more bytes than a pipe holds.
const TICKETS: i64 = 300;

async fn many() -> TestApp {
    let app = TestApp::start().await;
    for ticket in 1..=TICKETS {
        app.deliver(payload::created(ticket)).await.assert(200);
    }
    app
}

/// Runs until something is written; it waits for the pipe then.
fn start(app: &TestApp, format: &str) -> (Child, BufReader<ChildStdout>, String) {
    let mut command = command(&app.db, format, &[]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    (child, out, line)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_of_the_position_at_which_it_began() {
    let app = many().await;
    for format in ["xes", "ocel"] {
        let head = app.read("/v1/tenants/Cust1/events").await["head"].clone();
        let (child, mut out, mut text) = start(&app, format);
        let late = payload::changed(TICKETS).at("2025-06-01T00:00:00Z");
        app.deliver(late.set("priority", 1)).await.assert(200);
        let new = if format == "xes" { 998 } else { 999 };
        app.deliver(payload::created(new)).await.assert(200);
        app.settle().await;
        out.read_to_string(&mut text).unwrap();
        let said = printed(&child.wait_with_output().unwrap()).1;
        assert!(
            said.ends_with(&format!("as known at position {head}\n")),
            "{said}"
        );
        if format == "xes" {
            let log = read::log(&text);
            assert_eq!(log.attributes["position"], head.to_string());
            let cases = log
                .traces
                .iter()
                .map(|trace| &trace.attributes["concept:name"]);
            let all = (1..=TICKETS).map(|ticket| ticket.to_string());
            assert!(cases.eq(&all.collect::<Vec<_>>()));
            assert_eq!(log.traces.last().unwrap().events.len(), 1);
        } else {
            let log: Value = serde_json::from_str(&text).unwrap();
            let events = log["events"].as_array().unwrap();
            assert_eq!(json!(events.len()), head);
            let objects = log["objects"].as_array().unwrap().iter();
            let tickets = objects.filter(|object| object["type"] == "ticket");
            assert_eq!(tickets.count(), 301);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_cut_says_so_and_one_that_nobody_reads_is_no_error() {
    let app = many().await;
    for format in ["xes", "ocel"] {
        let (child, mut out, mut text) = start(&app, format);
        kill(
            Pid::from_raw(child.id().try_into().unwrap()),
            Signal::SIGINT,
        )
        .unwrap();
        out.read_to_string(&mut text).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = printed(&output).1;
        assert_eq!(
            said,
            "error: what was written is no whole log: interrupted\n"
        );
        let (child, out, _) = start(&app, format);
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), printed(&output).1),
            (Some(0), String::new())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_become_whole_is_removed() {
    let app = many().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    for format in ["xes", "ocel"] {
        let export = command(&app.db, format, &["-o", file.to_str().unwrap()]);
        // Files of 16 blocks at most.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""]);
        let output = shell
            .arg(export.get_program())
            .args(export.get_args())
            .output();
        let output = output.unwrap();
        let said = printed(&output).1;
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("would not be a whole log and is removed"),
            "{said}"
        );
        assert!(!file.exists());
    }
    // Somebody else's file is neither written over nor removed.
    std::fs::write(&file, "mine").unwrap();
    let output = run(&app.db, "xes", &["-o", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_without_tickets_has_a_log_without_cases() {
    let app = TestApp::start().await;
    let unknown = run(&app.db, "xes", &[]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        printed(&unknown)
            .1
            .contains("no event of a tenant \"Cust1\""),
        "{unknown:?}"
    );
    app.deliver(payload::changed(1).with("Event", "contact.changed"))
        .await
        .assert(200);
    // Of this ticket nothing is dated.
    app.deliver(payload::changed(2).without("Timestamp"))
        .await
        .assert(200);
    let said = "Wrote 0 tickets with 0 events, as known at position 2; left out: 1 event without a Timestamp\n";
    let (log, told) = export(&app.db, "xes", &[]);
    assert_eq!(told, said);
    assert!(read::log(&log).traces.is_empty());
    let (log, told) = export(&app.db, "ocel", &[]);
    assert_eq!(told, said);
    let log: Value = serde_json::from_str(&log).unwrap();
    for list in ["events", "objects", "eventTypes"] {
        assert_eq!(log[list], json!([]), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_go_with_a_format_is_refused_with_what_does() {
    let app = TestApp::start().await;
    for (format, more, word) in [
        ("xes", &["--what", "events"][..], "leave it out"),
        ("ocel", &["--after", "5"], "export all of it again"),
        (
            "xes",
            &["--noise"],
            "every event of a ticket's history is in it",
        ),
        ("ndjson", &[], "needs --what events or --what changes"),
        (
            "csv",
            &["--what", "events", "--activity", "step"],
            "xes and ocel",
        ),
        ("xes", &["--activity", "ticket_status"], "ticket-status"),
    ] {
        let refused = run(&app.db, format, more);
        assert!(!refused.status.success());
        let (out, said) = printed(&refused);
        assert!(out.is_empty() && said.contains(word), "{said}");
    }
}
