//! Text of others for the terminal: what a sender or its users wrote is shown, never obeyed.

use std::fmt::Write;

/// The start of some bytes in one line: at most `chars` characters, then `…` if there are more.
///
/// Whatever is not to be printed stands escaped: control characters, those that turn the direction of
/// writing or have no width, and bytes that are no UTF-8 (`\xff`).
pub fn start(bytes: &[u8], chars: usize) -> String {
    let all = escaped(bytes);
    let mut shown: String = all.chars().take(chars).collect();
    if all.chars().nth(chars).is_some() {
        shown.push('…');
    }
    shown
}

/// All of some bytes, escaped as [`start`] does, in one line.
pub fn escaped(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // These are printed as they are; `escape_debug` would have them for literals.
            match c {
                '"' | '\'' | '\\' => shown.push(c),
                _ => shown.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            // Writing into a string cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// All of some bytes, escaped, their lines kept and each begun with `indent`, so that none can pass itself
/// off as one of ours.
pub fn lines(bytes: &[u8], indent: &str) -> String {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        format!("{indent}{}", escaped(line))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{escaped, hex, lines, start};

    #[test]
    fn nothing_moves_the_cursor_colours_the_screen_or_turns_the_text() {
        assert_eq!(
            escaped("a\x1b[31m\u{9b}2J\r\n\t\0b".as_bytes()),
            r"a\u{1b}[31m\u{9b}2J\r\n\t\0b"
        );
        assert_eq!(
            escaped("x\u{202e}y\u{200b}\u{2028}\u{feff}\u{e000}".as_bytes()),
            r"x\u{202e}y\u{200b}\u{2028}\u{feff}\u{e000}"
        );
        assert_eq!(escaped(b"\xff\xfe{}"), r"\xff\xfe{}");
        assert_eq!(
            escaped("{\"å\": '\\n'} 漢 🙂".as_bytes()),
            "{\"å\": '\\n'} 漢 🙂"
        );
    }

    #[test]
    fn a_start_is_cut_by_characters() {
        assert_eq!(start("ååå".as_bytes(), 3), "ååå");
        assert_eq!(start("åååå".as_bytes(), 3), "ååå…");
        assert_eq!(start(b"", 3), "");
    }

    #[test]
    fn lines_stay_lines_and_are_set_apart() {
        assert_eq!(lines(b"{\r\n \"a\":1\n}", "  "), "  {\n   \"a\":1\n  }");
        assert_eq!(lines(b"a\rb", "> "), r"> a\rb");
        assert_eq!(hex(&[0, 0xab]), "00ab");
    }
}
