//! Reading over REST: timelines, tickets, the raw log.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use ticketlog::{
    clock,
    domain::{
        ids::{Position, Tenant, TicketId},
        log::StoredEvent,
    },
    store::PageSize,
};
use tokio::{task::JoinSet, time::timeout};

use crate::support::{app::TestApp, payload};

/// A ticket that was created, worked on, closed, reopened and looked at.
async fn app_with_a_life() -> TestApp {
    let app = TestApp::start().await;
    let life = [
        payload::created(76)
            .at("2025-05-01T08:00:00Z")
            .with("Changes", json!([])),
        payload::changed(76)
            .at("2025-05-01T09:00:00.5Z")
            .set("owned_by", 12)
            .with("ChangedByAssociateId", 7),
        payload::changed(76)
            .at("2025-05-02T09:00:00.1234567Z")
            .set("owned_by", 12)
            .with("Changes", json!(["id", "read_by_owner"])),
        payload::changed(76)
            .at("2025-05-03T09:00:00Z")
            .set("owned_by", 12)
            .set("status", 2)
            .set("ticket_status", 3)
            .with("Changes", json!(["replied_at", "status", "ticket_status"])),
        payload::changed(76)
            .at("2025-05-04T09:00:00Z")
            .set("owned_by", 12)
            .set("ticket_status", 1)
            .with("Changes", json!(["status", "ticket_status"])),
    ];
    for event in life {
        let event = event.with("EventId", Value::Null).without("EventId");
        app.deliver(&event).await.assert(200);
    }
    app
}

const TIMELINE: &str = "/v1/tenants/Cust1/tickets/76/timeline";

fn column(list: &Value, name: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item[name].to_string().replace('"', ""))
        .collect()
}

#[tokio::test]
async fn a_ticket_that_was_not_known_yet_is_said_to_have_come_later() {
    let app = app_with_a_life().await;
    let last = app.deliver(payload::created(77)).await.json();
    assert_eq!(last["position"], 6);
    let desk = "/v1/tenants/Cust1/tickets";
    let span = "from=2025-05-01T08:00:00Z&to=2025-05-30T08:00:00Z";
    for (path, why) in [
        (
            "77?known_at=5",
            "up to position 5: the first came at position 6",
        ),
        (
            "77/timeline?known_at=5",
            "up to position 5: the first came at position 6",
        ),
        (
            &format!("77/diff?{span}&known_at=5"),
            "up to position 5: the first came at position 6",
        ),
        (
            "76/timeline?known_at=1999-01-01T00:00:00Z",
            "up to position 0: the first came at position 1",
        ),
        ("78?known_at=5", "no event of ticket 78 is in the log"),
        (
            &format!("78/diff?{span}&known_at=5"),
            "no event of ticket 78 is in the log",
        ),
        ("78", "no event of ticket 78 is in the log"),
    ] {
        let problem = app.get(&format!("{desk}/{path}")).await.assert(404);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{path}: {detail}");
    }
    app.read(&format!("{desk}/77?known_at=6")).await;
}

