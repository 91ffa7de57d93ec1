//! Pages of reports: which there are, what they can be asked with, what they answer and what is behind it.

use serde_json::json;
use ticketlog::domain::{
    report::{Broken, Report},
    token::Scope,
};

use super::{Visitor, header, made, session_of, text};
use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
    payload,
};

const HEAD: &str = "-- What is asked here.\n--\n-- tenant: tenant. Whose.\n\
    \\if :{?tenant} \\else \\echo 'psql -v tenant=…' \\quit \\endif\n";

/// Tickets that move between three statuses, one of them with a value that nobody declared.
async fn desk(setup: Setup) -> TestApp {
    let app = TestApp::set_up(TestDb::create().await, setup).await;
    let labels = json!({"labels": [
        {"list": "ticket_status", "id": 1, "label": "Open"},
        {"list": "ticket_status", "id": 3, "label": "Solved"},
        {"list": "priority", "id": 2, "label": "<b>High</b>"},
    ]});
    for ticket in 1..=3 {
        let day = |day: i64, status: i64| {
            let at = format!("2025-05-{:02}T09:00:00Z", day + ticket);
            let event = payload::changed(ticket).at(&at);
            event
                .set("ticket_status", status)
                .set("status", if status == 3 { 2 } else { 1 })
        };
        let at = format!("2025-05-{ticket:02}T09:00:00Z");
        let first = payload::created(ticket).at(&at);
        app.deliver(first.set("status", 1).set("ticket_status", 1))
            .await
            .assert(200);
        let answered = day(3, 3).set("replied_at", "2025-05-04T09:00:00");
        app.deliver(answered).await.assert(200);
        app.deliver(day(5, 1)).await.assert(200);
    }
    app.put("/v1/tenants/Cust1/labels", labels.to_string())
        .await
        .assert(200);
    app.settle().await;
    app
}

