//! Random histories of one ticket: a true state evolves, and a sender of any generation tells of it, well or badly.
//!
//! Every dial of a [`Step`] is a number below 100 drawn on its own, so that proptest shrinks towards the dull case: 0 is a full,
//! prompt, honest event, and high numbers are trouble. Nothing is made here that the specification leaves open on purpose:
//! no exponents, no lone surrogates, no `EventId` that is missing.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::wire::{SECOND, Step, Ticket, body, civil, number, pick, uuid, written};

/// Used by [`history`].
pub(crate) const TENANT: &str = "Cust12345";
/// Used by [`history`].
pub(crate) const TICKET: i64 = 76;

const DAY: i128 = 86_400 * SECOND;
/// 2025-10-25T22:00:00Z in ticks: in the night in which Europe leaves summer time.
const START: i128 = 1_761_429_600 * SECOND;

/// One event as it arrives; a history is in the order of arrival, so the n-th has position n.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// The canonical form of the body's `EventId`, whatever its spelling there.
    pub(crate) event_id: Uuid,
    /// The bytes to send.
    pub(crate) body: Vec<u8>,
    /// Arrival in nanoseconds since 1970, for use without HTTP; grows with the position.
    pub(crate) received_at: i128,
    /// A second body of this id with other content, to send after all others: makes a conflict.
    pub(crate) other: Option<Vec<u8>>,
}

/// What one history draws.
#[derive(Debug, Clone, Copy)]
struct Setting {
    birth: u8,
    quarters_east: i128,
    /// The dials go up to this number: nearly all trouble starts at 70.
    trouble: u16,
}

/// Histories of 0 to 30 events of one ticket.
pub(crate) fn history() -> impl Strategy<Value = Vec<Made>> {
    history_of(TENANT.to_owned(), TICKET)
}

/// As [`history`], of the ticket given.
pub(crate) fn history_of(tenant: String, ticket: i64) -> impl Strategy<Value = Vec<Made>> {
    let steps = prop::collection::vec(step(), 0..30);
    (steps, setting()).prop_map(move |(steps, setting)| {
        let mut made = simulate(&tenant, ticket, steps, setting);
        made.truncate(30);
        made
    })
}

/// The same history for the same seed, of exactly `events` events.
pub(crate) fn sample(seed: u64, events: usize) -> Vec<Made> {
    sample_of(seed, events, TENANT, TICKET)
}

/// As [`sample`], of the ticket given; other tickets get other event ids.
pub(crate) fn sample_of(seed: u64, events: usize, tenant: &str, ticket: i64) -> Vec<Made> {
    let mut key = [0; 32];
    let salt = tenant.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let words = [
        seed.to_le_bytes(),
        ticket.to_le_bytes(),
        salt.to_le_bytes(),
        [0; 8],
    ]
    .concat();
    key.iter_mut()
        .zip(words)
        .for_each(|(slot, byte)| *slot = byte);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &key);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // A tenth of the steps is lost, so twice as many are enough.
    let steps = prop::collection::vec(step(), events * 2 + 20);
    let Ok(tree) = (steps, setting()).new_tree(&mut runner) else {
        return Vec::new();
    };
    let (steps, setting) = tree.current();
    let mut made = simulate(tenant, ticket, steps, setting);
    made.truncate(events);
    made
}

fn setting() -> impl Strategy<Value = Setting> {
    let trouble = prop_oneof![2 => Just(70), 2 => Just(80), 3 => Just(100)];
    (0..100_u8, -48..57_i128, trouble).prop_map(|(birth, quarters_east, trouble)| Setting {
        birth,
        quarters_east,
        trouble,
    })
}

fn step() -> impl Strategy<Value = Step> {
    // Ids do not shrink: they would become equal.
    let id = any::<[u8; 16]>().no_shrink();
    let repeats = prop_oneof![
        9 => Just(0..=0_usize), 1 => Just(1..=2_usize)
    ];
    let repeat_ids = repeats
        .prop_flat_map(move |count| prop::collection::vec(any::<[u8; 16]>().no_shrink(), count));
    let dials = prop::array::uniform16(0..100_u8);
    (
        id,
        repeat_ids,
        0..100_u8,
        0..1000_usize,
        dials,
        any::<u32>(),
    )
        .prop_map(|(id, repeat_ids, act, choice, dials, mask)| Step {
            id,
            repeat_ids,
            act,
            choice,
            dials,
            mask,
        })
}

// ---------------------------------------------------------------- the ticket

