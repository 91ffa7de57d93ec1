//! The reports of 25,014 real events, held against answers that were computed from the raw source by another program;
//! by every way to ask for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::faces::{ask, over_rest};
use crate::{
    real_data::{data, expected, import},
    real_desk::names,
    support::{app::TestApp, cluster::TestDb},
};

const TENANT: &str = "Cust10498";

/// Later than all of it, so that the age of what is open is the same whenever the test runs.
const UNTIL: &str = "2017-03-01T00:00:00Z";

/// Seconds by which durations may differ: the expected ones are rounded to thousandths.
const TOLERANCE: f64 = 0.01;

#[tokio::test]
async fn reports_of_real_tickets_are_as_computed_independently() {
    let db = TestDb::create().await;
    import(&db);
    let app = TestApp::start_with(db, false).await;
    app.settle().await;
    let expected = expected();
    for (field, name) in [
        ("ticket_status", "time_in_ticket_status"),
        ("status", "time_in_base_status"),
    ] {
        time_in_field(&app, field, &expected[name]).await;
    }
    time_of_each_ticket(&app).await;
    reopens(&app, &expected["reopens"]).await;
    resolution(&app, &expected).await;
    backlog(&app, &expected["as_of"]).await;
    throughput(&app, &expected).await;
    transitions(&app, &expected["ticket_status_transitions"]).await;
    for (field, name) in [("owned_by", "owner"), ("project_id", "team_project_id")] {
        hands(&app, field, &expected[name]).await;
    }
    changes(&app, &expected).await;
    // The source lost nothing, so nothing may look lost.
    assert_eq!(
        ask(&app, TENANT, "feed_completeness", &[]).await,
        Vec::<Value>::new()
    );
}

fn near(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() <= TOLERANCE,
        _ => found == expected,
    }
}

fn assert_near(found: &Value, expected: &Value, what: &str) {
    assert!(
        near(found, expected),
        "{what}: {found}, expected {expected}"
    );
}

async fn time_in_field(app: &TestApp, field: &str, expected: &Value) {
    let given = [("field", field), ("until", UNTIL)];
    let rows = ask(app, TENANT, "time_in_field", &given).await;
    let expected = expected.as_array().unwrap();
    assert_eq!(rows.len(), expected.len());
    for one in expected {
        let row = rows.iter().find(|row| row["value"] == one["id"]).unwrap();
        for (column, name) in [
            ("visits", "visits"),
            ("closed_visits", "closed_visits"),
            ("open_visits", "current_in"),
            ("total_seconds", "total_seconds"),
            (
                "median_seconds_per_visit",
                "median_seconds_per_closed_visit",
            ),
            ("median_seconds_per_ticket", "median_seconds_per_ticket"),
        ] {
            assert_near(
                &row[column],
                &one[name],
                &format!("{field} {} {column}", one["id"]),
            );
        }
        // The evidence is as many visits, and they take as long.
        let drill = row["drill"].as_str().unwrap();
        let given = [("field", field), ("until", UNTIL), ("drill", drill)];
        let evidence = ask(app, TENANT, "time_in_field", &given).await;
        assert_eq!(json!(evidence.len()), row["visits"]);
        let closed = evidence
            .iter()
            .filter(|visit| visit["until_at"] != Value::Null);
        let seconds: f64 = closed.map(|visit| visit["seconds"].as_f64().unwrap()).sum();
        assert!((seconds - row["total_seconds"].as_f64().unwrap()).abs() < TOLERANCE);
    }
}

/// Each ticket's time in each status, from the evidence.
async fn time_of_each_ticket(app: &TestApp) {
    let mut found: BTreeMap<(i64, i64), (usize, f64)> = BTreeMap::new();
    for status in 1..=8 {
        let drill = status.to_string();
        let evidence = over_rest(app, TENANT, "time_in_field", &[("drill", &drill)]).await;
        for visit in evidence {
            let entry = found
                .entry((visit["ticket"].as_i64().unwrap(), status))
                .or_default();
            entry.0 += 1;
            if visit["until_at"] != Value::Null {
                entry.1 += visit["seconds"].as_f64().unwrap();
            }
        }
    }
    let file =
        std::fs::File::open(data("expected_uci_incidents_3500_time_in_status.csv.gz")).unwrap();
    let mut table = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let mut rows = 0;
    for row in table.records() {
        let row = row.unwrap();
        let number = |at: usize| row[at].parse::<f64>().unwrap();
        let whole = |at: usize| row[at].parse::<i64>().unwrap();
        let (visits, seconds) = found[&(whole(0), whole(1))];
        assert_eq!(visits, row[3].parse::<usize>().unwrap());
        assert!(
            (seconds - number(4)).abs() <= TOLERANCE,
            "{row:?}: {seconds}"
        );
        rows += 1;
    }
    assert_eq!(rows, found.len());
}

