//! Signed deliveries as they go over the wire.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use ticketlog::domain::signature::{Secret, encode};
use uuid::Uuid;

/// The tenant of the events, where all are of one.
pub(crate) const TENANT: &str = "Cust10498";

/// Coprime to every number of tickets that is used, so that each ticket has its turn before the first comes again, and
/// large, so that neighbours in time are none in an index.
const STRIDE: u64 = 2_654_435_761;

/// Makes requests; no two carry the same event, whichever side they are for.
pub(crate) struct Requests {
    secret: Secret,
    /// That the events are about.
    tickets: u64,
    made: AtomicU64,
}

impl Requests {
    pub(crate) fn new(secret: Secret, tickets: u64) -> Self {
        Self {
            secret,
            tickets: tickets.max(1),
            made: AtomicU64::new(0),
        }
    }

    /// So many new ones, of that many tenants in turn, dealt to connections as cards are: sent at one pace, they
    /// arrive in the order in which they happened.
    pub(crate) fn deal(&self, count: usize, connections: u32, tenants: u64) -> Vec<Vec<Vec<u8>>> {
        let mut hands = vec![Vec::new(); usize::try_from(connections).unwrap_or(1)];
        let mut left = count;
        while left > 0 {
            for hand in hands.iter_mut().take(left) {
                hand.push(self.make_one(tenants));
                left -= 1;
            }
        }
        hands
    }

    fn make_one(&self, tenants: u64) -> Vec<u8> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let ticket = number.wrapping_mul(STRIDE) % self.tickets + 1;
        let event_id = Uuid::new_v4();
        let body = body(event_id, number, ticket, tenants);
        let signature = encode(&self.secret.sign(body.as_bytes()));
        format!(
            "POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n\
             User-Agent: NetServer-Webhook/10.3\r\nX-SuperOffice-Event: ticket.changed\r\n\
             X-SuperOffice-EventId: {event_id}\r\nX-SuperOffice-Signature: {signature}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// When the first event happens, in seconds since 1970; the others follow, one every 10 ms.
const FIRST: i64 = 1_747_645_200;

/// In the shape and length of those in `tests/data`, and later than all before it.
fn body(event_id: Uuid, number: u64, ticket: u64, tenants: u64) -> String {
    let tenant = match number % tenants {
        0 => TENANT.to_owned(),
        nth => format!("Cust{}", 20_000 + nth),
    };
    let second = FIRST.saturating_add_unsigned(number / 100);
    let at = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
    let at = at.strftime("%Y-%m-%dT%H:%M:%S");
    format!(
        "{{\"EventId\":\"{event_id}\",\"Timestamp\":\"{at}.{:07}Z\",\
         \"Changes\":[\"owned_by\",\"project_id\",\"ticket_status\"],\"Event\":\"ticket.changed\",\
         \"PrimaryKey\":{ticket},\"Entity\":\"ticket\",\"ContextIdentifier\":\"{tenant}\",\
         \"ChangedByAssociateId\":{},\"WebhookName\":\"ticket-history-replay\",\"FieldValues\":{{\
         \"category\":40,\"connect_id\":-1,\"contact_id\":165,\"created_at\":\"2016-02-29T04:40:00\",\
         \"cust_id\":2403,\"has_attachment\":1,\"last_changed\":\"{at}\",\
         \"owned_by\":{},\"priority\":3,\"project_id\":24,\"sale_id\":0,\"slevel\":2,\"status\":1,\
         \"ticket_status\":2,\"ticket_type\":1}}}}",
        number % 100 * 100_000,
        number % 282,
        number % 97,
    )
}
