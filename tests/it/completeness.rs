//! What is in doubt across tickets: the list and the counts against every ticket's own timeline.

use serde_json::{Value, json};
use sqlx::Executor;

use crate::{
    desk::{bodies, pages},
    model::reading,
    support::{app::TestApp, payload},
};

const DOUBT: &str = "/v1/tenants/Cust1/completeness";

/// Every interval of every ticket as its timeline shows it, by the instant at which it ends.
async fn intervals(app: &TestApp) -> Vec<Value> {
    let mut intervals = Vec::new();
    for ticket in app.read_all("/v1/tenants/Cust1/tickets").await {
        let path = format!(
            "/v1/tenants/Cust1/tickets/{}/timeline?include=noise",
            ticket["ticket"]
        );
        let mut from_at = Value::Null;
        for entry in app.read_all(&path).await {
            if entry["repeats"] != Value::Null {
                continue;
            }
            intervals.push(json!({
                "ticket": ticket["ticket"], "event_id": entry["event_id"], "position": entry["position"],
                "from_at": from_at, "to_at": entry["occurred_at"],
                "state": entry["completeness"]["state"], "reasons": entry["completeness"]["reasons"],
            }));
            from_at = entry["occurred_at"].clone();
        }
    }
    intervals.sort_by_key(|it| {
        (
            ticks(&it["to_at"]),
            it["event_id"].as_str().unwrap().to_owned(),
        )
    });
    intervals
}

fn ticks(at: &Value) -> i128 {
    reading::instant(at.as_str().unwrap()).unwrap().ticks
}

/// The counts that the answer should show of some intervals.
fn counts(intervals: &[Value]) -> Value {
    let of = |state: &str| intervals.iter().filter(|it| it["state"] == state).count();
    json!([of("consistent"), of("unproven"), of("suspect")])
}

fn shown(answer: &Value) -> Value {
    json!([answer["consistent"], answer["unproven"], answer["suspect"]])
}

fn doubted(intervals: &[Value], meant: impl Fn(&Value) -> bool) -> Vec<Value> {
    let doubted = intervals
        .iter()
        .filter(|it| it["state"] != "consistent" && meant(it));
    doubted.cloned().collect()
}

#[tokio::test]
async fn what_is_in_doubt_is_what_the_timelines_say() {
    let app = TestApp::start().await;
    for body in bodies(14, 8, 17) {
        app.deliver(body).await.assert(200);
    }
    let all = intervals(&app).await;
    let whole = app.read(DOUBT).await;
    assert_eq!(shown(&whole), counts(&all));
    let n = |name: &str| whole[name].as_f64().unwrap();
    let sum = n("consistent") + n("unproven") + n("suspect");
    assert!((n("suspect_share") - n("suspect") / sum).abs() < 1e-12);
    assert!((n("unproven_share") - n("unproven") / sum).abs() < 1e-12);
    let everything = doubted(&all, |_| true);
    assert!(everything.len() > 20, "{}", everything.len());
    assert_eq!(pages(&app, DOUBT, 5).await, everything);
    let mut down = pages(&app, &format!("{DOUBT}?order=desc"), 5).await;
    down.reverse();
    assert_eq!(down, everything);
    for state in ["suspect", "unproven"] {
        let expected = doubted(&all, |it| it["state"] == state);
        assert_eq!(
            pages(&app, &format!("{DOUBT}?state={state}"), 5).await,
            expected
        );
    }
    for reason in ["conflict", "no_op", "no_values", "undeclared_change"] {
        let expected = doubted(&all, |it| {
            it["reasons"].as_array().unwrap().contains(&json!(reason))
        });
        assert_eq!(
            pages(&app, &format!("{DOUBT}?reason={reason}"), 5).await,
            expected
        );
    }
}

#[tokio::test]
async fn a_conflict_is_in_the_next_answer() {
    let app = TestApp::start().await;
    for ticket in 1..20 {
        let event = payload::created(ticket);
        app.deliver(event.clone()).await.assert(200);
        assert_eq!(app.read(DOUBT).await["suspect"], ticket - 1);
        let answer = app.deliver(event.set("status", 2)).await.assert(200);
        assert_eq!(answer["outcome"], "conflict");
        assert_eq!(app.read(DOUBT).await["suspect"], ticket);
    }
}