async fn reopens(app: &TestApp, expected: &Value) {
    let rows = ask(app, TENANT, "reopens", &[]).await;
    let distribution: BTreeMap<String, i64> = rows
        .iter()
        .map(|row| (row["reopens"].to_string(), row["tickets"].as_i64().unwrap()))
        .collect();
    assert_eq!(json!(distribution), expected["distribution"]);
    let ever: i64 = rows
        .iter()
        .map(|row| row["tickets_ever_closed"].as_i64().unwrap())
        .sum();
    assert_eq!(json!(ever), expected["tickets_ever_closed"]);
    for row in rows.iter().filter(|row| row["reopens"] != 0) {
        let drill = row["drill"].as_str().unwrap();
        let evidence = over_rest(app, TENANT, "reopens", &[("drill", drill)]).await;
        let tickets: std::collections::BTreeSet<String> = evidence
            .iter()
            .map(|row| row["ticket"].to_string())
            .collect();
        assert_eq!(json!(tickets.len()), row["tickets"]);
        let reopens = row["reopens"].as_i64().unwrap() * row["tickets"].as_i64().unwrap();
        assert_eq!(i64::try_from(evidence.len()).unwrap(), reopens);
    }
}

async fn resolution(app: &TestApp, expected: &Value) {
    let rows = ask(app, TENANT, "resolution", &[]).await;
    assert_eq!(rows.len(), 1);
    let whole = &expected["throughput_first_to_last_event_seconds"];
    let closed = &expected["first_event_to_first_base_closed_seconds"];
    for (column, expected) in [
        ("tickets", &expected["totals"]["tickets"]),
        ("median_seconds_first_to_last", &whole["median"]),
        ("mean_seconds_first_to_last", &whole["mean"]),
        ("tickets_closed", &closed["tickets"]),
        ("median_seconds_to_first_closed", &closed["median"]),
    ] {
        assert_near(&rows[0][column], expected, column);
    }
}

async fn backlog(app: &TestApp, expected: &Value) {
    for point in expected.as_array().unwrap() {
        let before: jiff::Timestamp = point["before"].as_str().unwrap().parse().unwrap();
        // The report's instant is inclusive.
        let at = (before - jiff::SignedDuration::from_nanos(100)).to_string();
        for (field, name) in [
            ("ticket_status", "by_ticket_status"),
            ("status", "by_base_status"),
        ] {
            let names = names(field);
            let rows = ask(
                app,
                TENANT,
                "backlog_as_of",
                &[("at", &at), ("field", field)],
            )
            .await;
            let counts: BTreeMap<&String, &Value> = rows
                .iter()
                .map(|row| (&names[&row["value"].to_string()], &row["tickets"]))
                .collect();
            assert_eq!(json!(counts), point[name]);
        }
    }
}

/// What days add up to.
async fn throughput(app: &TestApp, expected: &Value) {
    let rows = ask(app, TENANT, "throughput", &[("until", UNTIL)]).await;
    let sum = |column: &str| {
        rows.iter()
            .map(|row| row[column].as_i64().unwrap())
            .sum::<i64>()
    };
    assert_eq!(json!(sum("created")), expected["totals"]["created"]);
    assert_eq!(json!(sum("reopened")), expected["reopens"]["total"]);
    // 29 February 2016 to 28 February 2017, and nothing is open at the end.
    assert_eq!(rows.len(), 366);
    assert_eq!(rows[365]["backlog"], 0);
    let status = expected["time_in_base_status"].as_array().unwrap();
    let closed = status.iter().find(|row| row["id"] == 2).unwrap();
    assert_eq!(json!(sum("closed")), closed["visits"]);
}

