//! Tickets by their state, now and then: the list against every ticket's own answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use ticketlog::domain::instant::timestamp_of_ticks;

use crate::{
    model::{
        histories::{self, Made},
        reading::{self, normal},
    },
    support::{app::TestApp, payload},
};

const DESK: &str = "/v1/tenants/Cust1/tickets";

/// Numbers of tickets that do not stand in the order of their arrival.
fn number(nth: usize) -> i64 {
    let nth = i64::try_from(nth).unwrap();
    (nth * 7919) % 101 + 1
}

/// Bodies of tickets' histories with all the trouble that the generator knows, mixed, and those that dispute
/// some of them at the end.
pub(crate) fn bodies(tickets: usize, events: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let made: Vec<Made> = (0..tickets)
        .flat_map(|nth| histories::sample_of(seed, events, "Cust1", number(nth)))
        .collect();
    let disputes: Vec<Vec<u8>> = made.iter().filter_map(|made| made.other.clone()).collect();
    let mut bodies: Vec<Vec<u8>> = made.into_iter().map(|made| made.body).collect();
    random.shuffle(&mut bodies);
    bodies.extend(disputes);
    bodies
}

async fn app_with_a_desk(tickets: usize, events: usize, seed: u64) -> TestApp {
    let app = TestApp::start().await;
    for body in bodies(tickets, events, seed) {
        app.deliver(body).await.assert(200);
    }
    // Only read: has no instant, so its history is empty.
    let undated = payload::changed(500).with("Timestamp", Value::Null);
    app.deliver(undated).await.assert(200);
    app
}

/// Every ticket's own answer, by number; none of those that are not known.
async fn answers(app: &TestApp, tickets: &BTreeSet<i64>, query: &str) -> BTreeMap<i64, Value> {
    let mut answers = BTreeMap::new();
    for ticket in tickets {
        let answer = app.get(&format!("{DESK}/{ticket}?{query}")).await;
        if answer.status.as_u16() != 404 {
            answers.insert(*ticket, answer.assert(200));
        }
    }
    answers
}

async fn tickets(app: &TestApp) -> BTreeSet<i64> {
    let items = app.read_all(DESK).await;
    items
        .iter()
        .map(|item| item["ticket"].as_i64().unwrap())
        .collect()
}

/// A filter: some fields, each with the texts of the values that are asked for.
type Filter<'a> = &'a [(&'a str, &'a [&'a str])];

fn query(filter: Filter<'_>) -> String {
    let mut query = String::new();
    for (field, values) in filter {
        for value in *values {
            let prefix = if field.starts_with("x_") {
                "field."
            } else {
                ""
            };
            query += &[prefix, field, "=", &escaped(value), "&"].concat();
        }
    }
    query
}

/// Every byte as `%XX`.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |escaped, byte| {
        escaped + &format!("%{byte:02X}")
    })
}

/// What is asked for, read without the code that is tested.
fn admits(filter: Filter<'_>, answer: &Value) -> bool {
    filter.iter().all(|(field, values)| {
        let Some(held) = answer["fields"].get(*field) else {
            return false;
        };
        values.iter().any(|text| match (*text, *field) {
            ("none", field) if !field.starts_with("x_") => {
                normal(field, held) == reading::Normal::NoneValue
            }
            (text, field) => {
                let asked = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
                normal(field, held) == normal(field, &asked)
            }
        })
    })
}

const FILTERS: [Filter<'static>; 14] = [
    &[],
    &[("status", &["2"])],
    &[("status", &["1", "3", "5"])],
    &[("status", &["\"[I:2]\"", "2.0"])],
    &[("owned_by", &["none"])],
    &[("contact_id", &["null"])],
    &[("x_foo", &["a"])],
    &[("x_foo", &["null", "{}", "[1,null,\"ø\"]", "1"])],
    &[("owned_by", &["8", "none"]), ("status", &["1", "2"])],
    &[
        ("priority", &["2"]),
        ("status", &["2", "1", "0"]),
        ("has_attachment", &["true"]),
    ],
    &[("status", &["77"])],
    &[("created_at", &["none"]), ("x_foo", &["a"])],
    &[("last_changed", &["none"])],
    &[("last_changed", &["none"]), ("status", &["2", "1", "0"])],
];

/// The list is every ticket's own answer, of those that are as asked, in both orders, by any number a page.
async fn assert_lists(app: &TestApp, all: &BTreeMap<i64, Value>, extra: &str) {
    for filter in FILTERS {
        let asked = query(filter);
        let was_there =
            |answer: &&Value| !extra.contains("as_of") || !answer["first_event_at"].is_null();
        let expected: Vec<&Value> = (all.values())
            .filter(was_there)
            .filter(|answer| admits(filter, answer))
            .collect();
        for limit in [1000, 7] {
            let path = format!("{DESK}?{asked}{extra}");
            let found = pages(app, &path, limit).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{path}");
            let mut found = pages(app, &format!("{path}&order=-ticket"), limit).await;
            found.reverse();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{path} down");
        }
    }
}

