//! What pages show.

use std::time::{Duration, Instant};

use ticketlog::domain::token::Scope;

use super::{Visitor, header, made, text};
use crate::support::{app::TestApp, payload};

/// Of the pages of a tenant with the ticket 7.
const PAGES: [&str; 20] = [
    "/t",
    "/t/Cust1",
    "/t/Cust1/tickets",
    "/t/Cust1/tickets/7",
    "/t/Cust1/tickets/7/diff?from=2025-05-01T00:00:00Z&to=2025-07-01T00:00:00Z",
    "/t/Cust1/reports",
    "/t/Cust1/reports/time_in_field",
    "/t/Cust1/reports/transitions",
    "/t/Cust1/reports/throughput",
    "/t/Cust1/reports/transitions?field=status&drill=1/2",
    "/t/Cust1/deliveries",
    "/t/Cust1/deliveries/conflicts",
    "/operations",
    "/operations/tokens",
    "/operations/parked",
    "/t/Cust1/audit",
    "/t/Cust1/audit?q=status+changed&as=tickets",
    "/t/Cust1/audit?as=counts&include=noise",
    "/t/Cust1/actors/19",
    "/t/Cust1/actors/19?year=2025&zone=Europe/Oslo",
];

/// What there is not, or cannot be asked, and what is said of it.
const MISSING: [(&str, u16, &str); 22] = [
    ("/t/Cust2", 404, "no event of a tenant"),
    ("/t/Cust2/tickets/7", 404, "no event of a tenant"),
    (
        "/t/Cust1/nowhere",
        404,
        "no resource is at /t/Cust1/nowhere",
    ),
    ("/nowhere", 404, "no resource is at /nowhere"),
    ("/t/Cust1/tickets/8", 404, "no event of ticket 8"),
    ("/t/Cust1/tickets/x", 404, "tickets are numbers from 1"),
    (
        "/t/Cust1/tickets?ticket=x",
        400,
        "ticket is the number of a ticket, like 4711",
    ),
    (
        "/t/Cust1/tickets/7?as_of=yesterday",
        400,
        "as_of must be an instant like",
    ),
    ("/t/Cust2/audit", 404, "no event of a tenant"),
    ("/t/Cust2/audit?as=counts", 404, "no event of a tenant"),
    ("/t/Cust2/actors/19", 404, "no event of a tenant"),
    ("/t/Cust1/actors/77", 404, "is by actor 77"),
    ("/t/Cust1/actors/none", 404, "says who did it"),
    ("/t/Cust1/actors/x", 404, "is no actor"),
    (
        "/t/Cust1/actors/19?year=-30000",
        400,
        "year is one like 2025",
    ),
    ("/t/Cust1/actors/19?year=x", 400, "year"),
    ("/t/Cust1/audit?colour=red", 400, "unknown parameter"),
    ("/t/Cust1/audit?cursor=x", 400, "cursor"),
    ("/t/Cust1/audit?as=pie", 400, "changes"),
    ("/t/Cust1/tickets/7?colour=red", 400, "unknown parameter"),
    ("/t/Cust1/tickets/7?cursor=x", 400, "cursor"),
    (
        "/t/Cust1/tickets/7/diff?from=2025-05-02T00:00:00Z&to=2025-05-01T00:00:00Z",
        400,
        "from must not be after to",
    ),
];

/// A ticket that is created, moves, is closed, and then shows a value that nobody declared.
async fn desk() -> TestApp {
    let app = TestApp::start().await;
    let labels = r#"{"labels": [{"list": "ticket_status", "id": 3, "label": "Solved"},
                                {"list": "actor", "id": 19, "label": "Kari Normann"}]}"#;
    for event in [
        payload::created(7)
            .at("2025-05-19T09:00:00Z")
            .set("status", 1),
        payload::changed(7)
            .at("2025-05-20T09:00:00.1234567Z")
            .set("priority", 3),
        payload::changed(7)
            .at("2025-05-21T09:00:00Z")
            .set("status", 2)
            .set("ticket_status", 3)
            .set("priority", 3),
        payload::changed(7)
            .at("2025-05-22T09:00:00Z")
            .set("status", 1),
    ] {
        app.deliver(event).await.assert(200);
    }
    app.put("/v1/tenants/Cust1/labels", labels)
        .await
        .assert(200);
    app.settle().await;
    app
}

