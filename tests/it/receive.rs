//! The door itself: which bits are believed, how bodies may arrive, and what every refusal looks like.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use ticketlog::domain::{
    hook::TenantRule,
    ids::Tenant,
    signature::{Secret, SignatureError, decode, encode, verify},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{
    app::{Answer, MAX_BODY_BYTES, SECRET, TestApp, hook, sign},
    cluster::TestDb,
    payload::{self, Payload},
    program::Serve,
};

/// Bodies with their signatures, computed by two other programs.
const VECTORS: [(&[u8], &str, &str); 6] = [
    (
        include_bytes!("../data/fixtures/vector_a_compact.json"),
        SECRET,
        "5fcd11gT/SxGYYB4qMwNiQ3RxblHhYk9ykTERv8daBE=",
    ),
    (
        include_bytes!("../data/fixtures/vector_b_lf.json"),
        SECRET,
        "PYGmOE6hUkMpo052c2d27F9ggH0z4Yqx8mqu4uXZXwc=",
    ),
    (
        include_bytes!("../data/fixtures/vector_c_crlf.json"),
        SECRET,
        "FlFGMRRx75EFGov9MIulEZxw4Q+I5SE8BbagsYET0Z4=",
    ),
    (
        include_bytes!("../data/fixtures/vector_a_compact.json"),
        "Blåbærsyltetøy",
        "SaxiUMpSAlKi1np/GamL8q7WJg54E0lOVOX648cr/to=",
    ),
    (
        include_bytes!("../data/fixtures/vector_b_lf.json"),
        "Blåbærsyltetøy",
        "7GZSZD0LYAYQBNK8ltU+sISE1KKFS1wfn2+kxgKo1Os=",
    ),
    (
        include_bytes!("../data/fixtures/vector_c_crlf.json"),
        "Blåbærsyltetøy",
        "i/SwbfB/3C++zpa2DxxystUL0h38zZkpn0KKmmS80NI=",
    ),
];

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn every_bit_of_body_and_signature_counts_under_either_secret() {
    for (body, secret, header) in VECTORS {
        let secrets = [Secret::new(secret.to_owned()).unwrap()];
        let claimed = decode(header.as_bytes()).unwrap();
        assert_eq!(verify(&secrets, &claimed, body), Ok(()));
        for bit in 0..body.len() * 8 {
            let read = verify(&secrets, &claimed, &flip(body, bit));
            assert_eq!(read, Err(SignatureError::Wrong), "bit {bit} of the body");
        }
        for bit in 0..claimed.len() * 8 {
            let flipped = flip(&claimed, bit).try_into().unwrap();
            let read = verify(&secrets, &flipped, body);
            assert_eq!(
                read,
                Err(SignatureError::Wrong),
                "bit {bit} of the 32 bytes"
            );
        }
        for bit in 0..header.len() * 8 {
            let flipped = decode(&flip(header.as_bytes(), bit));
            let read = flipped.and_then(|claimed| verify(&secrets, &claimed, body));
            assert!(read.is_err(), "bit {bit} of the header");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_is_a_401_over_http_and_leaves_no_row() {
    let app = TestApp::start().await;
    let (body, secret, header) = VECTORS[0];
    assert_eq!(secret, SECRET);
    let mut attempts: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for bit in (0..body.len() * 8).step_by(89) {
        attempts.push((flip(body, bit), header.into()));
    }
    for bit in 0..256 {
        let flipped = flip(&decode(header.as_bytes()).unwrap(), bit);
        attempts.push((body.to_vec(), encode(&flipped.try_into().unwrap()).into()));
    }
    for bit in 0..header.len() * 8 {
        attempts.push((body.to_vec(), flip(header.as_bytes(), bit)));
    }
    for (body, header) in attempts {
        // A client cannot even send the others: control characters.
        let Ok(header) = HeaderValue::from_bytes(&header) else {
            continue;
        };
        let request = app.http.post(format!("{}/webhook", app.url)).body(body);
        let request = request.header("X-SuperOffice-Signature", header.clone());
        assert_eq!(request.send().await.unwrap().status(), 401, "{header:?}");
    }
    for table in [
        "SELECT count(*) FROM event",
        "SELECT count(*) FROM delivery",
        "SELECT count(*) FROM delivery_overflow",
        "SELECT count(*) FROM parked",
        "SELECT count(*) FROM head",
    ] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn what_could_not_be_stored_says_when_to_send_it_again() {
    let app = TestApp::start_without_spool().await;
    app.db.store.close().await;
    let body: Bytes = payload::created(1).into();
    let request = app.http.post(format!("{}/webhook", app.url));
    let request = request.header("X-SuperOffice-Signature", sign(SECRET, &body));
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let problem: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(
        problem,
        json!({
            "type": "urn:ticketlog:not-stored", "title": "The delivery was not stored", "status": 503,
            "detail": "the event could not be stored now; send it again",
        })
    );
}

/// Signs and posts each body to its URL, all at once; gives how often each outcome came.
async fn post_all(targets: Vec<(String, Bytes)>) -> BTreeMap<String, usize> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut under_way = JoinSet::new();
    for (url, body) in targets {
        let request = http
            .post(url)
            .header("X-SuperOffice-Signature", sign(SECRET, &body));
        under_way.spawn(async move {
            let response = request.body(body).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let bytes = response.bytes().await.unwrap();
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            answer["outcome"].as_str().unwrap().to_owned()
        });
    }
    let mut counts = BTreeMap::new();
    for outcome in under_way.join_all().await {
        *counts.entry(outcome).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn two_receivers_on_one_database_store_an_event_once() {
    let db = TestDb::create().await;
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), &["--database-url", &db.url()]);
    let app = TestApp::start_with(db, false).await;
    let events: Vec<Payload> = (1..=20).map(payload::created).collect();
    let mut targets = Vec::new();
    for _ in 0..10 {
        for event in &events {
            for url in [&app.url, &serve.url] {
                targets.push((format!("{url}/webhook"), event.into()));
            }
        }
    }
    assert_eq!(
        post_all(targets).await,
        BTreeMap::from([("duplicate".to_owned(), 380), ("stored".to_owned(), 20)])
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 20);
    assert_eq!(app.count("SELECT max(position) FROM event").await, 20);
    assert_eq!(app.count("SELECT position FROM head").await, 20);
    assert_eq!(app.count("SELECT count(*) FROM delivery").await, 380);
}

/// What another receiver does under the head's lock: the event of this id and body at position 2.
const STORED_ELSEWHERE: &str = r"
    INSERT INTO event
    SELECT (jsonb_populate_record(event, jsonb_build_object(
        'position', 2, 'event_id', $1::uuid, 'arrival_id', gen_random_uuid(),
        'body', '\x' || encode($2::bytea, 'hex'),
        'body_sha256', '\x' || encode(sha256($2::bytea), 'hex')))).*
    FROM event WHERE tenant = 'Cust1' AND position = 1";

#[tokio::test]
async fn an_event_that_another_receiver_stored_while_this_one_waited_is_a_duplicate() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let mut other = app.db.connect().await;
    let mut other = other.begin().await.unwrap();
    other
        .execute("SELECT 1 FROM head WHERE tenant = 'Cust1' FOR UPDATE")
        .await
        .unwrap();
    let event = payload::changed(1);
    let mut waiting = JoinSet::new();
    waiting.spawn(post_all(vec![(
        format!("{}/webhook", app.url),
        (&event).into(),
    )]));
    let blocked = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while app.count(blocked).await == 0 {}
    sqlx::query(STORED_ELSEWHERE)
        .bind(event.event_id())
        .bind(Bytes::from(&event).to_vec())
        .execute(&mut *other)
        .await
        .unwrap();
    other
        .execute("UPDATE head SET position = 2 WHERE tenant = 'Cust1'")
        .await
        .unwrap();
    other.commit().await.unwrap();
    assert_eq!(
        waiting.join_next().await.unwrap().unwrap(),
        BTreeMap::from([("duplicate".to_owned(), 1)])
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 2);
    assert_eq!(app.count("SELECT count(*) FROM parked").await, 0);
}

#[tokio::test]
async fn each_other_body_of_an_event_is_kept_once() {
    let app = TestApp::start().await;
    let first = payload::created(1);
    app.deliver(&first).await.assert(200);
    let spaced = Bytes::from([b" ", &Bytes::from(&first)[..]].concat());
    let others: Vec<Bytes> = vec![
        first.clone().set("status", 2).into(),
        first.clone().set("status", 3).into(),
        first.clone().with("WebhookName", "Another").into(),
        spaced,
    ];
    let mut targets = Vec::new();
    for _ in 0..5 {
        for body in others.iter().chain([&Bytes::from(&first)]) {
            targets.push((format!("{}/webhook", app.url), body.clone()));
        }
    }
    assert_eq!(
        post_all(targets).await,
        BTreeMap::from([("conflict".to_owned(), 10), ("duplicate".to_owned(), 15)])
    );
    let mut session = app.db.connect().await;
    let kept = "SELECT body FROM delivery WHERE body IS NOT NULL";
    let mut kept: Vec<Vec<u8>> = sqlx::query_scalar(kept)
        .fetch_all(&mut session)
        .await
        .unwrap();
    let mut sent: Vec<Vec<u8>> = others.iter().map(|body| body.to_vec()).collect();
    kept.sort();
    sent.sort();
    assert!(kept == sent, "{} bodies kept", kept.len());
}

#[tokio::test]
async fn two_installations_that_both_call_themselves_default_do_not_meet() {
    let app = TestApp::start().await;
    let to = |name: &str| TenantRule::Override(Tenant::parse(name).unwrap());
    app.hooks.send_replace(Arc::new(BTreeMap::from([
        ("oslo".to_owned(), hook(&["o"], to("Oslo"))),
        ("bergen".to_owned(), hook(&["b"], to("Bergen"))),
    ])));
    let event = payload::created(1).tenant("Default");
    for (path, secret, tenant) in [
        ("/webhook/oslo", "o", "Oslo"),
        ("/webhook/bergen", "b", "Bergen"),
    ] {
        let answer = app.deliver_to(path, secret, &event).await.assert(200);
        let expected = json!({
            "outcome": "stored", "event_id": event.event_id(), "tenant": tenant, "position": 1,
        });
        assert_eq!(answer, expected);
    }
    app.get("/v1/tenants/Default/events").await.assert(404);
}

#[tokio::test]
async fn odd_headers_are_no_reason_to_refuse_and_another_spelling_of_the_id_is_no_mismatch() {
    let app = TestApp::start().await;
    for (name, value, mismatch) in [
        ("X-SuperOffice-EventId", "{ID}", false),
        ("x-superoffice-eventid", "ID", false),
        ("X-SuperOffice-EventId", "", true),
        ("X-SuperOffice-EventId", "none", true),
        ("X-SuperOffice-Retry", "many", false),
        ("X-SuperOffice-Retry", "-1", false),
        ("X-SuperOffice-Retry", "99999999999999999999", false),
        ("X-SuperOffice-Event", "\u{fc}", false),
        ("X-Hook-Test", "false", false),
    ] {
        let event = payload::changed(1);
        let value = value.replace("ID", &event.event_id().to_uppercase());
        let body = Bytes::from(&event);
        let signature = sign(SECRET, &body);
        let headers = [("X-SuperOffice-Signature", &*signature), (name, &*value)];
        let answer = app.post("/webhook", &headers, body).await.assert(200);
        assert_eq!(answer["outcome"], "stored", "{name}: {value}");
        let path = format!("/v1/tenants/Cust1/events/{}", event.event_id());
        let shown = app.read(&path).await;
        assert_eq!(shown["header_mismatch"], mismatch, "{name}: {value}");
    }
}

/// Writes pieces on a connection of its own; gives status and text of the answer.
async fn raw(app: &TestApp, pieces: &[&[u8]]) -> (u16, String) {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// The head of a signed request, up to the header that says how long the body is.
fn head(body: &[u8], length: &str) -> Vec<u8> {
    let signature = sign(SECRET, body);
    format!(
        "POST /webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-SuperOffice-Signature: {signature}\r\n{length}\r\n\r\n"
    )
    .into()
}

/// An event of exactly so many bytes.
fn filled(bytes: usize) -> Bytes {
    let empty: Bytes = payload::created(1).with("custom", "").into();
    let full = payload::created(1).with("custom", "x".repeat(bytes - empty.len()));
    full.into()
}

#[tokio::test]
async fn a_body_of_unannounced_length_is_taken_up_to_the_limit() {
    let app = TestApp::start().await;
    for (bytes, status) in [(700, 200), (MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)] {
        let body = filled(bytes);
        let (first, second) = body.split_at(bytes / 3);
        let mut pieces = vec![
            head(&body, "Transfer-Encoding: chunked"),
            format!("{:x}\r\n", first.len()).into(),
            first.to_vec(),
            format!("\r\n{:x}\r\n", second.len()).into(),
            second.to_vec(),
        ];
        // Nobody reads on after the byte that was too much, and what is left unread would cut the answer.
        if status == 200 {
            pieces.push(b"\r\n0\r\n\r\n".to_vec());
        }
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let (answered, text) = raw(&app, &pieces).await;
        assert_eq!(answered, status, "{bytes} bytes: {text}");
        let word = if status == 200 {
            "\"outcome\":\"stored\""
        } else {
            "\"type\":\"urn:ticketlog:too-large\""
        };
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(app.count("SELECT count(*) FROM event").await, 2);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on_and_one_that_breaks_off_leaves_nothing() {
    let app = TestApp::start().await;
    let body = filled(2000);
    let length = format!("Content-Length: {}\r\nExpect: 100-continue", body.len());
    let (_, text) = raw(&app, &[&head(&body, &length), &body]).await;
    assert!(text.starts_with("HTTP/1.1 100 Continue\r\n"), "{text}");
    assert!(text.contains("HTTP/1.1 200 OK"), "{text}");
    assert!(text.contains("\"outcome\":\"stored\""), "{text}");

    let cut = filled(2000);
    let length = format!("Content-Length: {}", cut.len());
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&head(&cut, &length)).await.unwrap();
    stream.write_all(&cut[..1999]).await.unwrap();
    drop(stream);
    // The service goes on, and what it got of that body is nowhere.
    app.deliver(payload::changed(1)).await.assert(200);
    assert_eq!(app.count("SELECT count(*) FROM event").await, 2);
    assert_eq!(app.count("SELECT count(*) FROM parked").await, 0);
}

#[tokio::test]
async fn bytes_that_are_packed_are_kept_packed() {
    let app = TestApp::start().await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&Bytes::from(payload::created(1))).unwrap();
    let packed = packed.finish().unwrap();
    let signature = sign(SECRET, &packed);
    let headers = [
        ("X-SuperOffice-Signature", &*signature),
        ("Content-Encoding", "gzip"),
    ];
    let answer = app.post("/webhook", &headers, packed.clone()).await;
    assert_eq!(
        answer.assert(200),
        json!({"outcome": "parked", "reason": "not_an_object"})
    );
    let mut session = app.db.connect().await;
    let kept: Vec<u8> = sqlx::query_scalar("SELECT body FROM parked")
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert!(kept == packed, "{} bytes kept", kept.len());
}

#[tokio::test]
async fn no_spelling_of_the_address_is_redirected_and_only_post_is_taken() {
    let app = TestApp::start().await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let paths = ["/webhook", "/webhook/", "/webhook/default", "/webhook?x=1"];
    for path in paths {
        let url = format!("{}{path}", app.url);
        for method in [
            Method::GET,
            Method::HEAD,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let response = http.request(method.clone(), &url).send().await.unwrap();
            assert_eq!(response.status(), 405, "{method} {path}");
            assert_eq!(response.headers()["allow"], "POST", "{method} {path}");
        }
        let body: Bytes = payload::changed(1).into();
        let request = http
            .post(&url)
            .header("X-SuperOffice-Signature", sign(SECRET, &body));
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 200, "POST {path}");
    }
}

#[track_caller]
fn assert_problem(answer: Answer, status: u16, kind: &str, detail: &str) {
    assert_eq!(
        answer.content_type, "application/problem+json",
        "{answer:?}"
    );
    let problem = answer.assert(status);
    let members: Vec<&String> = problem.as_object().unwrap().keys().collect();
    assert_eq!(members, ["detail", "status", "title", "type"], "{problem}");
    assert_eq!(problem["type"], format!("urn:ticketlog:{kind}"));
    assert_eq!(problem["status"], status);
    assert!(!problem["title"].as_str().unwrap().is_empty(), "{problem}");
    let said = problem["detail"].as_str().unwrap();
    assert!(said.contains(detail), "{problem}");
}

#[tokio::test]
async fn every_refusal_is_a_whole_problem_document() {
    let app = TestApp::start().await;
    let (body, _, signature) = VECTORS[0];
    let signed_with = |header: &'static str| [("X-SuperOffice-Signature", header)];
    let missing = app.post("/webhook", &[], body).await;
    assert_problem(missing, 401, "bad-signature", "is missing");
    let malformed = app.post("/webhook", &signed_with("AAAA"), body).await;
    assert_problem(malformed, 401, "bad-signature", "base64 of 32 bytes");
    let other = VECTORS[1].2;
    let wrong = app.post("/webhook", &signed_with(other), body).await;
    assert_problem(wrong, 401, "bad-signature", "does not fit");
    let nobody = app.post("/webhook/no", &signed_with(signature), body).await;
    assert_problem(nobody, 404, "not-found", "\"no\"");
    let odd = app
        .post("/webhook/%FF", &signed_with(signature), body)
        .await;
    assert_problem(odd, 404, "not-found", "UTF-8");
    let deep = "/webhook/a/b";
    let nowhere = app.post(deep, &signed_with(signature), body).await;
    assert_problem(nowhere, 404, "not-found", "/webhook/a/b");
    let large = app.deliver(filled(MAX_BODY_BYTES + 1)).await;
    assert_problem(large, 413, "too-large", "8388608 bytes");
    assert_problem(app.get("/webhook").await, 405, "wrong-method", "GET");
    app.post("/webhook", &signed_with(signature), body)
        .await
        .assert(200);
    for path in [
        "/v1/tenants",
        "/v1/tenants/Cust1/events",
        "/v1/tenants/Cust1/events/00000000-0000-0000-0000-000000000001",
        "/v1/tenants/Cust1/tickets/1",
        "/v1/tenants/Cust1/tickets/1/timeline",
        "/v1/tenants/Cust1/tickets/1/events",
    ] {
        let answer = app.get(&format!("{path}?surprise=1")).await;
        assert_problem(answer, 400, "bad-parameter", "surprise");
    }
}
