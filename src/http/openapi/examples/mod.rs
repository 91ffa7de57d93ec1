//! Examples: what was really asked, and what was really answered. A test holds that it still is.

use serde_json::Value;
use utoipa::openapi::{OpenApi, RefOr, path::Operation};

use super::common::operations;

/// Bodies of operations.
const ASKED: [(&str, &str); 3] = [
    ("put_bridge", include_str!("put_bridge.request.json")),
    ("put_labels", include_str!("put_labels.request.json")),
    ("receive", include_str!("receive.request.json")),
];

/// Answers of operations.
const ANSWERED: [(&str, &str); 24] = [
    ("list_actor_days", include_str!("list_actor_days.json")),
    ("list_actors", include_str!("list_actors.json")),
    ("list_bridge", include_str!("list_bridge.json")),
    ("list_changes", include_str!("list_changes.json")),
    ("list_days", include_str!("list_days.json")),
    ("list_diffs", include_str!("list_diffs.json")),
    ("list_events", include_str!("list_events.json")),
    ("list_hooks", include_str!("list_hooks.json")),
    ("list_labels", include_str!("list_labels.json")),
    ("list_tenants", include_str!("list_tenants.json")),
    ("list_reports", include_str!("list_reports.json")),
    (
        "list_ticket_events",
        include_str!("list_ticket_events.json"),
    ),
    ("list_tickets", include_str!("list_tickets.json")),
    ("put_bridge", include_str!("put_bridge.json")),
    ("put_labels", include_str!("put_labels.json")),
    ("readyz", include_str!("readyz.json")),
    ("receive", include_str!("receive.json")),
    ("show_actor", include_str!("show_actor.json")),
    ("show_completeness", include_str!("show_completeness.json")),
    ("show_diff", include_str!("show_diff.json")),
    ("show_event", include_str!("show_event.json")),
    ("show_report", include_str!("show_report.json")),
    ("show_ticket", include_str!("show_ticket.json")),
    ("show_timeline", include_str!("show_timeline.json")),
];

/// The form that examples have.
const JSON: &str = "application/json";

/// Adds the examples to their operations.
pub(super) fn show(api: &mut OpenApi) {
    for item in api.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            show_asked(operation);
            show_answered(operation);
        }
    }
}

fn show_asked(operation: &mut Operation) {
    let example = find(&ASKED, operation);
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(RefOr::T(content)) = body.content.get_mut(JSON)
    {
        content.example = example;
    }
}

fn show_answered(operation: &mut Operation) {
    let example = find(&ANSWERED, operation);
    let response = operation.responses.responses.get_mut("200");
    if let Some(RefOr::T(response)) = response
        && let Some(RefOr::T(content)) = response.content.get_mut(JSON)
    {
        content.example = example;
    }
}

fn find(examples: &[(&str, &str)], operation: &Operation) -> Option<Value> {
    let id = operation.operation_id.as_deref()?;
    let (_, json) = examples.iter().find(|(name, _)| *name == id)?;
    serde_json::from_str(json).ok()
}
