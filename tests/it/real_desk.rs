//! The desk, its actors and what is in doubt, of 25,014 real events, held against answers that were computed
//! from the raw source by another program.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    real_data::{data, expected, import},
    support::{app::TestApp, cluster::TestDb},
};

const TENANT: &str = "/v1/tenants/Cust10498";

#[tokio::test]
async fn the_desk_of_real_tickets_is_as_computed_independently() {
    let db = TestDb::create().await;
    import(&db);
    let app = TestApp::start_with(db, false).await;
    let expected = expected();
    for point in expected["as_of"].as_array().unwrap() {
        assert_desk_before(&app, point).await;
    }
    assert_actors(&app, &expected["actors"]).await;
    assert_timelines(&app, expected["timelines"].as_array().unwrap()).await;
    // The source lost nothing, so nothing may look lost.
    let doubt = app.read(&format!("{TENANT}/completeness")).await;
    assert_eq!(
        doubt,
        json!({
            "consistent": 25_014, "unproven": 0, "suspect": 0, "unproven_share": 0.0, "suspect_share": 0.0,
            "open": {"consistent": 3500, "unproven": 0}, "items": [], "next": null,
        })
    );
}

/// The names of a list, by id.
pub(crate) fn names(list: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(data("uci_incidents_3500.labels.csv")).unwrap();
    let rows = text
        .lines()
        .map(|line| line.splitn(3, ',').collect::<Vec<_>>());
    rows.filter(|row| row[0] == list)
        .map(|row| (row[1].to_owned(), row[2].to_owned()))
        .collect()
}

/// The tickets by their last event strictly before an instant, counted from the whole list and by filters.
async fn assert_desk_before(app: &TestApp, point: &Value) {
    let before: jiff::Timestamp = point["before"].as_str().unwrap().parse().unwrap();
    let as_of = before - jiff::SignedDuration::from_nanos(100);
    let path = format!("{TENANT}/tickets?as_of={as_of}");
    let tickets = app.read_all(&path).await;
    assert_eq!(json!(tickets.len()), point["tickets"]);
    for (field, counts) in [
        ("ticket_status", "by_ticket_status"),
        ("status", "by_base_status"),
    ] {
        let names = names(field);
        let mut counted: BTreeMap<&String, usize> = BTreeMap::new();
        for ticket in &tickets {
            *counted
                .entry(&names[&ticket["fields"][field].to_string()])
                .or_insert(0) += 1;
        }
        assert_eq!(json!(counted), point[counts]);
        for (id, name) in &names {
            let filtered = app.read_all(&format!("{path}&{field}={id}")).await;
            assert_eq!(
                json!(filtered.len()),
                *point[counts].get(name).unwrap_or(&json!(0))
            );
        }
    }
    // Of the events it is known how many there were; each is of one ticket.
    let changed = app
        .read_all(&format!("{path}&changed_since={before}"))
        .await;
    assert_eq!(changed, Vec::<Value>::new());
}

async fn assert_actors(app: &TestApp, expected: &Value) {
    let expected: BTreeMap<i64, &Value> = (expected.as_array().unwrap().iter())
        .map(|actor| (actor["id"].as_i64().unwrap(), actor))
        .collect();
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let mut page = app.read(&format!("{TENANT}/actors?limit=50{next}")).await;
        found.append(page["items"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    let ids: Vec<i64> = found
        .iter()
        .map(|item| item["actor"]["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, expected.keys().copied().collect::<Vec<_>>());
    for item in found {
        let id = item["actor"]["id"].as_i64().unwrap();
        let theirs = expected[&id];
        assert_eq!(
            (&item["created"], &item["events"], &item["changes"]),
            (
                &theirs["created"],
                &theirs["events"],
                &theirs["field_changes"]
            )
        );
        let mut one = app.read(&format!("{TENANT}/actors/{id}")).await;
        let fields = one["by_field"].as_array().unwrap().iter();
        let fields: BTreeMap<&str, &Value> = fields
            .map(|field| (field["field"].as_str().unwrap(), &field["changes"]))
            .collect();
        // Only of the busiest it was computed by field.
        if let Some(by_field) = theirs.get("by_field") {
            assert_eq!(json!(fields), *by_field, "actor {id}");
        }
        let days = one["by_day"].as_array().unwrap();
        let sum = |name: &str| {
            days.iter()
                .map(|day| day[name].as_i64().unwrap())
                .sum::<i64>()
        };
        assert_eq!(
            json!([sum("events"), sum("changes")]),
            json!([item["events"], item["changes"]])
        );
        for own in ["by_field", "by_day", "zone"] {
            one.as_object_mut().unwrap().remove(own);
        }
        assert_eq!(one, item);
    }
}

/// Whole histories of seven tickets, as differences: each event's changes are what lies between the instant
/// before it and its own, and all of them together what lies between the first and the last.
async fn assert_timelines(app: &TestApp, timelines: &[Value]) {
    assert_eq!(timelines.len(), 7);
    for timeline in timelines {
        let path = format!("{TENANT}/tickets/{}/diff", timeline["primary_key"]);
        let events = timeline["events"].as_array().unwrap();
        let mut net: BTreeMap<String, (Value, Value, i64)> = BTreeMap::new();
        for pair in events.windows(2) {
            let at = |nth: usize| pair[nth]["timestamp"].as_str().unwrap();
            let diff = app
                .read(&format!("{path}?from={}&to={}", at(0), at(1)))
                .await;
            let ours: Vec<Value> = (diff["fields"].as_array().unwrap().iter())
                .filter(|field| !field["field"].as_str().unwrap().starts_with("x_"))
                .map(|field| {
                    assert_eq!(field["actors"][0]["id"], pair[1]["actor_id"]);
                    json!([
                        field["field"],
                        field["from"],
                        field["to"],
                        field["steps"],
                        field["changed"]
                    ])
                })
                .collect();
            let theirs = pair[1]["changes"].as_array().unwrap().iter();
            let theirs: Vec<Value> = theirs
                .map(|change| json!([change["field"], change["old"], change["new"], 1, true]))
                .collect();
            assert_eq!(ours, theirs, "{path}");
            for change in pair[1]["changes"].as_array().unwrap() {
                let first = (change["old"].clone(), Value::Null, 0);
                let field = change["field"].as_str().unwrap().to_owned();
                let entry = net.entry(field).or_insert(first);
                entry.1 = change["new"].clone();
                entry.2 += 1;
            }
        }
        let ends = [events.first().unwrap(), events.last().unwrap()]
            .map(|it| it["timestamp"].as_str().unwrap());
        let diff = app
            .read(&format!("{path}?from={}&to={}", ends[0], ends[1]))
            .await;
        let ours: Vec<Value> = (diff["fields"].as_array().unwrap().iter())
            .filter(|field| !field["field"].as_str().unwrap().starts_with("x_"))
            .map(|field| json!([field["field"], field["from"], field["to"], field["steps"]]))
            .collect();
        let theirs: Vec<Value> = net
            .into_iter()
            .map(|(field, (old, new, steps))| json!([field, old, new, steps]))
            .collect();
        assert_eq!(ours, theirs, "{path}");
        assert_eq!(diff["events"], json!(events.len() - 1));
    }
}
