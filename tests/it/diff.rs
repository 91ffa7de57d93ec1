//! Differences between two instants: of one ticket and of many.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use ticketlog::domain::{
    feed::Outages,
    fields::Normal,
    history::{self, Diff, Scope, TicketEvent},
    ids::Actor,
    instant::timestamp_of_ticks,
};

use crate::{
    desk::{bodies, pages},
    history::ticket_event,
    model::{histories, reading},
    support::{app::TestApp, payload},
};

const DESK: &str = "/v1/tenants/Cust1/tickets";

/// A field's part of a difference: values in normal form, steps, who made them.
type Part = (
    Option<Normal>,
    Option<Normal>,
    usize,
    BTreeSet<Option<Actor>>,
);

fn parts(diff: &Diff) -> BTreeMap<String, Part> {
    let parts = diff.fields.iter().map(|field| {
        let normal = |value: &Option<ticketlog::domain::fields::Value>| {
            value.as_ref().map(|value| value.normal(&field.field))
        };
        let part = (
            normal(&field.from),
            normal(&field.to),
            field.steps,
            field.actors.clone(),
        );
        (field.field.clone(), part)
    });
    parts.collect()
}

/// One difference after another, without looking at the ticket again.
fn sum(first: &Diff, second: &Diff) -> (BTreeMap<String, Part>, usize) {
    let (one, mut two) = (parts(first), parts(second));
    let mut both = BTreeMap::new();
    for (field, (from, to, steps, actors)) in one {
        let part = match two.remove(&field) {
            None => (from, to, steps, actors),
            Some((_, later, more, others)) => (from, later, steps + more, &actors | &others),
        };
        both.insert(field, part);
    }
    both.extend(two);
    both.retain(|_, (from, to, steps, _)| from != to || *steps > 0);
    (both, first.events + second.events)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn differences_add_up(
        made in histories::history(),
        cuts in prop::array::uniform3((any::<prop::sample::Index>(), -1..=1_i64)),
        noise in any::<bool>(),
    ) {
        let events: Vec<TicketEvent> = (1..).zip(&made)
            .filter_map(|(position, made)| ticket_event(position, made))
            .collect();
        prop_assume!(!events.is_empty());
        let mut cuts = cuts.map(|(at, off)| at.get(&events).occurred_at.ticks() + off);
        cuts.sort_unstable();
        let until = |ticks: i64| {
            let events = events.iter().filter(|event| event.occurred_at.ticks() <= ticks);
            history::fold(events.cloned().collect(), &Outages::default())
        };
        let [a, b, c] = cuts.map(until);
        let scope = Scope { noise, ..Scope::default() };
        let diff = |from, to| history::diff(from, to, &scope);
        let whole = diff(&a, &c);
        prop_assert_eq!(sum(&diff(&a, &b), &diff(&b, &c)), (parts(&whole), whole.events));
        let (nothing, events) = (parts(&diff(&b, &b)), diff(&b, &b).events);
        prop_assert!(nothing.is_empty() && events == 0);
        // A step is a change of the timeline, and what differs is what the state says.
        let steps: usize = whole.fields.iter().map(|field| field.steps).sum();
        let between = c.entries.iter().filter(|entry| entry.occurred_at.ticks() > cuts[0]);
        let changes = between.flat_map(|entry| &entry.changes).filter(|change| noise || !change.is_noise());
        prop_assert_eq!(steps, changes.count());
    }
}

/// A ticket that went to and fro.
async fn app_with_a_life() -> TestApp {
    let app = TestApp::start().await;
    for event in [
        payload::created(76).at("2025-05-01T08:00:00Z"),
        payload::changed(76)
            .at("2025-05-02T08:00:00Z")
            .set("priority", 3)
            .with("ChangedByAssociateId", 7),
        payload::changed(76)
            .at("2025-05-03T08:00:00Z")
            .set("priority", 3)
            .set("status", 3),
        payload::changed(76)
            .at("2025-05-04T08:00:00.1234567Z")
            .set("priority", 2)
            .set("status", 3)
            .with("Changes", json!(["priority", "replied_at"])),
    ] {
        app.deliver(event).await.assert(200);
    }
    app
}

