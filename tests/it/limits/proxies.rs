//! Whose word about the client counts.

use std::num::NonZeroU32;

use reqwest::StatusCode;
use ticketlog::http::{Quota, TrustedProxies};

use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
};

/// Rejects few requests of a client before it is told to wait, which tells clients apart.
async fn start(trusted: &[&str]) -> TestApp {
    let proxies: TrustedProxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
    let setup = Setup {
        quota: Quota::new(NonZeroU32::new(2).unwrap()),
        proxies,
        ..Setup::default()
    };
    TestApp::set_up(TestDb::create().await, setup).await
}

async fn unsigned_from(app: &TestApp, forwarded_for: &str) -> StatusCode {
    let headers = [("X-Forwarded-For", forwarded_for)];
    app.post("/webhook", &headers, "{}").await.status
}

async fn until_told_to_wait(app: &TestApp, forwarded_for: &str) {
    while unsigned_from(app, forwarded_for).await != 429 {}
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let app = start(&["127.0.0.0/8", "10.0.0.0/8"]).await;
    until_told_to_wait(&app, "203.0.113.9").await;
    for same in [
        "203.0.113.9",
        "127.0.0.1, 203.0.113.9",
        "203.0.113.9, 10.1.2.3",
    ] {
        assert_eq!(unsigned_from(&app, same).await, 429, "{same}");
    }
    for other in ["203.0.113.10", "127.0.0.1", "2001:db8::1", "unknown"] {
        assert_eq!(unsigned_from(&app, other).await, 401, "{other}");
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let app = start(&["10.0.0.0/8"]).await;
    until_told_to_wait(&app, "203.0.113.9").await;
    assert_eq!(unsigned_from(&app, "203.0.113.10").await, 429);
}

#[tokio::test]
async fn a_token_is_good_from_anywhere() {
    let app = start(&["127.0.0.0/8"]).await;
    let request = app.http.get(format!("{}/v1/tenants", app.url));
    let request = request
        .header("X-Forwarded-For", "203.0.113.9")
        .bearer_auth(&app.token);
    assert_eq!(request.send().await.unwrap().status(), 200);
}
