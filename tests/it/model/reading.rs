//! What the naive model reads from one body: an event and its place in order, normal forms, instants.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use uuid::Uuid;

/// 100 ns are the smallest step of the sender's clock.
pub(crate) const TICKS_PER_SECOND: i128 = 10_000_000;
/// One stored event of ONE ticket, as the log holds it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Place in the tenant's log.
    pub(crate) position: i64,
    /// The canonical event id.
    pub(crate) event_id: Uuid,
    /// The body as received.
    pub(crate) body: Vec<u8>,
    /// Arrival in nanoseconds since 1970.
    pub(crate) received_at: i128,
    /// Whether a delivery of this id with other content was seen.
    pub(crate) conflict: bool,
}

/// A dated event.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    /// As the log holds it.
    pub(crate) stored: &'a Stored,
    /// The body, parsed.
    pub(crate) body: Map<String, Value>,
    /// The Event text as sent.
    pub(crate) name: String,
    /// When it occurred.
    pub(crate) at: Instant,
}

/// The dated events, in order.
pub(crate) fn history(stored: &[Stored]) -> Vec<Event<'_>> {
    let mut events: Vec<_> = stored.iter().filter_map(read).collect();
    // "Order within a ticket = (Timestamp in 100 ns ticks, created before others on the same tick, event_id bytes)."
    events.sort_by_key(|e| {
        (
            e.at.ticks,
            !e.is_called_created(),
            *e.stored.event_id.as_bytes(),
        )
    });
    events
}

/// None if "absent or unreadable: stored, not in history".
fn read(stored: &Stored) -> Option<Event<'_>> {
    let Ok(Value::Object(body)) = serde_json::from_slice(&stored.body) else {
        return None;
    };
    let name = body.get("Event")?.as_str()?.to_owned();
    let at = instant(body.get("Timestamp")?.as_str()?)?;
    Some(Event {
        stored,
        body,
        name,
        at,
    })
}

impl Event<'_> {
    /// Whether the event says that the ticket was created; the first of them is the created event.
    pub(crate) fn is_called_created(&self) -> bool {
        self.name == "ticket.created"
    }

    /// "declared: said of a field named in an event's Changes"; "a name repeated in Changes counts once".
    pub(crate) fn declared(&self) -> BTreeSet<String> {
        let names = self.body.get("Changes").and_then(Value::as_array);
        names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// "carried: said of a field whose value is in an event's `FieldValues`".
    pub(crate) fn carried(&self) -> Map<String, Value> {
        self.body
            .get("FieldValues")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }

    /// "equal as JSON over the documented keys without `WebhookName` and without unknown top-level keys", "`EventId` aside".
    fn content(&self) -> [Option<&Value>; 9] {
        [
            "Timestamp",
            "Changes",
            "FieldValues",
            "Values",
            "Event",
            "Entity",
            "PrimaryKey",
            "ContextIdentifier",
            "ChangedByAssociateId",
        ]
        .map(|key| self.body.get(key))
    }
}

