//! What a file holds: one body a line, or one body over many lines.

use std::{io::Read, path::Path};

use anyhow::{Context, ensure};
use bytes::Bytes;

use crate::{cli::lines, domain::json::Object};

/// Reads the bodies of a file, byte for byte. A file whose first line is no JSON object, but which is one
/// as a whole, is one body.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<Bytes>> {
    let mut all = Vec::new();
    lines::open(file)
        .and_then(|mut input| input.read_to_end(&mut all))
        .with_context(|| format!("reading {}", file.display()))?;
    let bodies = split(&Bytes::from(all));
    ensure!(!bodies.is_empty(), "{} holds no body", file.display());
    Ok(bodies)
}

fn split(all: &Bytes) -> Vec<Bytes> {
    let lines = || {
        all.split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .filter(|line| !line.trim_ascii().is_empty())
    };
    let first_is_body = lines()
        .next()
        .is_some_and(|line| Object::parse(line).is_some());
    if !first_is_body && Object::parse(all).is_some() {
        return vec![all.clone()];
    }
    lines().map(|line| all.slice_ref(line)).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::split;

    #[test]
    fn a_file_is_lines_or_one_body() {
        let of = |text: &'static str| split(&Bytes::from_static(text.as_bytes()));
        assert_eq!(
            of("{\"a\":1}\r\n\n{}\nno json\n"),
            ["{\"a\":1}", "{}", "no json"]
        );
        assert_eq!(of("{\r\n \"a\": 1\r\n}\r\n"), ["{\r\n \"a\": 1\r\n}\r\n"]);
        assert_eq!(of("{\n"), ["{"]);
        assert!(of(" \n").is_empty());
    }
}
