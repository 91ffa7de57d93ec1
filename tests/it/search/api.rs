//! The list of changes as clients use it.

use serde_json::{Value, json};

use crate::support::{app::TestApp, payload};

const CHANGES: &str = "/v1/tenants/Cust1/changes";

fn path(parameters: &[(&str, &str)]) -> String {
    format!(
        "{CHANGES}?{}",
        serde_html_form::to_string(parameters).unwrap()
    )
}

async fn count(app: &TestApp, query: &str, zone: &str) -> i64 {
    let path = path(&[("q", query), ("zone", zone), ("return", "count")]);
    app.read(&path).await["count"].as_i64().unwrap()
}

#[tokio::test]
async fn a_day_is_the_zones_also_where_clocks_turn() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1).at("2025-01-01T00:00:00Z"))
        .await
        .assert(200);
    // The first and the last tick of the day on which Oslo leaves summer time, which has 25 hours, and of the
    // one on which it comes back, which has 23; and a tick before and after.
    let ticks = [
        "2025-03-29T22:59:59.9999999Z",
        "2025-03-29T23:00:00Z",
        "2025-03-30T21:59:59.9999999Z",
        "2025-03-30T22:00:00Z",
        "2025-10-25T21:59:59.9999999Z",
        "2025-10-25T22:00:00Z",
        "2025-10-26T22:59:59.9999999Z",
        "2025-10-26T23:00:00Z",
    ];
    for (priority, at) in (10..).zip(ticks) {
        app.deliver(payload::changed(1).at(at).set("priority", priority))
            .await
            .assert(200);
    }
    let oslo = "Europe/Oslo";
    for (query, zone, wanted) in [
        ("priority changed on 2025-03-30", oslo, 2),
        ("priority changed on 2025-10-26", oslo, 2),
        ("priority changed before 2025-03-30", oslo, 1),
        ("priority changed since 2025-03-30", oslo, 7),
        ("priority changed after 2025-03-30", oslo, 5),
        (
            "priority changed between 2025-03-30 and 2025-10-26",
            oslo,
            6,
        ),
        ("priority changed on 2025-10-26", "UTC", 2),
        ("priority changed on 2025-10-25", "UTC", 2),
        ("priority changed at 2025-03-29T23:00:00Z", "UTC", 1),
        ("priority changed after 2025-03-29T23:00:00Z", "UTC", 6),
        ("priority changed since 2025-03-29T23:00:00Z", "UTC", 7),
        (
            "priority changed before 2025-03-30T01:00:00+02:00",
            "UTC",
            1,
        ),
        (
            "priority changed between 2025-03-29T22:59:59.9999999Z and 2025-03-29T23:00:00Z",
            "UTC",
            2,
        ),
        // Held from its own tick until the tick before the next event's.
        (
            "priority changed and priority was 11 at 2025-03-29T22:59:59.9999999Z",
            "UTC",
            0,
        ),
        (
            "priority changed and priority was 11 at 2025-03-29T23:00:00Z",
            "UTC",
            8,
        ),
        (
            "priority changed and priority was 11 at 2025-03-30T21:59:59.9999998Z",
            "UTC",
            8,
        ),
        (
            "priority changed and priority was 11 at 2025-03-30T21:59:59.9999999Z",
            "UTC",
            0,
        ),
        (
            "priority changed and priority was 10 on 2025-03-30",
            oslo,
            0,
        ),
        (
            "priority changed and priority was 10 on 2025-03-29",
            oslo,
            8,
        ),
        (
            "priority changed and priority was 12 on 2025-03-30",
            oslo,
            8,
        ),
        (
            "priority changed and priority was 12 on 2025-03-31",
            oslo,
            0,
        ),
        (
            "priority changed and priority was 13 on 2025-07-01",
            oslo,
            8,
        ),
        ("priority changed and priority = 17", oslo, 8),
        ("priority changed and priority = 16", oslo, 0),
        ("priority changed and ever priority = 16", oslo, 8),
    ] {
        assert_eq!(count(&app, query, zone).await, wanted, "{query} in {zone}");
    }
    // The tenant's own zone, unless another is named.
    let zone = ticketlog::domain::zone::ZoneName::parse(oslo).unwrap();
    let tenant = ticketlog::domain::ids::Tenant::parse("Cust1").unwrap();
    app.db.store.put_zone(&tenant, &zone).await.unwrap();
    let unnamed = path(&[
        ("q", "priority changed before 2025-03-30"),
        ("return", "count"),
    ]);
    assert_eq!(app.read(&unnamed).await, json!({"count": 1}));
    assert_eq!(
        count(&app, "priority changed before 2025-03-30", "UTC").await,
        2
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_to_people_and_programs() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let problem = app
        .get(&path(&[("q", "status changed form 1")]))
        .await
        .assert(400);
    assert_eq!(problem["type"], "urn:ticketlog:bad-query");
    assert_eq!(
        (&problem["at"], &problem["suggest"]),
        (&json!(15), &json!("from"))
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("\n  status changed form 1\n                 ^^^^"),
        "{detail}"
    );
    let label = app
        .get(&path(&[("q", "status changed to \"Clsed\"")]))
        .await
        .assert(400);
    assert_eq!(
        (&label["at"], &label["suggest"]),
        (&json!(18), &json!("\"Closed\""))
    );
    for (parameters, told) in [
        (vec![("from_value", "1")], "need a field"),
        (
            vec![("to_value", "Closd"), ("field", "status")],
            "no status was ever called \"Closd\"",
        ),
        (vec![("q", "x_new changed")], "back-quotes"),
        (vec![("zone", "Europe/Olso")], "Europe/Oslo"),
        (vec![("kind", "moved")], "kind"),
        (vec![("colour", "red")], "colour"),
        (vec![("return", "all")], "return"),
        (vec![("since", "yesterday")], "since"),
        (vec![("limit", "0")], "limit"),
        (vec![("cursor", "x")], "cursor"),
    ] {
        let problem = app.get(&path(&parameters)).await.assert(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(told), "{parameters:?}: {detail}");
        assert_eq!(
            problem.get("at"),
            (parameters[0].0 == "q").then_some(&json!(0))
        );
    }
    let many = vec!["by 1"; 51].join(" or ");
    let problem = app.get(&path(&[("q", &many)])).await.assert(400);
    assert_eq!(problem["detail"], "the query has more than 50 statements");
    app.get("/v1/tenants/Nobody/changes").await.assert(404);
}

