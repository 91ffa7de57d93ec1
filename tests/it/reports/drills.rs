//! The evidence of a row is as much as the row says: of all reports, over real events.

use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use serde_json::Value;
use ticketlog::store::built_in_reports;

use super::faces::over_rest;
use crate::{
    real_data::{data, import},
    support::{
        app::TestApp,
        cluster::TestDb,
        program::{printed, ticketlog},
    },
};

/// Most rows of an answer that are followed.
const ROWS: usize = 5;

/// How much evidence a row has, by its own columns; of some reports the evidence says itself what it counts for.
fn expected(report: &str, row: &Value) -> i64 {
    let sum = |columns: &[&str]| {
        let numbers = columns.iter().map(|column| row[*column].as_i64().unwrap());
        numbers.sum()
    };
    match report {
        // What is left of the tickets' lives is a row for each.
        "time_in_field" if row["known"] == false => sum(&["tickets"]),
        "time_in_field" => sum(&["visits"]),
        "transitions" | "handovers" | "ping_pong" => sum(&["count"]),
        "reopens" if row["reopens"] == 0 => sum(&["tickets"]),
        "reopens" => sum(&["tickets"]) * sum(&["reopens"]),
        "owner_changes" => sum(&[
            "assignments",
            "unassignments",
            "reassignments",
            "ping_pong_bounces",
        ]),
        "resolution" | "backlog_as_of" => sum(&["tickets"]),
        "first_response" => sum(&["tickets", "tickets_without_response"]),
        "throughput" => sum(&["created", "closed", "reopened", "backlog", "unknown"]),
        "changes_by_field" | "changes_by_actor" => sum(&["changes"]),
        "unassigned_time" => sum(&["stretches"]),
        "feed_completeness" => sum(&["intervals"]),
        other => panic!("what is the evidence of {other}?"),
    }
}

/// How much it is.
fn found(report: &str, evidence: &[Value]) -> i64 {
    match report {
        // An event for each, with how many changes it brought.
        "changes_by_actor" => evidence
            .iter()
            .map(|event| event["changes"].as_i64().unwrap())
            .sum(),
        _ => i64::try_from(evidence.len()).unwrap(),
    }
}

/// A tenant of whose 5,000 events every twentieth was lost.
fn import_lossy(db: &TestDb) {
    let file = std::fs::File::open(data("uci_incidents_3500.ndjson.gz")).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines().take(5_000);
    let kept = lines.enumerate().filter(|(nth, _)| nth % 20 != 0);
    let kept: Vec<String> = kept.map(|(_, line)| line.unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lossy.ndjson");
    std::fs::write(&path, kept.join("\n")).unwrap();
    let output = ticketlog(["import", "--tenant", "Lossy", "--database-url", &db.url()])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output).1);
}

#[tokio::test]
async fn the_evidence_of_a_row_is_as_much_as_the_row_says() {
    let db = TestDb::create().await;
    import(&db);
    import_lossy(&db);
    let app = TestApp::start_with(db, false).await;
    app.settle().await;
    let from = ("since", "2016-03-05T00:00:00Z");
    let to = ("until", "2016-06-01T00:00:00Z");
    for report in built_in_reports() {
        let name = report.name.as_str();
        let tenant = match name {
            "feed_completeness" => "Lossy",
            _ => "Cust10498",
        };
        let time: &[(&str, &str)] = match name {
            "backlog_as_of" => &[("at", "2016-03-15T12:00:00Z")],
            // What was lost lies before that time.
            "feed_completeness" => &[],
            _ => &[from, to],
        };
        let mut rows_with_evidence = 0;
        for group in ["", "month"] {
            let given = [time, &[("group_by", group)]].concat();
            for row in over_rest(&app, tenant, name, &given)
                .await
                .iter()
                .take(ROWS)
            {
                let drill = row["drill"].as_str().unwrap();
                let given = [&given[..], &[("drill", drill)]].concat();
                let evidence = over_rest(&app, tenant, name, &given).await;
                assert_eq!(
                    found(name, &evidence),
                    expected(name, row),
                    "{name} {given:?}"
                );
                rows_with_evidence += i64::from(!evidence.is_empty());
            }
        }
        assert!(rows_with_evidence >= 2, "{name}");
    }
}