fn newborn(quarters_east: i128) -> Ticket {
    let fields = json!({
        "category": 2, "connect_id": -1, "contact_id": 2, "cust_id": 5, "has_attachment": 0, "owned_by": 8, "priority": 2,
        "project_id": 0, "sale_id": 0, "slevel": 1, "status": 1, "ticket_status": 1, "ticket_type": 1, "x_foo": "a",
    });
    let names = ALL
        .iter()
        .map(|name| (*name, fields.get(name).cloned().unwrap_or_default()));
    let mut ticket = Ticket {
        fields: names.collect(),
        quarters_east,
    };
    for name in ["created_at", "last_changed"] {
        let local = ticket.local(START);
        ticket.fields.insert(name, local);
    }
    ticket
}

const ALL: [&str; 16] = [
    "category",
    "connect_id",
    "contact_id",
    "created_at",
    "cust_id",
    "has_attachment",
    "last_changed",
    "owned_by",
    "priority",
    "project_id",
    "sale_id",
    "slevel",
    "status",
    "ticket_status",
    "ticket_type",
    "x_foo",
];

impl Ticket {
    /// The zoneless date-time of an instant.
    fn local(&self, ticks: i128) -> Value {
        Value::from(civil(
            (ticks + self.quarters_east * 900 * SECOND).div_euclid(SECOND),
        ))
    }

    /// Does what the step says; gives the names that truly changed.
    fn act(&mut self, step: &Step) -> Vec<&'static str> {
        let new = wish(step);
        let differs = |(name, value): &(&'static str, Value)| self.fields.get(name) != Some(value);
        let changed: Vec<_> = new.into_iter().filter(differs).collect();
        self.fields.extend(changed.iter().cloned());
        changed.into_iter().map(|(name, _)| name).collect()
    }
}

/// What the step wants the row to be.
fn wish(step: &Step) -> Vec<(&'static str, Value)> {
    match step.act {
        0..30 => {
            // Base status 0..5, with two own statuses each; a jump between any two, reopening and restoring included.
            let status = pick(&[1, 2, 2, 3, 1, 4, 5, 0], step.choice);
            let own = status * 10 + pick(&[0, 1], step.choice / 8);
            let master = if status == 5 { 12 } else { -1 };
            vec![
                ("status", json!(status)),
                ("ticket_status", json!(own)),
                ("connect_id", json!(master)),
            ]
        }
        30..42 => vec![(
            "owned_by",
            pick(
                &[
                    json!(8),
                    json!(9),
                    json!(1),
                    json!(0),
                    json!(4_000_000_000_u64),
                ],
                step.choice,
            ),
        )],
        42..50 => vec![("priority", json!(pick(&[1, 2, 3, 0, -1], step.choice)))],
        50..56 => {
            let cust = pick(&[json!(5), json!(6), json!(-1), Value::Null], step.choice);
            let contact = pick(
                &[json!(2), json!(3), json!(0), Value::Null],
                step.choice / 4,
            );
            vec![("cust_id", cust), ("contact_id", contact)]
        }
        56..60 => vec![("category", json!(pick(&[2, 3, 0, -1], step.choice)))],
        60..64 => vec![("has_attachment", json!(pick(&[1, 0], step.choice)))],
        64..70 => vec![(
            pick(
                &[
                    "project_id",
                    "sale_id",
                    "ticket_type",
                    "slevel",
                    "contact_id",
                    "connect_id",
                ],
                step.choice,
            ),
            json!(pick(&[0, 7, 6, -1], step.choice / 6)),
        )],
        70..78 => vec![("x_foo", any_json(step.choice))],
        78..80 => vec![(
            "created_at",
            pick(
                &[json!("0001-01-01T00:00:00"), json!("2025-05-16T14:25:37")],
                step.choice,
            ),
        )],
        _ => vec![], // nothing of the row: a read, a reply, an idle write
    }
}

fn any_json(choice: usize) -> Value {
    let all = [
        json!("a"),
        json!(null),
        json!(true),
        json!(1),
        number("1.0"),
        json!("1"),
        json!([1, null, "ø"]),
        json!([null, 1, "ø"]),
        json!({"b": 1, "a": {"c": []}}),
        json!({}),
        number("123456789012345.25"),
        json!("\u{0}=1+1"),
        json!(""),
    ];
    pick(&all, choice)
}

// ---------------------------------------------------------------- the sender

