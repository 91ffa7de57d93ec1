//! One ticket for each way in which a history is not plain, and what reports make of them: worked out by hand.
//!
//! All of it happens on 2025-05-01, at full hours UTC; reports look until the end of that day. By status:
//!
//! ```text
//!                             08   09   10   11   12   13 … 24
//! 1 late                      1 ─────── 3 ─────── 2 ─────────    the event of 10 arrives last
//! 2 repeated                  1 ── 2 ──────────────────────────  the event of 9 comes twice, under two ids
//! 3 deleted, then reopened    1 ── 2 ── 4 ── 1 ────────────────
//! 4 merged                    1 ─────── 5 ─────────────────────
//! 5 postponed                 1 ── 3 ──────────── 1 ── 2 ──────
//! 6 seen late                           3 ─────── 2 ───────────  no created event ever came
//! 7 sender without values     ? ───────────────── 2 ───────────  nothing but names until 12
//! 8 a value that went unseen  1 ── ? ─────── 1 ────────────────  at 9 the status is named and not sent
//! 9 reopened                  1 ── 2 ──────────── 1 ── 2 ──────
//! ```

use serde_json::{Value, json};

use super::faces::ask;
use crate::support::{
    app::TestApp,
    payload::{Payload, changed, created},
    program::{printed, ticketlog},
};

const UNTIL: &str = "2025-05-02T00:00:00Z";

fn at(payload: Payload, hour: u8) -> Payload {
    payload.at(&format!("2025-05-01T{hour:02}:00:00Z"))
}

/// The status that a ticket gets at a full hour.
fn status(ticket: i64, hour: u8, status: i64) -> Payload {
    at(changed(ticket).set("status", status), hour)
}

/// The tickets above, in the order in which they arrive.
async fn golden() -> TestApp {
    let app = TestApp::start().await;
    let mut bodies = vec![
        at(created(1), 8),
        status(1, 12, 2),
        status(1, 10, 3),
        at(created(2), 8),
        status(2, 9, 2),
        status(2, 9, 2),
        at(created(3), 8),
        status(3, 9, 2),
        status(3, 10, 4),
        status(3, 11, 1),
        at(created(4), 8),
        status(4, 10, 5),
        at(created(5), 8),
        status(5, 9, 3),
        status(5, 12, 1),
        status(5, 13, 2),
        status(6, 10, 3),
        status(6, 12, 2),
    ];
    let names_only = |payload: Payload| payload.without("FieldValues");
    bodies.extend([
        names_only(at(created(7), 8)),
        names_only(status(7, 10, 3)),
        status(7, 12, 2),
        at(created(8), 8),
        names_only(status(8, 9, 3)),
        status(8, 11, 1),
        at(created(9), 8),
        status(9, 9, 2),
        status(9, 12, 1),
        status(9, 13, 2),
    ]);
    for body in bodies {
        app.deliver(body).await.assert(200);
    }
    app.settle().await;
    app
}

/// Some columns of the rows of a report, in its order.
async fn columns<const N: usize>(
    app: &TestApp,
    report: &str,
    given: &[(&str, &str)],
    columns: [&str; N],
) -> Value {
    let rows = ask(app, "Cust1", report, given).await;
    let rows = rows
        .iter()
        .map(|row| columns.map(|column| row[column].clone()).to_vec());
    json!(rows.collect::<Vec<_>>())
}

#[tokio::test]
async fn an_event_of_the_year_one_leaves_the_days_that_matter() {
    let app = golden().await;
    let ancient = at(created(10), 8).at("0001-01-01T00:00:00Z");
    app.deliver(ancient).await.assert(200);
    let names = ["day", "created", "closed", "reopened", "backlog"];
    let found = columns(&app, "throughput", &[("until", UNTIL)], names).await;
    let days = found.as_array().unwrap();
    assert!((10_950..11_000).contains(&days.len()), "{}", days.len());
    // What it brought stands in the backlog of all of them.
    assert_eq!(days[0].as_array().unwrap()[1..], [0, 0, 0, 1]);
    let last = &days[days.len() - 1];
    assert_numbers(&json!([last]), &json!([["2025-05-01", 8, 8, 1, 3]]));
}

