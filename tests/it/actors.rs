//! Who changes how much: against every ticket's timeline.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    desk::{bodies, pages},
    model::reading,
    support::{app::TestApp, payload},
};

const ACTORS: &str = "/v1/tenants/Cust1/actors";

/// All entries but repeats, as the timelines show them.
async fn entries(app: &TestApp) -> Vec<Value> {
    let mut entries = Vec::new();
    for ticket in app.read_all("/v1/tenants/Cust1/tickets").await {
        let path = format!(
            "/v1/tenants/Cust1/tickets/{}/timeline?include=noise",
            ticket["ticket"]
        );
        let found = app.read_all(&path).await.into_iter();
        entries.extend(found.filter(|entry| entry["repeats"] == Value::Null));
    }
    entries.sort_by_key(|entry| {
        reading::instant(entry["occurred_at"].as_str().unwrap())
            .unwrap()
            .ticks
    });
    entries
}

fn changes(entry: &Value) -> usize {
    let noise = ["id", "last_changed"];
    let moves = entry["changes"].as_array().unwrap().iter();
    moves
        .filter(|change| {
            change["kind"] == "changed" && !noise.contains(&change["field"].as_str().unwrap())
        })
        .count()
}

/// What the list should be of some entries: by number, those of nobody last.
fn activities(entries: &[&Value]) -> Vec<Value> {
    let mut by_actor: BTreeMap<(bool, i64), Vec<&Value>> = BTreeMap::new();
    for entry in entries {
        let id = entry["actor"]["id"].as_i64();
        by_actor
            .entry((id.is_none(), id.unwrap_or(0)))
            .or_default()
            .push(entry);
    }
    let activities = by_actor.into_values().map(|theirs| {
        let created = theirs.iter().filter(|entry| entry["event"] == "ticket.created").count();
        json!({
            "actor": theirs[0]["actor"], "created": created, "events": theirs.len(),
            "changes": theirs.iter().map(|entry| changes(entry)).sum::<usize>(),
            "first_at": theirs[0]["occurred_at"], "last_at": theirs[theirs.len() - 1]["occurred_at"],
        })
    });
    activities.collect()
}

#[tokio::test]
async fn what_actors_did_is_what_the_timelines_say() {
    let app = TestApp::start().await;
    for body in bodies(12, 8, 29) {
        app.deliver(body).await.assert(200);
    }
    let nobody = payload::changed(1)
        .at("2025-10-26T01:00:00.5Z")
        .without("ChangedByAssociateId");
    app.deliver(nobody).await.assert(200);
    let all = entries(&app).await;
    let ticks = |entry: &Value| {
        reading::instant(entry["occurred_at"].as_str().unwrap())
            .unwrap()
            .ticks
    };
    let middle = &all[all.len() / 2];
    let at = middle["occurred_at"].as_str().unwrap();
    for (query, within) in [
        (String::new(), all.iter().collect::<Vec<_>>()),
        (
            format!("since={at}"),
            all.iter().filter(|it| ticks(it) >= ticks(middle)).collect(),
        ),
        (
            format!("until={at}"),
            all.iter().filter(|it| ticks(it) < ticks(middle)).collect(),
        ),
    ] {
        let expected = activities(&within);
        for limit in [1, 2, 1000] {
            let found = pages(&app, &format!("{ACTORS}?{query}"), limit).await;
            assert_eq!(found.len(), expected.len());
            for (ours, theirs) in found.iter().zip(&expected) {
                assert_same(ours, theirs);
                let id = ours["actor"]["id"]
                    .as_i64()
                    .map_or("none".to_owned(), |id| id.to_string());
                assert_same(&app.read(&format!("{ACTORS}/{id}?{query}")).await, theirs);
            }
        }
    }
}