/// All items of a list, this many a page.
pub(crate) async fn pages(app: &TestApp, path: &str, limit: usize) -> Vec<Value> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let mut page = app.read(&format!("{path}{joint}limit={limit}{next}")).await;
        items.append(page["items"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return items,
        }
    }
}

#[tokio::test]
async fn the_list_is_every_tickets_own_answer_now_and_then() {
    let app = app_with_a_desk(18, 9, 11).await;
    let tickets = tickets(&app).await;
    assert_eq!(tickets.len(), 19);
    let now = answers(&app, &tickets, "").await;
    assert_lists(&app, &now, "").await;
    let mut instants = BTreeSet::new();
    for ticket in tickets.iter().step_by(5) {
        for entry in app
            .read_all(&format!("{DESK}/{ticket}/timeline?include=noise"))
            .await
        {
            instants.insert(entry["occurred_at"].as_str().unwrap().to_owned());
        }
    }
    let head = app.read("/v1/tenants/Cust1/events?limit=1").await["head"]
        .as_i64()
        .unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let instants: Vec<i64> = (instants.iter())
        .map(|at| i64::try_from(reading::instant(at).unwrap().ticks).unwrap())
        .collect();
    for round in 0..3 {
        let at = instants[random.usize(..instants.len())] + (round % 3) - 1;
        let as_of = format!("as_of={}", timestamp_of_ticks(at));
        assert_lists(&app, &answers(&app, &tickets, &as_of).await, &as_of).await;
        let known_at = format!("known_at={}", random.i64(0..=head));
        assert_lists(&app, &answers(&app, &tickets, &known_at).await, &known_at).await;
        let both = format!("{as_of}&{known_at}");
        assert_lists(&app, &answers(&app, &tickets, &both).await, &both).await;
    }
}

