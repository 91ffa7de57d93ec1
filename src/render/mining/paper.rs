//! What a log in XML is written on: lines of bytes, placed so that a reader in chunks can read them.

use std::fmt::Write;

/// Bytes that pm4py's own reader of XES takes at once. It decodes each chunk by itself, so a character
/// across the end of one is an error to it.
const CHUNK: usize = 4096;

/// Bytes of a file, part by part.
#[derive(Debug, Default)]
pub(super) struct Paper {
    /// Bytes of the chunk that the parts taken so far ended in.
    before: usize,
    bytes: Vec<u8>,
}

impl Paper {
    /// What was added since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.before = self.offset();
        std::mem::take(&mut self.bytes)
    }

    /// Adds a tag, or several without text between them, and ends the line.
    ///
    /// Where a character of more than one byte would lie across the end of a chunk, blanks come before, or
    /// if the tags are longer than a chunk it becomes a reference. It must stand in an attribute's value.
    pub(super) fn add(&mut self, tags: &str) {
        let fits = |start: usize| {
            let across = |(at, c): (usize, char)| (start + at) % CHUNK + c.len_utf8() > CHUNK;
            tags.is_ascii() || !tags.char_indices().any(across)
        };
        if fits(self.offset()) {
            self.bytes.extend(tags.as_bytes());
        } else if fits(0) {
            self.bytes
                .resize(self.bytes.len() + CHUNK - self.offset(), b' ');
            self.bytes.extend(tags.as_bytes());
        } else {
            self.add_long(tags);
        }
        self.bytes.push(b'\n');
    }

    fn add_long(&mut self, tags: &str) {
        let mut text = String::new();
        for c in tags.chars() {
            text.clear();
            if self.offset() + c.len_utf8() > CHUNK {
                // Writing into a string cannot fail.
                let _ = write!(text, "&#x{:X};", u32::from(c));
            } else {
                text.push(c);
            }
            self.bytes.extend(text.as_bytes());
        }
    }

    /// Where in a chunk the next byte comes.
    fn offset(&self) -> usize {
        (self.before + self.bytes.len()) % CHUNK
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Paper};

    /// True if every chunk is text by itself.
    fn reads_in_chunks(bytes: &[u8]) -> bool {
        bytes
            .chunks(CHUNK)
            .all(|chunk| std::str::from_utf8(chunk).is_ok())
    }

    #[test]
    fn no_character_lies_across_the_end_of_a_chunk() {
        let mut paper = Paper::default();
        let mut all = Vec::new();
        for n in 0..3000 {
            paper.add(&format!(
                "<s v=\"{}ø{}\"/>",
                "x".repeat(n % 97),
                "𝄞".repeat(n % 13)
            ));
            if n % 7 == 0 {
                all.extend(paper.take());
            }
        }
        all.extend(paper.take());
        assert!(all.len() > 20 * CHUNK && reads_in_chunks(&all));
        let without: Vec<u8> = all.iter().copied().filter(|byte| *byte != b' ').collect();
        assert!(!reads_in_chunks(&without), "there was nothing to do");
    }

    #[test]
    fn a_tag_longer_than_a_chunk_has_a_reference_where_one_ends() {
        let mut paper = Paper::default();
        paper.add("<log>");
        // From byte 13 on: three bytes each, so that one begins at 4093 - 2 and another at 8190 - 1.
        paper.add(&format!("<s v=\"x{}\"/>", "\u{5D0}€".repeat(2000)));
        let bytes = paper.take();
        assert!(reads_in_chunks(&bytes));
        let text = String::from_utf8(bytes).unwrap();
        let referred = text.matches("&#x5D0;").count() + text.matches("&#x20AC;").count();
        assert!((1..=3).contains(&referred), "{referred}");
        let plain = text.replace("&#x5D0;", "\u{5D0}").replace("&#x20AC;", "€");
        assert_eq!(
            plain,
            format!("<log>\n<s v=\"x{}\"/>\n", "\u{5D0}€".repeat(2000))
        );
    }
}