#[tokio::test]
async fn a_ticket_of_then_and_its_differences_say_what_the_timeline_says() {
    let app = TestApp::start().await;
    let event = |ticket: i64, at: &str, written: &str| {
        let last_changed = format!("2025-05-01T{written}:00");
        payload::changed(ticket)
            .at(&format!("2025-05-01T{at}:00Z"))
            .set("last_changed", last_changed)
    };
    // The second tells of the write of the third; of the other ticket the created event stands second.
    let created = |ticket: i64, at: &str| {
        event(ticket, at, at)
            .with("Event", "ticket.created")
            .with("Changes", json!([]))
    };
    for body in [
        created(1, "10:00"),
        event(1, "10:05", "10:10").set("status", 2),
        event(1, "10:10", "10:10").set("status", 1),
        event(2, "10:00", "10:00"),
        created(2, "11:00"),
    ] {
        app.deliver(body).await.assert(200);
    }
    for (ticket, from, until, told) in [
        (
            1,
            "10:01",
            "10:07",
            json!({"state": "consistent", "reasons": []}),
        ),
        (
            2,
            "09:00",
            "10:30",
            json!({"state": "unproven", "reasons": ["disorder"]}),
        ),
    ] {
        let path = format!("/v1/tenants/Cust1/tickets/{ticket}");
        let until = format!("2025-05-01T{until}:00Z");
        let entries = app
            .read(&format!("{path}/timeline?until={until}&include=noise"))
            .await;
        let entry = entries["items"].as_array().unwrap().last().unwrap();
        assert_eq!(entry["completeness"], told);
        let state = told["state"].as_str().unwrap();
        let suspect =
            app.read(&format!("{path}?as_of={until}")).await["completeness"]["suspect"].clone();
        assert_eq!(suspect, 0, "{state}");
        let diff = app
            .read(&format!(
                "{path}/diff?from=2025-05-01T{from}:00Z&to={until}"
            ))
            .await;
        assert_eq!(diff["completeness"]["suspect"], 0);
        assert_eq!(diff["completeness"][state], 1);
    }
}

#[tokio::test]
async fn an_interval_begins_with_the_digits_of_the_event_before_it() {
    let app = TestApp::start().await;
    let id = |nth: i64| format!("00000000-0000-4000-8000-{nth:012}");
    let deliver = async |payload: payload::Payload, nth: i64, at: &str| {
        let at = format!("2025-05-19T08:00:00{at}Z");
        let event = payload.with("EventId", id(nth)).at(&at);
        app.deliver(event.set("status", nth % 10)).await.assert(200);
    };
    for ticket in 1..=2 {
        let nth = |nth: i64| ticket * 10 + nth;
        deliver(payload::changed(ticket), nth(1), ".1").await;
        deliver(payload::changed(ticket), nth(2), ".10").await;
        deliver(payload::changed(ticket), nth(3), ".100").await;
        deliver(payload::changed(ticket), nth(6), ".2").await;
        // A repeat of the second.
        let repeat = payload::changed(ticket).set("status", 2);
        let repeat = repeat.with("EventId", id(nth(4)));
        app.deliver(repeat.at("2025-05-19T08:00:00.10Z"))
            .await
            .assert(200);
    }
    // Before all others, though its id is the greatest.
    deliver(payload::created(2), 25, ".10000").await;
    let all = intervals(&app).await;
    let begin = |it: &Value| it["from_at"].as_str().map(ToOwned::to_owned);
    let shown = pages(&app, DOUBT, 5).await;
    assert_eq!(shown, doubted(&all, |_| true));
    assert!(shown.iter().filter_map(begin).count() > 4, "{shown:?}");
}

#[tokio::test]
async fn counts_describe_what_was_asked_for() {
    let app = TestApp::start().await;
    for body in bodies(12, 8, 17) {
        app.deliver(body).await.assert(200);
    }
    let all = intervals(&app).await;
    let middle = &all[all.len() / 2]["to_at"];
    let at = middle.as_str().unwrap();
    let ticket = &all[0]["ticket"];
    let is_late = |it: &Value| ticks(&it["to_at"]) >= ticks(middle);
    let is_theirs = |it: &Value| it["ticket"] == *ticket;
    let within = |meant: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        all.iter().filter(|it| meant(it)).cloned().collect()
    };
    for (query, within) in [
        (format!("since={at}"), within(&is_late)),
        (format!("until={at}"), within(&|it| !is_late(it))),
        (format!("ticket={ticket}"), within(&is_theirs)),
        (
            format!("ticket={ticket}&ticket=999999&since={at}"),
            within(&|it| is_theirs(it) && is_late(it)),
        ),
    ] {
        let path = format!("{DOUBT}?{query}");
        let answer = app.read(&path).await;
        assert_eq!(shown(&answer), counts(&within), "{query}");
        assert_eq!(answer["open"] == Value::Null, query.contains("until"));
        let expected = doubted(&within, |_| true);
        assert_eq!(pages(&app, &path, 5).await, expected, "{query}");
        let mut down = pages(&app, &format!("{path}&order=desc"), 5).await;
        down.reverse();
        assert_eq!(down, expected, "{query} down");
    }
}