#[tokio::test]
async fn a_field_that_every_event_moves_is_a_condition_like_any_other() {
    let app = TestApp::start().await;
    for (ticket, status, at) in [(1, 1, "10:00"), (2, 2, "10:00"), (3, 1, "11:00")] {
        let body = payload::created(ticket).set("status", status);
        let body = body.set("last_changed", format!("2025-05-19T{at}:00"));
        app.deliver(body).await.assert(200);
    }
    for (query, expected) in [
        ("last_changed=2025-05-19T10:00:00", &[1, 2][..]),
        ("last_changed=2025-05-19T10:00:00&order=-ticket", &[2, 1]),
        ("last_changed=2025-05-19T10:00:00&order=last&status=2", &[2]),
        (
            "last_changed=2025-05-19T10:00:00&last_changed=2025-05-19T11:00:00&status=1",
            &[1, 3],
        ),
        ("last_changed=2025-05-19T12:00:00", &[]),
    ] {
        let items = app.read_all(&format!("{DESK}?{query}")).await;
        let found: Vec<i64> = items
            .iter()
            .map(|item| item["ticket"].as_i64().unwrap())
            .collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn changed_since_and_the_order_by_last_event_go_by_the_last_event() {
    let app = app_with_a_desk(20, 6, 5).await;
    let tickets = tickets(&app).await;
    let now = answers(&app, &tickets, "").await;
    let last = |answer: &Value| {
        let at = answer["last_event_at"].as_str();
        at.map(|at| reading::instant(at).unwrap().ticks)
    };
    let mut by_last: Vec<&Value> = now.values().collect();
    by_last.sort_by_key(|answer| {
        (
            last(answer).unwrap_or(i128::MAX),
            answer["ticket"].as_i64().unwrap(),
        )
    });
    let dated: Vec<&Value> = by_last
        .iter()
        .copied()
        .filter(|answer| last(answer).is_some())
        .collect();
    let mut down: Vec<&Value> = dated.iter().rev().copied().collect();
    down.extend(by_last.iter().filter(|answer| last(answer).is_none()));
    for limit in [1000, 1, 3] {
        let up = pages(&app, &format!("{DESK}?order=last"), limit).await;
        assert_eq!(up.iter().collect::<Vec<_>>(), by_last);
        let found = pages(&app, &format!("{DESK}?order=-last"), limit).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), down);
    }
    for nth in [0, dated.len() / 2, dated.len() - 1] {
        let at = last(dated[nth]).unwrap();
        for off in [-1, 0, 1] {
            let since = i64::try_from(at + off).unwrap();
            let path = format!("{DESK}?changed_since={}", timestamp_of_ticks(since));
            let expected: Vec<&Value> = now
                .values()
                .filter(|answer| last(answer).is_some_and(|last| last >= since.into()))
                .collect();
            assert_eq!(
                pages(&app, &path, 4).await.iter().collect::<Vec<_>>(),
                expected
            );
            let mut found = pages(&app, &format!("{path}&order=-last&status=1&status=2"), 4).await;
            found.sort_by_key(|answer| answer["ticket"].as_i64());
            let expected: Vec<&Value> = expected
                .into_iter()
                .filter(|answer| admits(&[("status", &["1", "2"])], answer))
                .collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test]
async fn what_was_answered_at_a_position_can_be_had_again() {
    let app = TestApp::start().await;
    let mut bodies = bodies(6, 7, 23);
    bodies.truncate(48);
    let from = "2025-10-26T00:00:00Z";
    let to = "2025-10-27T12:00:00.5Z";
    let paths: Vec<String> = [number(0), number(3)]
        .iter()
        .flat_map(|ticket| {
            [
                format!("{DESK}/{ticket}?"),
                format!("{DESK}/{ticket}/timeline?include=noise&limit=1000"),
                format!("{DESK}/{ticket}/diff?from={from}&to={to}"),
            ]
        })
        .chain([
            format!("{DESK}?"),
            format!("{DESK}?status=1&status=2&order=-ticket&limit=4"),
            format!("{DESK}?as_of={to}&field.x_foo=a"),
            format!("/v1/tenants/Cust1/diff?from={from}&to={to}"),
        ])
        .collect();
    // A dispute does not move the log: the last answer at a position is the one that stays.
    let mut answered: BTreeMap<(i64, &String), (u16, bytes::Bytes)> = BTreeMap::new();
    for body in bodies {
        let receipt = app.deliver(body).await.assert(200);
        let head = app.read("/v1/tenants/Cust1/events?limit=1").await["head"]
            .as_i64()
            .unwrap();
        assert!(receipt["position"].as_i64().unwrap() <= head);
        for path in &paths {
            let answer = app.get(path).await;
            answered.insert((head, path), (answer.status.as_u16(), answer.body));
        }
    }
    for ((position, path), (status, body)) in answered {
        let path = format!("{path}&known_at={position}");
        let again = app.get(&path).await;
        assert_eq!(again.status.as_u16(), status, "{path}");
        if status != 404 {
            let text = |body: &bytes::Bytes| without_cursor(std::str::from_utf8(body).unwrap());
            assert_eq!(text(&again.body), text(&body), "{path}");
        }
    }
}

/// An answer without the cursor, which names the query.
fn without_cursor(text: &str) -> String {
    match text.rsplit_once("\"next\":\"") {
        Some((before, _)) => before.to_owned(),
        None => text.to_owned(),
    }
}

fn created(ticket: i64, status: i64) -> payload::Payload {
    payload::created(ticket)
        .at("2025-05-01T08:00:00Z")
        .set("status", status)
}

/// The tickets of a list, of which every third moves, comes and goes while its pages are turned.
async fn seen_while_others_move(
    app: &TestApp,
    random: &mut fastrand::Rng,
    query: &str,
) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let page = app.read(&format!("{DESK}?{query}&limit=7{next}")).await;
        let items = page["items"].as_array().unwrap().iter();
        seen.extend(items.map(|item| item["ticket"].as_i64().unwrap()));
        let Some(cursor) = page["next"].as_str() else {
            return seen;
        };
        next = format!("&cursor={cursor}");
        for _ in 0..4 {
            let (day, hour) = (random.u8(1..9), random.u8(1..9));
            let moved = payload::changed(3 * random.i64(1..=20))
                .at(&format!("2025-05-0{day}T0{hour}:00:00Z"))
                .set("status", random.i64(1..=3));
            app.deliver(moved).await.assert(200);
        }
        let new = created(61 + 3 * random.i64(0..40), 1);
        app.deliver(new).await.assert(200);
    }
}

