//! Builders of webhook bodies.

use serde_json::{Map, Value, json};

/// A ticket event in the shape of the newest SuperOffice, with an id and an instant of its own.
#[derive(Clone)]
pub(crate) struct Payload(Map<String, Value>);

/// `ticket.created` of a ticket of tenant `Cust1`, all 15 fields carried.
pub(crate) fn created(ticket: i64) -> Payload {
    Payload::new("ticket.created", ticket)
}

/// `ticket.changed` of a ticket of tenant `Cust1`, all 15 fields carried, nothing declared.
pub(crate) fn changed(ticket: i64) -> Payload {
    Payload::new("ticket.changed", ticket)
}

impl Payload {
    fn new(event: &str, ticket: i64) -> Self {
        let body = json!({
            "EventId": uuid::Uuid::new_v4().to_string(),
            "Timestamp": "2025-05-19T09:56:33.1554128Z",
            "Changes": [],
            "Event": event,
            "PrimaryKey": ticket,
            "Entity": "ticket",
            "ContextIdentifier": "Cust1",
            "ChangedByAssociateId": 19,
            "WebhookName": "My Ticket Webhook",
            "FieldValues": {
                "category": 2, "connect_id": -1, "contact_id": 2, "created_at": "2025-05-16T14:25:37",
                "cust_id": 5, "has_attachment": 1, "last_changed": "2025-05-19T11:56:33", "owned_by": 8,
                "priority": 2, "project_id": 0, "sale_id": 0, "slevel": 1, "status": 1,
                "ticket_status": 1, "ticket_type": 1
            }
        });
        match body {
            Value::Object(body) => Self(body),
            _ => unreachable!("an object"),
        }
    }

    pub(crate) fn tenant(self, tenant: &str) -> Self {
        self.with("ContextIdentifier", tenant)
    }

    pub(crate) fn at(self, timestamp: &str) -> Self {
        self.with("Timestamp", timestamp)
    }

    /// A field's value, and its name in `Changes`.
    pub(crate) fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0["FieldValues"][field] = value.into();
        self.0["Changes"].as_array_mut().unwrap().push(field.into());
        self
    }

    /// A top-level key.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.0.remove(key);
        self
    }

    pub(crate) fn event_id(&self) -> String {
        self.0["EventId"].as_str().unwrap().to_owned()
    }
}

impl From<Payload> for bytes::Bytes {
    fn from(payload: Payload) -> Self {
        Value::Object(payload.0).to_string().into()
    }
}

impl From<&Payload> for bytes::Bytes {
    fn from(payload: &Payload) -> Self {
        payload.clone().into()
    }
}
