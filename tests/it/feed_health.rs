//! How the feed is: each state reached and left through real deliveries, and what is written down.

use std::{
    io,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sqlx::Executor;
use tempfile::TempDir;
use ticketlog::{
    clock,
    domain::hook::{Hooks, TenantRule},
    ingest::feed::{FeedKeeper, Settings},
    store::Store,
};
use tokio::sync::watch;

use crate::support::{
    app::{SECRET, TestApp, hook, sign},
    cluster::TestDb,
    payload,
    program::{Serve, create_token},
};

/// What SuperOffice calls itself.
const AGENT: (&str, &str) = ("User-Agent", "NetServer-Webhook/11.1");

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// The only hook as `/v1/hooks` shows it.
async fn shown(app: &TestApp) -> Value {
    let list = app.read("/v1/hooks").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    list["items"][0].clone()
}

async fn state(app: &TestApp) -> String {
    let shown = shown(app).await;
    let ready = app.read("/readyz").await;
    let brief = json!([{"hook": "default", "state": shown["state"]}]);
    assert_eq!(ready["hooks"], brief);
    shown["state"].as_str().unwrap().to_owned()
}

/// A keeper of an app's feed, with a folder of its own.
fn keeper(app: &TestApp, folder: &TempDir) -> FeedKeeper {
    let (_, stores) = watch::channel(Some(app.db.store.clone()));
    keeper_with(app, folder, stores)
}

fn keeper_with(
    app: &TestApp,
    folder: &TempDir,
    stores: watch::Receiver<Option<Store>>,
) -> FeedKeeper {
    let settings = Settings::new(folder.path().to_owned());
    FeedKeeper::new(app.feed.clone(), stores, settings)
}

/// All facts: kind, hook, tenant, occurrences, by start.
async fn facts(db: &TestDb) -> Vec<String> {
    let rows =
        "SELECT concat_ws(' ', kind, coalesce(hook, '-'), coalesce(tenant, '-'), occurrences)
        FROM feed_fact ORDER BY started_at, fact_id";
    sqlx::query_scalar(rows)
        .fetch_all(&mut db.connect().await)
        .await
        .unwrap()
}

/// Posts a body signed with another secret, as SuperOffice or as a stranger.
async fn deliver_wrong(app: &TestApp, headers: &[(&str, &str)]) {
    let body: bytes::Bytes = payload::changed(1).into();
    let signature = sign("another secret", &body);
    let mut headers = headers.to_vec();
    headers.push(("X-SuperOffice-Signature", &signature));
    app.post("/webhook", &headers, body).await.assert(401);
}

async fn deliver_retry(app: &TestApp, retry: &str) {
    let body: bytes::Bytes = payload::changed(1).into();
    let signature = sign(SECRET, &body);
    let headers = [
        ("X-SuperOffice-Signature", &*signature),
        ("X-SuperOffice-Retry", retry),
    ];
    app.post("/webhook", &headers, body).await.assert(200);
}

#[tokio::test]
async fn every_configured_hook_is_shown_with_or_without_deliveries() {
    let app = TestApp::start().await;
    let hooks = Hooks::from([
        ("a".to_owned(), hook(&["s"], TenantRule::Any)),
        ("b".to_owned(), hook(&["t"], TenantRule::Any)),
    ]);
    app.hooks.send_replace(Arc::new(hooks));
    app.deliver_to("/webhook/b", "t", payload::changed(1))
        .await
        .assert(200);
    let mut list = app.read("/v1/hooks").await;
    let of_b = list["items"][1].as_object_mut().unwrap();
    let since = of_b.remove("since").unwrap();
    assert_eq!(of_b.remove("last_delivery_at"), Some(since.clone()));
    assert!(since.as_str().unwrap().parse::<Timestamp>().unwrap() <= clock::now());
    assert_eq!(
        list,
        json!({"items": [{
            "hook": "a", "state": "ok", "since": null, "advice": "Nothing to do.",
            "last_delivery_at": null, "last_retry_at": null, "wrong_signatures": 0, "silent_tenants": [],
        }, {
            "hook": "b", "state": "ok", "advice": "Nothing to do.",
            "last_retry_at": null, "wrong_signatures": 0, "silent_tenants": [],
        }], "next": null})
    );
    let ready = app.read("/readyz").await;
    assert_eq!(
        ready["hooks"],
        json!([{"hook": "a", "state": "ok"}, {"hook": "b", "state": "ok"}])
    );
    app.get("/v1/hooks?limit=1").await.assert(400);
}

#[tokio::test]
async fn three_wrong_signatures_make_a_wrong_secret_and_a_good_one_mends_it() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        // Strangers, signed or not.
        deliver_wrong(&app, &[]).await;
        app.post("/webhook", &[], "{}").await.assert(401);
    }
    assert_eq!(shown(&app).await["wrong_signatures"], 0);
    for headers in [&[AGENT][..], &[("X-SuperOffice-Event", "ticket.changed")]] {
        deliver_wrong(&app, headers).await;
    }
    assert_eq!(state(&app).await, "ok");
    // Without any signature.
    app.post("/webhook", &[AGENT], "{}").await.assert(401);
    assert_eq!(state(&app).await, "wrong_secret");
    let wrong = shown(&app).await;
    assert_eq!(wrong["wrong_signatures"], 3);
    let advice = wrong["advice"].as_str().unwrap();
    assert!(
        advice.starts_with("The last 3 deliveries carried a signature"),
        "{advice}"
    );
    app.deliver(payload::changed(1)).await.assert(200);
    assert_eq!(state(&app).await, "ok");
}