/// The bodies in order of arrival.
fn simulate(tenant: &str, ticket_id: i64, mut steps: Vec<Step>, setting: Setting) -> Vec<Made> {
    let Setting {
        birth,
        quarters_east,
        trouble,
    } = setting;
    let turn_down = |dial: u8| u8::try_from(u16::from(dial) * trouble / 100).unwrap_or(0);
    for step in &mut steps {
        step.dials = step.dials.map(turn_down);
    }
    let mut ticket = newborn(quarters_east);
    let mut now = START;
    let mut arrivals: Vec<(i128, Made)> = Vec::new();
    let (born_at, born_again_at) = births(birth);
    for (i, step) in steps.iter().enumerate() {
        let [gap, lost, late, conflict, skew, ..] = step.dials;
        let created = Some(i) == born_at || Some(i) == born_again_at;
        now += pause(gap, step.mask.into());
        let mut changed = Vec::new();
        // A creation told again brings a move only sometimes.
        if !created || (born_again_at == Some(i) && step.mask.is_multiple_of(2)) {
            changed = ticket.act(step);
        }
        write_last_changed(&mut ticket, step, now);
        if (85..95).contains(&lost) && !created {
            continue;
        }
        let mut delay = on_the_way(late, step.mask.into());
        if created && (85..95).contains(&birth) {
            delay += 4 * DAY; // the created event arrives late
        }
        // Around a day ahead of the arrival, to the tick; or so far that no clock here has got there.
        let ahead = match skew {
            90..94 => DAY + delay + i128::from(step.mask % 3) - 1,
            94 => 200 * 365 * DAY,
            _ => 0,
        };
        let mut body = body(&ticket, step, &changed, now + ahead, created);
        body.insert("ContextIdentifier".to_owned(), json!(tenant));
        body.insert("PrimaryKey".to_owned(), json!(ticket_id));
        let other = (conflict >= 95).then(|| disputed(&body, &step.id, step));
        arrivals.push((now + delay, made(&body, &step.id, step, other)));
        for (n, id) in (1..).zip(&step.repeat_ids) {
            // The hook's own name and custom keys are no content.
            body.insert("WebhookName".to_owned(), json!("the other hook"));
            body.insert("x-custom".to_owned(), json!(n));
            let later = now + pick(&[delay + SECOND, 0, 6 * DAY], step.choice + n);
            // Ids of repeats are disputed too, more often than others.
            let other = (conflict >= 80).then(|| disputed(&body, id, step));
            arrivals.push((later, made(&body, id, step, other)));
        }
    }
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
        .into_iter()
        .map(|(at, made)| Made {
            received_at: at * 100,
            ..made
        })
        .collect()
}

/// The same with another actor.
fn disputed(body: &Map<String, Value>, id: &[u8; 16], step: &Step) -> Vec<u8> {
    let mut other = body.clone();
    other.insert("ChangedByAssociateId".to_owned(), json!(77_777));
    written(&other, id, step)
}

/// At which steps the ticket is created: first (mostly), never, standing later in order, or told twice.
fn births(birth: u8) -> (Option<usize>, Option<usize>) {
    match birth {
        0..60 => (Some(0), None),
        60..70 => (None, None),
        70..80 => (Some(2), None),
        80..90 => (Some(0), Some(2)),
        _ => (Some(0), Some(1)),
    }
}

/// From one write to the next.
fn pause(gap: u8, mask: i128) -> i128 {
    match gap {
        0..40 => (1 + mask % 7200) * SECOND + mask % 9_999_999,
        40..60 => DAY / 3,
        60..70 => SECOND / 100,
        70..85 => 1 + mask % 9,
        _ => 0,
    }
}

/// From the write to the arrival.
fn on_the_way(late: u8, mask: i128) -> i128 {
    match late {
        0..75 => 0,
        75..90 => mask % 5 * DAY / 4,
        _ => 5 * DAY,
    }
}

fn made(body: &Map<String, Value>, id: &[u8; 16], step: &Step, other: Option<Vec<u8>>) -> Made {
    Made {
        event_id: uuid(id),
        body: written(body, id, step),
        received_at: 0,
        other,
    }
}

/// Most writes stamp the row with the second of the event, in local time; some forget, some stamp another write.
fn write_last_changed(ticket: &mut Ticket, step: &Step, now: i128) {
    let [_, _, _, _, _, stamp, ..] = step.dials;
    let value = match stamp {
        0..75 => ticket.local(now),
        75..85 => return,
        85..90 => ticket.local(now + 300 * SECOND),
        90..93 => ticket.local(now + 60 * SECOND),
        93..96 => ticket.local(now - 61 * SECOND),
        96 => json!("0001-01-01T00:00:00"),
        97 => Value::Null,
        _ => ticket.local(now + 3600 * SECOND), // the zone moved by an hour
    };
    ticket.fields.insert("last_changed", value);
}