#[tokio::test]
async fn a_ticket_that_stays_as_it_is_comes_once_while_others_move() {
    let app = TestApp::start().await;
    for ticket in 1..=60 {
        app.deliver(created(ticket, 1 + ticket % 2))
            .await
            .assert(200);
    }
    let still: BTreeSet<i64> = (1..=60).filter(|ticket| ticket % 3 != 0).collect();
    let mut random = fastrand::Rng::with_seed(3);
    for order in ["ticket", "-ticket", "last", "-last"] {
        for asked in [
            "",
            "&status=1&status=2",
            "&status=2",
            "&changed_since=2025-05-01T08:00:00Z",
        ] {
            let seen =
                seen_while_others_move(&app, &mut random, &format!("order={order}{asked}")).await;
            let meant = |ticket: &&i64| !asked.starts_with("&status=2") || **ticket % 2 == 1;
            let expected: Vec<i64> = still.iter().filter(meant).copied().collect();
            let mut found: Vec<i64> = seen.into_iter().filter(|it| still.contains(it)).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{order} {asked}");
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_only_for_its_filter_and_tenant() {
    let app = app_with_a_desk(3, 3, 1).await;
    app.deliver(payload::created(1).tenant("Cust2"))
        .await
        .assert(200);
    let other = DESK.replace("Cust1", "Cust2");
    let own = "status=0&status=1&status=2&status=3&status=4&status=5";
    let page = app
        .read(&format!(
            "{DESK}?status=5&status=4&status=3&status=2&status=1&status=0&limit=1"
        ))
        .await;
    let cursor = page["next"].as_str().unwrap();
    app.read(&format!("{DESK}?{own}&limit=3&cursor={cursor}"))
        .await;
    for (path, said) in [
        (format!("{DESK}?cursor={cursor}"), "another query"),
        (
            format!("{DESK}?{own}&order=-ticket&cursor={cursor}"),
            "another query",
        ),
        (
            format!("{DESK}?{own}&as_of=2025-01-01T00:00:00Z&cursor={cursor}"),
            "another query",
        ),
        (format!("{other}?{own}&cursor={cursor}"), "another query"),
        (format!("{DESK}?{own}&cursor={cursor}x"), "damaged"),
    ] {
        let problem = app.get(&path).await.assert(400);
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{path}: {problem}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_a_400_that_says_what_can() {
    let app = TestApp::start().await;
    app.get(DESK).await.assert(404);
    app.deliver(payload::created(1)).await.assert(200);
    let many = "status=1&".repeat(101);
    for (query, said) in [
        ("stauts=1".to_owned(), "did you mean `status`?"),
        ("x_foo=a".to_owned(), "`field.NAME`"),
        ("limit=0".to_owned(), "1 to 1000"),
        ("limit=1001".to_owned(), "1 to 1000"),
        ("order=status".to_owned(), "-last"),
        ("order=last&as_of=2025-01-01T00:00:00Z".to_owned(), "order"),
        ("order=-last&known_at=3".to_owned(), "order"),
        ("as_of=yesterday".to_owned(), "as_of must be an instant"),
        (
            "as_of=2025-01-01T00:00:00".to_owned(),
            "as_of must be an instant",
        ),
        (
            "changed_since=1".to_owned(),
            "changed_since must be an instant",
        ),
        ("known_at=x".to_owned(), "known_at must be"),
        (many, "at most 100"),
    ] {
        let problem = app.get(&format!("{DESK}?{query}")).await.assert(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{query}: {detail}");
    }
}

#[tokio::test]
async fn nothing_that_is_asked_of_a_field_breaks_anything() {
    let app = TestApp::start().await;
    let long = "ø".repeat(3000);
    let values = [
        json!(long),
        json!("' OR 1=1 --"),
        json!("%"),
        json!("{\"a\":1}"),
        json!({"a": [1, {"b": null}]}),
        json!(""),
        json!("a\0b"),
        json!("none"),
        json!("1"),
        json!(1),
        json!(-1),
        json!(true),
    ];
    for (ticket, value) in (1..).zip(&values) {
        app.deliver(payload::created(ticket).set("x_v", value.clone()))
            .await
            .assert(200);
        app.deliver(payload::created(100 + ticket).set("x\0", value.clone()))
            .await
            .assert(200);
    }
    for (ticket, value) in (1..).zip(&values) {
        // As JSON a value is only itself; `"1"` is not 1. NUL in a name reads as U+FFFD.
        let text = escaped(&value.to_string());
        if text.len() > 6000 {
            continue;
        }
        for (name, ticket) in [("x_v", ticket), ("x%EF%BF%BD", 100 + ticket)] {
            let found = app.read(&format!("{DESK}?field.{name}={text}")).await;
            let found: Vec<&Value> = found["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| &item["ticket"])
                .collect();
            assert_eq!(found, [&json!(ticket)], "{name}={value}");
        }
    }
}

#[tokio::test]
async fn what_no_field_can_hold_is_asked_in_vain() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let deep = format!("{}{}", "[".repeat(1500), "]".repeat(1500));
    for query in [
        format!("field.x_v={deep}"),
        "status=%FF".to_owned(),
        "field.%FF=1".to_owned(),
        "status=1e999".to_owned(),
        "status=99999999999999999999999999".to_owned(),
        "status=%22%5Cud800%22".to_owned(),
        "field.x_v=%22%5Cud800%22".to_owned(),
        "field.x_v=none".to_owned(),
    ] {
        for more in [
            "as_of=9999-12-31T23:59:59.9999999Z",
            "as_of=0000-01-01T00:00:00Z&order=-ticket",
        ] {
            let found = app.read(&format!("{DESK}?{query}&{more}")).await;
            assert_eq!(found["items"], json!([]), "{query}");
        }
    }
}
