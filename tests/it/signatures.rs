//! Only what carries the right signature over the very bytes is believed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use reqwest::StatusCode;
use serde_json::json;
use ticketlog::domain::{
    hook::{DEFAULT_HOOK, TenantRule},
    signature::{Secret, SignatureError, decode, verify},
};

use crate::support::{
    app::{SECRET, TestApp, hook, sign},
    cluster::TestDb,
    payload,
};

const OTHER_SECRET: &str = "Blåbærsyltetøy";

/// Bodies and their signatures under both secrets, computed by two other programs.
const VECTORS: [(&[u8], &str, &str); 3] = [
    (
        include_bytes!("../data/fixtures/vector_a_compact.json"),
        "5fcd11gT/SxGYYB4qMwNiQ3RxblHhYk9ykTERv8daBE=",
        "SaxiUMpSAlKi1np/GamL8q7WJg54E0lOVOX648cr/to=",
    ),
    (
        include_bytes!("../data/fixtures/vector_b_lf.json"),
        "PYGmOE6hUkMpo052c2d27F9ggH0z4Yqx8mqu4uXZXwc=",
        "7GZSZD0LYAYQBNK8ltU+sISE1KKFS1wfn2+kxgKo1Os=",
    ),
    (
        include_bytes!("../data/fixtures/vector_c_crlf.json"),
        "FlFGMRRx75EFGov9MIulEZxw4Q+I5SE8BbagsYET0Z4=",
        "i/SwbfB/3C++zpa2DxxystUL0h38zZkpn0KKmmS80NI=",
    ),
];

#[tokio::test]
async fn the_six_vectors_are_taken_also_in_a_rotation() {
    for (at, secrets) in [vec![SECRET], vec![OTHER_SECRET], vec![SECRET, OTHER_SECRET]]
        .into_iter()
        .enumerate()
    {
        let app = TestApp::start().await;
        app.hooks.send_replace(Arc::new(BTreeMap::from([(
            DEFAULT_HOOK.to_owned(),
            hook(&secrets, TenantRule::Any),
        )])));
        for (body, first, second) in VECTORS {
            for (secret, signature) in [(SECRET, first), (OTHER_SECRET, second)] {
                let status = if secrets.contains(&secret) { 200 } else { 401 };
                let headers = [("x-SUPEROFFICE-signature", signature)];
                app.post("/webhook", &headers, body).await.assert(status);
            }
        }
        // A vector's id is one event, whichever of three spellings came first.
        assert_eq!(app.count("SELECT count(*) FROM event").await, 1, "{at}");
    }
}

#[test]
fn one_flipped_bit_anywhere_is_wrong() {
    let secrets = [Secret::new(SECRET.to_owned()).unwrap()];
    for (body, signature, _) in VECTORS {
        let claimed = decode(signature.as_bytes()).unwrap();
        assert_eq!(verify(&secrets, &claimed, body), Ok(()));
        for bit in 0..body.len() * 8 {
            let mut body = body.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verify(&secrets, &claimed, &body),
                Err(SignatureError::Wrong),
                "bit {bit} of the body"
            );
        }
        for bit in 0..signature.len() * 8 {
            let mut header = signature.as_bytes().to_vec();
            header[bit / 8] ^= 1 << (bit % 8);
            let read = decode(&header).and_then(|claimed| verify(&secrets, &claimed, body));
            assert!(read.is_err(), "bit {bit} of the header");
        }
    }
}

#[tokio::test]
async fn what_is_not_believed_is_a_401_and_leaves_nothing() {
    let app = TestApp::start().await;
    let (body, signature, other) = VECTORS[0];
    let mut flipped = body.to_vec();
    flipped[100] ^= 1;
    app.post(
        "/webhook",
        &[("X-SuperOffice-Signature", signature)],
        flipped,
    )
    .await
    .assert(401);
    for signature in [
        other,
        "",
        "AAAA",
        signature.trim_end_matches('='),
        &format!("{signature}AAAA"),
    ] {
        let answer = app
            .post("/webhook", &[("X-SuperOffice-Signature", signature)], body)
            .await;
        assert_eq!(answer.content_type, "application/problem+json");
        assert_eq!(answer.assert(401)["type"], "urn:ticketlog:bad-signature");
    }
    let missing = app.post("/webhook", &[], body).await.assert(401);
    assert!(
        missing["detail"].as_str().unwrap().contains("is missing"),
        "{missing}"
    );
    let unknown = app
        .deliver_to("/webhook/nobody", SECRET, body)
        .await
        .assert(404);
    assert_eq!(unknown["detail"], "there is no hook \"nobody\"");
    for table in [
        "SELECT count(*) FROM event",
        "SELECT count(*) FROM delivery",
        "SELECT count(*) FROM parked",
        "SELECT count(*) FROM head",
    ] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_wrong_signature_costs_no_database_work() {
    let app = TestApp::start_without_spool().await;
    app.db.store.close().await;
    let body: bytes::Bytes = payload::created(1).into();
    let wrong = [("X-SuperOffice-Signature", &*sign("wrong", &body))];
    let answer = tokio::time::timeout(
        Duration::from_secs(2),
        app.post("/webhook", &wrong, body.clone()),
    );
    answer.await.unwrap().assert(401);
    // The right one does ask the database, which is away.
    let answer = app.deliver(body).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["type"], "urn:ticketlog:not-stored");
}

#[tokio::test]
async fn unsigned_bodies_are_taken_only_where_that_is_allowed_and_are_never_called_signed() {
    let app = TestApp::start_with(TestDb::create().await, true).await;
    let payload = payload::created(1);
    app.post("/webhook", &[], &payload).await.assert(200);
    let event = app
        .read(&format!("/v1/tenants/Cust1/events/{}", payload.event_id()))
        .await;
    assert_eq!(
        (&event["origin"], &event["signature"]),
        (&json!("unsigned"), &json!(null))
    );
    // A signature that is there must be right.
    let body: bytes::Bytes = payload::changed(1).into();
    let wrong = [("X-SuperOffice-Signature", &*sign("wrong", &body))];
    app.post("/webhook", &wrong, body).await.assert(401);
    app.deliver(payload::changed(1)).await.assert(200);
}
