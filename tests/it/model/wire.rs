//! How the sender of the random histories writes one event: what it tells, in which spelling.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::{Builder, Uuid};

/// A second, in ticks of 100 ns.
pub(crate) const SECOND: i128 = 10_000_000;

/// What one step of the simulation draws.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// For the event id.
    pub(crate) id: [u8; 16],
    /// For the ids of its repeats.
    pub(crate) repeat_ids: Vec<[u8; 16]>,
    /// What is done to the ticket, below 100.
    pub(crate) act: u8,
    /// Which value.
    pub(crate) choice: usize,
    /// How the sender behaves, each below 100.
    pub(crate) dials: [u8; 16],
    /// Small choices.
    pub(crate) mask: u32,
}

/// The ticket as it truly is, and the zone its zoneless dates are in.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The row.
    pub(crate) fields: BTreeMap<&'static str, Value>,
    /// Zone, in quarters of an hour.
    pub(crate) quarters_east: i128,
}

/// The id that random bytes make.
pub(crate) fn uuid(id: &[u8; 16]) -> Uuid {
    Builder::from_random_bytes(*id).into_uuid()
}

/// The bytes, with the `EventId` in one of its spellings.
pub(crate) fn written(body: &Map<String, Value>, id: &[u8; 16], step: &Step) -> Vec<u8> {
    let id = uuid(id).to_string();
    let spelled = match step.dials {
        [.., 90..93] => id.to_uppercase(),
        [.., 93..96] => format!("{{{id}}}"),
        [.., 96..98] => format!(" {id} "),
        _ => id,
    };
    let mut body = body.clone();
    body.insert("EventId".to_owned(), Value::from(spelled));
    let value = Value::Object(body);
    let text = if step.mask.is_multiple_of(20) {
        format!("{value:#}")
    } else {
        value.to_string()
    };
    text.into_bytes()
}

/// The body of one event, but for its id, tenant and ticket.
pub(crate) fn body(
    ticket: &Ticket,
    step: &Step,
    changed: &[&str],
    at: i128,
    created: bool,
) -> Map<String, Value> {
    let [
        _,
        _,
        _,
        _,
        _,
        _,
        generation,
        values,
        names,
        time,
        digits,
        actor,
        verb,
        ..,
    ] = step.dials;
    let mut body = Map::new();
    let event = match verb {
        _ if created => "ticket.created",
        97.. => "ticket.updated",
        _ => "ticket.changed",
    };
    body.insert("Event".to_owned(), json!(event));
    body.insert("Entity".to_owned(), json!("ticket"));
    body.insert("WebhookName".to_owned(), json!("history"));
    let actors = [
        json!(19),
        json!(0),
        json!("20"),
        json!(21),
        Value::Null,
        json!("Kari"),
    ];
    if actor < 95 {
        body.insert(
            "ChangedByAssociateId".to_owned(),
            pick(&actors, usize::from(actor) / 16),
        );
    }
    if let Some(timestamp) = timestamp(at, time, digits) {
        body.insert("Timestamp".to_owned(), timestamp);
    }
    // Three generations: 85.. names nothing and sends nothing, 75..85 names only, the rest does both.
    let declared = declared(step, changed, names, created);
    match (generation, names) {
        (85.., _) | (_, 92..95) => body.insert("Changes".to_owned(), json!([])),
        (_, 95..97) => body.insert("Changes".to_owned(), Value::Null),
        (_, 97..) => None,
        _ => body.insert("Changes".to_owned(), json!(declared)),
    };
    if generation < 75 {
        let fields = field_values(ticket, step, values);
        match values {
            90..93 => body.insert("FieldValues".to_owned(), json!({})),
            93..96 => body.insert("FieldValues".to_owned(), Value::Null),
            _ => body.insert("FieldValues".to_owned(), fields),
        };
    }
    body
}

/// What the sender says has changed: the truth, less some, plus names it sends no value of.
fn declared(step: &Step, changed: &[&str], names: u8, created: bool) -> Vec<String> {
    if created && names < 50 {
        return Vec::new();
    }
    let told = changed.iter().enumerate().filter(|(i, _)| match names {
        60..70 => *i > 0,  // the first is forgotten: ticket_status may imply status
        70..78 => *i == 0, // only the first is told: status implies connect_id
        78..81 => false,
        _ => true,
    });
    let mut all: Vec<&str> = told.map(|(_, name)| *name).collect();
    let extra: [&[&str]; 8] = [
        &[],
        &["id", "read_by_owner"],
        &["replied_at", "num_replies", "title"],
        &["extraField"],
        &["title", "title"],
        &["priority"],
        &["id", "last_changed", "time_spent_queue"],
        &["x_foo", "owned_by"],
    ];
    if step.act >= 80 || step.mask.is_multiple_of(3) {
        all.extend(pick(&extra, step.choice));
    }
    if step.mask.is_multiple_of(7) {
        all.extend(all.clone()); // repeated names
    }
    all.into_iter().map(str::to_owned).collect()
}

