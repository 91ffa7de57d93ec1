//! In a real Chromium, driven over its own protocol. Without one the tests say so and are skipped, but for where
//! `TICKETLOG_BROWSER=required` says that there has to be one.

mod looks;
mod pictures;
mod walk;

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use chromiumoxide::{
    Browser, BrowserConfig, Page,
    cdp::{
        browser_protocol::{
            browser::{SetDownloadBehaviorBehavior, SetDownloadBehaviorParams},
            emulation::{
                MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
                SetScriptExecutionDisabledParams, SetTimezoneOverrideParams,
            },
            log::{EventEntryAdded, LogEntryLevel},
            network::EventRequestWillBeSent,
            page::CaptureScreenshotFormat,
        },
        js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown},
    },
};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use ticketlog::domain::token::Scope;
use tokio::{task::JoinSet, time::sleep};

use super::made;
use crate::support::app::TestApp;

/// After this a test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks at a page that is on its way.
const PAUSE: Duration = Duration::from_millis(30);

/// What a person with good eyes and hands does not notice, and others do: gives what is wrong with a page.
const CHECKS: &str = include_str!("checks.js");

/// A window of a browser of its own, which keeps what goes wrong in it.
struct Window {
    page: Page,
    url: String,
    seen: Seen,
    /// Ends the browser when dropped.
    _browser: Browser,
    _tasks: JoinSet<()>,
    _folder: TempDir,
}

#[derive(Clone, Default)]
struct Seen {
    requests: Arc<Mutex<Vec<String>>>,
    errors: Arc<Mutex<Vec<String>>>,
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
fn chromium() -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let found = env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        let required = env::var_os("TICKETLOG_BROWSER").is_some_and(|word| word == "required");
        assert!(
            !required,
            "there is no Chromium among {names:?} on the path"
        );
        eprintln!("skipped: there is no Chromium among {names:?} on the path");
    }
    found
}

