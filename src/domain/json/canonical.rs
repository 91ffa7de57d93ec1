//! One text for all ways to write a value, made in one pass over it.

use std::{borrow::Cow, cmp::Ordering, fmt::Write, ops::Range};

use serde_json::value::RawValue;

use super::{LossyText, is_unreadable};

/// Deepest nesting that [`canonical()`] looks into; what lies deeper is compared by its bytes. Webhook
/// bodies have three levels, and a bound keeps what a sender nests deeper from costing stack.
pub const MAX_CANONICAL_DEPTH: usize = 8;

/// One text for all ways to write a value: two values are equal as JSON exactly if theirs are the same.
///
/// The order of members and the white space between tokens do not count, of a repeated name the last
/// does; the order of elements and the digits of numbers count (`1` and `1.0` differ).
///
/// Costs one pass, and of objects whose names are not in order a sort of these.
pub fn canonical(value: &RawValue) -> String {
    canonical_within(value, MAX_CANONICAL_DEPTH)
}

/// [`canonical()`] of a value that lies in another one: `depth` levels of it are looked into.
pub fn canonical_within(value: &RawValue, depth: usize) -> String {
    let text = value.get();
    let mut writer = Writer {
        text,
        at: 0,
        out: String::with_capacity(text.len()),
    };
    writer.write_value(depth);
    writer.out
}

/// Goes over a text that is known to be JSON, so what it cannot hold here need not be told apart.
struct Writer<'a> {
    text: &'a str,
    /// Bytes of it that are written.
    at: usize,
    out: String,
}

/// A member that is written.
struct Written<'a> {
    /// The first bytes of the name, which tell most names apart and lie next to each other in memory: a million members
    /// are in order in half the time.
    begins: u64,
    name: Cow<'a, str>,
    /// Where in what is written, with the comma behind it.
    place: Range<usize>,
}

impl Written<'_> {
    /// By name.
    fn order(&self, other: &Self) -> Ordering {
        let begins = self.begins.cmp(&other.begins);
        begins.then_with(|| self.name.cmp(&other.name))
    }
}

/// The first bytes of a name as a number, zeros where it ends: in the order of the names as far as they go.
fn begins(name: &str) -> u64 {
    let mut begins = [0; 8];
    for (to, from) in begins.iter_mut().zip(name.as_bytes()) {
        *to = *from;
    }
    u64::from_be_bytes(begins)
}

impl<'a> Writer<'a> {
    /// The byte that the next token begins with.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += rest.iter().take_while(blank).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next bytes, which end where a token does.
    fn take(&mut self, length: usize) -> &'a str {
        let from = self.at;
        self.at += length;
        self.text.get(from..self.at).unwrap_or_default()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn write_value(&mut self, depth: usize) {
        match (self.peek(), depth.checked_sub(1)) {
            (Some(b'{'), Some(depth)) => self.write_object(depth),
            (Some(b'['), Some(depth)) => self.write_array(depth),
            (Some(b'{' | b'['), None) => {
                let raw = self.take(nested_length(self.rest()));
                self.out.push_str(raw);
            }
            (Some(b'"'), _) => {
                let raw = self.take(string_length(self.rest()));
                write_string(raw, &mut self.out);
            }
            _ => {
                let ends =
                    |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
                let rest = self.rest();
                let raw = self.take(rest.iter().position(ends).unwrap_or(rest.len()).max(1));
                self.out.push_str(raw);
            }
        }
    }

    fn write_array(&mut self, depth: usize) {
        self.at += 1;
        self.out.push('[');
        while let Some(byte) = self.peek() {
            match byte {
                b']' => break,
                b',' => self.at += 1,
                _ => {
                    self.write_value(depth);
                    self.out.push(',');
                }
            }
        }
        self.at += 1;
        self.out.push(']');
    }