#[tokio::test]
async fn a_stopped_webhook_is_stopped_until_its_tenant_sends_again_even_after_a_restart() {
    let app = TestApp::start().await;
    let about = |name: &str, at: &str| {
        payload::changed(1)
            .with("Event", name)
            .without("Entity")
            .at(at)
    };
    app.deliver(payload::changed(1)).await.assert(200);
    app.deliver(about("webhook.errors", "2025-05-19T10:00:00Z"))
        .await
        .assert(200);
    assert_eq!(state(&app).await, "stopped");
    let stopped = shown(&app).await;
    assert_eq!(stopped["since"], "2025-05-19T10:00:00Z");
    assert!(
        stopped["advice"]
            .as_str()
            .unwrap()
            .contains("State to Active")
    );
    // Of another tenant, and of before.
    let other = payload::changed(1)
        .tenant("Cust2")
        .at("2025-05-19T11:00:00Z");
    app.deliver(other).await.assert(200);
    app.deliver(payload::changed(1)).await.assert(200);

    let again = app.second_receiver().await;
    assert_eq!(state(&again).await, "ok");
    let folder = tempfile::tempdir().unwrap();
    keeper(&again, &folder).look(clock::now()).await;
    assert_eq!(shown(&again).await["since"], "2025-05-19T10:00:00Z");
    assert_eq!(state(&again).await, "stopped");
    assert_eq!(state(&app).await, "stopped");

    let later = payload::changed(1).at("2025-05-19T10:00:01Z");
    app.deliver(later).await.assert(200);
    assert_eq!(state(&app).await, "ok");
    let third = app.second_receiver().await;
    keeper(&third, &folder).look(clock::now()).await;
    assert_eq!(state(&third).await, "ok");
}

#[tokio::test]
async fn a_retry_makes_a_hook_retrying_and_leaves_a_fact_of_its_tenant() {
    let app = TestApp::start().await;
    deliver_retry(&app, "0").await;
    assert_eq!(state(&app).await, "ok");
    deliver_retry(&app, "1").await;
    deliver_retry(&app, "2").await;
    assert_eq!(state(&app).await, "retrying");
    let retrying = shown(&app).await;
    assert_eq!(retrying["last_retry_at"], retrying["last_delivery_at"]);
    let folder = tempfile::tempdir().unwrap();
    let mut keeper = keeper(&app, &folder);
    let now = clock::now();
    keeper.look(now).await;
    assert_eq!(facts(&app.db).await, [""; 0]);
    keeper.look(now + minutes(1)).await;
    assert_eq!(facts(&app.db).await, ["retries default Cust1 2"]);
    let later = app.feed.report(now + minutes(10));
    assert_eq!(later[0].verdict.state.as_str(), "ok");
}

