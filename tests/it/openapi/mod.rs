//! The OpenAPI document and the pages that show it.

mod examples;
mod refused;

use std::{collections::BTreeSet, fs, path::Path};

use reqwest::Method;
use serde_json::Value;

use crate::support::{
    app::TestApp,
    program::{printed, ticketlog},
};

/// The methods that a path item can name, of those that we have.
const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

fn committed() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    fs::read_to_string(file).unwrap()
}

async fn served(app: &TestApp) -> Value {
    app.get_as(None, "/openapi.json").await.assert(200)
}

#[tokio::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let app = TestApp::start().await;
    let answer = app.get_as(None, "/openapi.json").await;
    assert_eq!(answer.content_type, "application/json");
    assert!(
        committed().as_bytes() == answer.body,
        "docs/openapi.json is stale; refresh it: cargo run -- openapi > docs/openapi.json"
    );
    let (document, _) = printed(&ticketlog(["openapi"]).output().unwrap());
    assert_eq!(document.as_bytes(), answer.body);
}

#[tokio::test]
async fn every_route_is_described_with_its_methods() {
    let app = TestApp::start().await;
    let document = served(&app).await;
    assert_eq!(document["openapi"], "3.1.0");
    let described = document["paths"].as_object().unwrap();
    let itself = |path: &str| path.starts_with("/docs") || path == "/openapi.json";
    // For people.
    let page = |path: &str| {
        let first = path.split('/').nth(1).unwrap();
        ["", "assets", "login", "logout", "operations", "t"].contains(&first)
    };
    let routed: BTreeSet<&str> = app
        .paths
        .iter()
        .map(String::as_str)
        // The same as without the stroke.
        .filter(|path| !itself(path) && !page(path) && *path != "/webhook/")
        .collect();
    assert_eq!(
        routed,
        described
            .keys()
            .map(String::as_str)
            .collect::<BTreeSet<_>>()
    );
    for (path, item) in described {
        let filled = path.replace("{ticket}", "1").replace(['{', '}'], "");
        let other = Method::from_bytes(b"BREW").unwrap();
        let answer = app.call(other, None, &filled).await;
        let allowed = answer.headers["allow"].to_str().unwrap().to_lowercase();
        // Whatever can be read has a head.
        let allowed: BTreeSet<&str> = allowed.split(',').filter(|name| *name != "head").collect();
        let named = METHODS.into_iter().filter(|name| item.get(name).is_some());
        assert_eq!(allowed, named.collect(), "{path}");
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_says_what_it_is() {
    let app = TestApp::start().await;
    let document = served(&app).await;
    let mut operations = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in METHODS.into_iter().filter_map(|name| item.get(name)) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operations.insert(id), "{id} is there twice");
            for text in ["summary", "description"] {
                assert!(operation[text].is_string(), "{id} has no {text}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let described = parameter["description"].is_string();
                assert!(described, "{} of {id}", parameter["name"]);
            }
        }
    }
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect_references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            for value in object.values() {
                collect_references(value, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                collect_references(value, found);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn what_needs_no_token_is_described_so() {
    let app = TestApp::start().await;
    let document = served(&app).await;
    let reads = serde_json::json!([{"bearer": []}, {"session": []}]);
    assert_eq!(document["security"], reads);
    let session = &document["components"]["securitySchemes"]["session"];
    assert_eq!(
        [&session["in"], &session["name"]],
        ["cookie", "ticketlog_session"]
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        for (name, operation) in METHODS
            .into_iter()
            .filter_map(|name| Some((name, item.get(name)?)))
        {
            let expected = match path.as_str() {
                "/healthz" | "/readyz" => serde_json::json!([{}]),
                path if path.starts_with("/webhook") => serde_json::json!([{"signature": []}]),
                // A browser sends its session along whoever makes it ask.
                _ if name != "get" => serde_json::json!([{"bearer": []}]),
                _ => Value::Null,
            };
            assert_eq!(operation["security"], expected, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn the_pages_ask_no_other_host() {
    let app = TestApp::start().await;
    let moved = app.get_as(None, "/docs").await;
    assert_eq!(moved.status, 200, "it is followed to /docs/");
    let page = app.get_as(None, "/docs/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.content_type, "text/html");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("http"), "{policy}");
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!page.contains("://"), "{page}");
    let mut parts = 0;
    for part in page.split('"').filter(|part| part.contains('.')) {
        if part.contains([' ', '<', '>']) {
            continue;
        }
        let part = part.trim_start_matches("./");
        let answer = app.get_as(None, &format!("/docs/{part}")).await;
        assert_eq!(answer.status, 200, "{part}");
        assert_eq!(answer.headers["content-security-policy"], policy);
        parts += 1;
    }
    assert!(parts >= 6, "{parts}");
    let start = app.get_as(None, "/docs/swagger-initializer.js").await;
    let start = String::from_utf8(start.body.to_vec()).unwrap();
    assert!(start.contains("\"url\": \"/openapi.json\""), "{start}");
    assert!(start.contains("\"validatorUrl\": \"none\""), "{start}");
    let none = app.get_as(None, "/docs/nothing.js").await;
    assert_eq!(none.assert(404)["type"], "urn:ticketlog:not-found");
}
