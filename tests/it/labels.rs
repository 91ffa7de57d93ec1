//! Labels: valid at an instant, shown wherever an id is, of two kinds of people that never mix.

use std::ops::Range;

use serde_json::{Value, json};
use ticketlog::domain::ids::Tenant;

use crate::support::{app::TestApp, payload};

const LABELS: &str = "/v1/tenants/Cust1/labels";
const BRIDGE: &str = "/v1/tenants/Cust1/labels/bridge";

/// With one ticket of owner 8, created by actor 19.
async fn app_with_a_ticket() -> TestApp {
    let app = TestApp::start().await;
    let created = payload::created(76).at("2025-01-01T00:00:00Z");
    app.deliver(created).await.assert(200);
    app
}

async fn record(app: &TestApp, labels: Value) {
    let count = labels.as_array().unwrap().len();
    let body = json!({"labels": labels}).to_string();
    let answer = app.put(LABELS, body).await.assert(200);
    assert_eq!(answer, json!({"recorded": count}));
}

async fn bridge(app: &TestApp, pairs: Value) {
    let body = json!({"bridge": pairs}).to_string();
    app.put(BRIDGE, body).await.assert(200);
}

/// The labels that the answer to a path gives, each as `list id from label`.
async fn listed(app: &TestApp, query: &str) -> Vec<String> {
    let items = app.read_all(&format!("{LABELS}?{query}")).await;
    let line = |item: &Value| {
        let text = |key: &str| item[key].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} {} {}",
            text("list"),
            item["id"],
            text("valid_from"),
            text("label")
        )
    };
    items.iter().map(line).collect()
}

/// What a ticket of `Cust1` is called in each of its entries' changes of a field, as `[from, to]`.
async fn steps(app: &TestApp, field: &str) -> Vec<[Value; 2]> {
    let path = format!("/v1/tenants/Cust1/tickets/76/timeline?include=noise&field={field}");
    let entries = app.read_all(&path).await;
    let labels = |entry: &Value| {
        let change = &entry["changes"][0];
        [change["from_label"].clone(), change["to_label"].clone()]
    };
    entries.iter().map(labels).collect()
}

#[tokio::test]
async fn a_label_is_the_one_valid_at_the_events_instant() {
    let app = app_with_a_ticket().await;
    let instants = [
        "2025-03-01T11:59:59.9999999Z",
        "2025-03-01T12:00:00Z",
        "2025-03-01T12:00:00.0000001Z",
    ];
    for (status, at) in [(2, 0), (3, 1), (2, 2)] {
        let event = payload::changed(76)
            .at(instants[at])
            .set("ticket_status", status);
        app.deliver(event).await.assert(200);
    }
    record(
        &app,
        json!([
            {"list": "ticket_status", "id": 1, "label": "New"},
            {"list": "ticket_status", "id": 2, "label": "Open"},
            {"list": "ticket_status", "id": 3, "label": "Waiting"},
            // The same instant in another zone.
            {"list": "ticket_status", "id": 2, "label": "Opened", "valid_from": "2025-03-01T13:00:00+01:00"},
            {"list": "ticket_status", "id": 3, "label": "On hold", "valid_from": "2025-03-01T12:00:00.0000001Z"},
            {"list": "actor", "id": 19, "label": "Kari N."},
            {"list": "actor", "id": 19, "label": "Kari H.", "valid_from": "2025-03-01T12:00:00Z"},
        ]),
    )
    .await;
    assert_eq!(
        steps(&app, "ticket_status").await,
        [
            [Value::Null, json!("New")],
            [json!("New"), json!("Open")],
            [json!("Opened"), json!("Waiting")],
            [json!("On hold"), json!("Opened")],
        ]
    );
    let actors = ["Kari N.", "Kari N.", "Kari H.", "Kari H."];
    for path in ["tickets/76/timeline", "tickets/76/events", "events"] {
        let shown = app.read(&format!("/v1/tenants/Cust1/{path}")).await;
        let items = shown["items"].as_array().unwrap().iter();
        let labels: Vec<&Value> = items.map(|item| &item["actor"]["label"]).collect();
        assert_eq!(labels, actors, "{path}");
    }
    let mut statuses = Vec::new();
    for at in instants {
        let path = format!("/v1/tenants/Cust1/tickets/76?as_of={at}");
        statuses.push(app.read(&path).await["labels"]["ticket_status"].clone());
    }
    assert_eq!(statuses, ["Open", "Waiting", "Opened"]);
    // Now.
    let now = app.read("/v1/tenants/Cust1/tickets/76").await;
    assert_eq!(
        now["labels"],
        json!({"slevel": "Internal", "status": "Active", "ticket_status": "Opened"})
    );
    let id = app.read("/v1/tenants/Cust1/events?limit=1").await;
    let id = id["items"][0]["event_id"].as_str().unwrap().to_owned();
    let event = app.read(&format!("/v1/tenants/Cust1/events/{id}")).await;
    assert_eq!(event["actor"], json!({"id": 19, "label": "Kari N."}));
}