#[tokio::test]
async fn what_comes_after_a_last_event_is_in_doubt_while_the_feed_is_out() {
    let app = TestApp::start().await;
    for (ticket, at) in [
        (1, "2025-05-01T08:00:00Z"),
        (2, "2025-05-02T08:00:00Z"),
        (3, "2025-05-03T08:00:00Z"),
    ] {
        app.deliver(payload::created(ticket).at(at))
            .await
            .assert(200);
    }
    let open = async || app.read(DOUBT).await["open"].clone();
    assert_eq!(open().await, json!({"consistent": 3, "unproven": 0}));
    let stopped = json!({
        "EventId": uuid::Uuid::new_v4().to_string(), "Timestamp": "2025-05-03T09:00:00Z", "Event": "webhook.stopped",
        "ContextIdentifier": "Cust1", "WebhookName": "My Ticket Webhook", "PrimaryKey": 1,
    });
    app.deliver(stopped.to_string()).await.assert(200);
    // From the last event before on: nobody knows what the first two went through.
    let doubts = async || {
        let mut open = Vec::new();
        for ticket in 1..=3 {
            let answer = app
                .read(&format!("/v1/tenants/Cust1/tickets/{ticket}"))
                .await;
            open.push(answer["completeness"]["open"]["state"] != "consistent");
        }
        open.into_iter().filter(|doubted| *doubted).count()
    };
    let unproven = doubts().await;
    assert!(unproven > 0);
    assert_eq!(
        open().await,
        json!({"consistent": 3 - unproven, "unproven": unproven})
    );
    app.deliver(payload::changed(3).at("2025-05-04T08:00:00Z"))
        .await
        .assert(200);
    let unproven = doubts().await;
    assert_eq!(
        open().await,
        json!({"consistent": 3 - unproven, "unproven": unproven})
    );
}

#[tokio::test]
async fn counts_are_kept_and_those_that_do_not_hold_are_not_believed() {
    let app = TestApp::start().await;
    let deliver = async |ticket, at: &str| {
        let changed = payload::changed(ticket).at(at);
        app.deliver(changed).await.assert(200);
        // Once it is projected.
        app.read("/v1/tenants/Cust1/tickets").await;
    };
    let change = async |statement: &'static str| {
        let mut session = app.db.connect().await;
        let done = session.execute(statement).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    };
    deliver(1, "2025-05-01T08:00:00Z").await;
    deliver(1, "2025-05-02T08:00:00Z").await;
    let counts = async || {
        let answer = app.read(DOUBT).await;
        (shown(&answer), answer["open"]["consistent"].clone())
    };
    let right = counts().await;
    change("UPDATE projection SET consistent = consistent + 90, dated = dated + 90").await;
    assert_eq!(counts().await.1, json!(91), "they are not added up");
    // As an earlier version of the program leaves them, which keeps no counts.
    change("UPDATE projection SET counted_for[1] = position - 1").await;
    assert_eq!(counts().await, right);
    deliver(2, "2025-05-02T08:00:00Z").await;
    let kept = "SELECT count(*) FROM projection WHERE counted_for = ARRAY[position, conflicts, facts, signs]";
    assert_eq!(app.count(kept).await, 1);
    assert_eq!(counts().await.1, json!(2));
}

#[tokio::test]
async fn doubt_of_no_kind_is_refused() {
    let app = TestApp::start().await;
    app.get(DOUBT).await.assert(404);
    for ticket in 1..=3 {
        app.deliver(payload::changed(ticket)).await.assert(200);
    }
    let page = app.read(&format!("{DOUBT}?limit=1")).await;
    let cursor = page["next"].as_str().unwrap();
    for (query, said) in [
        ("state=consistent".to_owned(), "suspect"),
        ("reason=bad_luck".to_owned(), "starts_late"),
        ("ticket=0".to_owned(), "numbers from 1"),
        ("ticket=x".to_owned(), "ticket"),
        ("tickets=1".to_owned(), "unknown parameter"),
        ("since=today".to_owned(), "since must be an instant"),
        (format!("order=desc&cursor={cursor}"), "another query"),
        (format!("state=suspect&cursor={cursor}"), "another query"),
    ] {
        let problem = app.get(&format!("{DOUBT}?{query}")).await.assert(400);
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{query}: {problem}"
        );
    }
}