/// The row, whole or in part, with its values in one of their spellings.
fn field_values(ticket: &Ticket, step: &Step, values: u8) -> Value {
    let mut mask = step.mask;
    let mut sent = Map::new();
    for (i, (name, value)) in ticket.fields.iter().enumerate() {
        let kept = match values {
            0..70 => *name != "x_foo" || !step.mask.is_multiple_of(8),
            70..80 => !mask.is_multiple_of(4), // some lack
            80..84 => mask.is_multiple_of(8),  // few are there
            84..87 => *name != "last_changed",
            _ => true,
        };
        mask = mask.rotate_left(3);
        if kept {
            sent.insert(
                (*name).to_owned(),
                spelled(name, value, step.choice + i, step.mask),
            );
        }
    }
    sent.into()
}

/// A value as another version of the sender might write it: equal in normal form.
fn spelled(field: &str, value: &Value, choice: usize, mask: u32) -> Value {
    let none_values: &[Value] = match field {
        "category" => &[json!(0), json!(-1)],
        "contact_id" | "project_id" | "sale_id" => &[json!(0), Value::Null],
        "cust_id" => &[json!(-1), Value::Null],
        "owned_by" => &[json!(1), json!(0)],
        _ => &[],
    };
    if mask.is_multiple_of(5) && none_values.contains(value) {
        return pick(none_values, choice);
    }
    let odd = mask % 11 < 2 && choice.is_multiple_of(3) && field != "x_foo";
    let Some(integer) = value.as_i64().filter(|_| odd) else {
        return value.clone();
    };
    let flag = if integer == 0 || integer == 1 {
        json!(integer == 1)
    } else {
        value.clone()
    };
    pick(
        &[
            json!(integer.to_string()),
            number(&format!("{integer}.0")),
            json!(format!("[I:{integer}]")),
            flag,
        ],
        choice / 3,
    )
}

// ---------------------------------------------------------------- small things

/// The Timestamp: mostly UTC with its trailing zeros cut; some with fewer digits, another offset or none, or no instant at all.
fn timestamp(ticks: i128, time: u8, digits: u8) -> Option<Value> {
    let east = match time {
        70..80 => pick(&[3600, -19_800, 0, 20_700], usize::from(time)),
        _ => 0,
    };
    let zone = match (time, east) {
        (80..88, _) => String::new(),
        (70..80, _) => {
            let sign = if east < 0 { '-' } else { '+' };
            format!(
                "{sign}{:02}:{:02}",
                i32::abs(east) / 3600,
                i32::abs(east) / 60 % 60
            )
        }
        _ => "Z".to_owned(),
    };
    let seven = format!("{:07}", ticks.rem_euclid(SECOND));
    let fraction = match digits {
        0..60 => seven.trim_end_matches('0').to_owned(),
        60..75 => seven,
        _ => seven.chars().take(usize::from(digits) % 8).collect(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    match time {
        95 => None,
        96 => Some(Value::Null),
        97 => Some(pick(
            &[
                json!("not yet"),
                json!(5),
                json!(""),
                json!("2025-02-29T00:00:00Z"),
            ],
            digits.into(),
        )),
        94 => {
            let minute = civil(ticks.div_euclid(SECOND));
            let minute = minute.rsplit_once(':')?.0;
            Some(Value::from(format!("{minute}:60{point}{fraction}{zone}")))
        }
        _ => Some(Value::from(format!(
            "{}{point}{fraction}{zone}",
            civil(ticks.div_euclid(SECOND) + i128::from(east))
        ))),
    }
}

/// `yyyy-MM-ddTHH:mm:ss` of the seconds since 1970, after <https://howardhinnant.github.io/date_algorithms.html>.
pub(crate) fn civil(seconds: i128) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + days.div_euclid(146_097) * 400 + i128::from(month <= 2);
    let rest = seconds.rem_euclid(86_400);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// A number with its text as given.
pub(crate) fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// One of a few.
pub(crate) fn pick<T: Clone + Default>(from: &[T], choice: usize) -> T {
    from.get(choice % from.len().max(1))
        .cloned()
        .unwrap_or_default()
}
