//! Pictures: what is drawn in them is seen, and a click on it leads on.

use ticketlog::domain::token::Scope;

use super::{Window, walk::desk};
use crate::support::payload;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_leads_by_clicks_from_its_picture_and_its_table_to_tickets() {
    let app = desk().await;
    let Some(window) = Window::logged_in_as(&app, Scope::Admin).await else {
        return;
    };
    window.go("/t/Cust1").await;
    window.click("nav a[href=\"/t/Cust1/reports\"]").await;
    window
        .until("location.pathname === '/t/Cust1/reports'")
        .await;
    window.click("main table a[href$=\"/transitions\"]").await;
    window
        .until("location.pathname.endsWith('/transitions')")
        .await;
    window.fill("#p-field", "status").await;
    window.click("form.parameters button").await;
    window
        .until("location.search.includes('field=status')")
        .await;
    // What is empty does not stand in the address.
    assert!(
        !window.path().await.contains("since="),
        "{}",
        window.path().await
    );
    let answer = window.path().await;
    // A shape in a picture has no click() of its own.
    let arrow = "(document.querySelector('svg a .shaft').dispatchEvent(new MouseEvent('click', \
                 {bubbles: true, cancelable: true, view: window})), true)";
    assert!(window.ask::<bool>(arrow).await);
    window
        .until("location.search.includes('drill=1%2F2')")
        .await;
    window
        .page
        .goto(format!("{}{answer}", app.url))
        .await
        .unwrap();
    window.until("document.querySelector('main table tbody a') !== null && !location.search.includes('drill')").await;
    window.click("main table tbody a").await;
    window
        .until("location.search.includes('drill=1%2F2')")
        .await;
    let behind = window.text().await;
    assert!(behind.contains("2025-05-21 11:00:00"), "{behind}");
    window.click("main table a[href$=\"/tickets/7\"]").await;
    window
        .until("location.pathname === '/t/Cust1/tickets/7'")
        .await;
    window.assert_clean();
    // What is wrong is said to everybody; the browser only notes the status.
    for (scheme, width) in [("light", 1200), ("dark", 400)] {
        window.colours(scheme).await;
        window.size(width, 900).await;
        window
            .go("/t/Cust1/reports/time_in_field?since=yesterday&hours=always")
            .await;
        assert_eq!(window.checked().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_doubt_is_hatched_in_the_picture_of_a_life() {
    let app = desk().await;
    // Nobody declared that it was opened again.
    let undeclared = payload::changed(7)
        .at("2025-05-24T09:00:00Z")
        .set("status", 1);
    app.deliver(undeclared).await.assert(200);
    app.settle().await;
    let Some(window) = Window::logged_in(&app).await else {
        return;
    };
    window.go("/t/Cust1/tickets/7").await;
    let fill: String = window
        .ask("getComputedStyle(document.querySelector('.life .hatched[fill*=suspect]')).fill")
        .await;
    assert_eq!(fill, "url(\"#hatch-suspect\")");
    // It is seen: without it the picture is another one.
    let with = window.pixels(".life").await;
    assert_eq!(with, window.pixels(".life").await);
    let hide = "(document.querySelectorAll('.life .hatched').forEach(part => part.remove()), true)";
    assert!(window.ask::<bool>(hide).await);
    assert_ne!(with, window.pixels(".life").await);
    window.assert_clean();
}