#[tokio::test]
async fn a_tenant_that_breaks_its_rhythm_makes_a_hook_silent_until_it_sends() {
    let app = TestApp::start().await;
    let busy = "INSERT INTO hook_hour
        SELECT 'Cust1', 'default', date_trunc('hour', now()) - hours * interval '1 hour', 5
        FROM generate_series(3, 24 * 35) AS hours";
    let mut session = app.db.connect().await;
    session.execute(busy).await.unwrap();
    let steady = busy
        .replace("'Cust1'", "'Cust2'")
        .replace("series(3", "series(0");
    session.execute(sqlx::AssertSqlSafe(steady)).await.unwrap();
    assert_eq!(state(&app).await, "ok");
    let folder = tempfile::tempdir().unwrap();
    keeper(&app, &folder).look(clock::now()).await;
    assert_eq!(state(&app).await, "silent");
    assert_eq!(shown(&app).await["silent_tenants"], json!(["Cust1"]));
    app.deliver(payload::changed(1)).await.assert(200);
    assert_eq!(state(&app).await, "ok");
}

#[tokio::test]
async fn facts_wait_in_memory_for_a_database_that_is_away_and_are_written_once() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (arrive, stores) = watch::channel(None);
    let mut keeper = keeper_with(&app, &folder, stores);
    let now = clock::now();
    for _ in 0..4 {
        deliver_wrong(&app, &[AGENT]).await;
    }
    app.deliver(payload::changed(1)).await.assert(200);
    app.deliver(payload::changed(2)).await.assert(200);
    keeper.look(now).await;
    keeper.look(now + minutes(2)).await;
    assert_eq!(facts(&app.db).await, [""; 0]);
    arrive.send_replace(Some(app.db.store.clone()));
    for minute in 3..6 {
        keeper.look(now + minutes(minute)).await;
    }
    assert_eq!(facts(&app.db).await, ["wrong_signatures default - 4"]);
    let hours = "SELECT sum(deliveries)::bigint FROM hook_hour WHERE tenant = 'Cust1'";
    assert_eq!(app.count(hours).await, 2);
    assert_eq!(app.count("SELECT count(*) FROM heartbeat").await, 1);
    // What is open at the end is written then.
    deliver_wrong(&app, &[AGENT]).await;
    keeper.finish(clock::now()).await;
    assert_eq!(facts(&app.db).await.len(), 2);
}

#[tokio::test]
async fn a_fact_that_is_written_twice_is_there_once() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    deliver_wrong(&app, &[AGENT]).await;
    keeper(&app, &folder).finish(clock::now()).await;
    let mut session = app.db.connect().await;
    let again = "INSERT INTO feed_fact SELECT * FROM feed_fact ON CONFLICT (fact_id) DO NOTHING";
    session.execute(again).await.unwrap();
    assert_eq!(facts(&app.db).await, ["wrong_signatures default - 1"]);
}

#[tokio::test]
async fn time_without_a_heartbeat_is_downtime_unless_another_receiver_lived() {
    let app = TestApp::start().await;
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = clock::now();
    let live = |folder, at| {
        let mut keeper = keeper(&app, folder);
        async move {
            keeper.look(at).await;
            keeper.look(at + SignedDuration::from_secs(6)).await;
        }
    };
    live(&here, start).await;
    assert_eq!(
        facts(&app.db).await,
        [""; 0],
        "a first start follows nothing"
    );
    live(&here, start + SignedDuration::from_secs(20)).await;
    assert_eq!(facts(&app.db).await, [""; 0], "a restart is no downtime");
    live(&there, start + SignedDuration::from_secs(40)).await;
    assert_eq!(facts(&app.db).await, [""; 0], "elsewhere one lived");
    live(&here, start + SignedDuration::from_secs(60)).await;
    assert_eq!(facts(&app.db).await, [""; 0], "there one lived");
    live(&here, start + minutes(10)).await;
    live(&there, start + minutes(20)).await;
    assert_eq!(facts(&app.db).await, ["downtime - - 1"; 2]);
    let exact = "SELECT count(*) FROM feed_fact WHERE ended_at - started_at
        IN (interval '8 minutes 54 seconds', interval '9 minutes 54 seconds')";
    assert_eq!(app.count(exact).await, 2);
}

