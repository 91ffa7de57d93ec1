//! A 200 is a promise.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use tokio::task::JoinSet;

use crate::support::{
    app::{SECRET, sign},
    payload,
    program::Serve,
};

/// Events that must be answered before the kill.
const ENOUGH: usize = 300;

#[tokio::test]
async fn what_was_answered_200_is_in_the_log_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    // Root's Postgres runs as another user, who must get there.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let serve = Serve::start(&data, &[]);
    let answered = Arc::new(Mutex::new(Vec::new()));
    let mut senders = JoinSet::new();
    for _ in 0..8 {
        senders.spawn(send_until_it_dies(
            format!("{}/webhook", serve.url),
            Arc::clone(&answered),
        ));
    }
    while answered.lock().unwrap().len() < ENOUGH {
        tokio::task::yield_now().await;
    }
    // The private Postgres loses its parent in the middle of a batch.
    serve.signal(Signal::SIGKILL);
    senders.join_all().await;
    drop(serve);

    let serve = Serve::start(&data, &[]);
    let answered = answered.lock().unwrap().clone();
    assert!(answered.len() >= ENOUGH);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for event_id in &answered {
        let event = format!("{}/v1/tenants/Cust1/events/{event_id}", serve.url);
        assert_eq!(
            http.get(event).send().await.unwrap().status(),
            StatusCode::OK,
            "{event_id}"
        );
    }
}

async fn send_until_it_dies(url: String, answered: Arc<Mutex<Vec<String>>>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    loop {
        let payload = payload::changed(1);
        let body = Bytes::from(&payload);
        let signature = sign(SECRET, &body);
        let request = http.post(&url).header("X-SuperOffice-Signature", signature);
        match request.body(body).send().await {
            Ok(response) if response.status() == StatusCode::OK => {
                answered.lock().unwrap().push(payload.event_id());
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