/// "Same (tenant, ticket, event, Timestamp) and the same content: the smallest `event_id` is the original."
pub(crate) fn repeats(events: &[Event<'_>], event: &Event<'_>) -> Option<Uuid> {
    let same = events
        .iter()
        .filter(|other| other.content() == event.content());
    let original = same.map(|other| other.stored.event_id).min()?;
    (original != event.stored.event_id).then_some(original)
}

/// "The created event is the first `ticket.created` in order."
pub(crate) fn is_the_created_event(events: &[Event<'_>], event: &Event<'_>) -> bool {
    let first = events.iter().find(|other| other.is_called_created());
    first.is_some_and(|first| first.stored.event_id == event.stored.event_id)
}

/// "Changes contains names that `FieldValues` never carries"; these 15 it does.
const FIFTEEN: [&str; 15] = [
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
];

/// A value as it is compared.
#[derive(Debug, PartialEq)]
pub(crate) enum Normal {
    /// One of the none-values of its field.
    NoneValue,
    /// Decimal digits without leading zeros.
    Integer(String),
    /// By JSON equality.
    Other(Value),
}

/// "For the 15 ticket fields booleans equal 0/1, decimal text and `1.0` equal the integer, `[I:6]` equals 6, and the
/// none-values of a field equal each other; other fields by JSON equality."
pub(crate) fn normal(field: &str, value: &Value) -> Normal {
    if !FIFTEEN.contains(&field) {
        return Normal::Other(value.clone());
    }
    let integer = match value {
        Value::Bool(flag) => Some(i32::from(*flag).to_string()),
        Value::Number(number) => number_as_integer(&number.to_string()),
        Value::String(text) => {
            let inner = text
                .strip_prefix("[I:")
                .and_then(|rest| rest.strip_suffix(']'));
            decimal(inner.unwrap_or(text))
        }
        _ => None,
    };
    let text = integer
        .as_deref()
        .or(value.as_str())
        .unwrap_or(if value.is_null() { "null" } else { "" });
    let none_values: &[&str] = match field {
        "category" => &["0", "-1"],
        "connect_id" => &["-1"],
        "contact_id" | "project_id" | "sale_id" => &["0", "null"],
        "cust_id" => &["-1", "null"],
        "created_at" | "last_changed" => &["0001-01-01T00:00:00"],
        "owned_by" => &["1", "0"],
        "ticket_type" => &["0"],
        _ => &[],
    };
    // The text "null" is not the JSON null.
    if none_values.contains(&text) && value.as_str() != Some("null") {
        return Normal::NoneValue;
    }
    integer.map_or_else(|| Normal::Other(value.clone()), Normal::Integer)
}

/// `1.00` is `1`; `1.5` and anything with an exponent is no integer.
fn number_as_integer(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    fraction
        .chars()
        .all(|c| c == '0')
        .then(|| decimal(whole))
        .flatten()
}

/// `-?[0-9]+` without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let short = digits.trim_start_matches('0');
    let sign = if text.starts_with('-') { "-" } else { "" };
    Some(if short.is_empty() {
        "0".to_owned()
    } else {
        format!("{sign}{short}")
    })
}

/// An instant and how it is written out.
#[derive(Debug, Clone)]
pub(crate) struct Instant {
    /// 100 ns since 1970; further digits are cut.
    pub(crate) ticks: i128,
    /// The text in UTC, with the digits that were sent.
    pub(crate) utc: String,
}

/// `yyyy-MM-ddTHH:mm:ss`, 0..n fraction digits, then `Z`, `±hh:mm` or nothing (= UTC). All else is unreadable.
pub(crate) fn instant(text: &str) -> Option<Instant> {
    let punctuation = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
    if !text.is_ascii()
        || punctuation
            .iter()
            .any(|(at, c)| text.chars().nth(*at) != Some(*c))
    {
        return None;
    }
    let (year, month, day) = (
        digits(text, 0..4)?,
        digits(text, 5..7)?,
        digits(text, 8..10)?,
    );
    let (hour, minute, second) = (
        digits(text, 11..13)?,
        digits(text, 14..16)?,
        digits(text, 17..19)?,
    );
    let dates = 1..=9999_i128;
    if !dates.contains(&year)
        || day < 1
        || day > days_in(year, month)?
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (fraction, zone) = fraction_and_zone(text.get(19..)?)?;
    let offset = match zone {
        "" | "Z" => 0,
        _ => offset_seconds(zone)?,
    };
    let days = days_before(year, month) + day - 1;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let seven: String = fraction
        .chars()
        .skip(1)
        .chain("0000000".chars())
        .take(7)
        .collect();
    let utc = match zone {
        "Z" => text.to_owned(),
        "" => format!("{text}Z"),
        _ if second == 60 => format!("{}:60{fraction}Z", civil(seconds - 60)?.get(..16)?),
        _ => format!("{}{fraction}Z", civil(seconds)?),
    };
    // "A second 60 is the first tick of the next minute, whatever its digits."
    let within = if second == 60 {
        0
    } else {
        seven.parse::<i128>().ok()?
    };
    civil(seconds)?;
    Some(Instant {
        ticks: seconds * TICKS_PER_SECOND + within,
        utc,
    })
}

/// A fraction is nothing, or a point and digits; the zone is what follows.
fn fraction_and_zone(rest: &str) -> Option<(&str, &str)> {
    let without_point = rest.strip_prefix('.').unwrap_or(rest);
    let zone = without_point.trim_start_matches(|c: char| c.is_ascii_digit());
    let fraction = rest.strip_suffix(zone)?;
    let well_formed = fraction.is_empty() || (fraction.starts_with('.') && fraction != ".");
    well_formed.then_some((fraction, zone))
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: i128, month: i128) -> i128 {
    let mut days = -719_162; // 0001-01-01 seen from 1970-01-01
    days += (1..year)
        .map(|y| if is_leap(y) { 366 } else { 365 })
        .sum::<i128>();
    days + (1..month).filter_map(|m| days_in(year, m)).sum::<i128>()
}

fn digits(text: &str, range: std::ops::Range<usize>) -> Option<i128> {
    let part = text.get(range)?;
    part.chars()
        .all(|c| c.is_ascii_digit())
        .then(|| part.parse().ok())
        .flatten()
}

fn offset_seconds(zone: &str) -> Option<i128> {
    let (hours, minutes) = (digits(zone, 1..3)?, digits(zone, 4..6)?);
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let well_formed =
        zone.len() == 6 && zone.chars().nth(3) == Some(':') && hours < 24 && minutes < 60;
    well_formed.then_some(sign * (hours * 3600 + minutes * 60))
}

/// `yyyy-MM-ddTHH:mm:ss` of the seconds since 1970, by walking from year 1.
fn civil(seconds: i128) -> Option<String> {
    let mut days = seconds.div_euclid(86_400) + 719_162;
    let (mut year, mut month) = (1, 1);
    while days >= if is_leap(year) { 366 } else { 365 } {
        days -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    while days >= days_in(year, month)? {
        days -= days_in(year, month)?;
        month += 1;
    }
    let (rest, day) = (seconds.rem_euclid(86_400), days + 1);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    (day >= 1 && year <= 9999)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

fn is_leap(year: i128) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i128, month: i128) -> Option<i128> {
    match month {
        2 => Some(if is_leap(year) { 29 } else { 28 }),
        4 | 6 | 9 | 11 => Some(30),
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        _ => None,
    }
}