async fn transitions(app: &TestApp, expected: &Value) {
    let rows = ask(app, TENANT, "transitions", &[]).await;
    let found: BTreeMap<(i64, i64), &Value> = rows
        .iter()
        .map(|row| {
            let id = |name: &str| row[name].as_i64().unwrap();
            ((id("from"), id("to")), &row["count"])
        })
        .collect();
    let expected = expected.as_array().unwrap().iter();
    let expected: BTreeMap<(i64, i64), &Value> = expected
        .map(|row| {
            let id = |name: &str| row[name].as_i64().unwrap();
            ((id("old_id"), id("new_id")), &row["count"])
        })
        .collect();
    assert_eq!(found, expected);
    for row in rows.iter().filter(|row| row["count"].as_i64() < Some(100)) {
        let drill = row["drill"].as_str().unwrap();
        let evidence = over_rest(app, TENANT, "transitions", &[("drill", drill)]).await;
        assert_eq!(json!(evidence.len()), row["count"]);
    }
}

/// Who handed tickets to whom.
async fn hands(app: &TestApp, field: &str, expected: &Value) {
    let given = [("field", field)];
    let rows = ask(app, TENANT, "owner_changes", &given).await;
    assert_eq!(rows.len(), 1);
    for column in [
        "assignments",
        "unassignments",
        "reassignments",
        "tickets_reassigned",
    ] {
        assert_eq!(rows[0][column], expected[column], "{field} {column}");
    }
    let ping_pong = &expected["ping_pong"];
    assert_eq!(rows[0]["ping_pong_tickets"], ping_pong["tickets"]);
    assert_eq!(rows[0]["ping_pong_bounces"], ping_pong["bounces"]);
    let bounces = ask(app, TENANT, "ping_pong", &given).await;
    let all: i64 = bounces
        .iter()
        .map(|row| row["count"].as_i64().unwrap())
        .sum();
    assert_eq!(json!(all), ping_pong["bounces"]);
    for worst in ping_pong["worst_pairs"].as_array().unwrap() {
        let (a, b) = (&worst["a_id"], &worst["b_id"]);
        let is_pair =
            |row: &&Value| (&row["a"], &row["b"]) == (a, b) || (&row["a"], &row["b"]) == (b, a);
        let row = bounces.iter().find(is_pair).unwrap();
        assert_eq!(row["count"], worst["count"]);
        let drill = row["drill"].as_str().unwrap();
        let evidence = over_rest(
            app,
            TENANT,
            "ping_pong",
            &[("field", field), ("drill", drill)],
        )
        .await;
        assert_eq!(json!(evidence.len()), row["count"]);
    }
    let handovers = ask(app, TENANT, "handovers", &given).await;
    for top in expected["top_handovers"].as_array().unwrap() {
        let is_pair = |row: &&Value| (&row["from"], &row["to"]) == (&top["a_id"], &top["b_id"]);
        let row = handovers.iter().find(is_pair).unwrap();
        assert_eq!(row["count"], top["count"], "{field}");
    }
    // They come with the greatest first.
    let most = expected["top_handovers"][0]["count"].clone();
    assert_eq!(handovers[0]["count"], most);
}

async fn changes(app: &TestApp, expected: &Value) {
    let rows = ask(app, TENANT, "changes_by_field", &[]).await;
    let found: BTreeMap<&str, &Value> = rows
        .iter()
        .map(|row| (row["field"].as_str().unwrap(), &row["changes"]))
        .collect();
    let fields = expected["changes_per_field"].as_object().unwrap().iter();
    let never = json!(0);
    let moved = fields.clone().filter(|(_, count)| **count != never).count();
    assert_eq!(found.len(), moved);
    for (field, count) in fields {
        assert_eq!(
            *found.get(field.as_str()).unwrap_or(&&never),
            count,
            "{field}"
        );
    }
    let rows = ask(app, TENANT, "changes_by_actor", &[]).await;
    let actors = expected["actors"].as_array().unwrap();
    assert_eq!(rows.len(), actors.len());
    let by_field = ask(app, TENANT, "changes_by_actor", &[("group_by", "field")]).await;
    for actor in actors {
        let row = rows.iter().find(|row| row["actor"] == actor["id"]).unwrap();
        for (column, name) in [
            ("created", "created"),
            ("events", "events"),
            ("changes", "field_changes"),
        ] {
            assert_eq!(row[column], actor[name], "{} {column}", actor["id"]);
        }
        let theirs = by_field.iter().filter(|row| row["actor"] == actor["id"]);
        let theirs: BTreeMap<&str, &Value> = theirs
            .map(|row| (row["group"].as_str().unwrap(), &row["changes"]))
            .collect();
        // Of the busiest it is known by field.
        if actor["by_field"] != Value::Null {
            assert_eq!(json!(theirs), actor["by_field"]);
        }
    }
}
