//! `send` behaves as SuperOffice does, so that what stands against it will stand against the real one.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Output,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use bytes::Bytes;
use serde_json::Value;

use crate::support::{
    app::{SECRET, TestApp, sign},
    payload,
    program::{printed, ticketlog},
};

/// Runs `send` beside the test's own server.
async fn send(file: &Path, url: &str, arguments: &[&str]) -> Output {
    let mut command = ticketlog(["send", "--url", url, "--secret", SECRET]);
    command.arg(file).args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn lines(bodies: &[Bytes]) -> Vec<u8> {
    bodies.join(&b'\n')
}

#[tokio::test]
async fn chaos_leaves_the_same_timelines_as_good_order() {
    let bodies: Vec<Bytes> = (0..300_i64)
        .map(|at| {
            let payload = if at < 20 {
                payload::created(at + 1)
            } else {
                payload::changed(at % 20 + 1)
            };
            payload
                .at(&format!("2025-05-19T09:{:02}:{:02}Z", at / 60, at % 60))
                .set("status", at % 5)
                .into()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    fs::write(&file, lines(&bodies)).unwrap();
    let mut timelines = Vec::new();
    for arguments in [
        &["--connections", "1"][..],
        &["--chaos", "--seed", "5", "--connections", "16"],
    ] {
        let app = TestApp::start().await;
        let output = send(&file, &format!("{}/webhook", app.url), arguments).await;
        let (stdout, stderr) = printed(&output);
        assert!(output.status.success(), "{stderr}");
        assert!(stdout.contains("300 stored"), "{stdout}");
        assert_eq!(
            stdout.contains(" duplicate"),
            arguments.contains(&"--chaos"),
            "{stdout}"
        );
        let mut all = Vec::new();
        for ticket in 1..=20 {
            let path = format!("/v1/tenants/Cust1/tickets/{ticket}/timeline?include=noise");
            for mut entry in app.read_all(&path).await {
                for of_arrival in ["position", "received_at", "late"] {
                    entry.as_object_mut().unwrap().remove(of_arrival);
                }
                all.push(entry);
            }
        }
        timelines.push(all);
    }
    assert_eq!(timelines[0].len(), 300);
    assert_eq!(timelines[0], timelines[1]);
}

/// Every request that a server got: ticket, retry header, body.
type Seen = Arc<Mutex<Vec<(i64, Option<String>, Bytes)>>>;

/// What the scripted server holds: the answers of each ticket, and what it has seen.
type Script = (Arc<BTreeMap<i64, Vec<u16>>>, Seen);

/// A server that answers each ticket's n-th request by a script; past its end as at its end.
async fn scripted(scripts: BTreeMap<i64, Vec<u16>>) -> (String, Seen) {
    let seen = Seen::default();
    let state = (Arc::new(scripts), Arc::clone(&seen));
    let answer = async |State((scripts, seen)): State<Script>, headers: HeaderMap, body: Bytes| {
        assert_eq!(
            headers["x-superoffice-signature"].to_str().unwrap(),
            sign(SECRET, &body)
        );
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            headers["x-superoffice-eventid"].to_str().unwrap(),
            event["EventId"]
        );
        assert!(
            headers["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("NetServer-Webhook/")
        );
        let ticket = event["PrimaryKey"].as_i64().unwrap();
        let retry = headers
            .get("x-superoffice-retry")
            .map(|retry| retry.to_str().unwrap().to_owned());
        let mut seen = seen.lock().unwrap();
        let earlier = seen.iter().filter(|(other, ..)| *other == ticket).count();
        seen.push((ticket, retry, body));
        let script = &scripts[&ticket];
        StatusCode::from_u16(script[earlier.min(script.len() - 1)]).unwrap()
    };
    let router = Router::new().route("/", post(answer)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async { axum::serve(listener, router).await.unwrap() });
    tasks.detach_all();
    (url, seen)
}

async fn send_tickets(
    scripts: BTreeMap<i64, Vec<u16>>,
) -> (Output, Vec<(i64, Option<String>, Bytes)>) {
    let bodies: Vec<Bytes> = scripts
        .keys()
        .map(|ticket| payload::changed(*ticket).into())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    fs::write(&file, lines(&bodies)).unwrap();
    let (url, seen) = scripted(scripts).await;
    let output = send(&file, &url, &["--connections", "3"]).await;
    let seen = seen.lock().unwrap().clone();
    (output, seen)
}

#[tokio::test]
async fn a_failed_cycle_comes_back_under_a_new_id() {
    let (output, seen) = send_tickets(BTreeMap::from([
        (1, vec![500, 302, 204, 200]),
        (2, vec![500, 200]),
    ]))
    .await;
    let (stdout, stderr) = printed(&output);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(
        stdout.contains("4 of 6 tries failed, 1 cycles of three"),
        "{stdout}"
    );
    let first: Vec<_> = seen.iter().filter(|(ticket, ..)| *ticket == 1).collect();
    let retries: Vec<Option<&str>> = first.iter().map(|(_, retry, _)| retry.as_deref()).collect();
    assert_eq!(retries, [None, Some("1"), Some("2"), None]);
    let event = |at: usize| -> Value { serde_json::from_slice(&first[at].2).unwrap() };
    assert_eq!(first[0].2, first[2].2);
    assert_ne!(event(3)["EventId"], event(0)["EventId"]);
    assert_eq!(event(3)["FieldValues"], event(0)["FieldValues"]);
}

#[tokio::test]
async fn nine_failures_in_a_row_or_one_410_turn_the_webhook_off() {
    let failing = || (1..=3).map(|ticket| (ticket, vec![503])).collect();
    let ((nine, seen), (gone, seen_gone)) = tokio::join!(
        send_tickets(failing()),
        send_tickets(BTreeMap::from([(1, vec![410])])),
    );
    assert_eq!(nine.status.code(), Some(1));
    // What was under way when the ninth failed had been sent.
    assert!((9..=11).contains(&seen.len()), "{} tries", seen.len());
    assert!(
        printed(&nine)
            .0
            .contains("9 failures in a row, the last: 503"),
        "{nine:?}"
    );
    assert_eq!((gone.status.code(), seen_gone.len()), (Some(1), 1));
    assert!(
        printed(&gone).0.contains("turned the webhook off: 410"),
        "{gone:?}"
    );
}

#[tokio::test]
async fn once_the_webhook_is_off_nothing_is_tried_again() {
    let (output, seen) = send_tickets(BTreeMap::from([(1, vec![503]), (2, vec![410])])).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        seen.len(),
        2,
        "the first was to be tried again a second later"
    );
    assert!(printed(&output).0.contains("2 not delivered"), "{output:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let bodies: Vec<Bytes> = (1..=3)
        .map(|ticket| payload::changed(ticket).into())
        .collect();
    fs::write(&file, lines(&bodies)).unwrap();
    let output = send(&file, "http://127.0.0.1:1/webhook", &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).0.contains("Connection refused"),
        "{output:?}"
    );
}