#[tokio::test]
async fn a_difference_has_the_documented_shape() {
    let app = app_with_a_life().await;
    let found = app
        .read(&format!(
            "{DESK}/76/diff?from=2025-05-01T08:00:00Z&to=2025-05-04T08:00:00.1234567Z"
        ))
        .await;
    let kari = json!({"id": 19, "label": null});
    let other = json!({"id": 7, "label": null});
    assert_eq!(
        found,
        json!({
            "ticket": 76, "from_at": "2025-05-01T08:00:00Z", "to_at": "2025-05-04T08:00:00.1234567Z",
            "fields": [
                {"field": "priority", "changed": false, "steps": 2, "from": 2, "from_label": null,
                 "to": 2, "to_label": null, "actors": [other, kari]},
                {"field": "replied_at", "changed": false, "steps": 1, "actors": [kari]},
                {"field": "status", "changed": true, "steps": 1, "from": 1, "from_label": "Active",
                 "to": 3, "to_label": "Postponed", "actors": [kari]},
            ],
            "events": 3, "actors": [other, kari],
            "completeness": {"state": "unproven", "reasons": ["no_op"],
                             "consistent": 2, "unproven": 1, "suspect": 0},
        })
    );
}

#[tokio::test]
async fn a_difference_is_a_table_of_its_fields() {
    let app = app_with_a_life().await;
    let path = format!("{DESK}/76/diff?from=2025-05-01T08:00:00Z&to=2025-05-04T08:00:00.1234567Z");
    let table = app.get(&format!("{path}&format=csv")).await;
    let disposition = table.headers["content-disposition"].to_str().unwrap();
    assert_eq!(
        disposition,
        "attachment; filename=\"Cust1-tickets-76-diff.csv\""
    );
    let span = "76,2025-05-01T08:00:00Z,2025-05-04T08:00:00.1234567Z,3";
    let rows = format!(
        "ticket,from_at,to_at,events,field,changed,steps,from,from_label,to,to_label,actors,confidence,reasons\r\n\
         {span},priority,false,2,2,,2,,7 19,unproven,no_op\r\n\
         {span},replied_at,false,1,,,,,19,unproven,no_op\r\n\
         {span},status,true,1,1,Active,3,Postponed,19,unproven,no_op\r\n"
    );
    assert_eq!(std::str::from_utf8(&table.body).unwrap(), rows);
    let accepted = app.get_with(&path, &[("Accept", "text/csv")]).await;
    assert_eq!(accepted.body, table.body);
    app.get_with(&path, &[("Accept", "image/png")])
        .await
        .assert(406);
}

