//! The audit: what its form writes, what it says of mistakes, and that it shows what the API gives.

use serde_json::Value;

use super::{Visitor, header, text};
use crate::{
    desk::bodies,
    support::{app::TestApp, payload},
};

const AUDIT: &str = "/t/Cust1/audit";
const CHANGES: &str = "/v1/tenants/Cust1/changes";

/// A ticket with labels, and a value that moved although nobody declared it.
async fn desk() -> TestApp {
    let app = TestApp::start().await;
    let labels = r#"{"labels": [{"list": "ticket_status", "id": 3, "label": "Solved"},
                                {"list": "project_id", "id": 4, "label": "First line"},
                                {"list": "actor", "id": 19, "label": "Kari Normann"}]}"#;
    for event in [
        payload::created(7)
            .at("2025-05-19T09:00:00Z")
            .set("status", 1)
            .set("project_id", 4),
        payload::changed(7)
            .at("2025-05-21T22:30:00Z")
            .set("status", 2)
            .set("ticket_status", 3),
        payload::changed(8)
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

/// A history with all the trouble that there is.
async fn troubled() -> TestApp {
    let app = TestApp::start().await;
    for body in bodies(12, 12, 31) {
        app.deliver(body).await.assert(200);
    }
    app.settle().await;
    app
}

fn link(path: &str, pairs: &[(&str, &str)]) -> String {
    format!("{path}?{}", serde_html_form::to_string(pairs).unwrap())
}

/// What stands in the first element that begins so.
fn inside<'a>(page: &'a str, begins: &str, ends: &str) -> &'a str {
    let (_, rest) = page
        .split_once(begins)
        .unwrap_or_else(|| panic!("no {begins} in {page}"));
    rest.split_once(ends).unwrap().0
}

/// The links of a part of a page, and what they say.
fn links(part: &str) -> Vec<(String, String)> {
    let all = part.split("<a ").skip(1).map(|rest| {
        let (head, rest) = rest.split_once('>').unwrap();
        let href = inside(head, "href=\"", "\"").replace("&amp;", "&");
        (href, rest.split_once("</a>").unwrap().0.to_owned())
    });
    all.collect()
}

#[tokio::test]
async fn what_a_form_sends_is_written_into_the_search() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    let empty = [
        ("field", ""),
        ("from", ""),
        ("to", ""),
        ("actor", ""),
        ("since", ""),
        ("until", ""),
        ("team", ""),
    ];
    for (filled, q) in [
        (&[("q", "")][..], None),
        (
            &[
                ("q", " by 19\r\nor by 20 "),
                ("field", "status"),
                ("to", "2"),
            ][..],
            Some("(by 19\nor by 20) and status changed to 2"),
        ),
        (
            &[
                ("field", "ticket_status"),
                ("to", "Solved"),
                ("actor", "Kari Normann"),
                ("since", "2025-05-20"),
                ("until", "2025-06-01"),
                ("team", "First line"),
            ][..],
            Some(
                "ticket_status changed to \"Solved\" by \"Kari Normann\" since 2025-05-20 before 2025-06-01 \
               and project_id = \"First line\"",
            ),
        ),
    ] {
        let mut given: Vec<(&str, &str)> = filled.to_vec();
        given.extend(
            empty
                .iter()
                .filter(|(name, _)| !filled.iter().any(|(own, _)| own == name)),
        );
        given.extend([("as", "tickets"), ("zone", "Europe/Oslo"), ("cursor", "")]);
        let answer = visitor.get(&link(AUDIT, &given)).await;
        assert_eq!(answer.status, 303);
        let location = header(&answer, "location").to_owned();
        let query = location.split_once('?').unwrap().1;
        let pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap();
        let written = pairs
            .iter()
            .find(|(name, _)| name == "q")
            .map(|(_, q)| q.as_str());
        assert_eq!(written, q);
        assert_eq!(pairs.len(), 2 + usize::from(q.is_some()), "{location}");
        assert!(
            visitor
                .page(&location)
                .await
                .contains("Tickets, highest number first")
        );
    }
    // Who filled something in on a later page begins with the first.
    let more = link(
        AUDIT,
        &[("q", "by 19"), ("cursor", "x"), ("field", "status")],
    );
    let answer = visitor.get(&more).await;
    assert_eq!(
        header(&answer, "location"),
        "/t/Cust1/audit?q=by+19+and+status+changed"
    );
    for (filled, said) in [
        (
            [("from", "1"), ("actor", "Kari")],
            "say which field&#39;s values are meant",
        ),
        (
            [("since", "yesterday"), ("actor", "Kari")],
            "a time is a day like 2025-05-19",
        ),
    ] {
        let answer = visitor.get(&link(AUDIT, &filled)).await;
        let page = text(&answer);
        assert_eq!(answer.status, 400);
        let said = said.replace("&#39;", "'");
        assert!(
            page.contains(&said) && page.contains(r#"value="Kari""#),
            "{page}"
        );
        assert!(page.contains("<details open"), "what is wrong is seen");
    }
}

