//! The audit: what its form writes, what it says of mistakes, and that it shows what the API gives.

mod asked;
mod found;

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