#[tokio::test]
async fn an_id_has_its_label_however_it_is_written() {
    let app = app_with_a_ticket().await;
    record(&app, json!([{"list": "priority", "id": 6, "label": "Six"}])).await;
    for (second, six) in (10..).zip([json!(6), json!("6"), json!(6.0), json!("[I:6]")]) {
        for (fraction, value) in [(1, six), (2, json!(7))] {
            let at = format!("2025-02-01T00:00:{second}.{fraction}Z");
            let event = payload::changed(76).at(&at).set("priority", value);
            app.deliver(event).await.assert(200);
        }
    }
    let steps = steps(&app, "priority").await;
    assert_eq!(steps.len(), 9);
    for step in steps[1..].chunks(2) {
        assert_eq!(
            step,
            [[Value::Null, json!("Six")], [json!("Six"), Value::Null]]
        );
    }
}

#[tokio::test]
async fn what_is_built_in_holds_until_an_operator_says_otherwise() {
    let app = app_with_a_ticket().await;
    let built_in = [
        "slevel 0 - Unknown",
        "slevel 1 - Internal",
        "slevel 2 - External",
        "status 0 - Unknown",
        "status 1 - Active",
        "status 2 - Closed",
        "status 3 - Postponed",
        "status 4 - Deleted",
        "status 5 - Merged",
    ];
    assert_eq!(listed(&app, "").await, built_in);
    assert_eq!(
        app.read(&format!("{LABELS}?list=status&id=2")).await["items"],
        json!([{
            "list": "status", "id": 2, "label": "Closed", "valid_from": null, "source": "built-in",
            "recorded_at": null, "stale": false,
        }])
    );
    record(
        &app,
        json!([
            {"list": "slevel", "id": 1, "label": "1 - High"},
            {"list": "status", "id": 1, "label": "Running", "valid_from": "2025-02-01T00:00:00Z"},
            {"list": "status", "id": 5, "label": null},
        ]),
    )
    .await;
    assert_eq!(
        listed(&app, "list=slevel&id=1&list=status&id=5").await,
        [
            "slevel 1 - 1 - High",
            "status 1 - Active",
            "status 1 2025-02-01T00:00:00Z Running",
            "status 5 - -",
        ]
    );
    let valid = async |at: &str| listed(&app, &format!("id=1&id=5&at={at}")).await;
    let before = ["slevel 1 - 1 - High", "status 1 - Active"];
    assert_eq!(valid("2025-01-31T23:59:59.9999999Z").await, before);
    assert_eq!(
        valid("2025-02-01T00:00:00Z").await,
        [
            "slevel 1 - 1 - High",
            "status 1 2025-02-01T00:00:00Z Running"
        ]
    );
    let tenant = Tenant::parse("Cust1").unwrap();
    let store = &app.db.store;
    let ids =
        async |list: &str, label: &str| store.find_label_ids(&tenant, list, label).await.unwrap();
    assert_eq!(ids("status", "Active").await, [1]);
    assert_eq!(ids("status", "Running").await, [1]);
    assert_eq!(ids("slevel", "Internal").await, Vec::<i64>::new());
    assert_eq!(ids("slevel", "Unknown").await, [0]);
    assert_eq!(
        store.list_label_texts(&tenant, "slevel").await.unwrap(),
        ["1 - High", "External", "Unknown"]
    );
}