#[tokio::test]
async fn an_entry_has_the_documented_shape() {
    let app = app_with_a_life().await;
    let mut timeline = app
        .read(&format!("{TIMELINE}?since=2025-05-03T00:00:00Z&limit=1"))
        .await;
    let entry = timeline["items"][0].as_object_mut().unwrap();
    assert!(
        entry
            .remove("received_at")
            .unwrap()
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    assert_eq!(
        entry.remove("event_id").unwrap().as_str().unwrap().len(),
        36
    );
    assert_eq!(
        timeline["items"][0],
        json!({
            "position": 4, "event": "ticket.changed", "occurred_at": "2025-05-03T09:00:00Z", "late": false,
            "actor": {"id": 19, "label": null}, "lifecycle": "closed", "repeats": null,
            "changes": [
                {"field": "replied_at", "kind": "not_sent", "declared": true},
                {"field": "status", "kind": "changed", "declared": true,
                 "from": 1, "from_label": "Active", "to": 2, "to_label": "Closed"},
                {"field": "ticket_status", "kind": "changed", "declared": true,
                 "from": 1, "from_label": null, "to": 3, "to_label": null},
            ],
            "completeness": {"state": "consistent", "reasons": []},
        })
    );
}

#[tokio::test]
async fn a_timeline_is_filtered_ordered_and_rid_of_noise() {
    let app = app_with_a_life().await;
    let positions =
        async |query: &str| column(&app.read(&format!("{TIMELINE}{query}")).await, "position");
    assert_eq!(positions("?include=noise").await, ["1", "2", "3", "4", "5"]);
    // The third says only that somebody looked.
    assert_eq!(positions("").await, ["1", "2", "4", "5"]);
    assert_eq!(positions("?order=desc").await, ["5", "4", "2", "1"]);
    assert_eq!(
        positions("?field=owned_by&field=replied_at").await,
        ["1", "2", "4"]
    );
    assert_eq!(positions("?field=read_by_owner").await, ["3"]);
    assert_eq!(positions("?actor=7").await, ["2"]);
    assert_eq!(positions("?actor=7&actor=19").await, ["1", "2", "4", "5"]);
    // since is inclusive, until is not, and offsets are understood.
    let window = "?since=2025-05-01T11:00:00.5%2B02:00&until=2025-05-04T09:00:00Z";
    assert_eq!(positions(window).await, ["2", "4"]);
    assert_eq!(positions(&window.replace("%2B", "+")).await, ["2", "4"]);
    assert_eq!(positions("?known_at=2").await, ["1", "2"]);
    assert_eq!(
        positions("?known_at=2999-01-01T00:00:00Z").await,
        ["1", "2", "4", "5"]
    );
    assert_eq!(
        app.get(&format!("{TIMELINE}?known_at=1999-01-01T00:00:00Z"))
            .await
            .status,
        404
    );
    // Only the changes that were asked for.
    let owner = app.read(&format!("{TIMELINE}?field=owned_by")).await;
    assert_eq!(
        column(&json!({"items": owner["items"][1]["changes"]}), "field"),
        ["owned_by"]
    );
}

#[tokio::test]
async fn pages_stay_what_they_were_while_events_arrive() {
    let app = app_with_a_life().await;
    for order in ["asc", "desc"] {
        let whole = app
            .read(&format!("{TIMELINE}?include=noise&order={order}"))
            .await;
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{TIMELINE}?include=noise&order={order}&limit=2{cursor}");
            let page = app.read(&path).await;
            pages.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
            // It would stand first or last, and makes others late.
            app.deliver(payload::changed(76).at("2025-04-30T00:00:00Z"))
                .await
                .assert(200);
        }
        assert_eq!(pages, *whole["items"].as_array().unwrap());
    }
}