#[tokio::test]
async fn to_run_without_a_database_is_no_downtime_and_a_gap_before_is_not_forgotten() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let start = clock::now();
    let (arrive, stores) = watch::channel(None);
    let run = |from: i64, to: i64| {
        let mut keeper = keeper_with(&app, &folder, stores.clone());
        async move {
            for second in (from..=to).step_by(5) {
                keeper.look(start + SignedDuration::from_secs(second)).await;
            }
        }
    };
    run(0, 100).await;
    // Down for 200 s, then for no longer than a restart takes, all without a database.
    run(300, 400).await;
    run(410, 500).await;
    arrive.send_replace(Some(app.db.store.clone()));
    run(505, 520).await;
    run(525, 540).await;
    assert_eq!(facts(&app.db).await, ["downtime - - 1"]);
    let exact =
        "SELECT count(*) FROM feed_fact WHERE ended_at - started_at = interval '200 seconds'";
    assert_eq!(app.count(exact).await, 1);
}

#[tokio::test]
async fn a_killed_serve_leaves_a_downtime_and_a_stopped_one_its_last_beat() {
    let db = TestDb::create().await;
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), &["--database-url", &db.url()]);
    let beat = folder.path().join("heartbeat");
    let mut session = db.connect().await;
    while !beat.exists() {
        tokio::task::yield_now().await;
    }
    serve.signal(nix::sys::signal::Signal::SIGKILL);
    drop(serve);
    // As if that had been ten minutes ago.
    let died = clock::now() - minutes(10);
    std::fs::write(&beat, format!("{died}\n")).unwrap();
    let aged = "UPDATE heartbeat SET beat_at = beat_at - interval '10 minutes'";
    session.execute(aged).await.unwrap();

    let serve = Serve::start(folder.path(), &["--database-url", &db.url()]);
    // A graceful end writes what there is, and so may not come before the first look.
    while std::fs::read_to_string(&beat).unwrap() == format!("{died}\n") {
        tokio::task::yield_now().await;
    }
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert_eq!(facts(&db).await, ["downtime - - 1"], "{log}");
    assert_eq!(log.matches("Nothing was received here").count(), 1, "{log}");
    let serve = Serve::start(folder.path(), &["--database-url", &db.url()]);
    serve.stop();
    assert_eq!(facts(&db).await.len(), 1);
}

/// What is logged in this thread, as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_transition_is_one_line() {
    let app = TestApp::start().await;
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let now = clock::now();
    let look = || {
        for second in 0..3 {
            app.feed.report(now + SignedDuration::from_secs(second));
        }
    };
    look();
    for _ in 0..3 {
        app.feed.rejected("default", true, now);
        look();
    }
    app.feed.rejected("default", true, now);
    look();
    app.deliver(payload::changed(1)).await.assert(200);
    look();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("The feed"))
        .collect();
    assert_eq!(told.len(), 2, "{text}");
    for (line, parts) in told.iter().zip([
        [
            "WARN",
            "The feed got worse",
            "hook=\"default\"",
            "state=\"wrong_secret\"",
        ],
        [
            "INFO",
            "The feed got better",
            "hook=\"default\"",
            "state=\"ok\"",
        ],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        assert!(line.contains(&format!("since={now}")), "{line}");
    }
}