#[tokio::test]
async fn a_value_of_last_changed_is_read_from_its_key() {
    let app = golden().await;
    app.settle().await;
    let mut session = app.db.connect().await;
    // Of a tenant without rows: nothing is looked up.
    let instant = "\"2025-05-19T11:56:33\"".to_owned();
    let cut = format!("\"2025…{}", "0".repeat(64));
    for (key, value) in [
        (&instant, Some(&instant)),
        (&"none".to_owned(), None),
        (&"unknown".to_owned(), None),
        (&cut, None),
    ] {
        let asked =
            sqlx::query_scalar("SELECT report.value_of('Nobody', 'last_changed', $1)::text");
        let found: Option<String> = asked.bind(key).fetch_one(&mut session).await.unwrap();
        assert_eq!(found.as_ref(), value);
    }
    let shown = "/v1/tenants/Cust1/reports/transitions?field=last_changed&kind=initial,changed,set";
    let shown = app.get(shown).await.assert(200);
    assert_eq!(shown["items"][0]["to"], "2025-05-19T11:56:33");
    let looked_up = "SELECT count(*) FROM field_interval
        WHERE field = 'last_changed' AND key <> 'none'
          AND report.value_of(tenant, field, key)::text IS DISTINCT FROM value";
    assert_eq!(app.count(looked_up).await, 0);
    assert_ne!(
        app.count("SELECT count(*) FROM field_interval WHERE field = 'last_changed'")
            .await,
        0
    );
}

/// Hours in seconds.
fn hours(hours: f64) -> f64 {
    hours * 3600.0
}

#[tokio::test]
async fn time_in_status_is_what_one_counts_by_hand() {
    let app = golden().await;
    let given = [("field", "status"), ("until", UNTIL)];
    let found = columns(
        &app,
        "time_in_field",
        &given,
        [
            "known",
            "value",
            "visits",
            "closed_visits",
            "open_visits",
            "tickets",
            "total_seconds",
            "open_seconds",
            "median_seconds_per_visit",
            "median_seconds_per_ticket",
        ],
    )
    .await;
    // In order of the time that is over. Closed visits in hours, by ticket:
    // 1: 2 · 1 · 1 · 2 · 1 + 1 · 1 (of 8) · 1 + 1 (of 9); of each ticket 2 1 1 2 2 1 2
    // 3: 2 · 3 · 2      unknown: 4 of 7, 2 of 8      2: 1 (of 3) · 3 (of 9)      4: 1      5: never over
    let expected = json!([
        [
            true,
            1,
            11,
            9,
            2,
            7,
            hours(11.0),
            hours(26.0),
            hours(1.0),
            hours(2.0)
        ],
        [true, 3, 3, 3, 0, 3, hours(7.0), 0.0, hours(2.0), hours(2.0)],
        [false, null, 0, 0, 0, 2, hours(6.0), 0.0, null, null],
        [
            true,
            2,
            8,
            2,
            6,
            7,
            hours(4.0),
            hours(73.0),
            hours(2.0),
            hours(2.0)
        ],
        [true, 4, 1, 1, 0, 1, hours(1.0), 0.0, hours(1.0), hours(1.0)],
        [true, 5, 1, 0, 1, 1, 0.0, hours(14.0), null, null],
    ]);
    assert_numbers(&found, &expected);
    // All of it is the time since the tickets' first events: 16 hours of eight, 14 of the sixth.
    let all: f64 = found
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[6].as_f64().unwrap() + row[7].as_f64().unwrap())
        .sum();
    assert!((all - hours(16.0 * 8.0 + 14.0)).abs() < 0.01);
}