#[tokio::test]
async fn a_cursor_is_good_only_for_its_query() {
    let app = app_with_a_life().await;
    let page = app.read(&format!("{TIMELINE}?limit=1")).await;
    let cursor = page["next"].as_str().unwrap();
    app.read(&format!("{TIMELINE}?limit=7&cursor={cursor}"))
        .await;
    for other in [
        format!("{TIMELINE}?order=desc&cursor={cursor}"),
        format!("{TIMELINE}?actor=7&cursor={cursor}"),
        TIMELINE.replace("76", "77") + &format!("?cursor={cursor}"),
        TIMELINE.replace("Cust1", "Cust2") + &format!("?cursor={cursor}"),
        TIMELINE.replace("timeline", "events") + &format!("?cursor={cursor}"),
    ] {
        let problem = app.get(&other).await.assert(400);
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("another query"),
            "{other}: {problem}"
        );
    }
    let problem = app
        .get(&format!("{TIMELINE}?cursor=x{cursor}"))
        .await
        .assert(400);
    assert!(
        problem["detail"].as_str().unwrap().contains("damaged"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_ticket_is_shown_as_it_is_and_as_it_was() {
    let app = app_with_a_life().await;
    let ticket = "/v1/tenants/Cust1/tickets/76";
    let now = app.read(ticket).await;
    assert_eq!(now["fields"]["status"], 1);
    assert_eq!(now["fields"]["owned_by"], 12);
    assert_eq!(
        now["labels"],
        json!({"slevel": "Internal", "status": "Active"})
    );
    assert_eq!((&now["events"], &now["undated"]), (&json!(5), &json!(0)));
    assert_eq!(now["first_event_at"], "2025-05-01T08:00:00Z");
    assert_eq!(now["last_event_at"], "2025-05-04T09:00:00Z");
    let lives: Vec<&Value> = now["lifecycle"]
        .as_array()
        .unwrap()
        .iter()
        .map(|life| &life["lifecycle"])
        .collect();
    assert_eq!(lives, ["created", "closed", "reopened"]);
    assert_eq!(
        now["completeness"],
        json!({
            "state": "consistent", "reasons": [], "consistent": 5, "unproven": 0, "suspect": 0,
            "open": {"state": "consistent", "reasons": []},
        })
    );
    // as_of is inclusive, to the last digit.
    let status_at =
        async |query: &str| app.read(&format!("{ticket}{query}")).await["fields"]["status"].clone();
    assert_eq!(status_at("?as_of=2025-05-03T09:00:00Z").await, 2);
    assert_eq!(status_at("?as_of=2025-05-03T08:59:59.9999999Z").await, 1);
    assert_eq!(status_at("?known_at=4").await, 2);
    assert_eq!(status_at("?known_at=3&as_of=2030-01-01T00:00:00Z").await, 1);
    assert_eq!(
        app.read(&format!("{ticket}?as_of=1999-01-01T00:00:00Z"))
            .await["fields"],
        json!({})
    );
}

#[tokio::test]
async fn the_raw_log_gives_bodies_as_they_were_sent() {
    let app = TestApp::start().await;
    let body = "{\r\n  \"Event\" : \"ticket.changed\", \"PrimaryKey\": \"9\",\r\n \"ContextIdentifier\":\"Cust1\", \"x\": 1.50, \"FieldValues\": {\"cust_id\": 123456789012345678901234567890}\r\n}";
    app.deliver(body).await.assert(200);
    app.deliver(payload::created(9)).await.assert(200);
    app.deliver(payload::created(10)).await.assert(200);
    let raw = app.get("/v1/tenants/Cust1/tickets/9/events?limit=1").await;
    let text = String::from_utf8(raw.body.to_vec()).unwrap();
    assert!(text.contains(body), "{text}");
    let page = raw.assert(200);
    assert_eq!(
        (
            &page["items"][0]["position"],
            &page["items"][0]["occurred_at"]
        ),
        (&json!(1), &Value::Null)
    );
    let next = page["next"].as_str().unwrap();
    let page = app
        .read(&format!(
            "/v1/tenants/Cust1/tickets/9/events?limit=1&cursor={next}"
        ))
        .await;
    assert_eq!(
        (column(&page, "position"), &page["next"]),
        (vec!["2".to_owned()], &Value::Null)
    );
    // Undated: in the log, in no history, counted.
    let ticket = app.read("/v1/tenants/Cust1/tickets/9").await;
    assert_eq!(
        (&ticket["events"], &ticket["undated"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn wrong_questions_get_an_answer_that_says_what_would_be_right() {
    let app = app_with_a_life().await;
    for (path, status, detail) in [
        ("/v1/tenants/Nobody/tickets/76", 404, "tenant \"Nobody\""),
        (
            "/v1/tenants/No%20body/tickets/76",
            404,
            "tenant \"No body\"",
        ),
        ("/v1/tenants/Cust1/tickets/77", 404, "ticket 77"),
        ("/v1/tenants/Cust1/tickets/77/timeline", 404, "ticket 77"),
        ("/v1/tenants/Cust1/tickets/77/events", 404, "ticket 77"),
        (
            "/v1/tenants/Cust1/tickets/abc",
            404,
            "tickets are numbers from 1",
        ),
        (
            "/v1/tenants/Cust1/tickets/0",
            404,
            "tickets are numbers from 1",
        ),
        ("/v1/tenants/Nobody/events", 404, "tenant \"Nobody\""),
        ("/v1/tenants/Cust1/events/xyz", 404, "UUIDs"),
        (
            "/v1/tenants/Cust1/events/00000000-0000-0000-0000-000000000001",
            404,
            "no event",
        ),
        (
            "/v1/tenants/Cust1/events?limit=0",
            400,
            "limit must be 1 to 1000",
        ),
        (
            "/v1/tenants/Cust1/events?limit=1001",
            400,
            "limit must be 1 to 1000",
        ),
        ("/v1/tenants/Cust1/events?after=x", 400, "after"),
        ("/v1/tenants/Cust1/events?waits=3", 400, "`waits`"),
        ("/v1/tenants?x=1", 400, "`x`"),
        (
            "/v1/tenants/Cust1/tickets/76/timeline?since=yesterday",
            400,
            "since must be an instant like",
        ),
        (
            "/v1/tenants/Cust1/tickets/76/timeline?until=2025-05-01T00:00:00",
            400,
            "until must be an instant",
        ),
        (
            "/v1/tenants/Cust1/tickets/76/timeline?include=everything",
            400,
            "everything",
        ),
        (
            "/v1/tenants/Cust1/tickets/76/timeline?order=up",
            400,
            "`asc`",
        ),
        (
            "/v1/tenants/Cust1/tickets/76?as_of=now",
            400,
            "as_of must be",
        ),
        ("/v2", 404, "/v2"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
        let problem = answer.assert(status);
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{path}: {problem}"
        );
        assert_eq!(problem["status"], status);
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("urn:ticketlog:"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn health_needs_no_database_and_readiness_needs_that_or_the_spool() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/healthz").await.status, 200);
    let hooks = json!([{"hook": "default", "state": "ok"}]);
    assert_eq!(
        app.read("/readyz").await,
        json!({"ready": true, "database": "ok", "spool": {"state": "ok", "bytes": 0},
            "projections": {"state": "ok", "events_behind": 0}, "hooks": hooks})
    );
    app.db.store.close().await;
    assert_eq!(app.get("/healthz").await.status, 200);
    assert_eq!(
        app.read("/readyz").await,
        json!({"ready": true, "database": "away", "spool": {"state": "ok", "bytes": 0},
            "projections": {"state": "unknown", "events_behind": null}, "hooks": hooks})
    );

    let app = TestApp::start_without_spool().await;
    app.db.store.close().await;
    app.deliver(payload::created(1)).await.assert(503);
    assert_eq!(
        app.get("/readyz").await.assert(503),
        json!({"ready": false, "database": "away", "spool": {"state": "refusing", "bytes": 0},
            "projections": {"state": "unknown", "events_behind": null}, "hooks": hooks})
    );
}

/// Sessions in which a look-up was given up are not handed on: the next one would wait for what nobody waits for any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_up_that_is_given_up_keeps_no_other_waiting() {
    const MANY: i64 = 10;
    const LONG: Duration = Duration::from_secs(30);
    const BLOCKED: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let app = TestApp::start().await;
    let store = app.db.store.clone();
    let mut other = app.db.connect().await;
    let mut other = other.begin().await.unwrap();
    other
        .execute("LOCK TABLE head IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let mut given_up = JoinSet::new();
    for _ in 0..MANY {
        let store = store.clone();
        given_up.spawn(async move { store.find_head(&Tenant::parse("Cust1").unwrap()).await });
    }
    while app.count(BLOCKED).await < MANY {}
    given_up.shutdown().await;
    let nobodys = store.find_live_token(&[0; 32], clock::now());
    let nobodys = timeout(LONG, nobodys).await;
    assert!(nobodys.expect("a session for it").unwrap().is_none());
    // Of those that were given up all wait on in Postgres.
    assert!(app.count(BLOCKED).await >= MANY);
    other.rollback().await.unwrap();
    let head = store.find_head(&Tenant::parse("Cust1").unwrap()).await;
    assert_eq!(head.unwrap(), None);
}

fn body_bytes(events: &[StoredEvent]) -> usize {
    events.iter().map(|event| event.body.len()).sum()
}

#[tokio::test]
async fn pages_of_a_tickets_events_end_by_number_or_by_bytes_and_lose_nothing() {
    let app = TestApp::start().await;
    for nth in 0..12 {
        let padding = "x".repeat(nth * 997 % 4000);
        let event = payload::changed(1).with("Padding", padding);
        app.deliver(event).await.assert(200);
        app.deliver(payload::changed(2)).await.assert(200);
    }
    let tenant = Tenant::parse("Cust1").unwrap();
    let ticket = TicketId::new(1).unwrap();
    let page = async |after, events, bytes| {
        let size = PageSize { events, bytes };
        let page = app
            .db
            .store
            .list_ticket_events(&tenant, ticket, after, size);
        page.await.unwrap()
    };
    let (all, end) = page(Position(0), 1000, u32::MAX).await;
    assert_eq!((all.len(), end), (12, None));
    let three = u32::try_from(body_bytes(&all[..3])).unwrap();
    let whole = u32::try_from(body_bytes(&all)).unwrap();
    for (events, bytes) in [
        (1000, 1),
        (1000, three),
        (1000, three + 1),
        (1000, whole),
        (1000, whole - 1),
        (3, three),
        (3, whole),
        (2, 4000),
        (12, whole),
    ] {
        let mut after = Position(0);
        let mut read = Vec::new();
        loop {
            let (found, last) = page(after, events, bytes).await;
            let (_, before) = found.split_last().expect("at least one");
            let limit = usize::try_from(bytes).unwrap();
            assert!(found.len() <= usize::from(events) && body_bytes(before) < limit);
            let is_full = found.len() == usize::from(events) || body_bytes(&found) >= limit;
            assert!(is_full || last.is_none(), "it could hold more");
            read.extend(found.iter().map(|event| event.position));
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
        let expected: Vec<Position> = all.iter().map(|event| event.position).collect();
        assert_eq!(read, expected, "{events} events, {bytes} bytes");
    }
}

#[tokio::test]
async fn a_page_of_a_tickets_events_ends_once_its_bodies_have_16_mib() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        let event = payload::changed(1).with("Padding", "x".repeat(15 << 19));
        app.deliver(event).await.assert(200);
    }
    let path = "/v1/tenants/Cust1/tickets/1/events?limit=1000";
    let first = app.read(path).await;
    // Two have 15 MiB, and nothing follows on the third.
    assert_eq!(column(&first, "position"), ["1", "2", "3"]);
    assert_eq!(first["next"], Value::Null);
    app.deliver(payload::changed(1)).await.assert(200);
    let first = app.read(path).await;
    assert_eq!(column(&first, "position"), ["1", "2", "3"]);
    let next = first["next"].as_str().unwrap();
    let second = app.read(&format!("{path}&cursor={next}")).await;
    assert_eq!(column(&second, "position"), ["4"]);
    assert_eq!(second["next"], Value::Null);
}