/// The zone of the days from 1960 on, and each with its events and changes.
async fn days(app: &TestApp, query: &str) -> (String, Vec<String>) {
    let window = "since=1960-01-01T00:00:00Z&until=2030-01-01T00:00:00Z";
    let one = app.read(&format!("{ACTORS}/19?{window}{query}")).await;
    let days = one["by_day"].as_array().unwrap().iter().map(|day| {
        let date = day["day"].as_str().unwrap();
        format!("{date} {} {}", day["events"], day["changes"])
    });
    (one["zone"].as_str().unwrap().to_owned(), days.collect())
}

/// The same, but that of events on one tick either may be the first or the last.
fn assert_same(ours: &Value, theirs: &Value) {
    for name in ["actor", "created", "events", "changes"] {
        assert_eq!(ours[name], theirs[name], "{ours}");
    }
    for name in ["first_at", "last_at"] {
        let ticks = |it: &Value| reading::instant(it[name].as_str().unwrap()).unwrap().ticks;
        assert_eq!(ticks(ours), ticks(theirs));
    }
}

#[tokio::test]
async fn days_are_those_of_a_zone() {
    let app = TestApp::start().await;
    for (ticket, at) in (1..).zip([
        // Midnight in Oslo is at 22:00 and, once summer is over, at 23:00.
        "2025-10-25T21:59:59.9999999Z",
        "2025-10-25T22:00:00Z",
        "2025-10-26T22:59:59.9999999Z",
        "2025-10-26T23:00:00Z",
        "1970-01-01T00:44:29.9999999Z",
        "1970-01-01T00:44:30Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
    ]) {
        app.deliver(payload::created(ticket).at(at))
            .await
            .assert(200);
    }
    app.deliver(
        payload::changed(1)
            .at("2025-10-25T22:00:01Z")
            .set("priority", 3)
            .set("owned_by", 9),
    )
    .await
    .assert(200);
    let utc = ["1970-01-01 2 0", "2025-10-25 3 2", "2025-10-26 2 0"].map(str::to_owned);
    assert_eq!(days(&app, "").await, ("UTC".to_owned(), utc.to_vec()));
    let oslo = [
        "1970-01-01 2 0",
        "2025-10-25 1 0",
        "2025-10-26 3 2",
        "2025-10-27 1 0",
    ]
    .map(str::to_owned);
    assert_eq!(
        days(&app, "&zone=europe/oslo").await,
        ("Europe/Oslo".to_owned(), oslo.to_vec())
    );
    let monrovia = days(&app, "&zone=Africa/Monrovia").await.1;
    assert_eq!(monrovia[..2], ["1969-12-31 1 0", "1970-01-01 1 0"]);
    let whole = app.read(&format!("{ACTORS}/19")).await;
    assert_eq!(whole["events"], 9);
    assert_eq!(whole["first_at"], "0001-01-01T00:00:00Z");
    assert_eq!(whole["last_at"], "9999-12-31T23:59:59.9999999Z");
    assert_eq!(
        whole["by_field"],
        json!([{"field": "owned_by", "changes": 1}, {"field": "priority", "changes": 1}])
    );
}

#[tokio::test]
async fn nobody_who_did_nothing_is_an_actor() {
    let app = TestApp::start().await;
    app.get(ACTORS).await.assert(404);
    app.deliver(payload::created(1)).await.assert(200);
    for unknown in ["7", "none", "-1", "x", "19.0", "99999999999999999999"] {
        app.get(&format!("{ACTORS}/{unknown}")).await.assert(404);
    }
    let idle = app
        .read(&format!("{ACTORS}/19?since=2030-01-01T00:00:00Z"))
        .await;
    assert_eq!(
        idle,
        json!({
            "actor": {"id": 19, "label": null}, "created": 0, "events": 0, "changes": 0,
            "first_at": null, "last_at": null, "by_field": [], "by_day": [], "zone": "UTC",
        })
    );
    for (query, said) in [
        ("zone=Europe/Olso", "Europe/Oslo"),
        ("since=x", "since must be an instant"),
        ("limit=1", "limit"),
    ] {
        let problem = app.get(&format!("{ACTORS}/19?{query}")).await.assert(400);
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{problem}"
        );
    }
}