/// With a second event, by which actor 8 gives the ticket from owner 8 to owner 19.
async fn app_with_a_handover() -> TestApp {
    let app = app_with_a_ticket().await;
    let event = payload::changed(76).at("2025-01-02T00:00:00Z");
    let event = event.set("owned_by", 19).with("ChangedByAssociateId", 8);
    app.deliver(event).await.assert(200);
    let owner = json!([{"list": "owned_by", "id": 8, "label": "Owner 8"}]);
    record(&app, owner).await;
    let actor = json!([{"list": "changed_by", "id": 19, "label": "Actor 19"}]);
    record(&app, actor).await;
    app
}

/// What these are called: actor 19, actor 8, owner 8, owner 19; "-" is nothing.
async fn people(app: &TestApp) -> [String; 4] {
    let timeline = app.read("/v1/tenants/Cust1/tickets/76/timeline").await;
    let [first, second] = [&timeline["items"][0], &timeline["items"][1]];
    let change = &second["changes"][0];
    [
        &first["actor"]["label"],
        &second["actor"]["label"],
        &change["from_label"],
        &change["to_label"],
    ]
    .map(|label| label.as_str().unwrap_or("-").to_owned())
}

#[tokio::test]
async fn owners_and_actors_of_one_number_are_two_people() {
    let app = app_with_a_handover().await;
    assert_eq!(people(&app).await, ["Actor 19", "-", "Owner 8", "-"]);
    // Only what the operator says is the same person is: owner 8 is actor 8 here, and 19 nobody's.
    let pairs = json!([{"owner": 8, "actor": 8}, {"owner": 20, "actor": 19}]);
    bridge(&app, pairs).await;
    assert_eq!(people(&app).await, ["Actor 19", "Owner 8", "Owner 8", "-"]);
}

#[tokio::test]
async fn a_pair_lends_labels_until_one_has_its_own() {
    let app = app_with_a_handover().await;
    bridge(
        &app,
        json!([{"owner": 8, "actor": 8}, {"owner": 20, "actor": 19}]),
    )
    .await;
    bridge(&app, json!([{"owner": 19, "actor": 19}])).await;
    let lent = ["Actor 19", "Owner 8", "Owner 8", "Actor 19"];
    assert_eq!(people(&app).await, lent);
    record(
        &app,
        json!([{"list": "owned_by", "id": 19, "label": "Own", "valid_from": "2025-01-02T00:00:00Z"},
               {"list": "actor", "id": 8, "label": "Late", "valid_from": "2025-01-02T00:00:00.0000001Z"}]),
    )
    .await;
    let own = ["Actor 19", "Owner 8", "Owner 8", "Own"];
    assert_eq!(people(&app).await, own);
    // The pair of owner 20 has ended with that of its actor.
    let pairs = app.read(BRIDGE).await;
    let pairs: Vec<String> = pairs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| format!("{}-{}", pair["owner"], pair["actor"]))
        .collect();
    assert_eq!(pairs, ["8-8", "19-19"]);
    bridge(&app, json!([{"owner": 8, "actor": null}])).await;
    assert_eq!(people(&app).await[1], "-");
}

