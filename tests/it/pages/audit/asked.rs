//! What the form writes, and what is said of mistakes.

use super::{AUDIT, desk, inside, link, links};
use crate::pages::{Visitor, header, text};

/// Fields of the form and what is in them.
type Filled = &'static [(&'static str, &'static str)];

/// Fields of the form that are left empty.
const EMPTY: [(&str, &str); 7] = [
    ("field", ""),
    ("from", ""),
    ("to", ""),
    ("actor", ""),
    ("since", ""),
    ("until", ""),
    ("team", ""),
];

/// What is filled in, and the search that it makes.
const FILLED: [(Filled, Option<&str>); 3] = [
    (&[("q", "")], None),
    (
        &[
            ("q", " by 19\r\nor by 20 "),
            ("field", "status"),
            ("to", "2"),
        ],
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
        ],
        Some(
            "ticket_status changed to \"Solved\" by \"Kari Normann\" since 2025-05-20 before 2025-06-01 \
             and project_id = \"First line\"",
        ),
    ),
];

/// A search, what is wrong with it, how it is shown, and how it was meant.
const MISTAKES: [(&str, &str, &str, Option<&str>); 7] = [
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
];

#[tokio::test]
async fn what_a_form_sends_is_written_into_the_search() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    for (filled, q) in FILLED {
        let mut given = filled.to_vec();
        let is_filled = |name: &str| filled.iter().any(|(own, _)| *own == name);
        given.extend(EMPTY.iter().filter(|(name, _)| !is_filled(name)));
        given.extend([("as", "tickets"), ("zone", "Europe/Oslo"), ("cursor", "")]);
        let answer = visitor.get(&link(AUDIT, &given)).await;
        assert_eq!(answer.status, 303);
        let location = header(&answer, "location").to_owned();
        let query = location.split_once('?').unwrap().1;
        let pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap();
        let written = pairs.iter().find(|(name, _)| name == "q");
        assert_eq!(written.map(|(_, q)| q.as_str()), q);
        assert_eq!(pairs.len(), 2 + usize::from(q.is_some()), "{location}");
        let page = visitor.page(&location).await;
        assert!(page.contains("Tickets, highest number first"));
    }
    // Who fills something in on a later page begins with the first.
    let more = [("q", "by 19"), ("cursor", "x"), ("field", "status")];
    let answer = visitor.get(&link(AUDIT, &more)).await;
    assert_eq!(
        header(&answer, "location"),
        "/t/Cust1/audit?q=by+19+and+status+changed"
    );
}

#[tokio::test]
async fn what_cannot_be_meant_is_said_beside_what_was_filled_in() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    for (filled, said) in [
        (("from", "1"), "say which field's values are meant"),
        (("since", "yesterday"), "a time is a day like 2025-05-19"),
    ] {
        let answer = visitor
            .get(&link(AUDIT, &[filled, ("actor", "Kari")]))
            .await;
        let page = text(&answer);
        assert_eq!(answer.status, 400);
        assert!(page.contains(said), "{page}");
        let (_, value) = filled;
        for kept in [value, "Kari"] {
            assert!(page.contains(&format!("value=\"{kept}\"")), "{page}");
        }
        assert!(page.contains("<details open"), "what is wrong is seen");
    }
}

#[tokio::test]
async fn a_mistake_is_shown_at_its_place_and_mended_by_a_link() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    for (q, what, shown, mended) in MISTAKES {
        let answer = visitor
            .get(&link(AUDIT, &[("q", q), ("as", "counts")]))
            .await;
        assert_eq!(answer.status, 400, "{q}");
        let page = text(&answer);
        assert!(page.contains(what), "{q}: {page}");
        assert!(!page.contains("<script>"), "{page}");
        if !shown.is_empty() {
            let query = "<pre class=\"query\"><code><bdi>";
            assert_eq!(inside(&page, query, "</bdi></code></pre>"), shown);
        }
        let wrong = inside(&page, "<div class=\"wrong\"", "</div>");
        let found = links(wrong).into_iter().next().map(|(href, _)| href);
        let expected = mended.map(|mended| link(AUDIT, &[("as", "counts"), ("q", mended)]));
        assert_eq!(found, expected, "{q}");
        if let Some(found) = found {
            // One that is still wrong is wrong elsewhere.
            let status = visitor.get(&found).await.status;
            assert!(
                status == 200 || found.ends_with("form"),
                "{found}: {status}"
            );
        }
    }
    let right = "status changed to 2 by \"Kari Normann\"";
    let page = visitor.page(&link(AUDIT, &[("q", right)])).await;
    assert!(!page.contains("class=\"wrong\""));
    assert!(page.contains(">status changed to 2 by &quot;Kari Normann&quot;</textarea>"));
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

#[tokio::test]
async fn every_example_of_the_page_is_a_search() {
    let app = desk().await;
    let visitor = Visitor::reader(&app).await;
    let page = visitor.page(AUDIT).await;
    let examples = links(inside(&page, "<p class=\"hint examples\">", "</p>"));
    assert_eq!(examples.len(), 4, "{page}");
    for (href, text) in examples {
        assert_eq!(visitor.get(&href).await.status, 200, "{text}");
    }
}
