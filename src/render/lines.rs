//! JSON in one line each: NDJSON, and the data of server-sent events.

use serde::Serialize;

/// The media type of lines of JSON.
pub const MEDIA_TYPE: &str = "application/x-ndjson";

/// Most room that is made ahead for lines, in bytes.
const MOST_ROOM: usize = 1 << 20;

/// Line separators besides CR and LF. JSON may hold them in strings, and some readers split at them.
const SEPARATORS: [(char, &str); 3] = [
    ('\u{85}', "\\u0085"),
    ('\u{2028}', "\\u2028"),
    ('\u{2029}', "\\u2029"),
];

/// An item as JSON in one line, without its end. A body goes out as it was sent, but for line ends between
/// its tokens, which become blanks, and separators in its strings, which become escapes.
pub fn line<T: Serialize>(item: &T) -> String {
    // Serialising into memory what has text for keys cannot fail.
    let json = serde_json::to_string(item).unwrap_or_default();
    // In a string they stand as escapes, so whatever is found stands between tokens.
    let mut json = json.replace(['\n', '\r'], " ");
    for (separator, escape) in SEPARATORS {
        if json.contains(separator) {
            json = json.replace(separator, escape);
        }
    }
    json
}

/// Items as lines, each with its end.
pub fn lines<'a, T: Serialize + 'a>(items: impl IntoIterator<Item = &'a T>) -> Vec<u8> {
    let mut items = items.into_iter();
    let Some(first) = items.next() else {
        return Vec::new();
    };
    let mut lines = line(first);
    lines.push('\n');
    // Most are about as long as the first.
    let more = lines.len().saturating_mul(items.size_hint().0);
    lines.reserve(more.min(MOST_ROOM));
    for item in items {
        lines.push_str(&line(item));
        lines.push('\n');
    }
    lines.into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{line, lines};

    #[test]
    fn a_line_is_one_line_for_every_reader() {
        let sent = "{\r\n \"a\": \"x\\ny\u{2028}z\u{85}\"\n}";
        let raw = RawValue::from_string(sent.to_owned()).unwrap();
        let written = line(&raw);
        assert_eq!(written, "{   \"a\": \"x\\ny\\u2028z\\u0085\" }");
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["a"], "x\ny\u{2028}z\u{85}");
        assert_eq!(lines(&[1, 2]), b"1\n2\n");
    }
}
