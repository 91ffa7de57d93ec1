//! What a person does.

use std::fs;

use chromiumoxide::cdp::browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType};
use ticketlog::domain::token::{Scope, Token};

use super::Window;
use crate::{
    pages::made,
    support::{app::TestApp, payload},
};

/// A ticket that is created, moves and is closed.
pub(super) async fn desk() -> TestApp {
    let app = TestApp::start().await;
    let labels = r#"{"labels": [{"list": "ticket_status", "id": 3, "label": "Solved"}]}"#;
    for event in [
        payload::created(7)
            .at("2025-05-19T09:00:00Z")
            .set("status", 1),
        payload::changed(7)
            .at("2025-05-20T09:00:00.5Z")
            .set("priority", 3),
        payload::changed(7)
            .at("2025-05-21T09:00:00Z")
            .set("priority", 3)
            .set("status", 2)
            .set("ticket_status", 3),
    ] {
        app.deliver(event).await.assert(200);
    }
    app.put("/v1/tenants/Cust1/labels", labels)
        .await
        .assert(200);
    app.settle().await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_finds_a_ticket_looks_back_and_compares() {
    let app = desk().await;
    let Some(window) = Window::open(&app).await else {
        return;
    };
    let (token, _) = made(&app, None, &[Scope::Read]).await;
    // The address that somebody handed on; the browser has no session yet.
    window.go("/login?next=/t/Cust1").await;
    window.fill("#token", token.expose()).await;
    window.click("main button").await;
    window.until("location.pathname === '/t/Cust1'").await;
    window.fill("#find", "7").await;
    window.click("header .find button").await;
    window
        .until("location.pathname === '/t/Cust1/tickets/7'")
        .await;
    let now = window.text().await;
    assert!(
        now.contains("Solved") && now.contains("Europe/Oslo"),
        "{now}"
    );
    assert!(
        now.contains("2025-05-19 11:00:00"),
        "in the browser's zone: {now}"
    );
    // To a second by the field.
    window.fill("#as_of", "2025-05-20T11:00:00").await;
    window.click("form.line button").await;
    window
        .until("location.search.startsWith('?as_of=2025-05-20T09%3A00%3A00.9999999Z')")
        .await;
    let state: String = window
        .ask("document.querySelector('dl.state').innerText")
        .await;
    assert!(!state.contains("Solved"), "{state}");
    // Anywhere by the slider, which needs no button.
    let slide = "(at => { at.value = at.min; at.dispatchEvent(new Event('input')); \
                 at.dispatchEvent(new Event('change')); return true; })(document.querySelector('#at'))";
    assert!(window.ask::<bool>(slide).await);
    window
        .until("location.search === '?as_of=2025-05-19T09%3A00%3A00.9999999Z'")
        .await;
    window.fill("#to", "2025-05-22T00:00").await;
    window.click("form[action$=\"/diff\"] button").await;
    window
        .until("location.pathname.endsWith('/diff') && location.search.includes('to=')")
        .await;
    let table: String = window
        .ask("document.querySelector('main table').innerText")
        .await;
    assert!(
        table.contains("ticket_status") && table.contains("Solved"),
        "{table}"
    );
    window.click(".out button").await;
    window.until("location.pathname === '/login'").await;
    window.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_posted_webhook_shows_by_itself() {
    let app = desk().await;
    let Some(window) = Window::logged_in(&app).await else {
        return;
    };
    window.go("/t/Cust1").await;
    assert!(!window.text().await.contains("4711"));
    // Sent again until the stream is there: what is posted before it began is in the page.
    app.deliver(payload::created(4711).at("2025-05-23T09:00:00Z"))
        .await
        .assert(200);
    window
        .until("document.querySelector('#live').innerText.includes('4711')")
        .await;
    let figures: String = window
        .ask("document.querySelector('#live-figures').innerText")
        .await;
    assert!(figures.contains('4'), "{figures}");
    window.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_is_put_together_mended_and_taken_along_as_a_file() {
    let app = desk().await;
    let Some(window) = Window::logged_in(&app).await else {
        return;
    };
    window.go("/t/Cust1/audit").await;
    window.fill("#field", "statsu").await;
    window.fill("#to", "2").await;
    window.fill("#since", "2025-05-21").await;
    window.click("form.ask button").await;
    window
        .until("document.querySelector('mark') !== null")
        .await;
    let wrong: String = window.ask("document.querySelector('mark').innerText").await;
    assert_eq!(wrong, "statsu");
    let q = "document.querySelector('#q').value";
    assert_eq!(
        window.ask::<String>(q).await,
        "statsu changed to 2 since 2025-05-21"
    );
    window.click("a.mended").await;
    window
        .until("document.querySelectorAll('table.changes tbody tr').length === 1")
        .await;
    assert_eq!(
        window.ask::<String>(q).await,
        "status changed to 2 since 2025-05-21"
    );
    assert!(window.path().await.contains("zone=Europe%2FOslo"));
    window.click("nav.views li:nth-child(3) a").await;
    window
        .until("document.querySelector('table.matrix tfoot td:last-child').innerText === '1'")
        .await;
    window.click("table.matrix tbody td a").await;
    window
        .until("document.querySelector('#q').value.endsWith('and field status by 19')")
        .await;
    let folder = tempfile::tempdir().unwrap();
    window.keep_files_in(folder.path()).await;
    window.click("p.data a").await;
    let file = folder.path().join("Cust1-changes.csv");
    // The browser takes the name first, and puts what it has fetched in its place.
    window
        .wait_for(|| fs::metadata(&file).is_ok_and(|file| file.len() > 0))
        .await;
    let table = fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines.len() == 2 && lines[1].contains(",status,changed,"),
        "{table}"
    );
    window.click("table.changes a.person").await;
    window
        .until("location.pathname === '/t/Cust1/actors/19'")
        .await;
    assert!(
        window
            .text()
            .await
            .contains("2025: 3 events, 1 ticket created")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_without_script() {
    let app = desk().await;
    let Some(window) = Window::open(&app).await else {
        return;
    };
    window.without_script().await;
    let (token, _) = made(&app, None, &[Scope::Read]).await;
    window.go("/login").await;
    window.fill("#token", Token::of([7; 32]).expose()).await;
    window.click("main button").await;
    window
        .until("document.querySelector('[role=alert]') !== null")
        .await;
    window.fill("#token", token.expose()).await;
    window.click("main button").await;
    window.until("location.pathname === '/t'").await;
    window.click("main table a").await;
    window.until("location.pathname === '/t/Cust1'").await;
    assert!(window.text().await.contains("Latest changes"));
    window.click("#live a").await;
    window
        .until("location.pathname === '/t/Cust1/tickets/7'")
        .await;
    assert!(window.text().await.contains("Times are in UTC"));
    window.fill("#at", "1747645200").await;
    window.click("form.slide button").await;
    window
        .until("location.search === '?as_of=2025-05-19T09%3A00%3A00.9999999Z'")
        .await;
    window.click("details.filter summary").await;
    window.fill("#field", "priority").await;
    window.click("details.filter button").await;
    window
        .until("location.search.includes('field=priority')")
        .await;
    assert_eq!(
        window
            .ask::<usize>("document.querySelectorAll('li.entry').length")
            .await,
        2
    );
    assert!(
        window.path().await.contains("as_of="),
        "the filter keeps what is looked at"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_from_another_site_finds_who_is_logged_in() {
    let app = desk().await;
    let Some(window) = Window::logged_in(&app).await else {
        return;
    };
    // The same service under another name is another site.
    let port = app.url.rsplit(':').next().unwrap();
    window
        .page
        .goto(format!("http://localhost:{port}/login"))
        .await
        .unwrap();
    let link = format!("(location.href = '{}/t/Cust1/tickets/7', true)", app.url);
    assert!(window.ask::<bool>(&link).await);
    window.until("location.pathname === '/t/Cust1/tickets/7' && document.querySelector('h1').innerText === 'Ticket 7'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_key_offers_to_skip_to_the_content() {
    let app = desk().await;
    let Some(window) = Window::logged_in(&app).await else {
        return;
    };
    window.go("/t/Cust1/tickets/7").await;
    press(&window, "Tab").await;
    window
        .until("document.activeElement.matches('.skip')")
        .await;
    let left: i64 = window
        .ask("Math.round(document.activeElement.getBoundingClientRect().left)")
        .await;
    assert!(left >= 0, "it is seen");
    press(&window, "Enter").await;
    window
        .until("document.activeElement.id === 'content'")
        .await;
    press(&window, "Tab").await;
    window
        .until("document.activeElement.closest('main') !== null")
        .await;
}

async fn press(window: &Window, key: &str) {
    let (code, text) = if key == "Enter" { (13, "\r") } else { (9, "") };
    for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
        let event = DispatchKeyEventParams::builder()
            .r#type(kind)
            .key(key)
            .code(key)
            .windows_virtual_key_code(code)
            .text(text);
        window.page.execute(event.build().unwrap()).await.unwrap();
    }
}