#[tokio::test]
async fn both_ends_are_inclusive_and_what_was_asked_for_is_shown() {
    let app = app_with_a_life().await;
    // A tick less, and the last is not in it; from is inclusive, so its own event is not either.
    let found = app
        .read(&format!(
            "{DESK}/76/diff?from=2025-05-02T08:00:00Z&to=2025-05-04T08:00:00.1234566Z"
        ))
        .await;
    let steps: Vec<&Value> = found["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["field"])
        .collect();
    assert_eq!(steps, ["status"]);
    // Before there was anything.
    let born = app
        .read(&format!(
            "{DESK}/76/diff?from=2025-01-01T00:00:00Z&to=2025-05-01T08:00:00Z"
        ))
        .await;
    assert_eq!(born["fields"].as_array().unwrap().len(), 14);
    assert_eq!(born["fields"][0]["from"], Value::Null);
    assert!(born["fields"][0].get("from").is_none());
    let none = app
        .read(&format!(
            "{DESK}/76/diff?from=2025-01-01T00:00:00Z&to=2025-01-01T00:00:00Z"
        ))
        .await;
    assert_eq!((&none["fields"], &none["events"]), (&json!([]), &json!(0)));
    let short = format!("{DESK}/76/diff?from=2025-05-02T08:00:00Z&to=2025-05-03T08:00:00Z");
    let noise = app.read(&format!("{short}&include=noise")).await;
    let fields: Vec<&Value> = noise["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["field"])
        .collect();
    assert_eq!(fields, ["priority", "status"]);
    let one = app.read(&format!("{short}&field=priority")).await;
    assert_eq!(one["fields"], json!([]));
    let known = app.read(&format!("{short}&known_at=2")).await;
    assert_eq!(known["fields"], json!([]));
}

#[tokio::test]
async fn what_is_no_difference_is_refused() {
    let app = app_with_a_life().await;
    let instants = "from=2025-05-01T08:00:00Z&to=2025-05-02T08:00:00Z";
    for (path, said) in [
        (
            format!("{DESK}/76/diff?from=2025-05-02T08:00:00Z&to=2025-05-01T08:00:00Z"),
            "not be after to",
        ),
        (format!("{DESK}/76/diff?from=2025-05-02T08:00:00Z"), "to"),
        (format!("{DESK}/76/diff?{instants}&status=1"), "status"),
        (
            "/v1/tenants/Cust1/diff?from=x&to=2025-05-02T08:00:00Z".to_owned(),
            "from must be an instant",
        ),
        (
            format!("/v1/tenants/Cust1/diff?{instants}&order=last"),
            "-ticket",
        ),
        (
            format!("/v1/tenants/Cust1/diff?{instants}&feild=status"),
            "did you mean `field`?",
        ),
    ] {
        let problem = app.get(&path).await.assert(400);
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{path}: {problem}"
        );
    }
    app.get(&format!("{DESK}/77/diff?{instants}"))
        .await
        .assert(404);
    app.get(&format!("/v1/tenants/Cust2/tickets/76/diff?{instants}"))
        .await
        .assert(404);
    app.get(&format!("/v1/tenants/Cust2/diff?{instants}"))
        .await
        .assert(404);
}

/// The instant of a body, if it has one.
fn ticks(body: &[u8]) -> Option<i64> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let at = reading::instant(body["Timestamp"].as_str()?)?;
    i64::try_from(at.ticks).ok()
}

#[tokio::test]
async fn the_differences_of_a_desk_are_those_of_its_tickets() {
    let app = TestApp::start().await;
    let mut instants = BTreeSet::new();
    for body in bodies(16, 7, 41) {
        instants.extend(ticks(&body));
        app.deliver(body).await.assert(200);
    }
    let head = app.read("/v1/tenants/Cust1/events?limit=1").await["head"]
        .as_i64()
        .unwrap();
    let tickets = app.read_all(DESK).await;
    let instants: Vec<i64> = instants.into_iter().collect();
    let mut random = fastrand::Rng::with_seed(2);
    for round in 0..5 {
        let mut ends = [(); 2].map(|()| instants[random.usize(..instants.len())] + round % 3 - 1);
        ends.sort_unstable();
        let [from, to] = ends.map(timestamp_of_ticks);
        let known_at = if round % 2 == 0 {
            String::new()
        } else {
            format!("&known_at={}", random.i64(1..=head))
        };
        let span = format!("from={from}&to={to}{known_at}");
        for (filter, scope) in [
            ("", ""),
            ("&status=1&status=2", ""),
            ("", "&field=priority&field=owned_by"),
            ("", "&include=noise"),
        ] {
            let mut expected = Vec::new();
            for ticket in &tickets {
                let path = format!("{DESK}/{}", ticket["ticket"]);
                let state = app.get(&format!("{path}?as_of={to}{known_at}")).await;
                if state.status.as_u16() == 404 {
                    continue;
                }
                let status = reading::normal("status", &state.json()["fields"]["status"]);
                let is = |id: i64| status == reading::normal("status", &json!(id));
                let diff = app.read(&format!("{path}/diff?{span}{scope}")).await;
                let mut fields = diff["fields"].as_array().unwrap().iter();
                if (filter.is_empty() || is(1) || is(2)) && fields.any(|field| field["steps"] != 0)
                {
                    expected.push(diff);
                }
            }
            let path = format!("/v1/tenants/Cust1/diff?{span}{filter}{scope}");
            let found = pages(&app, &path, 3).await;
            assert_eq!(found, expected, "{span}{filter}{scope}");
            let mut down = pages(&app, &format!("{path}&order=-ticket"), 4).await;
            down.reverse();
            assert_eq!(down, expected);
        }
    }
}
