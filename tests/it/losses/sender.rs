//! How senders of different ages and habits tell of what happened.

use serde_json::{Map, Value, json};
use ticketlog::domain::{
    event::{self, Reading},
    history::TicketEvent,
    hook::TenantRule,
    ids::Position,
    instant::timestamp_of_ticks,
    log::{Origin, StoredEvent},
};
use uuid::Uuid;

use super::{
    Source, Told,
    desk::{self, Desk, SECOND, Write},
};

/// What a sender puts into `Changes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declares {
    /// Everything that moved.
    All,
    /// Everything but what another name implies.
    Implying,
    /// Each name nine times of ten.
    Most,
    /// Nothing.
    Nothing,
}

/// What a sender puts into `FieldValues`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// The whole row.
    All,
    /// The whole row four times of five, else nothing.
    FourOfFive,
    /// What it declares, and each other field every other time.
    Some,
    /// Nothing.
    Nothing,
}

/// A sender, and the desk it tells of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    pub(super) name: &'static str,
    pub(super) declares: Declares,
    pub(super) carries: Carries,
    /// `last_changed` is so many minutes ahead of UTC.
    pub(super) zone: i64,
    /// `last_changed` has no seconds.
    pub(super) whole_minutes: bool,
    /// `last_changed` is up to so many seconds before the Timestamp.
    pub(super) lag: i64,
    pub(super) desk: Desk,
    /// True if the rules allow for its habits: then nothing of it may be suspect unless something is lost.
    pub(super) allowed_for: bool,
}

const PLAIN: Sender = Sender {
    name: "declares everything",
    declares: Declares::All,
    carries: Carries::All,
    zone: 0,
    whole_minutes: false,
    lag: 0,
    desk: Desk {
        reads: 0,
        toggles: 0,
        bulk: false,
    },
    allowed_for: true,
};

/// All senders, in the order of the table.
#[rustfmt::skip] // a line a sender
pub(super) const SENDERS: [Sender; 14] = [
    PLAIN,
    Sender { name: "before 10.2.11: no names, no values", declares: Declares::Nothing, carries: Carries::Nothing, ..PLAIN },
    Sender { name: "10.2.11: names, no values", carries: Carries::Nothing, ..PLAIN },
    Sender { name: "a fifth without values", carries: Carries::FourOfFive, ..PLAIN },
    Sender { name: "partial values", carries: Carries::Some, ..PLAIN },
    Sender { name: "leaves implied names out", declares: Declares::Implying, ..PLAIN },
    Sender { name: "last_changed 5:45 ahead of UTC", zone: 345, ..PLAIN },
    Sender { name: "last_changed in whole minutes", whole_minutes: true, ..PLAIN },
    Sender { name: "bulk edits within minutes", desk: Desk { bulk: true, ..PLAIN.desk }, ..PLAIN },
    Sender { name: "reopens again and again", desk: Desk { toggles: 70, ..PLAIN.desk }, ..PLAIN },
    Sender { name: "two fifths only open the ticket", desk: Desk { reads: 40, ..PLAIN.desk }, ..PLAIN },
    Sender { name: "values, never a name", declares: Declares::Nothing, allowed_for: false, ..PLAIN },
    Sender { name: "forgets a tenth of the names", declares: Declares::Most, allowed_for: false, ..PLAIN },
    Sender { name: "last_changed up to 5 min early", lag: 300, allowed_for: false, ..PLAIN },
];

impl Sender {
    /// True histories of so many tickets, all told.
    pub(super) fn source(self, tickets: i64, seed: u64) -> Source {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut made = Vec::new();
        for ticket in 1..=tickets {
            let writes = desk::ticket(self.desk, &mut rng);
            let told = self.tell(ticket, &writes, &mut rng);
            made.push(told);
        }
        Source {
            name: self.name,
            tickets: made,
        }
    }

    fn tell(self, ticket: i64, writes: &[Write], rng: &mut fastrand::Rng) -> Vec<Told> {
        let mut last_changed = Value::Null;
        let mut told = Vec::new();
        for (nth, write) in writes.iter().enumerate() {
            if !write.read {
                last_changed = json!(self.local(write.at, rng));
            }
            let body = json!({
                "EventId": Uuid::from_u128(rng.u128(1..)),
                "Timestamp": timestamp_of_ticks(write.at).to_string(),
                "Event": if nth == 0 { "ticket.created" } else { "ticket.changed" },
                "PrimaryKey": ticket,
                "ContextIdentifier": "T",
                "Changes": if nth == 0 { Vec::new() } else { self.names(write, rng) },
            });
            let Value::Object(mut body) = body else {
                unreachable!("an object")
            };
            if let Some(values) = self.values(write, &last_changed, &body, rng) {
                body.insert("FieldValues".to_owned(), values);
            }
            told.push(Told {
                event: ticket_event(&Value::Object(body).to_string().into_bytes()),
                moved: !write.moved.is_empty(),
            });
        }
        told
    }

    /// `last_changed` of a write.
    fn local(self, at: i64, rng: &mut fastrand::Rng) -> String {
        let early = if self.lag == 0 {
            0
        } else {
            rng.i64(0..=self.lag)
        };
        let shifted = timestamp_of_ticks(at + (self.zone * 60 - early) * SECOND);
        let format = if self.whole_minutes {
            "%Y-%m-%dT%H:%M:00"
        } else {
            "%Y-%m-%dT%H:%M:%S"
        };
        shifted.strftime(format).to_string()
    }

    fn names(self, write: &Write, rng: &mut fastrand::Rng) -> Vec<&'static str> {
        let moved = |name: &str| write.moved.contains(name);
        let tells = |name: &&str| match (self.declares, *name) {
            (Declares::Nothing, _) => false,
            // A merge is told by `status`, which implies both others; else `ticket_status` implies it.
            (Declares::Implying, "connect_id") => !moved("status"),
            (Declares::Implying, "ticket_status") => !moved("connect_id") || !moved("status"),
            (Declares::Implying, "status") => moved("connect_id") || !moved("ticket_status"),
            (Declares::Implying, "contact_id") => !moved("cust_id"),
            (Declares::Most, _) => rng.u8(0..10) > 0,
            (Declares::All | Declares::Implying, _) => true,
        };
        let names = write.moved.iter().chain(write.beside).copied();
        names.filter(tells).collect()
    }

    fn values(
        self,
        write: &Write,
        last_changed: &Value,
        body: &Map<String, Value>,
        rng: &mut fastrand::Rng,
    ) -> Option<Value> {
        let mut row = write.row.clone();
        row.insert("last_changed", last_changed.clone());
        match self.carries {
            Carries::Nothing => return None,
            Carries::FourOfFive if rng.u8(0..5) == 0 => return None,
            Carries::Some => row.retain(|name, _| {
                body["Changes"].as_array().unwrap().contains(&json!(name)) || rng.bool()
            }),
            Carries::All | Carries::FourOfFive => {}
        }
        Some(json!(row))
    }
}

/// A body as the fold takes it, received at once.
pub(super) fn ticket_event(body: &[u8]) -> TicketEvent {
    let Reading::Event(event) = event::read(body, &TenantRule::Any) else {
        panic!("no event: {:?}", String::from_utf8_lossy(body));
    };
    let received_at = timestamp_of_ticks(event.occurred_at.as_ref().unwrap().ticks());
    let stored = StoredEvent {
        position: Position(1),
        event: *event,
        received_at,
        stored_at: received_at,
        origin: Origin::Import {
            source: String::new(),
        },
        body: body.to_vec(),
    };
    TicketEvent::read(stored, false).unwrap()
}
