//! Pages for whoever runs the service: how it is, what became of what it received, and whom else they are no business of.

use ticketlog::domain::token::Scope;

use super::{Visitor, made, text};
use crate::support::{app::TestApp, payload};

const PAGES: [&str; 5] = [
    "/operations",
    "/operations/tokens",
    "/operations/parked",
    "/t/Cust1/deliveries",
    "/t/Cust1/deliveries/conflicts",
];

/// Two tenants, an event that came again alike and otherwise, a test, and bodies that are no event.
async fn desk() -> TestApp {
    let app = TestApp::start().await;
    let event = payload::changed(7).with("WebhookName", "<b>hook</b>");
    let other = event.clone().set("priority", 3);
    for body in [&event, &event, &other] {
        app.deliver(body).await.assert(200);
    }
    app.deliver(payload::changed(0).with("Event", "test"))
        .await
        .assert(200);
    app.deliver(payload::created(8).tenant("Cust2"))
        .await
        .assert(200);
    app.deliver("<script>alert(1)</script>").await.assert(200);
    app.deliver(payload::created(9).without("ContextIdentifier"))
        .await
        .assert(200);
    app.settle().await;
    app
}

#[tokio::test]
async fn pages_for_operators_are_open_to_admins_and_shown_to_no_others() {
    let app = desk().await;
    let reader = Visitor::reader(&app).await;
    let admin = Visitor::with(&app, &app.token).await;
    for path in PAGES {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
        let answer = reader.get(path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(text(&answer).contains("the scope admin"), "{path}");
        assert_eq!(Visitor::new(&app).get(path).await.status, 401, "{path}");
    }
    for (visitor, offered) in [(&reader, false), (&admin, true)] {
        let page = visitor.page("/t/Cust1").await;
        for link in [r#"href="/operations""#, r#"href="/t/Cust1/deliveries""#] {
            assert_eq!(page.contains(link), offered, "{link}");
        }
    }
    assert_eq!(admin.get("/t/Cust3/deliveries").await.status, 404);
}

#[tokio::test]
async fn an_admin_of_one_tenant_learns_nothing_of_others() {
    let app = desk().await;
    let (token, _) = made(&app, Some(&["Cust1"]), &[Scope::Admin]).await;
    let (other, _) = made(&app, Some(&["Cust2"]), &[Scope::Read]).await;
    let visitor = Visitor::with(&app, token.expose()).await;
    for path in PAGES {
        let page = visitor.page(path).await;
        assert!(
            !page.contains("Cust2") && !page.contains("alert"),
            "{path}: {page}"
        );
        assert!(!page.contains(other.prefix()), "{path}: {page}");
    }
    assert_eq!(visitor.get("/t/Cust2/deliveries").await.status, 404);
    let page = visitor.page("/operations/parked").await;
    assert!(page.contains("it takes a token of all tenants"), "{page}");
    let page = visitor.page("/operations/tokens").await;
    assert!(page.contains(token.prefix()), "{page}");
}

#[tokio::test]
async fn the_service_says_how_its_hooks_and_projections_are() {
    let app = desk().await;
    let visitor = Visitor::with(&app, &app.token).await;
    let page = visitor.page("/operations").await;
    for part in [
        "Nothing waits in the spool",
        "<bdi>default</bdi>",
        "Events arrive",
        r#"<a href="/t/Cust2"><bdi>Cust2</bdi></a>"#,
        r#"href="/t/Cust1/deliveries/conflicts""#,
        "/v1/hooks?format=csv",
        "/v1/tenants?format=json",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[tokio::test]
async fn tokens_show_how_they_begin_and_when_they_were_used_and_never_themselves() {
    let app = desk().await;
    let (used, _) = made(&app, None, &[Scope::Read]).await;
    let (unused, summary) = made(&app, Some(&["Cust1"]), &[Scope::Report]).await;
    app.get_as(Some(used.expose()), "/v1/tenants")
        .await
        .assert(200);
    let visitor = Visitor::with(&app, &app.token).await;
    let page = visitor.page("/operations/tokens").await;
    let row = |prefix: &str| {
        let rows = page.split("<tr>");
        let mut own = rows.filter(|row| row.contains(prefix));
        own.next().unwrap().to_owned()
    };
    assert!(!row(used.prefix()).contains("not since the start"));
    let row = row(unused.prefix());
    assert!(
        row.contains("not since the start") && row.contains("report") && row.contains("Cust1"),
        "{row}"
    );
    assert!(
        row.contains(&format!("title=\"{}\"", summary.token_id)),
        "{row}"
    );
    let csv = text(&visitor.get("/operations/tokens?format=csv").await);
    assert!(
        csv.starts_with("token_id,prefix,state,tenants,scopes,"),
        "{csv}"
    );
    for token in [&used, &unused] {
        assert!(
            csv.contains(token.prefix())
                && !csv.contains(token.expose())
                && !page.contains(token.expose())
        );
    }
}

#[tokio::test]
async fn what_is_parked_is_shown_with_why_and_as_text() {
    let app = desk().await;
    let visitor = Visitor::with(&app, &app.token).await;
    let page = visitor.page("/operations/parked").await;
    for part in [
        "not a JSON object",
        "&lt;script&gt;alert(1)",
        "has no ContextIdentifier",
        "/operations/parked?format=csv",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<script>alert"), "{page}");
    let page = visitor.page("/operations/parked?reason=no_tenant").await;
    assert!(!page.contains("not a JSON object"), "{page}");
    assert_eq!(visitor.get("/operations/parked?reason=x").await.status, 400);
    let listed = visitor
        .get("/operations/parked?reason=no_tenant&format=json")
        .await
        .json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["reason"], "no_tenant");
}

#[tokio::test]
async fn what_arrived_last_is_listed_with_its_outcome_and_conflicts_by_themselves() {
    let app = desk().await;
    let visitor = Visitor::with(&app, &app.token).await;
    let listed = visitor.get("/t/Cust1/deliveries?format=json").await.json();
    let outcomes: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["ignored", "conflict", "duplicate", "stored"]);
    let page = visitor.page("/t/Cust1/deliveries").await;
    for part in [
        "registration test",
        "conflict</span>",
        r#"<a href="/t/Cust1/tickets/7">7</a>"#,
        "/t/Cust1/deliveries?format=csv",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let some = visitor.page("/t/Cust1/deliveries?outcome=duplicate").await;
    assert!(
        some.contains(">duplicate</span>") && !some.contains("registration test"),
        "{some}"
    );
    assert_eq!(
        visitor.get("/t/Cust1/deliveries?outcome=x").await.status,
        400
    );
    let conflicts = visitor.page("/t/Cust1/deliveries/conflicts").await;
    assert!(
        conflicts.contains("ticket.changed") && conflicts.contains("/v1/tenants/Cust1/events/"),
        "{conflicts}"
    );
    let csv = text(
        &visitor
            .get("/t/Cust1/deliveries/conflicts?format=csv")
            .await,
    );
    assert!(
        csv.starts_with("event_id,position,ticket,event,deliveries,first_at,last_at\r\n")
            && csv.contains(",1,7,ticket.changed,1,"),
        "{csv}"
    );
    assert!(
        visitor
            .page("/t/Cust2/deliveries/conflicts")
            .await
            .contains("No event came with other content.")
    );
}
