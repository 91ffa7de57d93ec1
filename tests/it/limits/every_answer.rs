//! What stands in every answer.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::support::{
    app::{Answer, MAX_BODY_BYTES, TestApp},
    payload,
};

fn request_id(answer: &Answer) -> Uuid {
    let id = answer.headers["x-request-id"].to_str().unwrap();
    id.parse().unwrap()
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let app = TestApp::start().await;
    let answers = [
        (200, app.deliver(payload::created(1)).await),
        (200, app.get("/healthz").await),
        (200, app.get("/v1/tenants").await),
        (400, app.get("/v1/tenants?colour=red").await),
        (401, app.post("/webhook", &[], "{}").await),
        (404, app.get("/nowhere").await),
        (405, app.get("/webhook").await),
        (413, app.deliver(vec![b'x'; MAX_BODY_BYTES + 1]).await),
    ];
    let mut ids = BTreeSet::new();
    for (status, answer) in &answers {
        assert_eq!(answer.status, *status, "{answer:?}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(request_id(answer).get_version_num(), 7);
        ids.insert(request_id(answer));
    }
    assert_eq!(ids.len(), answers.len());
}

#[tokio::test]
async fn a_clients_own_request_id_is_not_taken_over() {
    let app = TestApp::start().await;
    let mine = Uuid::now_v7();
    let headers = [("X-Request-Id", &*mine.to_string())];
    let answer = app.post("/webhook", &headers, "{}").await;
    assert_ne!(request_id(&answer), mine);
}

#[tokio::test]
async fn histories_are_not_to_be_kept_by_caches() {
    let app = TestApp::start().await;
    for path in ["/v1/tenants", "/v1/tenants/Cust1/events", "/v1/nowhere"] {
        assert_eq!(app.get(path).await.headers["cache-control"], "no-store");
    }
    let health = app.get("/healthz").await;
    assert!(!health.headers.contains_key("cache-control"));
}
