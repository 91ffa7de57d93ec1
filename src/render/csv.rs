//! Lists as CSV: RFC 4180, and safe to open in a spreadsheet.
//!
//! A cell of text that a spreadsheet would take for a formula gets an apostrophe in front; a number stays
//! a number, so -1 is -1. The JSON forms are the ones without loss.

use csv::{QuoteStyle, Terminator, WriterBuilder};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{
    fields::Value,
    ids::{Actor, EventId, Position, Tenant, TicketId},
};

/// The media type of what [`header`] and [`rows`] give together.
pub const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// Something that is shown as rows of a table.
pub trait Table {
    /// Names of the columns, which are stable: columns may be added at the end, never renamed.
    const COLUMNS: &'static [&'static str];

    /// Its rows, most often one, each with a cell for each column.
    fn rows(&self) -> Vec<Vec<Cell>>;
}

/// What stands in one place of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing: an empty cell.
    Null,
    /// A number, as its digits, or `true` or `false`.
    Number(String),
    /// Anybody's text, which is made harmless.
    Text(String),
    /// JSON that is no string: a number, an object, `null` …
    Json(String),
    /// An instant in RFC 3339.
    Instant(String),
}

impl Cell {
    /// A value as it was sent: a string without its quotes, everything else as its JSON.
    pub fn json(raw: &RawValue) -> Self {
        match serde_json::from_str(raw.get()) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Json(raw.get().to_owned()),
        }
    }

    /// An instant in RFC 3339, where it is there.
    pub fn instant(at: Option<&str>) -> Self {
        at.map_or(Self::Null, |at| Self::Instant(at.to_owned()))
    }

    /// Several words, with blanks between.
    pub fn words<S: AsRef<str>>(words: &[S]) -> Self {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        Self::Text(words.join(" "))
    }

    fn into_field(self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Number(plain) | Self::Json(plain) | Self::Instant(plain) => plain,
            Self::Text(text) => harmless(text),
        }
    }
}

/// The header row.
pub fn header<T: Table>() -> Vec<u8> {
    write([T::COLUMNS])
}

/// The rows of some items, in order. What this gives for parts of a list, one after the other, is what it
/// gives for the whole.
pub fn rows<'a, T: Table + 'a>(items: impl IntoIterator<Item = &'a T>) -> Vec<u8> {
    let rows = items.into_iter().flat_map(Table::rows);
    write(rows.map(|row| row.into_iter().map(Cell::into_field)))
}

/// A table whose columns are not known before: its header and its rows.
pub fn table(columns: &[String], rows: impl IntoIterator<Item = Vec<Cell>>) -> Vec<u8> {
    let mut table = write([columns]);
    let rows = rows.into_iter();
    table.extend(write(rows.map(|row| row.into_iter().map(Cell::into_field))));
    table
}

fn write<R>(records: impl IntoIterator<Item = R>) -> Vec<u8>
where
    R: IntoIterator,
    R::Item: AsRef<[u8]>,
{
    let mut writer = WriterBuilder::new()
        .quote_style(QuoteStyle::Necessary)
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    for record in records {
        // Every row has a cell for each column, and memory takes every write.
        let _ = writer.write_record(record);
    }
    writer.into_inner().unwrap_or_default()
}

/// A text that no spreadsheet calculates with, and that no reader takes to end at a NUL, which reads as U+FFFD.
fn harmless(text: String) -> String {
    let mark = if is_formula(&text) { "'" } else { "" };
    if mark.is_empty() && !text.contains('\0') {
        return text;
    }
    format!("{mark}{}", text.replace('\0', "\u{FFFD}"))
}

/// True if a spreadsheet might calculate with a text: it begins, perhaps after blanks, with a sign that
/// starts a formula, in either width, or with a control character that some drop. A plain number is none.
fn is_formula(text: &str) -> bool {
    let begins = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
    let starts_one = begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    (starts_one && !is_number(text)) || text.starts_with(['\t', '\r', '\n'])
}

/// `-1` or `-1.5`: digits, with a sign and a fraction or without.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&Value> for Cell {
    fn from(value: &Value) -> Self {
        Self::json(value.as_raw())
    }
}

impl From<Timestamp> for Cell {
    fn from(at: Timestamp) -> Self {
        Self::Instant(at.to_string())
    }
}

impl From<EventId> for Cell {
    fn from(event_id: EventId) -> Self {
        Self::Text(event_id.to_string())
    }
}

impl From<&Tenant> for Cell {
    fn from(tenant: &Tenant) -> Self {
        Self::from(tenant.as_str())
    }
}

/// What is written in digits.
macro_rules! numbers {
    ($($type:ty: $digits:expr),+ $(,)?) => {
        $(impl From<$type> for Cell {
            fn from(number: $type) -> Self {
                Self::Number($digits(number).to_string())
            }
        })+
    };
}

numbers! {
    bool: |it| it,
    i32: |it| it,
    i64: |it| it,
    u64: |it| it,
    usize: |it| it,
    Actor: |it: Actor| it.0,
    Position: |it: Position| it.0,
    TicketId: |it| it,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(&'static [Cell]);

    impl Table for Item {
        const COLUMNS: &'static [&'static str] = &["a", "b"];

        fn rows(&self) -> Vec<Vec<Cell>> {
            vec![self.0.to_vec()]
        }
    }

    fn shown(text: &str) -> String {
        Cell::from(text).into_field()
    }

    #[test]
    fn nothing_in_a_text_is_a_formula() {
        for text in [
            "=cmd|' /C calc'!A0",
            "=1+1",
            "+47 22 51 80 00",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\ttext",
            "  =1",
            "\u{a0}=1",
            "\u{0}=1",
            "＝1",
            "-",
            "-1-1",
            "--1",
            "-.5",
        ] {
            assert_eq!(shown(text), format!("'{}", text.replace('\0', "\u{FFFD}")));
        }
        assert_eq!(shown("a\0b"), "a\u{FFFD}b");
    }

    #[test]
    fn a_number_stays_a_number_and_a_text_a_text() {
        for text in [
            "-1",
            "-1.5",
            "0",
            "",
            " ",
            "a=b",
            "a-1",
            "'=1",
            "2025-05-19T09:56:33",
        ] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(Cell::from(-1_i64).into_field(), "-1");
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        for (json, field) in [
            ("-1", "-1"),
            ("-1e5", "-1e5"),
            ("null", "null"),
            ("\"=\\u0041\"", "'=A"),
            ("[\"=1\"]", "[\"=1\"]"),
            ("\"-1\"", "-1"),
        ] {
            assert_eq!(Cell::json(&raw(json)).into_field(), field);
        }
    }

    #[test]
    fn rows_end_in_crlf_and_quote_what_needs_it() {
        let items = [Item(&[Cell::Null, Cell::Null])];
        assert_eq!(header::<Item>(), b"a,b\r\n");
        assert_eq!(rows(&items), b",\r\n");
        let nasty = |text: &str| vec![Cell::from(text), Cell::from(1_i64)];
        let written = write(
            [nasty("a\"b"), nasty("a\nb"), nasty("a,b"), nasty("a\rb")]
                .map(|row| row.into_iter().map(Cell::into_field)),
        );
        let written = String::from_utf8(written).unwrap();
        assert_eq!(
            written,
            "\"a\"\"b\",1\r\n\"a\nb\",1\r\n\"a,b\",1\r\n\"a\rb\",1\r\n"
        );
    }
}
