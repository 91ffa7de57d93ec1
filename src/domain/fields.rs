//! The values of ticket fields: as sent, and in the normal form in which they are compared.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::domain::json;

/// Bytes of a text that stand in an index as they are: Postgres takes 2,704 for all columns of one together.
const LONGEST_INDEXED: usize = 200;

/// Bytes of a longer one that stand before its digest, so that it still says something.
const INDEXED_START: usize = 120;

/// A field's value, byte for byte as it was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(Box<RawValue>);

impl Value {
    /// Takes a value as it stands in a body.
    pub fn new(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }

    /// The JSON as sent.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// The same, for whoever reads JSON.
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }

    /// The text of a value that is a string.
    pub fn as_text(&self) -> Option<String> {
        json::text(&self.0)
    }

    /// True if it is one of the field's none-values.
    pub fn is_none(&self, field: &str) -> bool {
        self.normal(field) == Normal::Nothing
    }

    /// The id that it is, by which its label is found. A none-value that is a number is one too; in fields
    /// that are compared as JSON only a JSON integer is.
    pub fn id(&self, field: &str) -> Option<i64> {
        match kind(field) {
            Some(Kind { integer: true, .. }) => integer(&self.0)?.parse().ok(),
            Some(_) => None,
            None => self.as_json().parse().ok(),
        }
    }

    /// True if the two are the same value of this field, however they are written.
    pub fn is_same(&self, other: &Self, field: &str) -> bool {
        self.as_json() == other.as_json() || self.normal(field) == other.normal(field)
    }

    /// The form in which values of this field are compared.
    pub fn normal(&self, field: &str) -> Normal {
        normal(field, &self.0)
    }
}

impl From<Box<RawValue>> for Value {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw)
    }
}

/// The normal form of a value: two values of a field are the same exactly if these are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Normal {
    /// The field holds nothing: any of its none-values.
    Nothing,
    /// An integer of any size, as its decimal digits without leading zeros.
    Integer(String),
    /// Anything else, as canonical JSON.
    Json(String),
}