#[tokio::test]
async fn parameters_and_a_query_have_to_be_true_together() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1).at("2025-05-01T00:00:00Z"))
        .await
        .assert(200);
    let solved = payload::changed(1)
        .at("2025-05-02T00:00:00Z")
        .set("status", 2)
        .set("last_changed", "x");
    app.deliver(solved).await.assert(200);
    let again = payload::changed(1)
        .at("2025-05-03T00:00:00Z")
        .set("status", "2")
        .with("ChangedByAssociateId", 20);
    app.deliver(again).await.assert(200);
    let found = |parameters: Vec<(&'static str, &'static str)>| {
        let path = path(&parameters);
        let app = &app;
        async move {
            let items = app.read_all(&path).await;
            let short = items.iter().map(|item| {
                format!("{} {} {}", item["field"], item["kind"], item["to"]).replace('"', "")
            });
            short.collect::<Vec<_>>()
        }
    };
    assert_eq!(
        found(vec![("field", "status")]).await,
        ["status initial 1", "status changed 2"]
    );
    assert_eq!(
        found(vec![("field", "status"), ("q", "by 19 after 2025-05-01")]).await,
        ["status changed 2"]
    );
    assert_eq!(
        found(vec![("field", "status"), ("to_value", "Closed")]).await,
        ["status changed 2"]
    );
    assert_eq!(
        found(vec![
            ("field", "status"),
            ("field", "priority"),
            ("to_value", "2")
        ])
        .await,
        ["priority initial 2", "status changed 2"]
    );
    // Noise: what is named comes in, what is named under a not does not.
    assert_eq!(
        found(vec![("field", "status"), ("include", "noise")])
            .await
            .len(),
        3
    );
    assert_eq!(found(vec![("kind", "touched")]).await, ["status touched 2"]);
    assert_eq!(found(vec![("q", "last_changed changed")]).await.len(), 2);
    assert_eq!(
        found(vec![("q", "after 2025-05-01")]).await,
        ["status changed 2"]
    );
    assert_eq!(
        found(vec![(
            "q",
            "after 2025-05-01 and not last_changed to \"y\""
        )])
        .await,
        ["status changed 2"]
    );
    assert_eq!(
        found(vec![("declared", "true"), ("q", "not kind initial")]).await,
        ["status changed 2"]
    );
    assert_eq!(
        found(vec![("q", "ticket 1 by 20"), ("include", "noise")])
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn changes_come_in_every_form_with_labels() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1).at("2025-05-01T00:00:00.10Z"))
        .await
        .assert(200);
    let closed = payload::changed(1)
        .at("2025-05-02T00:00:00.0000001Z")
        .set("status", 2);
    let id = closed.event_id();
    app.deliver(closed).await.assert(200);
    let mut page = app.read(&path(&[("q", "status changed")])).await;
    assert_eq!(
        page["items"][0].as_object_mut().unwrap().remove("position"),
        Some(json!(2))
    );
    assert_eq!(
        page,
        json!({"next": null, "items": [{
            "ticket": 1, "event_id": id, "occurred_at": "2025-05-02T00:00:00.0000001Z",
            "actor": {"id": 19, "label": null}, "field": "status", "kind": "changed", "declared": true,
            "from": 1, "from_label": "Active", "to": 2, "to_label": "Closed",
        }]})
    );
    let csv = app
        .get(&path(&[("q", "status changed"), ("format", "csv")]))
        .await;
    let csv = String::from_utf8(csv.body.to_vec()).unwrap();
    let row = csv.lines().nth(1).unwrap().trim_end();
    assert_eq!(
        row,
        format!("1,{id},2,2025-05-02T00:00:00.0000001Z,19,,status,changed,true,1,Active,2,Closed")
    );
    let tickets = app
        .get(&path(&[("return", "tickets"), ("format", "ndjson")]))
        .await;
    let tickets: Value = serde_json::from_slice(&tickets.body).unwrap();
    assert_eq!(
        tickets,
        json!({"ticket": 1, "changes": 15, "first_at": "2025-05-01T00:00:00.10Z",
               "last_at": "2025-05-02T00:00:00.0000001Z"})
    );
    let count = app
        .get(&path(&[("return", "count"), ("format", "csv")]))
        .await;
    assert_eq!(count.body, "count\r\n15\r\n");
    // A cursor is good for its own query alone.
    let first = app.read(&path(&[("limit", "1")])).await;
    let next = first["next"].as_str().unwrap();
    for other in [
        ("q", "status changed"),
        ("order", "desc"),
        ("return", "tickets"),
        ("zone", "Europe/Oslo"),
    ] {
        app.get(&path(&[other, ("cursor", next)])).await.assert(400);
    }
    app.get(&path(&[("limit", "3"), ("cursor", next)]))
        .await
        .assert(200);
}
