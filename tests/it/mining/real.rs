//! 25,014 real events, held against answers that were computed from the raw source by another program.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::read;
use crate::{
    real_data::{expected, import},
    support::{
        cluster::TestDb,
        program::{printed, ticketlog},
    },
};

fn export(db: &TestDb, format: &str) -> String {
    let mut command = ticketlog(["export", "Cust10498", "--format", format]);
    let output = command
        .args(["--database-url", &db.url()])
        .output()
        .unwrap();
    let (log, said) = printed(&output);
    assert_eq!(
        said,
        "Wrote 3500 tickets with 25014 events, as known at position 25014\n"
    );
    log
}

#[tokio::test]
async fn real_logs_have_every_ticket_and_event_and_last_as_long() {
    let db = TestDb::create().await;
    import(&db);
    let expected = expected();
    let log = read::log(&export(&db, "xes"));
    let events = || log.traces.iter().flat_map(|trace| &trace.events);
    assert_eq!(json!(log.traces.len()), expected["totals"]["tickets"]);
    assert_eq!(json!(events().count()), expected["totals"]["events"]);
    let mut activities: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events() {
        *activities.entry(&event["concept:name"]).or_default() += 1;
    }
    assert_eq!(json!(activities["created"]), expected["totals"]["created"]);
    assert_eq!(json!(activities["reopened"]), expected["reopens"]["total"]);
    let mut seconds: Vec<f64> = log.traces.iter().map(lasted).collect();
    seconds.sort_by(f64::total_cmp);
    // Of an even number.
    let median = f64::midpoint(seconds[1749], seconds[1750]);
    let theirs = &expected["throughput_first_to_last_event_seconds"]["median"];
    assert!((median - theirs.as_f64().unwrap()).abs() < 0.01, "{median}");
    let in_order = |trace: &read::Trace| trace.all("time:timestamp").is_sorted();
    assert!(log.traces.iter().all(in_order));

    let objects: Value = serde_json::from_str(&export(&db, "ocel")).unwrap();
    let ids = |of: &str| -> Vec<&str> {
        let things = objects[of].as_array().unwrap().iter();
        things.map(|thing| thing["id"].as_str().unwrap()).collect()
    };
    let in_xes: BTreeSet<&str> = events().map(|event| event["event_id"].as_str()).collect();
    assert_eq!(BTreeSet::from_iter(ids("events")), in_xes);
    let known = BTreeSet::from_iter(ids("objects"));
    assert_eq!(known.len(), ids("objects").len(), "an id stands twice");
    let of_actors = known.iter().filter(|id| id.starts_with("actor:"));
    assert_eq!(json!(of_actors.count()), expected["totals"]["actors"]);
    for event in objects["events"].as_array().unwrap() {
        for related in event["relationships"].as_array().unwrap() {
            assert!(
                known.contains(related["objectId"].as_str().unwrap()),
                "{event}"
            );
        }
    }
}

/// Seconds from the first to the last event.
fn lasted(trace: &read::Trace) -> f64 {
    let instants = trace.all("time:timestamp");
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let [first, .., last] = &*instants else {
        return 0.0;
    };
    at(last).duration_since(at(first)).as_secs_f64()
}