#[tokio::test]
async fn a_name_finds_the_ids_that_ever_bore_it() {
    let app = app_with_a_ticket().await;
    record(
        &app,
        json!([
            {"list": "ticket_status", "id": 3, "label": "Waiting"},
            {"list": "ticket_status", "id": 3, "label": "On hold", "valid_from": "2025-02-01T00:00:00Z"},
            {"list": "ticket_status", "id": 9, "label": "Waiting", "valid_from": "2025-02-01T00:00:00Z"},
            {"list": "priority", "id": 4, "label": "Waiting"},
            {"list": "actor", "id": 19, "label": "Kari"},
            {"list": "actor", "id": 20, "label": "Ola"},
            {"list": "owned_by", "id": 9, "label": "Ola (desk)"},
        ]),
    )
    .await;
    let (long, longer) = ("å".repeat(300), "å".repeat(301));
    record(&app, json!([{"list": "category", "id": 1, "label": long}])).await;
    record(
        &app,
        json!([{"list": "category", "id": 2, "label": longer}]),
    )
    .await;
    bridge(
        &app,
        json!([{"owner": 8, "actor": 19}, {"owner": 9, "actor": 20}]),
    )
    .await;
    let tenant = Tenant::parse("Cust1").unwrap();
    let ids = async |list: &str, label: &str| {
        app.db
            .store
            .find_label_ids(&tenant, list, label)
            .await
            .unwrap()
    };
    assert_eq!(ids("ticket_status", "Waiting").await, [3, 9]);
    assert_eq!(ids("ticket_status", "waiting").await, Vec::<i64>::new());
    assert_eq!(ids("ticket_status", "On hold").await, [3]);
    assert_eq!(ids("category", &long).await, [1]);
    assert_eq!(ids("actor", "Kari").await, [19]);
    assert_eq!(ids("owned_by", "Kari").await, [8]);
    // Hidden by a label of its own.
    assert_eq!(ids("owned_by", "Ola").await, Vec::<i64>::new());
    assert_eq!(ids("owned_by", "Ola (desk)").await, [9]);
    assert_eq!(ids("actor", "Ola (desk)").await, Vec::<i64>::new());
    assert_eq!(
        app.db
            .store
            .list_label_texts(&tenant, "ticket_status")
            .await
            .unwrap(),
        ["On hold", "Waiting"]
    );
}

#[tokio::test]
async fn labels_are_listed_page_by_page_with_their_history() {
    let app = app_with_a_ticket().await;
    let labels: Vec<Value> = (0..30)
        .map(|id| {
            let from = format!("2025-01-{:02}T00:00:00.10Z", 1 + id % 5);
            json!({"list": format!("x_{}", id % 3), "id": id / 5 - 2, "label": format!("L{id}"), "valid_from": from})
        })
        .collect();
    record(&app, Value::Array(labels)).await;
    let all = listed(&app, "").await;
    assert_eq!(all.len(), 39);
    for limit in [1, 2, 7, 38, 39] {
        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = app.read(&format!("{LABELS}?limit={limit}{cursor}")).await;
            paged.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, app.read_all(&format!("{LABELS}?")).await, "{limit}");
    }
    // Written again, a label is replaced.
    record(&app, json!([{"list": "x_1", "id": -2, "label": "Again", "valid_from": "2025-01-02T00:00:00.1Z"}])).await;
    assert_eq!(
        listed(&app, "list=x_1&id=-2").await,
        [
            "x_1 -2 2025-01-02T00:00:00.1Z Again",
            "x_1 -2 2025-01-05T00:00:00.10Z L4"
        ]
    );
    assert_eq!(
        listed(&app, "list=x_1&id=-2&at=2025-01-04T00:00:00Z").await,
        ["x_1 -2 2025-01-02T00:00:00.1Z Again"]
    );
    let next = app.read(&format!("{LABELS}?limit=1")).await["next"].clone();
    let next = next.as_str().unwrap();
    for path in [
        format!("{LABELS}?list=x_1&cursor={next}"),
        format!("{BRIDGE}?cursor={next}"),
        format!("{LABELS}?cursor=x{next}"),
    ] {
        app.get(&path).await.assert(400);
    }
}

#[tokio::test]
async fn a_tenants_labels_are_its_own() {
    let app = app_with_a_ticket().await;
    let other = payload::created(76).tenant("Cust2");
    app.deliver(other).await.assert(200);
    record(
        &app,
        json!([{"list": "ticket_status", "id": 1, "label": "Ours"},
                        {"list": "actor", "id": 19, "label": "Kari"}]),
    )
    .await;
    bridge(&app, json!([{"owner": 8, "actor": 19}])).await;
    let ours = app.read("/v1/tenants/Cust1/tickets/76").await;
    assert_eq!(ours["labels"]["ticket_status"], "Ours");
    assert_eq!(ours["labels"]["owned_by"], "Kari");
    let theirs = app.read("/v1/tenants/Cust2/tickets/76").await;
    assert_eq!(
        theirs["labels"],
        json!({"slevel": "Internal", "status": "Active"})
    );
    assert_eq!(app.read_all("/v1/tenants/Cust2/labels?").await.len(), 9);
    let none = app.read("/v1/tenants/Cust2/labels/bridge").await;
    assert_eq!(none, json!({"items": [], "next": null}));
    for path in [
        "/v1/tenants/Cust3/labels",
        "/v1/tenants/Cust3/labels/bridge",
    ] {
        app.get(path).await.assert(404);
        let body = if path.ends_with("bridge") {
            r#"{"bridge":[]}"#
        } else {
            r#"{"labels":[]}"#
        };
        app.put(path, body).await.assert(404);
    }
}

