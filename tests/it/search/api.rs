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

const OSLO: &str = "Europe/Oslo";

/// How many of the eight changes there are.
const OF_DAYS: [(&str, &str, i64); 25] = [
    ("priority changed on 2025-03-30", OSLO, 2),
    ("priority changed on 2025-10-26", OSLO, 2),
    ("priority changed before 2025-03-30", OSLO, 1),
    ("priority changed since 2025-03-30", OSLO, 7),
    ("priority changed after 2025-03-30", OSLO, 5),
    (
        "priority changed between 2025-03-30 and 2025-10-26",
        OSLO,
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
        OSLO,
        0,
    ),
    (
        "priority changed and priority was 10 on 2025-03-29",
        OSLO,
        8,
    ),
    (
        "priority changed and priority was 12 on 2025-03-30",
        OSLO,
        8,
    ),
    (
        "priority changed and priority was 12 on 2025-03-31",
        OSLO,
        0,
    ),
    (
        "priority changed and priority was 13 on 2025-07-01",
        OSLO,
        8,
    ),
    ("priority changed and priority = 17", OSLO, 8),
    ("priority changed and priority = 16", OSLO, 0),
    ("priority changed and ever priority = 16", OSLO, 8),
];

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
    for (query, zone, wanted) in OF_DAYS {
        assert_eq!(count(&app, query, zone).await, wanted, "{query} in {zone}");
    }
    // The tenant's own zone, unless another is named.
    let zone = ticketlog::domain::zone::ZoneName::parse(OSLO).unwrap();
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

/// The created event, a change of two fields, and one that changed nothing; by 19, 19 and 20.
async fn app_with_a_ticket() -> TestApp {
    let app = TestApp::start().await;
    let created = payload::created(1).at("2025-05-01T00:00:00Z");
    let solved = payload::changed(1).at("2025-05-02T00:00:00Z");
    let solved = solved.set("status", 2).set("last_changed", "x");
    let again = payload::changed(1).at("2025-05-03T00:00:00Z");
    let again = again.set("status", "2").with("ChangedByAssociateId", 20);
    for event in [created, solved, again] {
        app.deliver(event).await.assert(200);
    }
    app
}

/// Each change as `field kind to`.
async fn found<const N: usize>(app: &TestApp, parameters: [(&str, &str); N]) -> Vec<String> {
    let items = app.read_all(&path(&parameters)).await;
    let short = |item: &Value| {
        format!("{} {} {}", item["field"], item["kind"], item["to"]).replace('"', "")
    };
    items.iter().map(short).collect()
}

#[tokio::test]
async fn parameters_and_a_query_have_to_be_true_together() {
    let app = app_with_a_ticket().await;
    let closed = ["status changed 2"];
    let status = ("field", "status");
    let all = found(&app, [status]).await;
    assert_eq!(all, ["status initial 1", "status changed 2"]);
    assert_eq!(
        found(&app, [status, ("q", "by 19 after 2025-05-01")]).await,
        closed
    );
    assert_eq!(found(&app, [status, ("to_value", "Closed")]).await, closed);
    assert_eq!(
        found(&app, [status, ("to_value", "\"[I:2]\"")]).await,
        closed
    );
    let both = found(&app, [status, ("field", "priority"), ("to_value", "2")]).await;
    assert_eq!(both, ["priority initial 2", "status changed 2"]);
    let declared = found(&app, [("declared", "true"), ("q", "not kind initial")]).await;
    assert_eq!(declared, closed);
}

#[tokio::test]
async fn noise_comes_in_when_it_is_named_outside_of_a_not() {
    let app = app_with_a_ticket().await;
    let closed = ["status changed 2"];
    let noise = ("include", "noise");
    assert_eq!(found(&app, [("field", "status"), noise]).await.len(), 3);
    assert_eq!(found(&app, [("q", "ticket 1 by 20"), noise]).await.len(), 2);
    assert_eq!(
        found(&app, [("kind", "touched")]).await,
        ["status touched 2"]
    );
    assert_eq!(found(&app, [("q", "last_changed changed")]).await.len(), 2);
    assert_eq!(found(&app, [("q", "after 2025-05-01")]).await, closed);
    let under_not = "after 2025-05-01 and not last_changed to \"y\"";
    assert_eq!(found(&app, [("q", under_not)]).await, closed);
}

#[tokio::test]
async fn a_matrix_says_the_same_page_by_page_with_nobody_last() {
    let app = app_with_a_ticket().await;
    for who in [7, i64::MAX, 3] {
        let event = payload::changed(2).with("ChangedByAssociateId", who);
        app.deliver(event.set("priority", who % 5))
            .await
            .assert(200);
    }
    let nobody = payload::changed(2).without("ChangedByAssociateId");
    app.deliver(nobody.set("status", 2)).await.assert(200);
    for order in ["asc", "desc"] {
        let whole = path(&[("return", "matrix"), ("order", order), ("limit", "1000")]);
        let whole = app.read(&whole).await["items"].clone();
        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut asked = vec![("return", "matrix"), ("order", order), ("limit", "1")];
            asked.extend(Some(("cursor", cursor.as_str())).filter(|(_, it)| !it.is_empty()));
            let page = app.read(&path(&asked)).await;
            paged.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(json!(paged), whole);
        let ids: Vec<&Value> = paged.iter().map(|count| &count["actor"]["id"]).collect();
        let end = if order == "asc" {
            ids.last()
        } else {
            ids.first()
        };
        assert_eq!(end, Some(&&Value::Null), "{ids:?}");
    }
}