#[tokio::test]
async fn a_first_response_is_the_first_event_after_the_beginning_that_declares_one() {
    let app = TestApp::start().await;
    let replied = |ticket, hour| at(changed(ticket).with("Changes", json!(["replied_at"])), hour);
    let bodies = [
        // 1 waits 2 hours; the second answer, which arrives first, is none.
        at(created(1), 8),
        replied(1, 13),
        replied(1, 10),
        // 2 was created with an answer, and waits 3 hours for the next.
        at(created(2).with("Changes", json!(["replied_at"])), 8),
        replied(2, 11),
        // 3 is seen late, and waits an hour from there; 4 waits for ever.
        status(3, 9, 3),
        replied(3, 10),
        at(created(4), 8),
        status(4, 12, 2),
    ];
    for body in bodies {
        app.deliver(body).await.assert(200);
    }
    app.settle().await;
    let names = [
        "tickets",
        "median_seconds",
        "p90_seconds",
        "tickets_without_response",
    ];
    let found = columns(&app, "first_response", &[], names).await;
    // Of 1, 2 and 3 hours; nine tenths of the way from the first to the last is 2.8.
    assert_numbers(&found, &json!([[3, hours(2.0), hours(2.8), 1]]));
    let evidence = columns(
        &app,
        "first_response",
        &[("drill", "all")],
        ["ticket", "seconds"],
    )
    .await;
    let expected = json!([[2, hours(3.0)], [1, hours(2.0)], [3, hours(1.0)], [4, null]]);
    assert_numbers(&evidence, &expected);
    // Those that began before 9.
    let given = [("until", "2025-05-01T09:00:00Z")];
    let found = columns(&app, "first_response", &given, names).await;
    assert_numbers(&found, &json!([[2, hours(2.5), hours(2.9), 1]]));
}

#[tokio::test]
async fn a_window_cuts_visits_at_its_ends() {
    let app = golden().await;
    let given = [
        ("field", "status"),
        ("since", "2025-05-01T09:30:00Z"),
        ("until", "2025-05-01T11:30:00Z"),
    ];
    let names = [
        "known",
        "value",
        "visits",
        "closed_visits",
        "total_seconds",
        "open_seconds",
    ];
    let found = columns(&app, "time_in_field", &given, names).await;
    // A visit that ended later is over all the same. Hours from 9:30 to 11:30:
    // 3: 1.5 of 1, 2 of 5, 1.5 of 6 · 2: 0.5 of 3, 2 of 9 over, 2 of 2 open
    // 1: 0.5 of 1 and 0.5 of 4 over, 0.5 of 3 and of 8 open · 4: 1 of 3 · 5: 1.5 of 4 open · unknown: 2 of 7, 1.5 of 8
    let expected = json!([
        [true, 3, 3, 3, hours(5.0), 0.0],
        [false, null, 0, 0, hours(3.5), 0.0],
        [true, 2, 3, 2, hours(2.5), hours(2.0)],
        [true, 1, 4, 2, hours(1.0), hours(1.0)],
        [true, 4, 1, 1, hours(1.0), 0.0],
        [true, 5, 1, 0, 0.0, hours(1.5)],
    ]);
    assert_numbers(&found, &expected);
}

#[tokio::test]
async fn business_hours_are_local_and_know_holidays_and_changes_of_the_clock() {
    let app = TestApp::start().await;
    // In Oslo the clocks go forward at 2:00 on Sunday 2025-03-30. From Friday 28 March 15:00 (14:00 UTC) on.
    let bodies = [
        created(1).at("2025-03-28T14:00:00Z"),
        changed(1).set("status", 2).at("2025-04-01T14:00:00Z"),
    ];
    for body in bodies {
        app.deliver(body).await.assert(200);
    }
    app.settle().await;
    // To Tuesday 1 April 16:00 (14:00 UTC).
    for (hours_given, holidays, expected) in [
        ("", "", 96.0),
        // Friday 1, Monday 8, Tuesday 8.
        ("Mon-Fri 08:00-16:00", "", 17.0),
        ("Mon-Fri 08:00-16:00", "2025-03-31", 9.0),
        // Friday 9, Saturday 24, Sunday 23, for one hour there was not.
        ("Fri-Sun 00:00-24:00", "", 56.0),
        ("Sun 01:00-04:00", "", 2.0),
        ("Mon 08:00-12:00, Mon 12:30-16:00, Tue 15:30-18:00", "", 8.0),
    ] {
        let given = [
            ("field", "status"),
            ("until", "2025-04-02T00:00:00Z"),
            ("zone", "Europe/Oslo"),
            ("hours", hours_given),
            ("holidays", holidays),
        ];
        let rows = ask(&app, "Cust1", "time_in_field", &given).await;
        let row = rows.iter().find(|row| row["value"] == 1).unwrap();
        let found = row["total_seconds"].as_f64().unwrap() / 3600.0;
        assert!(
            (found - expected).abs() < 1e-6,
            "{hours_given} {holidays}: {found}, expected {expected}"
        );
    }
}

