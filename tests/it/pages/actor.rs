//! An actor's page shows what the API says of them.

use serde_json::Value;

use super::{Visitor, text};
use crate::{
    desk::bodies,
    support::{app::TestApp, payload},
};

const ACTORS: &str = "/v1/tenants/Cust1/actors";

async fn troubled() -> TestApp {
    let app = TestApp::start().await;
    for body in bodies(12, 12, 37) {
        app.deliver(body).await.assert(200);
    }
    let nobody = payload::changed(1)
        .at("2025-10-26T01:00:00.5Z")
        .without("ChangedByAssociateId");
    app.deliver(nobody).await.assert(200);
    app.settle().await;
    app
}

/// The rows of the table after some words, each the texts of its cells.
fn rows(page: &str, after: &str) -> Vec<Vec<String>> {
    let (_, rest) = page
        .split_once(after)
        .unwrap_or_else(|| panic!("no {after} in {page}"));
    let body = rest
        .split_once("<tbody>")
        .unwrap()
        .1
        .split_once("</tbody>")
        .unwrap()
        .0;
    let cells = |row: &str| {
        let row = row.replace("</th>", "</td>");
        let cells: Vec<String> = row.split("</td>").map(str::to_owned).collect();
        let bare = |cell: &str| {
            let mut inside = false;
            let text = cell.chars().filter(|c| {
                let shown = !inside && *c != '<';
                inside = (inside || *c == '<') && *c != '>';
                shown && *c != '>'
            });
            text.collect::<String>()
        };
        let full = cells.iter().filter(|cell| cell.contains('<'));
        full.map(|cell| bare(cell)).collect()
    };
    body.split("<tr>").skip(1).map(cells).collect()
}

/// Two columns of a table, the second without its commas.
fn columns(rows: Vec<Vec<String>>) -> Vec<(String, String)> {
    let pairs = rows.into_iter();
    pairs
        .map(|row| (row[0].clone(), row[1].replace(',', "")))
        .collect()
}

/// A text and a number of each item of a list.
fn pairs(items: &Value, name: &str, number: &str) -> Vec<(String, String)> {
    let items = items.as_array().unwrap().iter();
    let there = items.filter(|item| item[number] != 0);
    there
        .map(|item| {
            (
                item[name].as_str().unwrap().to_owned(),
                item[number].to_string(),
            )
        })
        .collect()
}

#[tokio::test]
async fn days_and_fields_are_those_of_the_api() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    let mut seen = 0;
    for who in app.read_all(ACTORS).await {
        let id = match &who["actor"]["id"] {
            Value::Null => "none".to_owned(),
            id => id.to_string(),
        };
        let last = who["last_at"].as_str().unwrap();
        let year: i32 = last.split('-').next().unwrap().parse().unwrap();
        let page = visitor.page(&format!("/t/Cust1/actors/{id}")).await;
        let window = format!(
            "since={year}-01-01T00:00:00Z&until={}-01-01T00:00:00Z",
            year + 1
        );
        let of_year = app.read(&format!("{ACTORS}/{id}?{window}")).await;
        let mut days = columns(rows(&page, "Table of the days"));
        days.reverse();
        assert_eq!(days, pairs(&of_year["by_day"], "day", "events"), "{id}");
        seen += days.len();
        let events = format!("{year}: {} event", of_year["events"]);
        assert!(page.contains(&events), "{id}: {page}");
        let coloured = ["h1", "h2", "h3", "h4", "h5"]
            .map(|class| page.matches(&format!("<rect class=\"{class}\"")).count());
        assert_eq!(coloured.iter().sum::<usize>(), days.len());
        let by_field = pairs(&of_year["by_field"], "field", "changes");
        if !by_field.is_empty() {
            let fields = columns(rows(&page, "Table of the fields"));
            assert_eq!(fields, by_field, "{id}");
        }
        // The data of the days says the same.
        let data = format!("{ACTORS}/{id}/days?zone=UTC&days=366&last={year}-12-31");
        let items = &app.read(&data).await["items"];
        assert_eq!(pairs(items, "day", "events"), days);
        assert!(page.contains("/days?zone=UTC&amp;days=36"), "{page}");
    }
    assert!(seen > 10, "{seen}");
}

#[tokio::test]
async fn every_link_and_file_of_the_page_is_there() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    let actors = app.read_all(ACTORS).await;
    let busiest = actors
        .iter()
        .filter(|who| who["actor"]["id"].is_i64())
        .max_by_key(|who| who["changes"].as_i64())
        .unwrap();
    for id in [busiest["actor"]["id"].to_string(), "none".to_owned()] {
        let page = visitor.page(&format!("/t/Cust1/actors/{id}")).await;
        let hrefs = page
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap());
        let mut kinds = [0; 3];
        for href in hrefs.filter(|href| !href.starts_with('#')) {
            let href = href.replace("&amp;", "&");
            let answer = visitor.get(href.split('#').next().unwrap()).await;
            let fine = answer.status.is_success() || answer.status.is_redirection();
            assert!(fine, "{href}: {}", text(&answer));
            kinds[0] += usize::from(href.contains("format=csv"));
            kinds[1] += usize::from(href.contains("/audit?q="));
            kinds[2] += usize::from(href.contains("/tickets/"));
        }
        assert_eq!(kinds[0], 3, "{page}");
        assert!(kinds[1] >= 2 && kinds[2] >= 1, "{kinds:?}");
    }
}

#[tokio::test]
async fn a_year_is_one_of_a_zone_and_its_changes_are_paged() {
    let app = TestApp::start().await;
    for nth in 0..120 {
        let at = format!("2025-06-{:02}T09:{:02}:00Z", 1 + nth / 10, nth % 10);
        app.deliver(payload::changed(7).at(&at).set("status", nth % 3 + 1))
            .await
            .assert(200);
    }
    app.deliver(
        payload::changed(8)
            .at("2023-12-31T23:30:00Z")
            .set("status", 2),
    )
    .await
    .assert(200);
    app.settle().await;
    let visitor = Visitor::reader(&app).await;
    let path = "/t/Cust1/actors/19";
    let page = visitor.page(path).await;
    assert!(
        page.contains("2025: 120 events")
            && page.contains("year=2024")
            && !page.contains("year=2026")
    );
    let next = page
        .split("href=\"")
        .find(|rest| rest.contains("cursor="))
        .unwrap();
    let next = next.split('#').next().unwrap().replace("&amp;", "&");
    assert!(
        next.contains("year=2025") && next.contains("zone=UTC"),
        "{next}"
    );
    // The address means the same in another zone.
    let session = visitor.session.clone().unwrap();
    let cookie = format!("zone=Asia/Tokyo; ticketlog_session={session}");
    let second = Visitor::new(&app)
        .get_with(&next, &[("Cookie", &cookie)])
        .await;
    assert_eq!(second.status, 200, "{}", text(&second));
    assert!(text(&second).contains("To the newest"));
    assert!(
        visitor
            .page(&format!("{path}?year=2024"))
            .await
            .contains("2024: 0 events")
    );
    assert!(
        visitor
            .page(&format!("{path}?year=2023"))
            .await
            .contains("2023: 1 event,")
    );
    let oslo = visitor
        .page(&format!("{path}?year=2024&zone=Europe/Oslo"))
        .await;
    assert!(
        oslo.contains("2024: 1 event,")
            && oslo.contains("/actors/19/days?zone=Europe%2FOslo&amp;days=366&amp;last=2024-12-31")
    );
}