#[tokio::test]
async fn a_mistake_is_shown_at_its_place_and_mended_by_a_link() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    for (q, what, shown, mended) in [
        (
            "status changed form 1",
            "expected from, to, by",
            "status changed <mark>form</mark> 1",
            Some("status changed from 1"),
        ),
        (
            "evre status = 1",
            "not status",
            "evre <mark>status</mark> = 1",
            Some("ever status = 1"),
        ),
        (
            "by 19 and statsu changed",
            "ever named a field statsu",
            "by 19 and <mark>statsu</mark> changed",
            Some("by 19 and status changed"),
        ),
        (
            "ticket_status to 'Solvd'",
            "was ever called",
            "ticket_status to <mark>'Solvd'</mark>",
            Some("ticket_status to \"Solved\""),
        ),
        (
            "by",
            "the query ends too early",
            "by<mark aria-label=\"the end\"> </mark>",
            None,
        ),
        (
            "title to \"<script>\" form",
            "not form",
            "title to &quot;&lt;script&gt;&quot; <mark>form</mark>",
            Some("title to \"<script>\" and form"),
        ),
        (
            "between 2025-06-01 and 2025-05-01",
            "the first is after the second",
            "",
            None,
        ),
    ] {
        let path = link(AUDIT, &[("q", q), ("as", "counts")]);
        let answer = visitor.get(&path).await;
        assert_eq!(answer.status, 400, "{q}");
        let page = text(&answer);
        assert!(page.contains(what), "{q}: {page}");
        assert!(!page.contains("<script>"), "{page}");
        if !shown.is_empty() {
            assert_eq!(
                inside(
                    &page,
                    "<pre class=\"query\"><code><bdi>",
                    "</bdi></code></pre>"
                ),
                shown
            );
        }
        let wrong = inside(&page, "<div class=\"wrong\"", "</div>");
        match (mended, links(wrong).first()) {
            (Some(mended), Some((href, _))) => {
                assert_eq!(*href, link(AUDIT, &[("as", "counts"), ("q", mended)]));
                // One that is still wrong is wrong elsewhere.
                let status = visitor.get(href).await.status;
                assert!(
                    status == 200 || mended.ends_with("form"),
                    "{mended}: {status}"
                );
            }
            (None, None) => {}
            (mended, found) => panic!("{q}: {mended:?}, {found:?}"),
        }
    }
    let page = visitor
        .page(&link(
            AUDIT,
            &[("q", "status changed to 2 by \"Kari Normann\"")],
        ))
        .await;
    assert!(
        !page.contains("class=\"wrong\"")
            && page.contains(">status changed to 2 by &quot;Kari Normann&quot;</textarea>")
    );
}