impl Window {
    /// A window onto the app; `None` where there is no browser.
    async fn open(app: &TestApp) -> Option<Self> {
        let executable = chromium()?;
        let folder = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable(executable)
            .user_data_dir(folder.path())
            // Whoever is root has no sandbox; what is visited is our own.
            .no_sandbox()
            .viewport(None)
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .args([
                "disable-gpu",
                "disable-quic",
                "no-first-run",
                "disable-background-networking",
                "disable-component-update",
                "disable-sync",
                "hide-scrollbars",
            ])
            .build()
            .unwrap();
        let (browser, mut handler) = Browser::launch(config).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { while handler.next().await.is_some() {} });
        let page = browser.new_page("about:blank").await.unwrap();
        page.enable_log().await.unwrap();
        let seen = Seen::default();
        watch(&page, &seen, &mut tasks).await;
        let zone = SetTimezoneOverrideParams::new("Europe/Oslo");
        page.execute(zone).await.unwrap();
        let window = Self {
            page,
            url: app.url.clone(),
            seen,
            _browser: browser,
            _tasks: tasks,
            _folder: folder,
        };
        window.size(1200, 900).await;
        Some(window)
    }

    /// The same, logged in with a token that reads everything.
    async fn logged_in(app: &TestApp) -> Option<Self> {
        Self::logged_in_as(app, Scope::Read).await
    }

    /// The same with another scope, of all tenants.
    async fn logged_in_as(app: &TestApp, scope: Scope) -> Option<Self> {
        let window = Self::open(app).await?;
        let (token, _) = made(app, None, &[scope]).await;
        window.go("/login").await;
        window.fill("#token", token.expose()).await;
        window.click("main button").await;
        window
            .until("document.title.startsWith('Your tenants')")
            .await;
        Some(window)
    }

    async fn size(&self, width: i64, height: i64) {
        let size = SetDeviceMetricsOverrideParams::new(width, height, 1.0, false);
        self.page.execute(size).await.unwrap();
    }

    async fn colours(&self, scheme: &str) {
        let feature = MediaFeature::new("prefers-color-scheme", scheme);
        self.page
            .emulate_media_features(vec![feature])
            .await
            .unwrap();
    }

    /// `print`, or empty for the screen.
    async fn media(&self, media: &str) {
        let media = SetEmulatedMediaParams::builder().media(media).build();
        self.page.execute(media).await.unwrap();
    }

    async fn without_script(&self) {
        let off = SetScriptExecutionDisabledParams::new(true);
        self.page.execute(off).await.unwrap();
    }

    async fn go(&self, path: &str) {
        self.page.goto(format!("{}{path}", self.url)).await.unwrap();
        self.until("document.readyState === 'complete'").await;
    }

    /// The value of an expression; `None` while the page changes.
    async fn try_ask<T: DeserializeOwned>(&self, script: &str) -> Option<T> {
        self.page.evaluate(script).await.ok()?.into_value().ok()
    }

    async fn ask<T: DeserializeOwned>(&self, script: &str) -> T {
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(value) = self.try_ask(script).await {
                return value;
            }
            assert!(begun.elapsed() < PATIENCE, "no value: {script}");
            sleep(PAUSE).await;
        }
    }

    /// Waits until an expression is true of a page that is there to its end: its address is new before its text is.
    async fn until(&self, script: &str) {
        let begun = tokio::time::Instant::now();
        let so = format!("document.readyState !== 'loading' && ({script})");
        while self.try_ask(&so).await != Some(true) {
            if begun.elapsed() > PATIENCE {
                let page: Option<String> = self.try_ask("document.documentElement.innerText").await;
                panic!("never: {script}; the page says {page:?}");
            }
            sleep(PAUSE).await;
        }
    }

    /// Puts files that are taken along into a folder.
    async fn keep_files_in(&self, folder: &Path) {
        let keep = SetDownloadBehaviorParams::builder()
            .behavior(SetDownloadBehaviorBehavior::Allow)
            .download_path(folder.to_string_lossy());
        self.page.execute(keep.build().unwrap()).await.unwrap();
    }

    /// Waits until something is so that no page tells.
    async fn wait_for(&self, is_so: impl Fn() -> bool) {
        let begun = tokio::time::Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE);
            sleep(PAUSE).await;
        }
    }

    async fn fill(&self, selector: &str, value: &str) {
        let value = serde_json::to_string(value).unwrap();
        let script = format!("(document.querySelector('{selector}').value = {value}, true)");
        assert!(self.ask::<bool>(&script).await);
    }

    async fn click(&self, selector: &str) {
        let script = format!("(document.querySelector('{selector}').click(), true)");
        assert!(self.ask::<bool>(&script).await);
    }

    /// The text of the page as it is seen.
    async fn text(&self) -> String {
        self.ask("document.body.innerText").await
    }

    async fn path(&self) -> String {
        self.ask("location.pathname + location.search").await
    }

    /// What an element looks like, as a picture.
    async fn pixels(&self, selector: &str) -> Vec<u8> {
        let element = self.page.find_element(selector).await.unwrap();
        element
            .screenshot(CaptureScreenshotFormat::Png)
            .await
            .unwrap()
    }

    /// What is wrong with the page for whoever cannot see or point.
    async fn checked(&self) -> Vec<String> {
        self.ask(CHECKS).await
    }

    /// Nothing went wrong, and nothing was asked of any other host.
    fn assert_clean(&self) {
        assert_eq!(*self.seen.errors.lock().unwrap(), Vec::<String>::new());
        let requests = self.seen.requests.lock().unwrap();
        assert!(requests.len() > 2);
        for request in requests.iter() {
            let own = request.starts_with(&self.url) || request == "about:blank";
            // The browser's own picture of a calendar in a field for a date.
            let own = own || request.starts_with("data:");
            assert!(own, "{request} leaves the host");
        }
    }
}

/// Keeps what is asked for and what goes wrong.
async fn watch(page: &Page, seen: &Seen, tasks: &mut JoinSet<()>) {
    let mut requests = page
        .event_listener::<EventRequestWillBeSent>()
        .await
        .unwrap();
    let mut calls = page
        .event_listener::<EventConsoleApiCalled>()
        .await
        .unwrap();
    let mut thrown = page.event_listener::<EventExceptionThrown>().await.unwrap();
    let mut entries = page.event_listener::<EventEntryAdded>().await.unwrap();
    let Seen {
        requests: asked,
        errors,
    } = seen.clone();
    tasks.spawn(async move {
        while let Some(event) = requests.next().await {
            asked.lock().unwrap().push(event.request.url.clone());
        }
    });
    let kept = Arc::clone(&errors);
    tasks.spawn(async move {
        while let Some(event) = calls.next().await {
            kept.lock().unwrap().push(format!("{event:?}"));
        }
    });
    let kept = Arc::clone(&errors);
    tasks.spawn(async move {
        while let Some(event) = thrown.next().await {
            kept.lock().unwrap().push(format!("{event:?}"));
        }
    });
    tasks.spawn(async move {
        while let Some(event) = entries.next().await {
            // Advice to developers, as that a password wants a name beside it.
            if event.entry.level == LogEntryLevel::Verbose {
                continue;
            }
            errors.lock().unwrap().push(format!("{event:?}"));
        }
    });
}