    fn write_object(&mut self, depth: usize) {
        let (read_from, written_from) = (self.at, self.out.len());
        let mut members = Vec::new();
        self.at += 1;
        self.out.push('{');
        while let Some(byte) = self.peek() {
            match byte {
                b'}' => break,
                b'"' => members.push(self.write_member(depth)),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let raw = self.text.get(read_from..self.at).unwrap_or_default();
        if is_unreadable(raw, members.iter().map(|member| &*member.name)) {
            self.out.truncate(written_from);
            self.out.push_str(raw);
            return;
        }
        put_in_order(&mut members, &mut self.out);
        self.out.push('}');
    }

    fn write_member(&mut self, depth: usize) -> Written<'a> {
        let from = self.out.len();
        let raw = self.take(string_length(self.rest()));
        write_string(raw, &mut self.out);
        self.out.push(':');
        self.peek();
        // The colon.
        self.at += 1;
        self.write_value(depth);
        self.out.push(',');
        let name = read_name(raw);
        Written {
            begins: begins(&name),
            name,
            place: from..self.out.len(),
        }
    }
}

/// Puts the members at the end of what is written in the order of their names, each once: of those of one name the last.
fn put_in_order(members: &mut [Written<'_>], out: &mut String) {
    let (Some(first), true) = (
        members.first().map(|member| member.place.start),
        !members.is_sorted_by(|a, b| a.order(b).is_lt()),
    ) else {
        return;
    };
    members.sort_unstable_by(|a, b| a.order(b).then(a.place.start.cmp(&b.place.start)));
    let written = out.split_off(first);
    for of_one_name in members.chunk_by(|a, b| a.order(b).is_eq()) {
        let last = of_one_name.last().map(|last| &last.place);
        let place = last.map(|place| place.start - first..place.end - first);
        out.push_str(
            place
                .and_then(|place| written.get(place))
                .unwrap_or_default(),
        );
    }
}

fn read_name(raw: &str) -> Cow<'_, str> {
    match raw.get(1..raw.len().saturating_sub(1)) {
        Some(name) if !name.contains('\\') => Cow::Borrowed(name),
        _ => serde_json::from_str(raw)
            .map(|LossyText(name)| name)
            .unwrap_or_default(),
    }
}

/// Length of the string that these bytes begin with, with its quotes.
fn string_length(bytes: &[u8]) -> usize {
    let mut length = 1;
    while let Some(rest) = bytes.get(length..) {
        match rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            Some(at) if rest.get(at) == Some(&b'"') => return length + at + 1,
            // What is escaped ends no string.
            Some(at) => length += at + 2,
            None => break,
        }
    }
    bytes.len()
}

/// Length of the object or array that these bytes begin with.
fn nested_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    let mut open: usize = 0;
    while let Some(byte) = bytes.get(length) {
        match byte {
            b'"' => {
                length += string_length(bytes.get(length..).unwrap_or_default());
                continue;
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        length += 1;
        if open == 0 {
            break;
        }
    }
    length
}

/// Writes a string, which is given with its quotes, as `serde_json` writes its text. One that no Rust string can hold
/// keeps its spelling.
fn write_string(raw: &str, out: &mut String) {
    let from = out.len();
    let mut rest = raw;
    while let Some((before, escaped)) = rest.split_once('\\') {
        out.push_str(before);
        let Some(after) = write_escaped(escaped, out) else {
            out.truncate(from);
            rest = raw;
            break;
        };
        rest = after;
    }
    out.push_str(rest);
}

/// Writes the character that an escape stands for, given what follows its backslash; gives what follows it. `None` if
/// it is a lone surrogate.
fn write_escaped<'a>(escaped: &'a str, out: &mut String) -> Option<&'a str> {
    let (kind, mut rest) = escaped.split_at_checked(1)?;
    match kind {
        "/" => out.push('/'),
        "u" => {
            let (unit, after) = read_unit(rest)?;
            rest = after;
            let character = if let Some(character) = char::from_u32(unit.into()) {
                character
            } else {
                let (low, after) = read_unit(rest.strip_prefix("\\u")?)?;
                rest = after;
                char::decode_utf16([unit, low]).next()?.ok()?
            };
            write_character(character, out);
        }
        short => {
            out.push('\\');
            out.push_str(short);
        }
    }
    Some(rest)
}

/// The UTF-16 unit whose four digits come first, and what follows them.
fn read_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, after) = text.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, after))
}

