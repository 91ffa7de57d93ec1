//! Signed deliveries as they go over the wire.

use ticketlog::domain::signature::{Secret, encode};
use uuid::Uuid;

/// Tickets that the events are about.
const TICKETS: u64 = 5000;

/// Makes requests; no two carry the same event.
pub(crate) struct Requests {
    secret: Secret,
    made: u64,
}

impl Requests {
    pub(crate) fn new(secret: Secret) -> Self {
        Self { secret, made: 0 }
    }

    /// So many new ones.
    pub(crate) fn make(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.make_one()).collect()
    }

    fn make_one(&mut self) -> Vec<u8> {
        self.made += 1;
        let body = body(self.made);
        let signature = encode(&self.secret.sign(body.as_bytes()));
        format!(
            "POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n\
             User-Agent: NetServer-Webhook/10.3\r\nX-SuperOffice-Event: ticket.changed\r\n\
             X-SuperOffice-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// In the shape and length of those in `tests/data`; an id of its own.
fn body(number: u64) -> String {
    let ticket = number % TICKETS + 1;
    let (minute, second) = (number / 60 % 60, number % 60);
    format!(
        "{{\"EventId\":\"{}\",\"Timestamp\":\"2025-05-19T09:{minute:02}:{second:02}.{:07}Z\",\
         \"Changes\":[\"owned_by\",\"project_id\",\"ticket_status\"],\"Event\":\"ticket.changed\",\
         \"PrimaryKey\":{ticket},\"Entity\":\"ticket\",\"ContextIdentifier\":\"Cust10498\",\
         \"ChangedByAssociateId\":{},\"WebhookName\":\"ticket-history-replay\",\"FieldValues\":{{\
         \"category\":40,\"connect_id\":-1,\"contact_id\":165,\"created_at\":\"2016-02-29T04:40:00\",\
         \"cust_id\":2403,\"has_attachment\":1,\"last_changed\":\"2025-05-19T11:{minute:02}:{second:02}\",\
         \"owned_by\":{},\"priority\":3,\"project_id\":24,\"sale_id\":0,\"slevel\":2,\"status\":1,\
         \"ticket_status\":2,\"ticket_type\":1}}}}",
        Uuid::new_v4(),
        number % 10_000_000,
        number % 282,
        number % 97,
    )
}