/// The fields that ticket events carry, by name. Any other is a column of somebody's own, or one that is
/// only declared.
pub const TICKET_FIELDS: [&str; 15] = [
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

impl Normal {
    /// The value of a field that somebody means by a text: JSON if it is any, else a string. Of a ticket
    /// field `none` is any of its none-values.
    pub fn meant(field: &str, text: &str) -> Self {
        if text == "none" && TICKET_FIELDS.contains(&field) {
            return Self::Nothing;
        }
        if let Ok(json) = serde_json::from_str::<&RawValue>(text) {
            return normal(field, json);
        }
        match serde_json::value::to_raw_value(text) {
            Ok(string) => normal(field, &string),
            // A string can always be written as JSON.
            Err(_) => Self::Json(String::new()),
        }
    }

    /// True if it is this integer.
    pub fn is(&self, integer: i64) -> bool {
        matches!(self, Self::Integer(digits) if *digits == integer.to_string())
    }

    /// The value as a short text by which rows are found: equal for equal values of a field, and
    /// different for different ones. `none`, the digits, or the JSON, of which more than 200 bytes end
    /// in their SHA-256.
    pub fn key(self) -> String {
        match self {
            Self::Nothing => "none".to_owned(),
            Self::Integer(digits) => digits,
            Self::Json(json) => shorten(json),
        }
    }
}

/// The name by which everything but the log itself knows a field that is sent under this one: NUL, which no text column
/// holds, reads as U+FFFD, as lone surrogates do, and more than 200 bytes end in their SHA-256, for rows are found by
/// it.
pub fn name(sent: &str) -> String {
    // Hardly ever there, and looking for it costs less than putting the parts together.
    let storable = if sent.contains('\0') {
        sent.replace('\0', "\u{FFFD}")
    } else {
        sent.to_owned()
    };
    shorten(storable)
}

/// A text that fits into an index: itself, or its start with its digest.
fn shorten(text: String) -> String {
    if text.len() <= LONGEST_INDEXED {
        return text;
    }
    let cut = text.floor_char_boundary(INDEXED_START);
    let mut short = text.get(..cut).unwrap_or_default().to_owned();
    short.push('…');
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing into a string cannot fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// What a ticket field holds besides its values.
struct Kind {
    /// Integers (and whatever is written like one), else text.
    integer: bool,
    /// Texts that mean nothing is held, in normal form; `null` among them where the sender uses it.
    none: &'static [&'static str],
}

/// The 15 fields that ticket events carry, with their none-values. Owner 1 is the system user:
/// unassigned. Any other field is compared as JSON.
fn kind(field: &str) -> Option<Kind> {
    let integer = |none| {
        Some(Kind {
            integer: true,
            none,
        })
    };
    match field {
        "category" => integer(&["0", "-1"]),
        "connect_id" => integer(&["-1"]),
        "contact_id" | "project_id" | "sale_id" => integer(&["0", "null"]),
        "cust_id" => integer(&["-1", "null"]),
        "owned_by" => integer(&["1", "0"]),
        "ticket_type" => integer(&["0"]),
        "has_attachment" | "priority" | "slevel" | "status" | "ticket_status" => integer(&[]),
        "created_at" | "last_changed" => Some(Kind {
            integer: false,
            none: &["\"0001-01-01T00:00:00\""],
        }),
        _ => None,
    }
}

/// Bookkeeping by name.
pub const BOOKKEEPING: [&str; 2] = ["id", "last_changed"];

/// Bookkeeping by how the name begins.
pub const BOOKKEEPING_PREFIXES: [&str; 5] =
    ["read_", "first_read_", "time_spent_", "real_time_", "dbi_"];

/// True for bookkeeping: fields that move without anybody having changed the ticket.
pub fn is_bookkeeping(field: &str) -> bool {
    BOOKKEEPING.contains(&field) || BOOKKEEPING_PREFIXES.iter().any(|p| field.starts_with(p))
}

/// True if a write that names `declared` explains that `moved` moved with it.
pub fn implies(declared: &str, moved: &str) -> bool {
    matches!(
        (declared, moved),
        ("status", "ticket_status" | "connect_id")
            | ("ticket_status", "status")
            | ("cust_id", "contact_id")
    )
}

fn normal(field: &str, raw: &RawValue) -> Normal {
    let Some(kind) = kind(field) else {
        return Normal::Json(json::canonical(raw));
    };
    let integer = if kind.integer { integer(raw) } else { None };
    let text = integer.clone().unwrap_or_else(|| json::canonical(raw));
    match integer {
        _ if kind.none.contains(&text.as_str()) => Normal::Nothing,
        Some(digits) => Normal::Integer(digits),
        None => Normal::Json(text),
    }
}

/// The digits of a value that is an integer, a boolean, or written like an integer: `6`, `6.0`, `"6"`,
/// `"[I:6]"`, `true`.
fn integer(raw: &RawValue) -> Option<String> {
    match raw.get() {
        "true" => return Some("1".to_owned()),
        "false" => return Some("0".to_owned()),
        number if !number.starts_with('"') => return digits(number),
        _ => {}
    }
    let text = json::text(raw)?;
    let text = text.trim();
    let inner = text
        .strip_prefix("[I:")
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    digits(inner.trim())
}

/// `-?digits[.000]` without leading zeros; `None` for fractions, exponents and everything else.
fn digits(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let all = |text: &str, fits: fn(u8) -> bool| !text.is_empty() && text.bytes().all(fits);
    if !all(whole, |b| b.is_ascii_digit()) || !all(fraction, |b| b == b'0') {
        return None;
    }
    match whole.trim_start_matches('0') {
        "" => Some("0".to_owned()),
        whole => Some([sign, whole].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Normal, TICKET_FIELDS, Value, kind, name};

    fn normal(field: &str, json: &str) -> Normal {
        Value::new(serde_json::from_str(json).unwrap()).normal(field)
    }

    #[test]
    fn an_integer_is_the_same_however_it_is_written() {
        for json in [
            "6",
            "6.0",
            "6.000",
            "\"6\"",
            "\" 06 \"",
            "\"[I:6]\"",
            "\"6.0\"",
        ] {
            assert!(normal("priority", json).is(6), "{json}");
        }
        assert!(normal("has_attachment", "true").is(1));
        assert!(normal("has_attachment", "\"0\"").is(0));
        assert_eq!(normal("status", "-0"), normal("status", "false"));
        for json in ["6.5", "\"six\"", "null", "[6]", "60", "-6", "\"\"", "6e0"] {
            assert!(!normal("priority", json).is(6), "{json}");
        }
        let beyond = "92233720368547758070";
        assert_eq!(
            normal("cust_id", beyond),
            Normal::Integer(beyond.to_owned())
        );
    }

    #[test]
    fn a_name_fits_into_an_index_and_is_still_its_own() {
        let longest = "ø".repeat(100);
        assert_eq!(name(&longest), longest);
        let short = name(&format!("{longest}x"));
        assert!(short.starts_with(&"ø".repeat(60)), "{short}");
        assert_eq!(short.len(), 120 + "…".len() + 64);
        assert_ne!(short, name(&format!("{longest}y")));
        assert_eq!(name("a\0b"), "a\u{FFFD}b");
    }

    #[test]
    fn every_ticket_field_has_its_way_to_be_compared() {
        assert!(TICKET_FIELDS.is_sorted());
        assert!(TICKET_FIELDS.iter().all(|field| kind(field).is_some()));
    }

    #[test]
    fn a_text_means_json_or_a_string() {
        for (field, text, json) in [
            ("status", "2", "\"2\""),
            ("status", "[I:2]", "2"),
            ("has_attachment", "true", "1"),
            ("owned_by", "none", "1"),
            (
                "created_at",
                "2025-05-16T14:25:37",
                "\"2025-05-16T14:25:37\"",
            ),
            ("x_other", "none", "\"none\""),
            ("x_other", "\"1\"", "\"1\""),
            ("x_other", " 1", "1"),
            ("x_other", "a\0\"", "\"a\\u0000\\\"\""),
            ("x_other", "", "\"\""),
        ] {
            assert_eq!(
                Normal::meant(field, text),
                normal(field, json),
                "{field} {text}"
            );
        }
    }

    #[test]
    fn a_key_says_the_value_and_is_bounded() {
        for (field, json, key) in [
            ("priority", "\"[I:6]\"", "6"),
            ("owned_by", "1", "none"),
            ("cust_id", "null", "none"),
            ("title", "null", "null"),
            ("title", "\"none\"", "\"none\""),
            ("y_x", "{\"b\":1, \"a\":2}", "{\"a\":2,\"b\":1,}"),
        ] {
            assert_eq!(normal(field, json).key(), key, "{field} {json}");
        }
        let text = |last: char| format!("\"{}{last}\"", "ø".repeat(100));
        let key = |last| normal("title", &text(last)).key();
        assert_ne!(key('a'), key('b'));
        let start = format!("\"{}…", "ø".repeat(59));
        assert!(key('a').starts_with(&start), "{}", key('a'));
        assert_eq!(key('a').len(), start.len() + 64);
        let just = format!("\"{}\"", "x".repeat(198));
        assert_eq!(normal("title", &just).key(), just);
    }

    #[test]
    fn the_none_values_of_a_field_are_one() {
        for (field, nones) in [
            ("category", vec!["0", "-1", "\"-1\"", "-1.0"]),
            ("connect_id", vec!["-1", "\"[I:-1]\""]),
            ("contact_id", vec!["0", "null", "false"]),
            ("cust_id", vec!["-1", "null"]),
            ("owned_by", vec!["0", "1", "true"]),
            ("sale_id", vec!["0", "null"]),
            ("created_at", vec!["\"0001-01-01T00:00:00\""]),
        ] {
            for none in nones {
                assert_eq!(normal(field, none), Normal::Nothing, "{field} {none}");
            }
        }
        for (field, value) in [
            ("connect_id", "0"),
            ("contact_id", "-1"),
            ("cust_id", "0"),
            ("status", "0"),
            ("status", "null"),
            ("has_attachment", "0"),
            ("owned_by", "null"),
            ("x_other", "null"),
        ] {
            assert_ne!(normal(field, value), Normal::Nothing, "{field} {value}");
        }
    }

    #[test]
    fn an_id_is_found_however_it_is_written() {
        let id = |field, json: &str| Value::new(serde_json::from_str(json).unwrap()).id(field);
        for json in ["6", "6.0", "\"6\"", "\"[I:6]\""] {
            assert_eq!(id("ticket_status", json), Some(6), "{json}");
        }
        assert_eq!(id("owned_by", "1"), Some(1));
        assert_eq!(id("cust_id", "-1"), Some(-1));
        assert_eq!(id("x_other", "6"), Some(6));
        for (field, json) in [
            ("cust_id", "null"),
            ("cust_id", "92233720368547758070"),
            ("created_at", "\"6\""),
            ("x_other", "\"6\""),
            ("x_other", "6.0"),
        ] {
            assert_eq!(id(field, json), None, "{field} {json}");
        }
    }

    #[test]
    fn other_fields_are_compared_as_json() {
        assert_ne!(normal("x_other", "1"), normal("x_other", "1.0"));
        assert_ne!(normal("x_other", "1"), normal("x_other", "true"));
        assert_eq!(
            normal("x_other", "{\"a\":1,\"b\":2}"),
            normal("x_other", "{ \"b\":2, \"a\":1 }")
        );
    }
}