#[tokio::test]
async fn every_page_is_fenced_in_and_small() {
    let app = desk().await;
    let visitor = Visitor::with(&app, &app.token).await;
    let outside = Visitor::new(&app);
    for path in PAGES {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        let page = text(&answer);
        assert!(page.len() < 200_000, "{path} has {} bytes", page.len());
        for answer in [answer, outside.get(path).await] {
            assert_eq!(answer.content_type, "text/html; charset=utf-8");
            assert_eq!(
                header(&answer, "content-security-policy"),
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            );
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
            assert_eq!(header(&answer, "referrer-policy"), "same-origin");
            assert_eq!(header(&answer, "cache-control"), "no-store");
        }
        // Neither the policy nor a reader who has no script may be in the way.
        for inline in [" style=", "<style", "javascript:"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
        assert!(!has_handler(&page), "{path}");
        assert_eq!(
            page.matches("<script").count(),
            page.matches("<script src=\"/assets/").count()
        );
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        for elsewhere in ["http://", "https://", "src=\"//", "href=\"//"] {
            assert!(!page.contains(elsewhere), "{path} names {elsewhere}");
        }
    }
}

#[tokio::test]
async fn what_pages_refer_to_is_kept_for_ever_under_an_address_of_its_content() {
    let app = TestApp::start().await;
    let visitor = Visitor::new(&app);
    let page = text(&visitor.get("/login").await);
    let named: Vec<&str> = page
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for path in named {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            header(&answer, "cache-control"),
            "public, max-age=31536000, immutable"
        );
    }
    assert_eq!(
        visitor
            .get("/assets/style.0000000000000000.css")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn all_that_is_said_of_a_problem_is_shown_but_not_all_that_somebody_wrote() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    let long = "x".repeat(3000);
    let told = visitor
        .get(&format!("/t/Cust1/tickets?colour={long}"))
        .await;
    assert!(text(&told).contains("expected `ticket`"), "{}", text(&told));
    let told = text(
        &visitor
            .get(&format!("/t/Cust1/tickets?ticket={long}"))
            .await,
    );
    assert!(told.contains(&"x".repeat(900)) && !told.contains(&"x".repeat(1001)));
}

#[tokio::test]
async fn a_page_that_there_is_not_says_so_as_a_page_and_the_api_as_json() {
    let app = desk().await;
    let (token, _) = made(&app, Some(&["Cust1"]), &[Scope::Read]).await;
    let visitor = Visitor::with(&app, token.expose()).await;
    for (path, status, said) in MISSING {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.content_type, "text/html; charset=utf-8", "{path}");
        assert!(text(&answer).contains(said), "{path}: {}", text(&answer));
    }
    let answer = visitor.get("/v1/nowhere").await;
    assert_eq!(answer.content_type, "application/problem+json");
    let report = made(&app, None, &[Scope::Report]).await.0;
    let report = Visitor::with(&app, report.expose()).await;
    assert_eq!(report.get("/t/Cust1").await.status, 403);
}

#[tokio::test]
async fn a_ticket_shows_what_it_was_who_changed_it_and_what_is_in_doubt() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    let now = visitor.page("/t/Cust1/tickets/7").await;
    for part in [
        ">4 events",
        r#"<bdi class="value" title="ticket_status 3">Solved</bdi>"#,
        r#"<bdi class="who" title="associate 19">Kari Normann</bdi>"#,
        r#"<span class="lifecycle closed">closed</span>"#,
        r#"<span class="lifecycle reopened">reopened</span>"#,
        r#"title="2025-05-20T09:00:00.1234567Z""#,
        r#"<span class="doubt suspect">suspect</span>"#,
        "a value moved that no declared change explains",
        r#"fill="url(#hatch-suspect)""#,
        "2 changes are noise",
        "include=noise",
        "/v1/tenants/Cust1/tickets/7/timeline?order=desc&amp;format=csv",
    ] {
        assert!(now.contains(part), "{part} is not in {now}");
    }
    let then = visitor
        .page("/t/Cust1/tickets/7?as_of=2025-05-20T08:59:59Z")
        .await;
    let state = then
        .split("class=\"state\"")
        .nth(1)
        .unwrap()
        .split("</dl>")
        .next()
        .unwrap();
    assert!(
        state.contains(r#"title="priority 2""#) && !state.contains("Solved"),
        "{state}"
    );
    assert!(then.contains("As of <time"));
    let noisy = visitor
        .page("/t/Cust1/tickets/7?include=noise&field=priority&order=asc")
        .await;
    assert_eq!(noisy.matches("class=\"entry\"").count(), 4, "{noisy}");
    let diff = visitor.page(PAGES[4]).await;
    assert!(
        diff.contains(r#"title="priority 2""#) || diff.contains("unknown"),
        "{diff}"
    );
    // Of the first event alone nothing else was known.
    let early = visitor.page("/t/Cust1/tickets/7?known_at=1").await;
    assert!(
        early.contains(">1 event") && early.contains("by <strong>1</strong> alone"),
        "{early}"
    );
}

#[tokio::test]
async fn instants_are_in_the_readers_zone_and_addresses_in_none() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    let session = visitor.session.clone().unwrap();
    let oslo = [(
        "Cookie",
        format!("zone=Europe/Oslo; ticketlog_session={session}"),
    )];
    let oslo: Vec<(&str, &str)> = oslo
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let plain = Visitor::new(&app);
    let page = text(&plain.get_with("/t/Cust1/tickets/7", &oslo).await);
    assert!(
        page.contains(">2025-05-19 11:00:00</time>") && page.contains("Europe/Oslo"),
        "{page}"
    );
    assert!(
        visitor
            .page("/t/Cust1/tickets/7")
            .await
            .contains(">2025-05-19 09:00:00</time>")
    );
    let answer = plain
        .get_with("/t/Cust1/tickets/7?as_of=2025-05-20T10:59:59&field=", &oslo)
        .await;
    assert_eq!(
        (answer.status.as_u16(), header(&answer, "location")),
        (
            303,
            "/t/Cust1/tickets/7?as_of=2025-05-20T08%3A59%3A59.9999999Z"
        )
    );
    let answer = visitor.get("/t/Cust1/tickets?ticket=%237").await;
    assert_eq!(header(&answer, "location"), "/t/Cust1/tickets/7");
}