fn write_character(character: char, out: &mut String) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        control if control < ' ' => {
            // A String takes whatever is written to it.
            let _ = write!(out, "\\u{:04x}", u32::from(control));
        }
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::{super::comparable_members, MAX_CANONICAL_DEPTH, canonical, canonical_within};

    /// The same by reading each level of a value anew, and its texts by `serde_json`.
    fn naive(value: &RawValue, depth: usize, out: &mut String) {
        let raw = value.get();
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        match (raw.as_bytes()[0], depth.checked_sub(1)) {
            (b'{', Some(depth)) => match comparable_members(value) {
                Some(object) => {
                    out.push('{');
                    for (name, value) in object.iter() {
                        out.push_str(&quoted(name));
                        out.push(':');
                        naive(value, depth, out);
                        out.push(',');
                    }
                    out.push('}');
                }
                None => out.push_str(raw),
            },
            (b'[', Some(depth)) => {
                out.push('[');
                for element in serde_json::from_str::<Vec<&RawValue>>(raw).unwrap() {
                    naive(element, depth, out);
                    out.push(',');
                }
                out.push(']');
            }
            (b'"', _) => match serde_json::from_str::<String>(raw) {
                Ok(text) => out.push_str(&quoted(&text)),
                Err(_) => out.push_str(raw),
            },
            _ => out.push_str(raw),
        }
    }

    fn naive_of(value: &RawValue, depth: usize) -> String {
        let mut out = String::new();
        naive(value, depth, &mut out);
        out
    }

    /// A string as it may be written, lone surrogates and all.
    fn written_string() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => "[ab]",
            1 => "[^\"\\\\\\x00-\\x1f]",
            1 => Just("\u{FFFD}".to_owned()),
            2 => r#"\\["\\/bfnrt]"#,
            1 => r"\\u00[0-7][0-9a-fA-F]",
            1 => r"\\u[0-9a-fA-F]{4}",
            1 => r"\\u[dD][89abAB][0-9a-f]{2}",
            1 => r"\\u[dD][89abAB][0-9a-f]{2}\\u[dD][c-fC-F][0-9a-f]{2}",
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
    }

    /// JSON as it may be written, deeper than it is looked into.
    fn written() -> impl Strategy<Value = String> {
        let blank = || "[ \\n\\r\\t]{0,2}";
        let leaf = prop_oneof![
            written_string(),
            r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,2})?([eE][+-]?[0-9]{1,2})?",
            prop::sample::select(vec!["true", "false", "null"]).prop_map(ToOwned::to_owned),
        ];
        let padded = move |value: BoxedStrategy<String>| {
            (blank(), value, blank()).prop_map(|(before, value, after)| before + &value + &after)
        };
        leaf.prop_recursive(12, 40, 4, move |inner| {
            let elements = prop::collection::vec(padded(inner.clone().boxed()), 0..4);
            let member = (padded(written_string().boxed()), padded(inner.boxed()));
            let members = prop::collection::vec(member, 0..5);
            prop_oneof![
                (blank(), elements)
                    .prop_map(|(blank, elements)| format!("[{blank}{}]", elements.join(","))),
                (blank(), members).prop_map(|(blank, members)| {
                    let members = members.into_iter().map(|(name, value)| name + ":" + &value);
                    format!("{{{blank}{}}}", members.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn one_pass_writes_what_reading_each_level_anew_does(json in written(), depth in 0..=MAX_CANONICAL_DEPTH) {
            let value: &RawValue = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(canonical_within(value, depth), naive_of(value, depth));
        }

        #[test]
        fn two_values_are_equal_exactly_if_they_are_by_reading_each_level_anew(one in written(), other in written()) {
            let (one, other): (&RawValue, &RawValue) =
                (serde_json::from_str(&one).unwrap(), serde_json::from_str(&other).unwrap());
            let naively = naive_of(one, MAX_CANONICAL_DEPTH) == naive_of(other, MAX_CANONICAL_DEPTH);
            prop_assert_eq!(canonical(one) == canonical(other), naively);
        }
    }
}