/// The value of a series in Prometheus' text.
fn series(text: &str, name: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

/// The series that the alerts of docs/operations.md look for an increase of.
fn alerted() -> Vec<String> {
    let mut series = Vec::new();
    let page = include_str!("../../docs/operations.md");
    for rest in page.split("increase(").skip(1) {
        let (name, _) = rest.split_once('[').unwrap();
        let Some((name, rest)) = name.split_once('{') else {
            series.push(name.to_owned());
            continue;
        };
        let (label, values) = rest.trim_end_matches('}').split_once('=').unwrap();
        let hook = if label == "outcome" {
            "hook=\"default\","
        } else {
            ""
        };
        for value in values.trim_matches(['~', '"']).split("\\|") {
            series.push(format!("{name}{{{hook}{label}=\"{value}\"}}"));
        }
    }
    series
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_alerts_look_for_an_increase_of_is_there_before_it_happens() {
    let db = TestDb::create().await;
    let url = db.url();
    let token = create_token(&["--database-url", &url]);
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), &["--database-url", &url]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let metrics = http.get(format!("{}/metrics", serve.url));
    let answer = metrics.bearer_auth(&token).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let alerted = alerted();
    assert_eq!(alerted.len(), 5, "{alerted:?}");
    for name in &alerted {
        assert_eq!(series(&text, name), Some(0.0), "{name} in {text}");
    }
    for outcome in ["stored", "duplicate", "ignored", "spooled"] {
        let name = format!("ticketlog_deliveries_total{{hook=\"default\",outcome=\"{outcome}\"}}");
        assert_eq!(series(&text, &name), Some(0.0), "{name} in {text}");
    }
    assert!(serve.stop().0.success());
}

#[tokio::test]
async fn metrics_can_be_read_by_prometheus_and_have_no_series_of_strangers() {
    let app = TestApp::start().await;
    // All tests of this process count together, so the hook is this test's own.
    let hooks = Hooks::from([("metrics_hook".to_owned(), hook(&["s"], TenantRule::Any))]);
    app.hooks.send_replace(Arc::new(hooks));
    let payload = payload::changed(1);
    for body in [
        (&payload).into(),
        (&payload).into(),
        bytes::Bytes::from("x"),
    ] {
        app.deliver_to("/webhook/metrics_hook", "s", body)
            .await
            .assert(200);
    }
    app.post("/webhook/metrics_hook", &[], "{}")
        .await
        .assert(401);
    app.post("/webhook/stranger", &[], "{}").await.assert(404);
    app.feed.report(clock::now());
    let answer = app.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.content_type,
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for outcome in ["stored", "duplicate", "parked"] {
        let name =
            format!("ticketlog_deliveries_total{{hook=\"metrics_hook\",outcome=\"{outcome}\"}}");
        assert_eq!(series(&text, &name), Some(1.0), "{name} in {text}");
    }
    for reason in ["bad-signature", "not-found"] {
        let name = format!("ticketlog_rejected_total{{reason=\"{reason}\"}}");
        assert!(series(&text, &name) >= Some(1.0), "{name} in {text}");
    }
    for (state, value) in [("ok", 1.0), ("stopped", 0.0), ("wrong_secret", 0.0)] {
        let name = format!("ticketlog_hook_state{{hook=\"metrics_hook\",state=\"{state}\"}}");
        assert_eq!(series(&text, &name), Some(value), "{name} in {text}");
    }
    assert!(!text.contains("stranger"), "{text}");
    for line in text.lines().filter(|line| !line.is_empty()) {
        let value = line.rsplit_once(' ').unwrap().1;
        assert!(
            line.starts_with('#') || value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
    for name in [
        "ticketlog_webhook_answer_seconds",
        "ticketlog_append_seconds",
        "ticketlog_batch_events",
    ] {
        assert!(text.contains(&format!("# TYPE {name} histogram")), "{text}");
        assert!(text.contains(&format!("# HELP {name} ")), "{text}");
        assert!(
            series(&text, &format!("{name}_count")) >= Some(1.0),
            "{text}"
        );
    }
}