#[tokio::test]
async fn holidays_without_business_hours_are_refused() {
    let app = TestApp::start().await;
    app.deliver(created(1)).await.assert(200);
    for report in [
        "time_in_field",
        "resolution",
        "first_response",
        "unassigned_time",
    ] {
        let path = format!("/v1/tenants/Cust1/reports/{report}?holidays=2025-03-31");
        let problem = app.get(&path).await.assert(400);
        assert_eq!(problem["type"], "urn:ticketlog:bad-parameter");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("holidays needs hours"), "{detail}");
        app.read(&format!("{path}&hours=Mon-Fri+08:00-16:00")).await;
        let mut command = ticketlog(["report", report, "--tenant", "Cust1"]);
        command.args(["--holidays", "2025-03-31", "--database-url", &app.db.url()]);
        let output = command.output().unwrap();
        let (out, log) = printed(&output);
        assert_eq!((output.status.code(), out.as_str()), (Some(1), ""));
        assert!(log.contains("holidays needs hours"), "{log}");
    }
}

#[tokio::test]
async fn what_became_of_tickets_is_what_one_counts_by_hand() {
    let app = golden().await;
    let until = [("until", UNTIL)];
    // Only 9 went from closed to open; 3 came back from deleted.
    let found = columns(
        &app,
        "reopens",
        &until,
        ["reopens", "tickets", "tickets_ever_closed"],
    )
    .await;
    assert_numbers(&found, &json!([[0, 8, 6], [1, 1, 1]]));
    // 1→2 of 2, 3, 5 and twice of 9, 1→3 of 1 and 5, 3→2 of 1 and 6, the rest once; 7 and 8 came from the unknown.
    let given = [("field", "status"), ("until", UNTIL)];
    let found = columns(&app, "transitions", &given, ["from", "to", "count"]).await;
    let expected = json!([
        [1, 2, 5],
        [1, 3, 2],
        [3, 2, 2],
        [1, 5, 1],
        [2, 1, 1],
        [2, 4, 1],
        [3, 1, 1],
        [4, 1, 1]
    ]);
    assert_numbers(&found, &expected);
    let found = columns(&app, "changes_by_field", &until, ["field", "changes"]).await;
    assert_numbers(&found, &json!([["status", 14]]));
    // First to last in hours, by ticket: 4 1 3 2 5 2 4 3 5. To the first close: 4 1 1 – 5 2 4 – 1.
    let names = [
        "tickets",
        "median_seconds_first_to_last",
        "mean_seconds_first_to_last",
        "tickets_closed",
        "median_seconds_to_first_closed",
    ];
    let found = columns(&app, "resolution", &until, names).await;
    assert_numbers(
        &found,
        &json!([[9, hours(3.0), hours(29.0 / 9.0), 7, hours(2.0)]]),
    );
    // 6 has no created event. Closed: 1, 2, 3, 5, 6 and 7 (which declares it) once, 9 twice. Left: 3 and 8.
    let names = ["day", "created", "closed", "reopened", "backlog"];
    let found = columns(&app, "throughput", &until, names).await;
    assert_numbers(&found, &json!([["2025-05-01", 8, 8, 1, 2]]));
    // At half past ten: 3 of 1, 5 and 6 · 2 of 2 and 9 · 4 of 3 · 5 of 4 · unknown of 7 and 8.
    let given = [("field", "status"), ("at", "2025-05-01T10:30:00Z")];
    let found = columns(&app, "backlog_as_of", &given, ["known", "value", "tickets"]).await;
    let expected = json!([
        [true, 3, 3],
        [true, 2, 2],
        [false, null, 2],
        [true, 4, 1],
        [true, 5, 1]
    ]);
    let sorted = |rows: &Value| {
        let mut rows: Vec<String> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(&found), sorted(&expected));
}

/// Equal, but for how numbers are written.
fn assert_numbers(found: &Value, expected: &Value) {
    let plain = |value: &Value| {
        let rows = value.as_array().unwrap().iter();
        let rows = rows.map(|row| {
            let cells = row.as_array().unwrap().iter();
            let cells = cells.map(|cell| {
                cell.as_f64()
                    .map_or_else(|| cell.clone(), |number| json!(number))
            });
            cells.collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(plain(found), plain(expected));
}