#[tokio::test]
async fn a_matrix_counts_by_actor_and_field() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1).at("2025-05-01T00:00:00Z"))
        .await
        .assert(200);
    let closed = payload::changed(1).at("2025-05-02T00:00:00Z");
    app.deliver(closed.set("status", 2)).await.assert(200);
    let matrix = [
        ("return", "matrix"),
        ("field", "status"),
        ("field", "priority"),
    ];
    let counts = app.read(&path(&matrix)).await;
    let kari = json!({"id": 19, "label": null});
    assert_eq!(
        counts,
        json!({"next": null, "items": [{"actor": kari, "field": "priority", "changes": 1},
                                       {"actor": kari, "field": "status", "changes": 2}]})
    );
    let last = [
        &matrix[..],
        &[("limit", "1"), ("order", "desc"), ("format", "csv")],
    ]
    .concat();
    let last = app.get(&path(&last)).await;
    assert_eq!(
        last.body,
        "actor,actor_label,field,changes\r\n19,,status,2\r\n"
    );
    assert!(last.headers.contains_key("link"));
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

/// What is kept with the changes, and looked up in the log for those that an earlier version projected.
#[tokio::test]
async fn instants_are_written_as_they_were_sent() {
    let app = TestApp::start().await;
    let sent = [
        (
            "2025-05-19T09:56:30.1554128Z",
            "2025-05-19T09:56:30.1554128Z",
        ),
        ("2025-05-19T09:56:31.500Z", "2025-05-19T09:56:31.500Z"),
        ("2025-05-19T09:56:32", "2025-05-19T09:56:32Z"),
        ("2025-05-19T11:56:33.25+02:00", "2025-05-19T09:56:33.25Z"),
        (
            "2025-05-19T09:56:34.123456789Z",
            "2025-05-19T09:56:34.123456789Z",
        ),
        ("2025-05-19T09:57:60Z", "2025-05-19T09:57:60Z"),
        (
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:59.9999999Z",
        ),
    ];
    for (nth, (at, _)) in (0_i64..).zip(sent) {
        let body = payload::changed(7).at(at).set("priority", 10 + nth);
        app.deliver(body).await;
    }
    app.settle().await;
    let path = path(&[("field", "priority")]);
    let found = app.read(&path).await;
    let instants: Vec<_> = found["items"].as_array().unwrap().iter().collect();
    let instants: Vec<_> = instants
        .iter()
        .map(|item| item["occurred_at"].as_str())
        .collect();
    assert_eq!(instants, sent.map(|(_, utc)| Some(utc)));
    let mut session = app.db.connect().await;
    sqlx::raw_sql("UPDATE change SET occurred_text = NULL")
        .execute(&mut session)
        .await
        .unwrap();
    assert_eq!(app.read(&path).await, found);
}

#[tokio::test]
async fn none_is_nobody_and_no_value_in_parameters_as_in_the_language() {
    let app = TestApp::start().await;
    let by_nobody = || payload::changed(1).without("ChangedByAssociateId");
    for body in [
        payload::created(1),
        by_nobody().at("2025-05-19T10:00:00Z").set("owned_by", 1),
        payload::changed(1)
            .at("2025-05-19T10:01:00Z")
            .set("owned_by", 8),
        by_nobody().at("2025-05-19T10:02:00Z").set("owned_by", 0),
    ] {
        app.deliver(body).await.assert(200);
    }
    for (parameters, query, found) in [
        ("actor=none", "by none", 2),
        ("actor=none&actor=19", "by none or by 19", 17),
        ("field=owned_by&to_value=none", "owned_by to none", 2),
        ("field=owned_by&from_value=none", "owned_by from none", 1),
    ] {
        let plain = app.read_all(&format!("{CHANGES}?{parameters}")).await;
        assert_eq!(plain.len(), found, "{parameters}");
        assert_eq!(plain, app.read_all(&path(&[("q", query)])).await);
    }
    let timeline = "/v1/tenants/Cust1/tickets/1/timeline";
    assert_eq!(
        app.read_all(&format!("{timeline}?actor=none")).await.len(),
        2
    );
    assert_eq!(app.read_all(&format!("{timeline}?actor=19")).await.len(), 2);
    let answer = app.get(&format!("{CHANGES}?actor=me")).await;
    let problem = answer.assert(400);
    assert!(
        problem["detail"].as_str().unwrap().contains("`none`"),
        "{problem}"
    );
}
