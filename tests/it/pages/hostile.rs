//! What somebody wrote into a field is shown as text.

use serde_json::json;

use super::Visitor;
use crate::support::{app::TestApp, payload};

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
const RIGHT_TO_LEFT: &str = "\u{202e}evil\u{202d} \u{5e9}\u{5dc}\u{5d5}\u{5dd}";

#[tokio::test]
async fn hostile_labels_and_values_come_out_escaped_and_cut() {
    let app = TestApp::start().await;
    let long = "x".repeat(10_000);
    let labels = json!({"labels": [
        {"list": "priority", "id": 3, "label": SCRIPT},
        {"list": "owned_by", "id": 9, "label": RIGHT_TO_LEFT},
        {"list": "actor", "id": 19, "label": SCRIPT},
    ]});
    app.deliver(payload::created(7).at("2025-05-19T09:00:00Z"))
        .await
        .assert(200);
    app.put("/v1/tenants/Cust1/labels", labels.to_string())
        .await
        .assert(200);
    let quotes = "\"".repeat(10_000);
    for nth in 10..60 {
        let mut event = payload::changed(7)
            .at(&format!("2025-05-20T09:00:{nth}Z"))
            .set("priority", 3)
            .set("owned_by", 9)
            .set("x_script", format!("{nth}{SCRIPT}"))
            .set("x_long", format!("{nth}{long}"))
            .set(SCRIPT, nth)
            .with("Event", format!("ticket.{SCRIPT}"));
        for field in 0..30 {
            event = event.set(&format!("x_{field}"), format!("{nth}{quotes}"));
        }
        app.deliver(event).await.assert(200);
    }
    app.settle().await;
    let visitor = Visitor::reader(&app).await;
    for path in [
        "/t/Cust1",
        "/t/Cust1/tickets",
        "/t/Cust1/tickets/7",
        "/t/Cust1/tickets/7?include=noise",
        "/t/Cust1/tickets/7/diff?from=2025-05-19T10:00:00Z&to=2025-05-21T00:00:00Z",
        "/t/Cust1/audit",
        "/t/Cust1/audit?include=noise&order=asc",
        "/t/Cust1/audit?as=tickets",
        "/t/Cust1/audit?as=counts",
        "/t/Cust1/actors/19",
    ] {
        let page = visitor.page(path).await;
        assert!(page.len() < 200_000, "{path}: {}", page.len());
        assert!(
            !page.contains("<script>") && !page.contains("<img"),
            "{path}"
        );
        assert!(page.contains("&lt;script&gt;"), "{path}");
        assert!(!page.contains(&"x".repeat(200)), "{path}");
        // Text that turns the writing around does so within its own element.
        for (at, _) in page.match_indices('\u{202e}') {
            let (before, _) = page.split_at(at);
            let isolated = before.rfind("<bdi") > before.rfind("</bdi>");
            let in_picture = before.rfind("<svg") > before.rfind("</svg>");
            let in_choice = before.rfind("<option") > before.rfind("</option>");
            assert!(isolated || in_picture || in_choice, "{path}");
        }
    }
}

#[tokio::test]
async fn a_ticket_that_never_rests_fits_in_a_page() {
    const LANES: [&str; 5] = [
        "status",
        "ticket_status",
        "owned_by",
        "project_id",
        "priority",
    ];
    let app = TestApp::start().await;
    let labels: Vec<_> = LANES
        .iter()
        .flat_map(|list| {
            (0..4).map(move |id| json!({"list": list, "id": id, "label": "\"".repeat(500)}))
        })
        .collect();
    // As many as can be told apart in the picture.
    for nth in 0..122 {
        let at = format!("2025-{:02}-{:02}T09:00:00Z", 1 + nth / 28, 1 + nth % 28);
        let event = LANES
            .iter()
            .fold(payload::changed(7).at(&at), |event, field| {
                event.set(field, nth % 4)
            });
        app.deliver(event).await.assert(200);
    }
    app.put(
        "/v1/tenants/Cust1/labels",
        json!({"labels": labels}).to_string(),
    )
    .await
    .assert(200);
    app.settle().await;
    let visitor = Visitor::reader(&app).await;
    for path in [
        "/t/Cust1/tickets/7",
        "/t/Cust1/tickets/7?as_of=2025-03-01T00:00:00Z",
    ] {
        let page = visitor.page(path).await;
        assert!(page.len() < 200_000, "{path}: {}", page.len());
    }
}