#[tokio::test]
async fn the_home_says_what_to_do_when_superoffice_has_stopped_sending() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    assert!(visitor.page("/t/Cust1").await.contains("Events arrive"));
    let stopped = payload::changed(9)
        .with("Event", "webhook.stopped")
        .at("2025-05-23T09:00:00Z");
    app.deliver(stopped.clone().tenant("Cust2"))
        .await
        .assert(200);
    assert!(visitor.page("/t/Cust1").await.contains("Events arrive"));
    app.deliver(stopped).await.assert(200);
    let page = visitor.page("/t/Cust1").await;
    assert!(
        page.contains("SuperOffice has stopped sending") && page.contains("State to Active"),
        "{page}"
    );
    assert!(!page.contains("Cust2"), "{page}");
}

#[tokio::test]
async fn a_ticket_of_5000_events_opens_at_once_and_in_small_pages() {
    let app = TestApp::start().await;
    let start: jiff::Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
    let mut events = vec![payload::created(7).at(&start.to_string())];
    for nth in 1..5000 {
        let at = start + jiff::SignedDuration::from_mins(nth * 7);
        let event = payload::changed(7).at(&at.to_string());
        events.push(
            event
                .set("status", nth % 4)
                .set("owned_by", nth % 50 + 2)
                .set("priority", nth % 3),
        );
    }
    futures_util::future::join_all(events.into_iter().map(|event| app.deliver(event))).await;
    app.settle().await;
    let visitor = Visitor::reader(&app).await;
    let api = "/v1/tenants/Cust1/tickets/7/timeline?limit=1&include=noise";
    visitor.page(api).await;
    let (page, took) = timed(&visitor, "/t/Cust1/tickets/7").await;
    let (_, folding) = timed(&visitor, api).await;
    assert!(page.contains(">5,000 events"));
    assert!(page.len() < 200_000, "{}", page.len());
    // Beside other tests and not optimised a time says little; that both fold the same events once says all.
    assert!(
        took < folding * 4 + Duration::from_millis(300),
        "{took:?}, {folding:?}"
    );
    let links = page.split("rel=\"next\" href=\"").skip(1);
    let mut links = links.map(|rest| rest.split('#').next().unwrap().replace("&amp;", "&"));
    let next = links.find(|link| link.contains("cursor=")).unwrap();
    let second = visitor.page(&next).await;
    assert!(second.contains("To the start") && second.len() < 200_000);
}

async fn timed(visitor: &Visitor<'_>, path: &str) -> (String, Duration) {
    let begun = Instant::now();
    (visitor.page(path).await, begun.elapsed())
}

/// True if an element has an attribute like `onclick`.
fn has_handler(page: &str) -> bool {
    page.match_indices(" on").any(|(at, _)| {
        let (_, rest) = page.split_at(at + 3);
        let name = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
        name.len() < rest.len() && name.starts_with("=\"")
    })
}