#[tokio::test]
async fn days_are_those_of_a_zone_that_the_page_names() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    let on = |zone| {
        link(
            AUDIT,
            &[("q", "status changed on 2025-05-22"), ("zone", zone)],
        )
    };
    let oslo = visitor.page(&on("Europe/Oslo")).await;
    assert!(oslo.contains("those of <strong>Europe/Oslo</strong>"));
    assert!(oslo.contains("/t/Cust1/tickets/7\""), "{oslo}");
    let utc = visitor.page(&on("UTC")).await;
    assert!(!utc.contains("/t/Cust1/tickets/7\""), "{utc}");
    assert!(oslo.contains("Mean those of UTC") && !utc.contains("Mean those of"));
    assert_eq!(visitor.get(&on("Mars")).await.status, 400);
}

/// The numbers of a matrix: each with where it leads, if it does.
fn numbers(page: &str) -> Vec<(Option<String>, i64)> {
    let body = inside(page, "<table class=\"matrix\"", "</table>");
    let cells = body.split("<td class=\"number").skip(1).map(|rest| {
        let cell = rest
            .split_once('>')
            .unwrap()
            .1
            .split_once("</td>")
            .unwrap()
            .0;
        match links(cell).pop() {
            Some((href, number)) => (Some(href), number),
            None => (None, cell.to_owned()),
        }
    });
    cells
        .filter(|(_, number)| !number.is_empty())
        .map(|(href, number)| (href, number.replace(',', "").parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn each_number_of_who_changed_what_leads_to_as_many_changes() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    for q in [
        "",
        "status changed or priority changed",
        "not by 2",
        "ever status = 2 and kind touched",
    ] {
        let asked = [("as", "counts"), ("q", q)];
        let page = visitor
            .page(&link(AUDIT, &asked[..1 + usize::from(!q.is_empty())]))
            .await;
        let api = link(CHANGES, &[("q", q), ("return", "matrix"), ("zone", "UTC")]);
        let counts = app.read_all(&api).await;
        let sum = |of: &dyn Fn(&Value) -> bool| -> i64 {
            counts
                .iter()
                .filter(|count| of(count))
                .map(|count| count["changes"].as_i64().unwrap())
                .sum()
        };
        let all = app
            .read(&link(CHANGES, &[("q", q), ("return", "count")]))
            .await["count"]
            .as_i64()
            .unwrap();
        assert_eq!(sum(&|_| true), all, "{q}");
        let numbers = numbers(&page);
        assert_eq!(numbers.last().unwrap(), &(None, all), "{q}");
        let mut led = 0;
        for (href, number) in numbers {
            let Some(href) = href else { continue };
            let query = href.split_once('?').unwrap().1;
            let counted = app.read(&format!("{CHANGES}?return=count&{query}")).await;
            assert_eq!(counted["count"], number, "{href}");
            led += 1;
        }
        assert!(led >= 4, "{q}: {page}");
        assert!(page.contains(" suspect</span> and "), "{page}");
        // The data of the table is that of the API.
        let data = links(page.split("class=\"data\"").last().unwrap());
        let csv = visitor.get(&data[0].0).await;
        assert!(
            text(&csv).starts_with("actor,actor_label,field,changes\r\n"),
            "{data:?}"
        );
        assert_eq!(text(&csv).lines().count(), counts.len() + 1);
    }
}

#[tokio::test]
async fn changes_and_tickets_are_those_of_the_api_page_by_page() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    for order in ["asc", "desc"] {
        let mut shown = Vec::new();
        let mut path = link(AUDIT, &[("q", "not ticket 1"), ("order", order)]);
        loop {
            let page = visitor.page(&path).await;
            let body = inside(&page, "<table class=\"changes\"", "</table>");
            let rows = body.split("<tr").skip(2).map(|row| {
                (
                    inside(row, "title=\"", "\"").to_owned(),
                    inside(row, "/tickets/", "\"").to_owned(),
                )
            });
            shown.extend(rows);
            let pages = links(
                page.split("Pages of what was found")
                    .nth(1)
                    .unwrap()
                    .split("</nav>")
                    .next()
                    .unwrap(),
            );
            match pages.into_iter().find(|(href, _)| href.contains("cursor=")) {
                Some((next, _)) => path = next.replace("#found", ""),
                None => break,
            }
        }
        let api = link(CHANGES, &[("q", "not ticket 1"), ("order", order)]);
        let expected: Vec<(String, String)> = app
            .read_all(&api)
            .await
            .iter()
            .map(|change| {
                (
                    change["occurred_at"].as_str().unwrap().to_owned(),
                    change["ticket"].to_string(),
                )
            })
            .collect();
        assert!(expected.len() > 100, "several pages");
        assert_eq!(shown, expected, "{order}");
    }
    // The cursor of a page is one of the API's.
    let page = visitor
        .page(&link(AUDIT, &[("q", "by 2 or not by 2")]))
        .await;
    let pages = page.split("Pages of what was found").nth(1).unwrap();
    let next = links(pages)
        .remove(0)
        .0
        .replace("#found", "&order=desc")
        .replace("/t/Cust1/audit", CHANGES);
    let rest = app.read(&next).await;
    assert!(!rest["items"].as_array().unwrap().is_empty(), "{rest}");
    let tickets = visitor
        .page(&link(AUDIT, &[("as", "tickets"), ("q", "status changed")]))
        .await;
    let api = link(
        CHANGES,
        &[
            ("return", "tickets"),
            ("q", "status changed"),
            ("order", "desc"),
        ],
    );
    let items = app.read_all(&api).await;
    let body = inside(&tickets, "<tbody>", "</tbody>");
    assert_eq!(body.matches("<tr>").count(), items.len());
    for (item, row) in items.iter().zip(body.split("<tr>").skip(1)) {
        let links = links(row);
        assert_eq!(links[0].1, item["ticket"].to_string());
        assert_eq!(links[1].1, item["changes"].to_string());
        let counted = app
            .read(&format!(
                "{CHANGES}?return=count&{}",
                links[1].0.split_once('?').unwrap().1
            ))
            .await;
        assert_eq!(counted["count"], item["changes"]);
    }
    assert!(
        body.contains("suspect</span>") && body.contains("unproven</span>"),
        "{body}"
    );
}

#[tokio::test]
async fn doubt_stands_beside_a_change_and_noise_is_said_to_be_left_out() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    let page = visitor.page(AUDIT).await;
    for part in [
        r#"<span class="doubt suspect">suspect</span>"#,
        "the event that created the ticket is missing",
        "Noise is left out",
        r#"<a class="person" href="/t/Cust1/actors/19"><bdi class="who" title="associate 19">Kari Normann</bdi></a>"#,
        r#"title="ticket_status 3">Solved</bdi>"#,
        r#"<option value="Kari Normann">"#,
        r#"<option value="First line">"#,
        "/v1/tenants/Cust1/changes?order=desc&amp;format=csv",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let quiet = page.matches("<tr").count();
    let noisy = visitor.page(&link(AUDIT, &[("include", "noise")])).await;
    assert!(noisy.contains("Leave it out") && noisy.contains(r#"<tr class="noise">"#));
    assert!(noisy.matches("<tr").count() > quiet);
}

#[tokio::test]
async fn long_searches_make_no_large_page() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    let q = format!("not ({})", vec!["`åååååååååå` changed"; 32].join(" or "));
    for view in ["changes", "tickets", "counts"] {
        let path = link(AUDIT, &[("q", &q), ("as", view), ("include", "noise")]);
        assert!(path.len() < 7000, "{}", path.len());
        let page = visitor.page(&path).await;
        assert!(page.len() < 200_000, "{view}: {}", page.len());
    }
}
