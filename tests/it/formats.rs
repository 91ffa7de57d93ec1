//! Lists as JSON, CSV and lines of JSON.

use serde_json::{Value, json};

use crate::support::{
    app::{Answer, TestApp},
    payload,
};

/// Every list there is.
const LISTS: [&str; 5] = [
    "/v1/hooks",
    "/v1/tenants",
    "/v1/tenants/Cust1/events",
    "/v1/tenants/Cust1/tickets/1/events",
    "/v1/tenants/Cust1/tickets/1/timeline",
];

async fn get(app: &TestApp, path: &str, accept: &str) -> Answer {
    app.get_with(path, &[("Accept", accept)]).await
}

/// Rows by the names of their columns.
fn table(answer: &Answer) -> Vec<Value> {
    let mut reader = csv::Reader::from_reader(&*answer.body);
    let columns = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        columns.iter().zip(row.iter()).collect()
    });
    rows.collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn every_list_has_every_form_and_the_parameter_wins() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    app.settle().await;
    for path in LISTS {
        let json = app.get(path).await;
        assert_eq!(json.content_type, "application/json", "{path}");
        let items = json.assert(200)["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 1, "{path}");

        let csv = get(&app, path, "text/csv").await;
        assert_eq!(csv.status, 200, "{csv:?}");
        assert_eq!(csv.content_type, "text/csv; charset=utf-8; header=present");
        let disposition = csv.headers["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; filename=\""));
        assert!(disposition.ends_with(".csv\""), "{disposition}");
        assert!(!table(&csv).is_empty(), "{path}");
        let text = std::str::from_utf8(&csv.body).unwrap();
        assert!(text.ends_with("\r\n") && text.is_ascii(), "{text:?}");

        let ndjson = get(&app, path, "application/x-ndjson").await;
        assert_eq!(ndjson.content_type, "application/x-ndjson");
        assert_eq!(json!(lines(&ndjson)), items, "{path}");

        for (format, same) in [("csv", &csv), ("ndjson", &ndjson)] {
            let asked = format!("{path}?format={format}");
            let answer = get(&app, &asked, "text/html").await;
            assert_eq!(answer.body, same.body, "{asked}");
        }
    }
}

#[tokio::test]
async fn flat_items_have_a_column_for_each_key() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    for path in ["/v1/hooks", "/v1/tenants"] {
        let items = app.read(path).await["items"].clone();
        let rows = table(&app.get(&format!("{path}?format=csv")).await);
        let keys =
            |item: &Value| -> Vec<String> { item.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&rows[0]), keys(&items[0]), "{path}");
    }
}

#[tokio::test]
async fn a_form_that_no_list_has_is_named() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    for path in LISTS {
        let problem = get(&app, path, "text/html, image/*;q=0.5").await;
        let problem = problem.assert(406);
        assert_eq!(problem["type"], "urn:ticketlog:not-acceptable");
        assert!(problem["detail"].as_str().unwrap().contains("text/csv"));
        let problem = app.get(&format!("{path}?format=xml")).await.assert(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("format") && detail.contains("ndjson"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn the_next_page_is_linked_in_every_form() {
    let app = TestApp::start().await;
    for status in [1, 2, 3] {
        let event = payload::changed(7).at(&format!("2025-05-19T09:56:3{status}Z"));
        app.deliver(event.set("status", status)).await.assert(200);
    }
    for path in [
        "/v1/tenants/Cust1/events?limit=2",
        "/v1/tenants/Cust1/tickets/7/events?limit=2",
        "/v1/tenants/Cust1/tickets/7/timeline?limit=2&field=status&field=owned_by",
    ] {
        for format in ["json", "csv", "ndjson"] {
            let first = app.get(&format!("{path}&format={format}")).await;
            let link = first.headers["link"].to_str().unwrap().to_owned();
            let next = link.strip_prefix('<').unwrap();
            let next = next.strip_suffix(">; rel=\"next\"").unwrap();
            let second = app.get(next).await;
            assert_eq!(second.status, 200, "{next}: {second:?}");
            assert_eq!(second.content_type, first.content_type);
            assert!(!second.headers.contains_key("link"), "{link}");
            let third = match format {
                "json" => second.json()["items"][0]["position"].clone(),
                "csv" => table(&second)[0]["position"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap(),
                _ => lines(&second)[0]["position"].clone(),
            };
            assert_eq!(third, 3, "{next}");
        }
    }
}

#[tokio::test]
async fn a_table_is_safe_to_open_and_its_numbers_are_numbers() {
    let app = TestApp::start().await;
    let formula = "=cmd|' /C calc'!A0";
    let event = payload::changed(1)
        .set("title", formula)
        .set("note", "one \"two\",\r\nthree")
        .set("connect_id", -1)
        .set("extra", json!({"a": [1, "=1"]}))
        .with("WebhookName", "@SUM(1)");
    app.deliver(event).await.assert(200);
    let path = "/v1/tenants/Cust1/tickets/1/timeline?format=csv";
    let rows = table(&app.get(path).await);
    let value = |field: &str| {
        let row = rows.iter().find(|row| row["field"] == field);
        row.unwrap()["to"].as_str().unwrap().to_owned()
    };
    assert_eq!(value("title"), format!("'{formula}"));
    assert_eq!(value("note"), "one \"two\",\r\nthree");
    assert_eq!(value("connect_id"), "-1");
    assert_eq!(value("extra"), r#"{"a":[1,"=1"]}"#);
    let event = &table(&app.get("/v1/tenants/Cust1/events?format=csv").await)[0];
    assert_eq!(event["webhook_name"], "'@SUM(1)");
    assert!(event["body"].as_str().unwrap().starts_with('{'));
}

#[tokio::test]
async fn an_entry_without_changes_is_a_row_too() {
    let app = TestApp::start().await;
    let event = payload::changed(1).with("FieldValues", json!({}));
    app.deliver(event).await.assert(200);
    let path = "/v1/tenants/Cust1/tickets/1/timeline?format=csv&include=noise";
    let rows = table(&app.get(path).await);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["field"], &rows[0]["position"]),
        (&json!(""), &json!("1"))
    );
    assert_eq!(rows[0]["confidence"], "suspect");
}

#[tokio::test]
async fn a_body_of_many_lines_is_one_line() {
    let app = TestApp::start().await;
    let bytes = bytes::Bytes::from(payload::changed(1).set("title", "a\nb\u{2028}c"));
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let pretty = serde_json::to_string_pretty(&body)
        .unwrap()
        .replace('\n', "\r\n");
    app.deliver(pretty).await.assert(200);
    let answer = app.get("/v1/tenants/Cust1/events?format=ndjson").await;
    let lines = lines(&answer);
    assert_eq!((lines.len(), &lines[0]["body"]), (1, &body));
}
