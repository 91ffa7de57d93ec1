//! Searches over 25,014 real events, against answers that were computed from the raw source, and in the
//! terminal.

use serde_json::Value;

use crate::{
    real_data::{data, expected, import},
    support::{
        app::TestApp,
        cluster::TestDb,
        program::{printed, ticketlog},
    },
};

const CHANGES: &str = "/v1/tenants/Cust10498/changes";

async fn count(app: &TestApp, parameters: &[(&str, &str)]) -> Value {
    let query = serde_html_form::to_string(parameters).unwrap();
    let path = format!("{CHANGES}?return=count&{query}");
    app.read(&path).await["count"].clone()
}

#[tokio::test]
async fn counts_of_real_changes_are_those_computed_independently() {
    let db = TestDb::create().await;
    import(&db);
    let labels = ticketlog(["labels", "import", "Cust10498", "--database-url", &db.url()])
        .arg(data("uci_incidents_3500.labels.csv"))
        .output()
        .unwrap();
    assert!(labels.status.success(), "{labels:?}");
    let app = TestApp::start_with(db, false).await;
    let expected = expected();
    for (field, wanted) in expected["changes_per_field"].as_object().unwrap() {
        let plain = count(&app, &[("field", field), ("kind", "changed")]).await;
        assert_eq!(&plain, wanted, "{field}");
        let searched = count(&app, &[("q", &format!("{field} changed kind changed"))]).await;
        assert_eq!(&searched, wanted, "{field}");
    }
    for (name, wanted) in expected["changes_array"]["names"].as_object().unwrap() {
        let plain = count(&app, &[("field", name), ("declared", "true")]).await;
        assert_eq!(&plain, wanted, "{name}");
        let searched = count(&app, &[("q", &format!("declared {name}"))]).await;
        assert_eq!(&searched, wanted, "{name}");
    }
    transitions(&app, &expected).await;
    actors(&app, &expected).await;
    states(&app, &expected).await;
    terminal(&app);
}

/// From one label to another.
async fn transitions(app: &TestApp, expected: &Value) {
    let transitions = expected["ticket_status_transitions"].as_array().unwrap();
    assert!(!transitions.is_empty());
    for transition in transitions {
        let query = format!(
            "ticket_status changed from {} to {}",
            transition["old"], transition["new"]
        );
        let found = count(app, &[("q", &query)]).await;
        assert_eq!(found, transition["count"], "{query}");
        let (old, new) = (
            transition["old_id"].to_string(),
            transition["new"].as_str().unwrap(),
        );
        let plain = [
            ("field", "ticket_status"),
            ("from_value", &old),
            ("to_value", new),
        ];
        assert_eq!(count(app, &plain).await, transition["count"], "{query}");
    }
}

/// By number and by label.
async fn actors(app: &TestApp, expected: &Value) {
    for actor in expected["actors"].as_array().unwrap().iter().take(10) {
        for (field, wanted) in actor["by_field"].as_object().unwrap() {
            let query = format!("{field} changed by {}", actor["actor"]);
            assert_eq!(&count(app, &[("q", &query)]).await, wanted, "{query}");
        }
        let id = actor["id"].to_string();
        let parameters = [("actor", id.as_str()), ("kind", "changed")];
        assert_eq!(
            count(app, &parameters).await,
            actor["field_changes"],
            "{id}"
        );
    }
}

/// Tickets by the status that they held strictly before an instant.
async fn states(app: &TestApp, expected: &Value) {
    for state in expected["as_of"].as_array().unwrap().iter().take(2) {
        let before = state["before"].as_str().unwrap();
        let midnight = before.strip_suffix("T00:00:00.0000000Z").unwrap();
        let last: jiff::civil::Date = midnight.parse().unwrap();
        let last = format!("{}T23:59:59.9999999Z", last.yesterday().unwrap());
        for (label, wanted) in state["by_ticket_status"].as_object().unwrap() {
            let query = format!("ticket_status was \"{label}\" at {last} and kind initial");
            let query = serde_html_form::to_string([("q", &query)]).unwrap();
            let tickets = app
                .read_all(&format!("{CHANGES}?return=tickets&{query}"))
                .await;
            assert_eq!(&Value::from(tickets.len()), wanted, "{query}");
        }
    }
}

fn matrix_in_the_terminal(run: &dyn Fn(&[&str]) -> (String, String)) {
    let all = ["ticket 45", "--return", "matrix"];
    let (shown, _) = run(&[&all[..], &["--csv"]].concat());
    let mut lines = shown.lines();
    assert_eq!(lines.next(), Some("actor,actor_label,field,changes"));
    let changes = lines.map(|line| line.rsplit(',').next().unwrap().parse::<i64>().unwrap());
    let (count, _) = run(&["ticket 45", "--return", "count"]);
    assert_eq!(
        changes.sum::<i64>(),
        count.trim_end().parse::<i64>().unwrap()
    );
    let (shown, _) = run(&[&all[..], &["--limit", "1"]].concat());
    assert!(
        shown.ends_with("\n1 pairs of actor and field; --limit shows more\n"),
        "{shown}"
    );
}

fn terminal(app: &TestApp) {
    let run = |arguments: &[&str]| {
        let output = ticketlog(["search", "Cust10498", "--database-url", &app.db.url()])
            .args(arguments)
            .output()
            .unwrap();
        printed(&output)
    };
    let (shown, log) = run(&[
        "ticket_status changed from 'Resolved' to 'Closed'",
        "--return",
        "count",
    ]);
    assert_eq!(shown, "3499\n", "{log}");
    let (shown, _) = run(&["ticket 45", "--csv", "--limit", "2"]);
    let lines: Vec<&str> = shown.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "ticket,event_id,position,occurred_at,actor,actor_label,field,kind,declared,from,from_label,to,to_label"
    );
    assert!(
        lines[1].starts_with("45,2b18bc8e-b205-54b8-a0b2-0b52372e274f,"),
        "{shown}"
    );
    assert_eq!(lines.len(), 4, "{shown}");
    let (shown, _) = run(&["ticket_status changed ticket 45"]);
    assert!(
        shown.contains("ticket_status: ") && shown.ends_with(" changes\n"),
        "{shown}"
    );
    matrix_in_the_terminal(&run);
    let (shown, log) = run(&["ticket_status changd"]);
    assert_eq!(shown, "");
    assert!(log.starts_with("error: expected "), "{log}");
    assert!(
        log.contains("\n  ticket_status changd\n                ^^^^^^\n"),
        "{log}"
    );
    let output = ticketlog(["changes", "Cust10498", "--database-url", &app.db.url()])
        .args([
            "--field",
            "ticket_status",
            "--to",
            "Closed",
            "--actor",
            "908",
            "--desc",
            "--json",
        ])
        .output()
        .unwrap();
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 100);
    assert_eq!(listed["items"][0]["to_label"], "Closed");
}