#[tokio::test]
async fn every_report_stands_in_the_list_and_a_broken_one_with_what_is_wrong() {
    let own = Report::parse_own("mine", &format!("{HEAD}SELECT 1 AS one")).unwrap();
    let broken = Broken::from([(
        "<i>.sql".to_owned(),
        "line 3: <b>no</b> statement".to_owned(),
    )]);
    let app = desk(Setup {
        own_reports: vec![own],
        broken_reports: broken,
        ..Setup::default()
    })
    .await;
    let page = Visitor::reader(&app).await;
    let answer = page.get("/t/Cust1/reports").await;
    assert_eq!(answer.status, 403, "it takes the scope of reports");
    let (token, _) = made(&app, Some(&["Cust1"]), &[Scope::Report]).await;
    let visitor = Visitor::with(&app, token.expose()).await;
    let page = visitor.page("/t/Cust1/reports").await;
    for part in [
        r#"<a href="/t/Cust1/reports/time_in_field">time_in_field</a>"#,
        "How long tickets held each value of a field.",
        r#"<a href="/t/Cust1/reports/mine">mine</a>"#,
        "your own",
        "the program",
        "&lt;i&gt;.sql",
        "line 3: &lt;b&gt;no&lt;/b&gt; statement",
        "/v1/tenants/Cust1/reports?format=csv",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    // What the token is not good for is not offered.
    assert!(
        page.contains(">Reports</a>") && !page.contains(">Tickets</a>"),
        "{page}"
    );
    for path in [
        "/t/Cust2/reports",
        "/t/Cust2/reports/mine",
        "/t/Cust1/reports/minr",
    ] {
        assert_eq!(visitor.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn who_may_ask_for_reports_alone_is_led_to_these_and_nowhere_else() {
    let app = desk(Setup::default()).await;
    let foreign = payload::created(1).tenant("Cust2");
    app.deliver(foreign).await.assert(200);
    let (token, _) = made(&app, Some(&["Cust1"]), &[Scope::Report]).await;
    let mut visitor = Visitor::new(&app);
    let answer = visitor.log_in(token.expose(), "").await;
    let start = header(&answer, "location").to_owned();
    assert_eq!((answer.status.as_u16(), start.as_str()), (303, "/t"));
    visitor.session = Some(session_of(&answer));
    let page = visitor.page(&start).await;
    assert!(
        page.contains(r#"<a href="/t/Cust1/reports"><bdi>Cust1</bdi></a>"#),
        "{page}"
    );
    assert!(!page.contains("Cust2"), "{page}");
    // Every link on the way, from the start to what is behind a row, leads somewhere.
    let drill = "/t/Cust1/reports/transitions?drill=1%2F3";
    for path in [
        &start,
        "/t/Cust1/reports",
        "/t/Cust1/reports/transitions",
        drill,
    ] {
        let page = visitor.page(path).await;
        assert!(page.contains(r#"<a class="mark" href="/t">"#), "{page}");
        for link in page.split("<a ").skip(1) {
            let (_, rest) = link.split_once("href=\"").unwrap();
            let (link, _) = rest.split_once('"').unwrap();
            let status = match link.replace("&amp;", "&") {
                link if link.starts_with('#') => continue,
                link => visitor.get(&link).await.status,
            };
            assert_eq!(status, 200, "{link} on {path}");
        }
    }
    let page = visitor.page(drill).await;
    assert!(page.contains(r#"<span title="event "#), "{page}");
    assert!(
        !page.contains("/tickets/") && !page.contains("/events/"),
        "{page}"
    );
    // Who may read as well is led to them.
    let (token, _) = made(&app, Some(&["Cust1"]), &[Scope::Report, Scope::Read]).await;
    let both = Visitor::with(&app, token.expose()).await;
    let page = both.page(drill).await;
    assert!(
        page.contains(r#"<a href="/t/Cust1/tickets/1">1</a>"#),
        "{page}"
    );
    assert!(
        page.contains(r#"href="/v1/tenants/Cust1/events/"#),
        "{page}"
    );
    let page = both.page("/t").await;
    assert!(
        page.contains(r#"<a href="/t/Cust1"><bdi>Cust1</bdi></a>"#),
        "{page}"
    );
}

#[tokio::test]
async fn a_report_has_a_form_of_its_parameters_a_picture_a_table_and_what_to_doubt() {
    let app = desk(Setup::default()).await;
    let visitor = Visitor::with(&app, &app.token).await;
    let page = visitor
        .page("/t/Cust1/reports/transitions?since=2025-05-01T00:00:00Z")
        .await;
    for part in [
        "Which values of a field followed which, and how often.",
        r#"<label for="p-field"><bdi>field</bdi></label>"#,
        r#"name="field" value="ticket_status""#,
        r#"type="datetime-local" name="since" value="2025-05-01T00:00:00""#,
        r#"<option value="priority">priority</option>"#,
        r#"<input type="checkbox" name="kind" value="changed" checked>"#,
        r#"<input type="checkbox" name="kind" value="set">"#,
        "It takes a time zone like Europe/Oslo.",
        "Of the intervals between events ",
        " are suspect",
        " unproven",
        r#"<svg class="flow""#,
        "<title>Open → Solved: 3</title>",
        r#"<bdi class="value" title="ticket_status 1">Open</bdi>"#,
        r#"href="/t/Cust1/reports/transitions?since=2025-05-01T00%3A00%3A00Z&amp;drill=1%2F3""#,
        r#"aria-label="What is behind Open · Solved""#,
        "/v1/tenants/Cust1/reports/transitions?since=2025-05-01T00%3A00%3A00Z&amp;format=csv",
        "/v1/tenants/Cust1/reports/transitions?since=2025-05-01T00%3A00%3A00Z&amp;format=ndjson",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let behind = visitor.page("/t/Cust1/reports/transitions?drill=1/3").await;
    assert_eq!(
        behind.matches(r#"<th class="" scope="row">"#).count()
            + behind.matches(r#"<th scope="row">"#).count(),
        3,
        "{behind}"
    );
    for part in [
        r#"<a href="/t/Cust1/tickets/2">2</a>"#,
        r#"href="/v1/tenants/Cust1/events/"#,
        r#"title="2025-05-05T09:00:00Z""#,
        // The evidence gives ids alone; the page knows their labels.
        r#"<bdi class="value" title="ticket_status 3">Solved</bdi>"#,
        r#"<a href="/t/Cust1/reports/transitions">Back to the answer</a>"#,
    ] {
        assert!(behind.contains(part), "{part} is not in {behind}");
    }
    assert!(!behind.contains("<svg"), "evidence has no picture");
}

#[tokio::test]
async fn each_kind_of_answer_has_its_picture_and_each_picture_its_table() {
    let app = desk(Setup::default()).await;
    let visitor = Visitor::with(&app, &app.token).await;
    let mut missing = Vec::new();
    for (path, pictures) in [
        (
            "throughput?until=2025-05-20T00:00:00Z",
            &[
                "<svg class=\"lines\"",
                "<svg class=\"areas\"",
                ">created</bdi>",
                ">backlog</bdi>",
                "created 1, closed 0, reopened 0",
            ][..],
        ),
        (
            "throughput?group_by=priority",
            &[
                "<svg class=\"areas\"",
                "title=\"priority 2\">&lt;b&gt;High&lt;/b&gt;</bdi>",
                "sums of 7 days",
            ],
        ),
        ("transitions", &["<svg class=\"flow\""]),
        ("handovers", &["Nothing is as asked."]),
        (
            "time_in_field",
            &["<svg class=\"rows\"", "Solved: total_seconds 6 d 0 h"],
        ),
        ("backlog_as_of?field=status", &["<svg class=\"rows\""]),
        (
            "changes_by_field",
            &["<svg class=\"rows\"", "ticket_status: changes 6"],
        ),
        ("changes_by_actor", &["<svg class=\"rows\""]),
        ("reopens?group_by=month", &["<svg class=\"rows\""]),
        ("owner_changes", &["<svg class=\"rows\"", "assignments"]),
        ("resolution?percentiles=90", &["<svg class=\"rows\"", "p90"]),
        ("first_response", &["<svg class=\"rows\"", "3 d 0 h"]),
        ("unassigned_time", &["Nothing is as asked."]),
        ("feed_completeness", &["<svg class=\"rows\"", "no_values"]),
    ] {
        let page = visitor.page(&format!("/t/Cust1/reports/{path}")).await;
        for part in pictures {
            if !page.contains(part) {
                missing.push(format!("{path}: {part}"));
            }
        }
        assert_eq!(page.contains("<svg"), page.contains("<table"), "{path}");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[tokio::test]
async fn what_a_report_cannot_be_asked_with_is_said_at_its_field() {
    let own = format!(
        "{HEAD}-- number: integer. Which.\n\\if :{{?number}} \\else \\set number 7 \\endif\nSELECT 1 / (:'number'::integer - 7) AS one"
    );
    let own = Report::parse_own("mine", &own).unwrap();
    let app = desk(Setup {
        own_reports: vec![own],
        ..Setup::default()
    })
    .await;
    let visitor = Visitor::with(&app, &app.token).await;
    let answer = visitor
        .get("/t/Cust1/reports/time_in_field?since=yesterday&zone=Oslo&group_by=team&colour=red")
        .await;
    assert_eq!(answer.status, 400);
    let page = text(&answer);
    for part in [
        r#"<input id="p-since" type="text" name="since" value="yesterday" aria-describedby="hint-since" aria-invalid="true""#,
        r#"id="hint-since"><strong class="error" role="alert"><bdi>since must be an instant like 2025-05-19T09:56:33Z, not &quot;yesterday&quot;"#,
        r#"id="hint-zone"><strong class="error" role="alert"><bdi>zone"#,
        r#"<option value="team" selected>team</option>"#,
        r#"<p class="error" role="alert"><bdi>unknown parameter `colour`"#,
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<table"), "{page}");
    let late = "/t/Cust1/reports/throughput?since=2025-05-02T00:00:00Z&until=2025-05-01T00:00:00Z";
    let page = text(&visitor.get(late).await);
    assert!(page.contains(r#"id="hint-until"><strong class="error" role="alert"><bdi>until must be later than since"#), "{page}");
    let idle = "/t/Cust1/reports/time_in_field?holidays=2025-05-17";
    let answer = visitor.get(idle).await;
    assert_eq!(answer.status, 400);
    let page = text(&answer);
    assert!(
        page.contains(
            r#"id="hint-holidays"><strong class="error" role="alert"><bdi>holidays needs hours"#
        ),
        "{page}"
    );
    // Postgres finds what nobody could have told before; the form stays.
    let page = text(&visitor.get("/t/Cust1/reports/mine").await);
    assert!(
        page.contains("division by zero")
            && page.contains(r#"type="number" name="number" value="7""#),
        "{page}"
    );
    assert!(
        visitor
            .page("/t/Cust1/reports/mine?number=8")
            .await
            .contains("<table")
    );
}

#[tokio::test]
async fn times_of_the_form_are_the_readers_and_those_of_the_address_in_utc() {
    let app = desk(Setup::default()).await;
    let visitor = Visitor::with(&app, &app.token).await;
    let session = visitor.session.clone().unwrap();
    let cookie = format!("zone=Europe/Oslo; ticketlog_session={session}");
    let oslo = [("Cookie", cookie.as_str())];
    let plain = Visitor::new(&app);
    let given = "/t/Cust1/reports/backlog_as_of?at=2025-05-03T11:00:00&field=&group_by=";
    let answer = plain.get_with(given, &oslo).await;
    // As of a second: up to its end.
    let meant = "/t/Cust1/reports/backlog_as_of?at=2025-05-03T09%3A00%3A00.9999999Z";
    assert_eq!(
        (answer.status.as_u16(), header(&answer, "location")),
        (303, meant)
    );
    let page = text(&plain.get_with(meant, &oslo).await);
    assert!(
        page.contains(r#"name="at" value="2025-05-03T11:00:00""#),
        "{page}"
    );
    let given = "/t/Cust1/reports/throughput?since=2025-05-03T11:00";
    let answer = plain.get_with(given, &oslo).await;
    assert_eq!(
        header(&answer, "location"),
        "/t/Cust1/reports/throughput?since=2025-05-03T09%3A00%3A00Z"
    );
}

#[tokio::test]
async fn a_long_answer_comes_in_small_pages_whatever_stands_in_it() {
    let long = "SELECT '<script>alert(1)</script>' || number || repeat('\"', 5000) AS name, number AS count, \
                NULL AS nothing FROM generate_series(1, 5000) AS number";
    let text = format!(
        "-- <i>Why?</i>\n--\n-- plot: count.\n--\n{}{long}",
        HEAD.trim_start_matches("-- What is asked here.\n--\n")
    );
    let own = Report::parse_own("long", &text).unwrap();
    let app = desk(Setup {
        own_reports: vec![own],
        ..Setup::default()
    })
    .await;
    let visitor = Visitor::with(&app, &app.token).await;
    let first = visitor.page("/t/Cust1/reports/long").await;
    assert!(first.len() < 200_000, "{}", first.len());
    assert!(!first.contains("<script>alert") && first.contains("&lt;script&gt;alert(1)"));
    assert!(first.contains("&lt;i&gt;Why?") && !first.contains(">nothing<"));
    assert!(first.contains("the 30 longest of 5,000 rows"), "{first}");
    let next = first.split(r#"rel="next" href=""#).nth(1).unwrap();
    let next = next.split('#').next().unwrap().replace("&amp;", "&");
    let row = next.strip_prefix("/t/Cust1/reports/long?from_row=");
    let row: usize = row.unwrap().parse().unwrap();
    let second = visitor.page(&next).await;
    // It goes on where the first ended; the picture is of all rows and stands once.
    assert!(
        second.contains(&format!(">{row}</td>")) && !second.contains(&format!(">{}</td>", row - 1)),
        "{second}"
    );
    assert!(
        second.contains("To the start") && !second.contains("<svg"),
        "{second}"
    );
}
