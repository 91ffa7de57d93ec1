//! What a search finds, as the API gives it.

use serde_json::Value;

use super::{AUDIT, CHANGES, desk, inside, link, links, troubled};
use crate::{
    pages::{Visitor, text},
    support::app::TestApp,
};

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

/// How many changes the search of a page finds.
async fn counted(app: &TestApp, href: &str) -> Value {
    let query = href.split_once('?').unwrap().1;
    let answer = app.read(&format!("{CHANGES}?return=count&{query}")).await;
    answer["count"].clone()
}

#[tokio::test]
async fn each_number_of_who_changed_what_leads_to_as_many_changes() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    for q in [
        "not kind not_sent",
        "status changed or priority changed",
        "not by 2",
        "ever status = 2 and kind touched",
    ] {
        let path = link(AUDIT, &[("as", "counts"), ("q", q)]);
        let page = visitor.page(&path).await;
        let counts = app
            .read_all(&link(CHANGES, &[("q", q), ("return", "matrix")]))
            .await;
        let all = counted(&app, &path.replace("as=counts&", "")).await;
        let sum = counts
            .iter()
            .map(|count| count["changes"].as_i64().unwrap());
        assert_eq!(all, sum.sum::<i64>(), "{q}");
        let numbers = numbers(&page);
        assert_eq!(numbers.last().unwrap(), &(None, all.as_i64().unwrap()));
        let mut led = 0;
        for (href, number) in numbers {
            let Some(href) = href else { continue };
            assert_eq!(counted(&app, &href).await, number, "{href}");
            led += 1;
        }
        assert!(led >= 4, "{q}: {page}");
        assert!(page.contains(" suspect</span> and "), "{page}");
        // The data of the table is that of the API.
        let data = links(page.split("class=\"data\"").last().unwrap());
        let csv = text(&visitor.get(&data[0].0).await);
        assert!(
            csv.starts_with("actor,actor_label,field,changes\r\n"),
            "{csv}"
        );
        assert_eq!(csv.lines().count(), counts.len() + 1);
    }
}

/// When each change of a page happened, and to which ticket.
fn shown(page: &str) -> Vec<(String, String)> {
    let body = inside(page, "<table class=\"changes\"", "</table>");
    let rows = body.split("<tr").skip(2).map(|row| {
        let when = inside(row, "title=\"", "\"").to_owned();
        (when, inside(row, "/tickets/", "\"").to_owned())
    });
    rows.collect()
}

/// Where a page goes on.
fn next(page: &str) -> Option<String> {
    let pages = inside(page, "Pages of what was found", "</nav>");
    let mut links = links(pages).into_iter();
    let next = links.find(|(href, _)| href.contains("cursor="));
    next.map(|(href, _)| href.replace("#found", ""))
}

#[tokio::test]
async fn changes_are_those_of_the_api_page_by_page() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    for order in ["asc", "desc"] {
        let asked = [("q", "not ticket 1"), ("order", order)];
        let mut all = Vec::new();
        let mut path = Some(link(AUDIT, &asked));
        while let Some(at) = path {
            let page = visitor.page(&at).await;
            all.extend(shown(&page));
            path = next(&page);
        }
        let changes = app.read_all(&link(CHANGES, &asked)).await;
        let expected = changes.iter().map(|change| {
            let at = change["occurred_at"].as_str().unwrap().to_owned();
            (at, change["ticket"].to_string())
        });
        let expected: Vec<(String, String)> = expected.collect();
        assert!(expected.len() > 100, "several pages");
        assert_eq!(all, expected, "{order}");
    }
    // The cursor of a page is one of the API's.
    let asked = link(AUDIT, &[("q", "by 2 or not by 2"), ("order", "desc")]);
    let next = next(&visitor.page(&asked).await).unwrap();
    let rest = app.read(&next.replace("/t/Cust1/audit", CHANGES)).await;
    assert!(!rest["items"].as_array().unwrap().is_empty(), "{rest}");
}

#[tokio::test]
async fn tickets_are_those_of_the_api_with_their_changes_and_their_doubt() {
    let app = troubled().await;
    let visitor = Visitor::reader(&app).await;
    let q = ("q", "status changed");
    let page = visitor.page(&link(AUDIT, &[("as", "tickets"), q])).await;
    let api = link(CHANGES, &[("return", "tickets"), q, ("order", "desc")]);
    let items = app.read_all(&api).await;
    let body = inside(&page, "<tbody>", "</tbody>");
    assert_eq!(body.matches("<tr>").count(), items.len());
    for (item, row) in items.iter().zip(body.split("<tr>").skip(1)) {
        let links = links(row);
        assert_eq!(links[0].1, item["ticket"].to_string());
        assert_eq!(links[1].1, item["changes"].to_string());
        assert_eq!(counted(&app, &links[1].0).await, item["changes"]);
    }
    for state in ["suspect</span>", "unproven</span>"] {
        assert!(body.contains(state), "{body}");
    }
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
