//! Each example in the document is what the program answers about real events.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use serde_json::Value;

use super::{METHODS, committed};
use crate::support::{
    app::TestApp,
    cluster::TestDb,
    program::{printed, ticketlog},
};

/// Tickets of the real events that are imported: few, so that it is quick.
const TICKETS: [i64; 2] = [45, 2129];

/// What differs from run to run.
const FLEETING: [&str; 7] = [
    "last_delivery_at",
    "log_id",
    "received_at",
    "recorded_at",
    "signature",
    "since",
    "stored_at",
];

/// What is asked for each example, in this order.
const ASKED: [(&str, &str); 24] = [
    ("readyz", "/readyz"),
    ("list_hooks", "/v1/hooks"),
    ("list_tenants", "/v1/tenants"),
    (
        "list_tickets",
        "/v1/tenants/Cust10498/tickets?status=2&limit=1",
    ),
    ("show_ticket", "/v1/tenants/Cust10498/tickets/45"),
    (
        "show_timeline",
        "/v1/tenants/Cust10498/tickets/45/timeline?since=2016-02-29T08:00:00Z&limit=1",
    ),
    (
        "show_diff",
        "/v1/tenants/Cust10498/tickets/2129/diff?from=2016-03-09T00:00:00Z&to=2016-03-10T00:00:00Z",
    ),
    (
        "list_diffs",
        "/v1/tenants/Cust10498/diff?from=2016-02-29T08:00:00Z&to=2016-03-10T00:00:00Z&field=status&limit=1",
    ),
    (
        "list_ticket_events",
        "/v1/tenants/Cust10498/tickets/45/events?limit=1",
    ),
    (
        "list_changes",
        "/v1/tenants/Cust10498/changes?field=status&order=desc&limit=1",
    ),
    ("list_actors", "/v1/tenants/Cust10498/actors?limit=1"),
    ("show_actor", "/v1/tenants/Cust10498/actors/642"),
    (
        "list_actor_days",
        "/v1/tenants/Cust10498/actors/642/days?days=2",
    ),
    ("list_days", "/v1/tenants/Cust10498/days?days=2"),
    ("show_completeness", "/v1/tenants/Cust10498/completeness"),
    ("list_reports", "/v1/tenants/Cust10498/reports"),
    (
        "show_report",
        "/v1/tenants/Cust10498/reports/transitions?field=status",
    ),
    ("list_events", "/v1/tenants/Cust10498/events?limit=1"),
    (
        "show_event",
        "/v1/tenants/Cust10498/events/d8f55c4c-b4fe-5021-96ae-b47a58d1984c",
    ),
    (
        "list_labels",
        "/v1/tenants/Cust10498/labels?list=status&limit=2",
    ),
    ("put_labels", "/v1/tenants/Cust10498/labels"),
    ("put_bridge", "/v1/tenants/Cust10498/labels/bridge"),
    ("list_bridge", "/v1/tenants/Cust10498/labels/bridge"),
    ("receive", "/webhook/default"),
];

fn data(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data").join(name)
}

/// A service that knows the events of [`TICKETS`] and the labels of their customer.
async fn start() -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::open(data("uci_incidents_3500.ndjson.gz")).unwrap();
    let lines = BufReader::new(GzDecoder::new(file))
        .lines()
        .map(Result::unwrap);
    let wanted = lines.filter(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        TICKETS.contains(&event["PrimaryKey"].as_i64().unwrap())
    });
    let events = wanted.collect::<Vec<_>>().join("\n");
    fs::write(folder.path().join("uci_incidents_3500.ndjson"), events).unwrap();
    let labels = "uci_incidents_3500.labels.csv";
    fs::copy(data(labels), folder.path().join(labels)).unwrap();
    let db = TestDb::create().await;
    for arguments in [
        &["import", "--no-wait", "uci_incidents_3500.ndjson"][..],
        &["labels", "import", "Cust10498", labels],
    ] {
        let mut command = ticketlog(["--database-url", &db.url()]);
        printed(
            &command
                .args(arguments)
                .current_dir(&folder)
                .output()
                .unwrap(),
        );
    }
    let app = TestApp::start_with(db, false).await;
    app.settle().await;
    app
}

#[tokio::test]
async fn every_example_is_what_is_answered() {
    let document: Value = serde_json::from_str(&committed()).unwrap();
    let app = start().await;
    let mut stale = Vec::new();
    for (name, path) in ASKED {
        let operation = operation(&document, name);
        let answer = match name {
            "receive" => app.deliver(asked(operation)).await,
            name if name.starts_with("put_") => app.put(path, asked(operation)).await,
            _ => app.get(path).await,
        };
        let mut answer = answer.assert(200);
        let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
        keep_fleeting(example, &mut answer);
        if answer != *example {
            stale.push(name);
            write(name, &answer);
        }
    }
    assert!(
        stale.is_empty(),
        "examples of {stale:?} are stale; refresh them and docs/openapi.json: \
         cp {}/*.json src/http/openapi/examples/",
        folder().display()
    );
}

#[test]
fn every_answer_in_json_has_an_example() {
    let document: Value = serde_json::from_str(&committed()).unwrap();
    let mut without = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in METHODS.into_iter().filter_map(|name| item.get(name)) {
            let json = &operation["responses"]["200"]["content"]["application/json"];
            if json.is_object() && json.get("example").is_none() {
                without.insert(operation["operationId"].as_str().unwrap());
            }
        }
    }
    // The same as `receive`.
    assert_eq!(without, BTreeSet::from(["receive_default"]));
}

fn operation<'a>(document: &'a Value, id: &str) -> &'a Value {
    let items = document["paths"].as_object().unwrap().values();
    let mut operations = items.flat_map(|item| item.as_object().unwrap().values());
    operations
        .find(|operation| operation["operationId"] == id)
        .unwrap()
}

/// The example of a body.
fn asked(operation: &Value) -> String {
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    assert!(example.is_object());
    example.to_string()
}

/// Takes over from the example what differs from run to run, where both have a text.
fn keep_fleeting(example: &Value, answer: &mut Value) {
    match (example, answer) {
        (Value::Object(example), Value::Object(answer)) => {
            for (key, value) in answer {
                let Some(known) = example.get(key) else {
                    continue;
                };
                if FLEETING.contains(&key.as_str()) && known.is_string() && value.is_string() {
                    *value = known.clone();
                } else {
                    keep_fleeting(known, value);
                }
            }
        }
        (Value::Array(example), Value::Array(answer)) => {
            for (known, value) in example.iter().zip(answer) {
                keep_fleeting(known, value);
            }
        }
        _ => {}
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples")
}

fn write(name: &str, answer: &Value) {
    fs::create_dir_all(folder()).unwrap();
    let text = serde_json::to_string_pretty(answer).unwrap();
    fs::write(folder().join(format!("{name}.json")), format!("{text}\n")).unwrap();
}