#[tokio::test]
async fn a_hostile_label_is_kept_as_it_is() {
    let app = app_with_a_ticket().await;
    for label in [
        "\"); DROP TABLE label; --",
        "'\\''",
        "\u{202e}desreveR",
        "<script>alert(1)</script>",
        "two\nlines\r\n\tand \u{1b}[31mred",
        "=cmd|' /C calc'!A0",
        &"漢".repeat(1000),
    ] {
        record(
            &app,
            json!([{"list": "ticket_status", "id": 1, "label": label}]),
        )
        .await;
        let ticket = app.read("/v1/tenants/Cust1/tickets/76").await;
        assert_eq!(ticket["labels"]["ticket_status"], *label);
        let listed = app.read(&format!("{LABELS}?list=ticket_status")).await;
        assert_eq!(listed["items"][0]["label"], *label);
    }
}

#[tokio::test]
async fn labels_as_csv_are_safe_and_numbers_stay_numbers() {
    let app = app_with_a_ticket().await;
    record(
        &app,
        json!([{"list": "connect_id", "id": -1, "label": "=cmd()"},
               {"list": "connect_id", "id": 0, "label": "a, \"b\"\nc", "valid_from": "2025-01-01T00:00:00.10Z"}]),
    )
    .await;
    bridge(&app, json!([{"owner": -1, "actor": 19}])).await;
    let csv = async |path: &str| {
        let answer = app.get(&format!("{path}format=csv")).await;
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        text.split("\r\n").map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = csv(&format!("{LABELS}?list=connect_id&")).await;
    assert_eq!(
        lines[0],
        "list,id,label,valid_from,source,recorded_at,stale"
    );
    assert!(
        lines[1].starts_with("connect_id,-1,'=cmd(),,api,2"),
        "{lines:?}"
    );
    let second = "connect_id,0,\"a, \"\"b\"\"\nc\",2025-01-01T00:00:00.10Z,api,2";
    assert!(
        lines[2].starts_with(second) && lines[2].ends_with(",false"),
        "{lines:?}"
    );
    let lines = csv(&format!("{BRIDGE}?")).await;
    assert_eq!(lines[0], "owner,actor,source,recorded_at");
    assert!(lines[1].starts_with("-1,19,api,2"), "{lines:?}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_body_that_is_wrong_says_where_and_records_nothing() {
    let app = app_with_a_ticket().await;
    let one = |element: &str| {
        format!(r#"{{"labels":[{{"list":"status","id":1,"label":"x"}},{element}]}}"#)
    };
    let long = format!(r#"{{"list":"a","id":1,"label":"{}"}}"#, "x".repeat(10_000));
    for (body, detail) in [
        (String::new(), "the body is no JSON: EOF"),
        ("labels".to_owned(), "the body is no JSON"),
        (
            "{\"labels\":[]}x".to_owned(),
            "the body is no JSON: trailing characters",
        ),
        ("{}".to_owned(), "missing field `labels`"),
        ("[]".to_owned(), "{\"labels\": […]}"),
        (
            "{\"labels\":{}}".to_owned(),
            "labels: invalid type: map, expected a sequence",
        ),
        (
            "{\"lables\":[]}".to_owned(),
            "unknown field `lables`, expected `labels`",
        ),
        (
            one("3"),
            "labels[1]: invalid type: integer `3`, expected an object",
        ),
        (
            one(r#"{"list":"a","id":"3","label":"x"}"#),
            "labels[1].id: invalid type: string \"3\", expected an integer of 64 bits",
        ),
        (
            one(r#"{"list":"a","id":3.5,"label":"x"}"#),
            "labels[1].id: invalid type: floating point",
        ),
        (
            one(r#"{"list":"a","id":9223372036854775808,"label":"x"}"#),
            "labels[1].id: invalid value",
        ),
        (
            one(r#"{"list":"a","id":1}"#),
            "labels[1]: missing field `label`",
        ),
        (
            one(r#"{"list":"a","id":1,"label":"x","from":"y"}"#),
            "unknown field `from`",
        ),
        (
            one(r#"{"list":"a b","id":1,"label":"x"}"#),
            "labels[1].list: \"a b\" is no list",
        ),
        (
            one(r#"{"list":"a","id":1,"label":""}"#),
            "labels[1].label: a label has 1 to 1000",
        ),
        (
            one(r#"{"list":"a","id":1,"label":"a\u0000"}"#),
            "labels[1].label: a label cannot hold the character NUL",
        ),
        (
            one(r#"{"list":"a","id":1,"label":"\ud800"}"#),
            "the body is no JSON: ",
        ),
        (
            one(&long),
            "labels[1].label: a label has 1 to 1000 characters, this one 10000",
        ),
        (
            one(r#"{"list":"a","id":1,"label":"x","valid_from":"2025-01-01"}"#),
            "labels[1].valid_from: \"2025-01-01\" is no instant like",
        ),
        (
            one(r#"{"list":"status","id":1,"label":"y"}"#),
            "labels[1]: its list, id and valid_from stands in labels[0] too",
        ),
    ] {
        let answer = app.put(LABELS, body.clone()).await;
        assert_eq!(answer.content_type, "application/problem+json", "{body}");
        let problem = answer.assert(400);
        assert_eq!(problem["type"], "urn:ticketlog:bad-body");
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains(detail), "{body}: {said}");
    }
    for (body, detail) in [
        (
            r#"{"bridge":[{"owner":8}]}"#,
            "bridge[0]: missing field `actor`",
        ),
        (
            r#"{"bridge":[{"owner":8,"actor":1},{"owner":9,"actor":1}]}"#,
            "its actor stands in bridge[0] too",
        ),
        (r#"{"labels":[]}"#, "unknown field `labels`"),
    ] {
        let problem = app.put(BRIDGE, body).await.assert(400);
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{problem}"
        );
    }
    let too_large = " ".repeat((8 << 20) + 1);
    app.put(LABELS, too_large).await.assert(413);
    app.put(&format!("{LABELS}?x=1"), "{\"labels\":[]}")
        .await
        .assert(400);
    assert_eq!(app.count("SELECT count(*) FROM label").await, 0);
    record(&app, json!([])).await;
}

#[tokio::test]
async fn labels_are_stale_once_superoffice_has_changed_their_list() {
    let app = app_with_a_ticket().await;
    record(
        &app,
        json!([
            {"list": "category", "id": 2, "label": "Phone"},
            {"list": "priority", "id": 2, "label": "High"},
            {"list": "owned_by", "id": 8, "label": "Kari"},
            {"list": "actor", "id": 19, "label": "Kari"},
            {"list": "status", "id": 1, "label": "Running"},
        ]),
    )
    .await;
    let stale = async || {
        let mut stale = Vec::new();
        for item in app.read_all(&format!("{LABELS}?")).await {
            if item["stale"] == true {
                stale.push(format!("{} {}", item["list"].as_str().unwrap(), item["id"]));
            }
        }
        stale
    };
    let event = |name: &str, at: &str| {
        let event = payload::changed(3).with("Event", name).at(at);
        event.with("FieldValues", json!({}))
    };
    let now = "2999-01-01T00:00:00Z";
    // Before they were recorded, and of a list whose ids no field holds.
    app.deliver(event("list.category.changed", "2020-01-01T00:00:00Z"))
        .await
        .assert(200);
    app.deliver(event("list.business.changed", now))
        .await
        .assert(200);
    app.deliver(event("list.category.changed", now).tenant("Cust2"))
        .await
        .assert(200);
    assert_eq!(stale().await, Vec::<String>::new());
    app.deliver(event("list.category.changed", now))
        .await
        .assert(200);
    assert_eq!(stale().await, ["category 2"]);
    app.deliver(event("associate.changed", now).without("Timestamp"))
        .await
        .assert(200);
    assert_eq!(stale().await, ["actor 19", "category 2", "owned_by 8"]);
    app.deliver(event("list.ticketstatus.changed", now))
        .await
        .assert(200);
    assert_eq!(stale().await.len(), 3);
    // Recorded again, even if not all of it.
    record(
        &app,
        json!([{"list": "category", "id": 3, "label": "Mail"}]),
    )
    .await;
    assert_eq!(stale().await, ["actor 19", "owned_by 8"]);
}

/// Labels are kept in memory while the tenant's version stays; whoever writes them, by which statement, gives it another.
#[tokio::test]
async fn what_somebody_writes_in_psql_shows_at_once() {
    let app = app_with_a_ticket().await;
    let mut psql = app.db.connect().await;
    let mut run = async |statement: &'static str| {
        sqlx::raw_sql(statement).execute(&mut psql).await.unwrap();
        let owner = steps(&app, "owned_by").await.remove(0)[1].clone();
        owner.as_str().unwrap_or("-").to_owned()
    };
    let statements = [
        ("SELECT", "-"),
        (
            "INSERT INTO label (tenant, list, id, valid_ticks, label, source, recorded_at)
             VALUES ('Cust1', 'owned_by', 8, -9223372036854775808, 'Kari', 'api', now()),
                    ('Cust1', 'actor', 19, -9223372036854775808, 'Ola', 'api', now()),
                    ('Cust1', 'actor', 20, -9223372036854775808, 'Per', 'api', now())",
            "Kari",
        ),
        (
            "UPDATE label SET label = 'Kari Nordmann' WHERE list = 'owned_by'",
            "Kari Nordmann",
        ),
        // Another tenant's are not this one's.
        (
            "UPDATE label SET tenant = 'Cust2' WHERE list = 'owned_by'",
            "-",
        ),
        (
            "UPDATE label SET tenant = 'Cust1' WHERE list = 'owned_by'",
            "Kari Nordmann",
        ),
        ("DELETE FROM label WHERE list = 'owned_by'", "-"),
        (
            "INSERT INTO label_bridge VALUES ('Cust1', 8, 19, 'api', now())",
            "Ola",
        ),
        ("UPDATE label_bridge SET actor = 20", "Per"),
        ("DELETE FROM label_bridge", "-"),
        (
            "INSERT INTO label_bridge VALUES ('Cust1', 8, 19, 'api', now())",
            "Ola",
        ),
        ("TRUNCATE label_bridge", "-"),
        (
            "INSERT INTO label_bridge VALUES ('Cust1', 8, 19, 'api', now())",
            "Ola",
        ),
        ("TRUNCATE label", "-"),
        ("BEGIN; DELETE FROM label_bridge; ROLLBACK", "-"),
    ];
    for (statement, owner) in statements {
        // The second time from what is kept.
        for again in [statement, "SELECT"] {
            assert_eq!(run(again).await, owner, "{statement}");
        }
    }
}

/// The second statement of one writes what the first of the other has written, and each statement renews what both have
/// in common: they wait for each other and never lock each other out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_record_labels_at_the_same_time_take_turns() {
    let app = app_with_a_ticket().await;
    let labels = |ids: Range<i64>, name: &str| {
        let labels = ids.map(|id| json!({"list": "category", "id": id, "label": name}));
        json!({"labels": labels.collect::<Vec<_>>()}).to_string()
    };
    let low = labels(0..9000, "low");
    let high = labels(5000..14_000, "high");
    let (low, high) = tokio::join!(app.put(LABELS, low), app.put(LABELS, high));
    low.assert(200);
    high.assert(200);
    let found = listed(&app, "list=category&id=0&id=5000&id=8999&id=13999").await;
    let names: Vec<&str> = found
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!((names[0], names[3]), ("low", "high"));
    assert_eq!(names[1], names[2]);
}
