//! A desk that really happened: what the tickets of a quarter held after each write, before anybody told of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Ticks of 100 ns in a second.
pub(super) const SECOND: i64 = 10_000_000;

/// 2025-01-06T08:00:00Z in ticks.
const START: i64 = 1_736_150_400 * SECOND;

/// Over how many seconds tickets are born: a quarter.
const QUARTER: i64 = 91 * 86_400;

/// A ticket's fields.
pub(super) type Row = BTreeMap<&'static str, Value>;

/// One write to a ticket.
#[derive(Debug)]
pub(super) struct Write {
    /// When, in ticks.
    pub(super) at: i64,
    /// The fields whose values moved, `last_changed` aside.
    pub(super) moved: BTreeSet<&'static str>,
    /// Columns that were written and are no ticket fields.
    pub(super) beside: &'static [&'static str],
    /// True if the write left `last_changed` alone: somebody opened the ticket.
    pub(super) read: bool,
    /// The row after it, without `last_changed`.
    pub(super) row: Row,
}

/// How a desk works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk {
    /// Of a hundred writes, how many only open the ticket.
    pub(super) reads: u8,
    /// Of a hundred writes, how many move the status to and fro.
    pub(super) toggles: u8,
    /// True if all that happens to a ticket happens within a few minutes, as when lists are edited.
    pub(super) bulk: bool,
}

/// One ticket's writes, oldest first; the first creates it.
pub(super) fn ticket(desk: Desk, rng: &mut fastrand::Rng) -> Vec<Write> {
    let mut row = newborn(rng);
    let mut at = START + rng.i64(0..QUARTER) * SECOND + rng.i64(0..SECOND);
    let mut writes = vec![Write {
        at,
        moved: row.keys().copied().collect(),
        beside: &[],
        read: false,
        row: row.clone(),
    }];
    // A heavy tail, as on real desks: most tickets have a handful of writes, some have fifty.
    let count = 2
        + rng.usize(0..6)
        + if rng.u8(0..20) == 0 {
            rng.usize(0..50)
        } else {
            0
        };
    for _ in 0..count {
        at += pause(desk, rng);
        writes.push(write(desk, at, &mut row, rng));
    }
    writes
}

/// From seconds to days, or within a minute; never nothing.
fn pause(desk: Desk, rng: &mut fastrand::Rng) -> i64 {
    let seconds = match rng.u8(0..10) {
        _ if desk.bulk => rng.i64(0..12),
        0..3 => rng.i64(5..300),
        3..7 => rng.i64(300..20_000),
        _ => rng.i64(20_000..400_000),
    };
    seconds * SECOND + rng.i64(1..SECOND)
}

fn write(desk: Desk, at: i64, row: &mut Row, rng: &mut fastrand::Rng) -> Write {
    let read = rng.u8(0..100) < desk.reads;
    let (wish, beside): (Vec<(&str, Value)>, &[&str]) = if read {
        (vec![], &["read_by_owner", "read_status"])
    } else if rng.u8(0..100) < desk.toggles {
        let closed = row["status"] == 2;
        (status(if closed { 1 } else { 2 }), &["closed_at"])
    } else {
        wish(rng)
    };
    let mut moved = BTreeSet::new();
    for (name, value) in wish {
        if row.insert(name, value.clone()) != Some(value) {
            moved.insert(name);
        }
    }
    Write {
        at,
        moved,
        beside,
        read,
        row: row.clone(),
    }
}

/// The user-defined status and its base status; a merge names its master.
fn status(ticket_status: i64) -> Vec<(&'static str, Value)> {
    let base = match ticket_status {
        2 | 6 => 2,
        3 | 5 => 3,
        4 => 5,
        _ => 1,
    };
    vec![
        ("connect_id", json!(if base == 5 { 12 } else { -1 })),
        ("status", json!(base)),
        ("ticket_status", json!(ticket_status)),
    ]
}

fn wish(rng: &mut fastrand::Rng) -> (Vec<(&'static str, Value)>, &'static [&'static str]) {
    match rng.u8(0..100) {
        0..35 => (status(rng.i64(1..9)), &[]),
        35..55 => (vec![("owned_by", json!(rng.i64(2..30)))], &[]),
        55..63 => (vec![("priority", json!(rng.i64(1..5)))], &[]),
        63..70 => (vec![("category", json!(rng.i64(1..40)))], &[]),
        70..76 => {
            let customer = rng.i64(1..500);
            let both = vec![
                ("contact_id", json!(customer / 5 + 1)),
                ("cust_id", json!(customer)),
            ];
            (both, &[])
        }
        76..80 => (vec![("project_id", json!(rng.i64(1..9)))], &[]),
        // An answer: the most frequent write, and no field of a ticket tells of it.
        _ => (
            vec![("has_attachment", json!(1))],
            &["replied_at", "num_replies", "num_messages"],
        ),
    }
}

fn newborn(rng: &mut fastrand::Rng) -> Row {
    let mut row: Row = [
        ("sale_id", 0),
        ("has_attachment", 0),
        ("slevel", 2),
        ("ticket_type", 1),
        ("project_id", 0),
    ]
    .into_iter()
    .map(|(name, value)| (name, json!(value)))
    .collect();
    row.extend(status(1));
    row.insert("category", json!(rng.i64(1..40)));
    row.insert("contact_id", json!(rng.i64(1..100)));
    row.insert("cust_id", json!(rng.i64(1..500)));
    row.insert("owned_by", json!(1));
    row.insert("priority", json!(2));
    row.insert("created_at", json!("2025-01-01T12:00:00"));
    row
}
