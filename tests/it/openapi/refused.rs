//! What the document calls wrong is refused, and what it calls right is not.

use serde_json::json;

use crate::support::{app::TestApp, payload};

const T: &str = "/v1/tenants/Cust1";

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.deliver(payload::created(7)).await.assert(200);
    app.settle().await;
    app
}

#[tokio::test]
async fn a_parameter_with_nul_is_refused_and_no_bug() {
    let app = start().await;
    for query in [
        "changes?field=a%00",
        "tickets?status=%00",
        "tickets?field.x%00=1",
        "labels?list=%00",
        "tickets/7/timeline?field=%00",
        "diff?from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&field=%00",
    ] {
        let problem = app.get(&format!("{T}/{query}")).await.assert(400);
        assert_eq!(problem["type"], "urn:ticketlog:bad-parameter", "{query}");
    }
    // As JSON it is a value like another, which no ticket has.
    for query in [
        "changes?field=x&from_value=%22%5Cu0000%22",
        "tickets?status=%22%5Cu0000%22",
        "tickets?field.x=%22%5Cud800%22",
        "changes?field=x&to_value=%22%5Cud800%22",
    ] {
        let page = app.get(&format!("{T}/{query}")).await.assert(200);
        assert_eq!(page["items"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn a_number_that_is_too_small_is_refused_wherever_it_stands() {
    let app = start().await;
    for path in ["tickets/7", "tickets/7/timeline", "tickets"] {
        let path = format!("{T}/{path}?known_at=-1");
        assert_eq!(app.get(&path).await.status, 400, "{path}");
    }
    for number in ["0", "-1"] {
        for list in ["changes", "completeness"] {
            let path = format!("{T}/{list}?ticket={number}");
            assert_eq!(app.get(&path).await.status, 400, "{path}");
        }
    }
    for header in [None, Some(("last-event-id", "0"))] {
        let path = format!("{T}/events/stream?after=-1");
        let answer = app.get_with(&path, header.as_slice()).await;
        assert_eq!(answer.status, 400, "{header:?}");
    }
}

#[tokio::test]
async fn an_id_is_an_integer_however_it_is_written_and_never_another_one() {
    let app = start().await;
    let put = async |id: &str| {
        let body =
            format!("{{\"labels\": [{{\"list\": \"actor\", \"id\": {id}, \"label\": \"x\"}}]}}");
        app.put(&format!("{T}/labels"), body).await.status
    };
    for id in [
        "3.0",
        "-4295197078465671.0",
        "-7",
        "1e3",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        assert_eq!(put(id).await, 200, "{id}");
    }
    for id in [
        "3.5",
        "9223372036854775808",
        "-9223372036854775809",
        "4503599627370497.5",
        "9e18",
        "\"3\"",
    ] {
        assert_eq!(put(id).await, 400, "{id}");
    }
    let labels = app.read(&format!("{T}/labels?list=actor")).await;
    let ids: Vec<i64> = labels["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| label["id"].as_i64().unwrap())
        .collect();
    assert_eq!(
        ids,
        [i64::MIN, -4_295_197_078_465_671, -7, 3, 1000, i64::MAX]
    );
}

#[tokio::test]
async fn an_array_of_its_parts_is_no_object() {
    let app = start().await;
    for (path, body) in [
        ("labels", "[[]]"),
        ("labels", r#"{"labels": [["actor", 3, "x", null]]}"#),
        ("labels/bridge", "[[]]"),
        ("labels/bridge", r#"{"bridge": [[3, 4]]}"#),
    ] {
        let problem = app.put(&format!("{T}/{path}"), body).await.assert(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("expected an object {"), "{body}: {detail}");
    }
}
