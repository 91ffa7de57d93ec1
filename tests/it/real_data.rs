//! 25,014 real events, held against answers that were computed from the raw source by another program.

use std::{collections::BTreeMap, io::Read, path::Path, process::Command};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::{app::TestApp, cluster::TestDb};

const EVENTS: i64 = 25_014;

pub(crate) fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

pub(crate) fn expected() -> Value {
    let text = std::fs::read(data("expected_uci_incidents_3500.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Runs the real program's import; gives what it printed.
pub(crate) fn import(db: &TestDb) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ticketlog"))
        .arg("import")
        .arg(data("uci_incidents_3500.ndjson.gz"))
        .args(["--database-url", &db.url()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn real_histories_come_out_as_computed_independently() {
    let db = TestDb::create().await;
    assert_eq!(
        import(&db),
        "25014 stored, 0 duplicates, 0 conflicts, 0 ignored, 0 bad\n"
    );
    assert_eq!(
        import(&db),
        "0 stored, 25014 duplicates, 0 conflicts, 0 ignored, 0 bad\n"
    );
    let app = TestApp::start_with(db, false).await;
    let holes = app.count(
        "SELECT count(*) FROM (SELECT position - lag(position, 1, 0::bigint) OVER (ORDER BY position) AS step
         FROM event) AS steps WHERE step <> 1",
    );
    assert_eq!(holes.await, 0);
    app.settle().await;
    let mut tenants = app.read("/v1/tenants").await;
    tenants["items"][0]
        .as_object_mut()
        .unwrap()
        .remove("log_id");
    assert_eq!(
        tenants,
        json!({"next": null, "items": [{
            "tenant": "Cust10498", "head": EVENTS, "projected": EVENTS, "events": EVENTS, "tickets": 3500, "undated": 0,
            "first_at": "2016-02-29T01:23:00.0002755Z", "last_at": "2017-02-07T18:00:00.0001679Z",
            "zone": null,
        }]})
    );
    let timelines = all_timelines(&app).await;
    let expected = expected();
    assert_seven_timelines(&timelines, &expected);
    assert_eq!(changes_per_field(&timelines), expected["changes_per_field"]);
    assert_eq!(
        reopens(&timelines),
        (
            expected["reopens"]["total"].clone(),
            expected["reopens"]["tickets"].clone()
        )
    );
    assert_nothing_in_doubt(&timelines);
}

/// Every ticket's timeline with noise, by ticket, over REST.
async fn all_timelines(app: &TestApp) -> BTreeMap<i64, Vec<Value>> {
    let mut tickets = std::collections::BTreeSet::new();
    let mut text = String::new();
    let file = std::fs::File::open(data("uci_incidents_3500.ndjson.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    for line in text.lines() {
        let body: Value = serde_json::from_str(line).unwrap();
        tickets.insert(body["PrimaryKey"].as_i64().unwrap());
    }
    let mut timelines = BTreeMap::new();
    for ticket in tickets {
        let path = format!("/v1/tenants/Cust10498/tickets/{ticket}/timeline?include=noise");
        timelines.insert(ticket, app.read_all(&path).await);
    }
    timelines
}

/// The changes of an entry that the independent answers count: from one known value to another.
fn moves(entry: &Value) -> Vec<&Value> {
    let changes = entry["changes"].as_array().unwrap().iter();
    changes
        .filter(|change| change["kind"] == "changed" && change["field"] != "last_changed")
        .collect()
}

fn assert_seven_timelines(timelines: &BTreeMap<i64, Vec<Value>>, expected: &Value) {
    let seven = expected["timelines"].as_array().unwrap();
    assert_eq!(seven.len(), 7);
    for timeline in seven {
        let ticket = timeline["primary_key"].as_i64().unwrap();
        let ours: Vec<Value> = timelines[&ticket]
            .iter()
            .map(|entry| {
                let changes = moves(entry).into_iter().map(|change| {
                    json!({"field": change["field"], "old": change["from"], "new": change["to"]})
                });
                json!({
                    "event_id": entry["event_id"], "timestamp": entry["occurred_at"],
                    "actor_id": entry["actor"]["id"], "changes": changes.collect::<Value>(),
                })
            })
            .collect();
        let theirs: Vec<Value> = timeline["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| {
                let changes = event["changes"].as_array().unwrap().iter().map(|change| {
                    json!({"field": change["field"], "old": change["old"], "new": change["new"]})
                });
                json!({
                    "event_id": event["event_id"], "timestamp": event["timestamp"],
                    "actor_id": event["actor_id"], "changes": changes.collect::<Value>(),
                })
            })
            .collect();
        assert_eq!(ours, theirs, "ticket {ticket}");
    }
}

fn changes_per_field(timelines: &BTreeMap<i64, Vec<Value>>) -> Value {
    // A field that never changed is in the answers too.
    let mut counts = BTreeMap::from([("ticket_type", 0)]);
    for change in timelines.values().flatten().flat_map(moves) {
        *counts.entry(change["field"].as_str().unwrap()).or_insert(0) += 1;
    }
    serde_json::to_value(counts).unwrap()
}

/// How many reopens, and of how many tickets.
fn reopens(timelines: &BTreeMap<i64, Vec<Value>>) -> (Value, Value) {
    let of_ticket = |timeline: &Vec<Value>| {
        timeline
            .iter()
            .filter(|entry| entry["lifecycle"] == "reopened")
            .count()
    };
    let counts: Vec<usize> = timelines
        .values()
        .map(of_ticket)
        .filter(|count| *count > 0)
        .collect();
    (counts.iter().sum::<usize>().into(), counts.len().into())
}

/// The source lost nothing, so nothing may look lost.
fn assert_nothing_in_doubt(timelines: &BTreeMap<i64, Vec<Value>>) {
    let doubted: Vec<&Value> = timelines
        .values()
        .flatten()
        .filter(|entry| entry["completeness"]["state"] != "consistent")
        .collect();
    assert_eq!(doubted, Vec::<&Value>::new());
}
