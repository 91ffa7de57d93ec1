//! Whose word about the client counts.

use reqwest::StatusCode;
use ticketlog::http::TrustedProxies;

use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
};

async fn start(trusted: &[&str]) -> TestApp {
    let proxies: TrustedProxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
    let setup = Setup {
        proxies,
        ..Setup::default()
    };
    TestApp::set_up(TestDb::create().await, setup).await
}

async fn read_as(app: &TestApp, forwarded_for: &str) -> StatusCode {
    let request = app.http.get(format!("{}/v1/tenants", app.url));
    let request = request.header("X-Forwarded-For", forwarded_for);
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn a_trusted_proxy_on_this_machine_opens_no_reads() {
    let app = start(&["127.0.0.0/8", "10.0.0.0/8"]).await;
    for remote in [
        "203.0.113.9",
        "127.0.0.1, 203.0.113.9",
        "203.0.113.9, 10.1.2.3",
        "2001:db8::1",
        "unknown",
        "",
    ] {
        assert_eq!(read_as(&app, remote).await, 403, "{remote}");
    }
    assert_eq!(read_as(&app, "127.0.0.1").await, 200);
    // Nobody else was in between.
    assert_eq!(app.get("/v1/tenants").await.status, 200);
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let app = start(&["10.0.0.0/8"]).await;
    assert_eq!(read_as(&app, "203.0.113.9").await, 200);
}
