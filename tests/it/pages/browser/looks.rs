//! How pages look on the real sample: narrow and wide, light and dark, on paper, and to whoever does not see them.
//!
//! `TICKETLOG_SCREENSHOTS=1` writes the pictures of docs/pages.md.

use std::{env, fs, path::Path};

use chromiumoxide::{
    cdp::browser_protocol::page::{CaptureScreenshotFormat, Viewport},
    page::ScreenshotParams,
};

use ticketlog::domain::token::Scope;

use super::Window;
use crate::{
    real_data::{data, import},
    support::{
        app::TestApp,
        cluster::TestDb,
        payload,
        program::{printed, ticketlog},
    },
};

/// Largest picture, in bytes.
const MAX_BYTES: usize = 150_000;

/// Each page of the real sample, under the name of its picture.
const PAGES: [(&str, &str); 19] = [
    ("tenants", "/t"),
    ("home", "/t/Cust10498"),
    ("tickets", "/t/Cust10498/tickets"),
    (
        "ticket",
        "/t/Cust10498/tickets/541?as_of=2016-03-15T12:00:00Z",
    ),
    (
        "difference",
        "/t/Cust10498/tickets/541/diff?from=2016-03-03T00:00:00Z&to=2016-03-25T00:00:00Z",
    ),
    ("reports", "/t/Cust10498/reports"),
    (
        "report-flow",
        "/t/Cust10498/reports/transitions?field=ticket_status",
    ),
    (
        "report-days",
        "/t/Cust10498/reports/throughput?until=2016-06-01T00:00:00Z",
    ),
    (
        "report-bars",
        "/t/Cust10498/reports/time_in_field?field=owned_by",
    ),
    (
        "report-behind",
        "/t/Cust10498/reports/transitions?field=status&drill=3/1",
    ),
    ("operations", "/operations"),
    ("tokens", "/operations/tokens"),
    ("parked", "/operations/parked"),
    ("deliveries", "/t/Cust20000/deliveries"),
    ("conflicts", "/t/Cust20000/deliveries/conflicts"),
    (
        "audit",
        "/t/Cust10498/audit?q=owned_by+changed+to+none+on+2016-03-04",
    ),
    (
        "audit-tickets",
        "/t/Cust10498/audit?q=status+changed+from+2&as=tickets",
    ),
    (
        "audit-matrix",
        "/t/Cust10498/audit?q=between+2016-03-01+and+2016-03-31&as=counts",
    ),
    ("actor", "/t/Cust10498/actors/908?year=2016"),
];

/// Pages with pictures of their own beside the light one.
const PICTURED: [(&str, &str, i64, &str); 6] = [
    ("ticket", "dark", 1200, "ticket-dark"),
    ("home", "dark", 1200, "home-dark"),
    ("ticket", "light", 400, "ticket-narrow"),
    ("audit-matrix", "dark", 1200, "audit-matrix-dark"),
    ("actor", "dark", 1200, "actor-dark"),
    ("audit", "light", 400, "audit-narrow"),
];

async fn real() -> TestApp {
    let db = TestDb::create().await;
    import(&db);
    let labels = data("uci_incidents_3500.labels.csv");
    let mut command = ticketlog(["--database-url", &db.url(), "labels", "import", "Cust10498"]);
    let output = command.arg(labels).output().unwrap();
    assert!(output.status.success(), "{:?}", printed(&output));
    let app = TestApp::start_with(db, false).await;
    // What an operator has to look at.
    app.deliver("no event").await.assert(200);
    for ticket in 1..=8 {
        let event = payload::changed(ticket).tenant("Cust20000");
        let other = event.clone().set("priority", 4);
        for body in [&event, &event, &other]
            .iter()
            .take(1 + usize::from(ticket > 5) * 2)
        {
            app.deliver(*body).await.assert(200);
        }
    }
    app.settle().await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_and_can_be_read_by_everybody() {
    let app = real().await;
    let Some(window) = Window::logged_in_as(&app, Scope::Admin).await else {
        return;
    };
    let mut wrong = Vec::new();
    for (name, path) in PAGES {
        for (scheme, width) in [("light", 1200), ("dark", 1200), ("light", 400)] {
            window.size(width, 900).await;
            window.colours(scheme).await;
            window.go(path).await;
            let found = window.checked().await;
            wrong.extend(
                found
                    .iter()
                    .map(|what| format!("{name} {scheme} {width}: {what}")),
            );
            let own = PICTURED
                .iter()
                .find(|own| (own.0, own.1, own.2) == (name, scheme, width));
            match own {
                Some((.., picture)) => take(&window, picture).await,
                None if (scheme, width) == ("light", 1200) => take(&window, name).await,
                None => {}
            }
        }
        window.size(1000, 900).await;
        window.media("print").await;
        let hidden: bool = window
            .ask("[...document.querySelectorAll('nav, .find, .out')].every(part => !part.checkVisibility())")
            .await;
        let fits: bool = window
            .ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            .await;
        if !(hidden && fits) {
            wrong.push(format!("{name} in print: hidden {hidden}, fits {fits}"));
        }
        window.media("").await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    window.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_a_search_can_be_read_by_everybody() {
    let app = real().await;
    let Some(window) = Window::logged_in(&app).await else {
        return;
    };
    for (scheme, width) in [("light", 1200), ("dark", 1200), ("light", 400)] {
        window.size(width, 900).await;
        window.colours(scheme).await;
        window
            .go("/t/Cust10498/audit?q=ticket_status+changed+form+1")
            .await;
        window
            .until("document.querySelector('mark').innerText === 'form'")
            .await;
        assert_eq!(window.checked().await, Vec::<String>::new());
        if (scheme, width) == ("light", 1200) {
            take(&window, "audit-mistake").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_to_log_in_and_problems_can_be_read_by_everybody() {
    let app = TestApp::start().await;
    let Some(window) = Window::open(&app).await else {
        return;
    };
    for scheme in ["light", "dark"] {
        window.colours(scheme).await;
        for width in [400, 1200] {
            window.size(width, 600).await;
            window.go("/login").await;
            assert_eq!(window.checked().await, Vec::<String>::new());
            if (scheme, width) == ("light", 1200) {
                take(&window, "login").await;
            }
            window.fill("#token", "tl_short").await;
            window.click("main button").await;
            window
                .until("document.querySelector('[role=alert]') !== null")
                .await;
            assert_eq!(window.checked().await, Vec::<String>::new());
            window.go("/t/nowhere/else").await;
            assert_eq!(window.checked().await, Vec::<String>::new());
        }
    }
}

/// The part of a page that the window shows, or as much of it as a small picture has room for, if pictures are
/// wanted.
async fn take(window: &Window, name: &str) {
    if env::var_os("TICKETLOG_SCREENSHOTS").is_none() {
        return;
    }
    let width: f64 = window.ask("innerWidth").await;
    let mut height: f64 = window.ask("innerHeight").await;
    let picture = loop {
        let params = ScreenshotParams::builder()
            .format(CaptureScreenshotFormat::Png)
            .clip(Viewport {
                x: 0.0,
                y: 0.0,
                width,
                height,
                scale: 1.0,
            });
        let picture = window.page.screenshot(params.build()).await.unwrap();
        if picture.len() < MAX_BYTES {
            break picture;
        }
        height = (height * 0.9).floor();
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pages");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}
