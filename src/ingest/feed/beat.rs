//! The local heartbeat: a small file that says when this program last lived, so that to run without the
//! database does not count as downtime.

use std::{
    fmt::Write,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

/// Most gaps kept until a database takes them.
const MAX_GAPS: usize = 100;

/// A stretch in which this program may not have lived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// What the file holds: the last beat, then the gaps that no database knows of yet, one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) beat_at: Option<Timestamp>,
    pub(super) gaps: Vec<Gap>,
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("heartbeat")
}

/// Reads the file; what is not there or cannot be read says nothing.
pub(super) async fn read(data_dir: &Path) -> Beat {
    match tokio::fs::read_to_string(path(data_dir)).await {
        Ok(text) => parse(&text),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, "The local heartbeat cannot be read");
            }
            Beat::default()
        }
    }
}

/// Writes the file in one step, so that it is never half written. Not synced: what a power loss takes is
/// a few seconds of a beat.
pub(super) async fn write(data_dir: &Path, beat: &Beat) -> io::Result<()> {
    let path = path(data_dir);
    let new = path.with_extension("new");
    tokio::fs::write(&new, render(beat)).await?;
    tokio::fs::rename(&new, &path).await
}

fn parse(text: &str) -> Beat {
    let mut lines = text.lines();
    let gap = |line: &str| {
        let (from, to) = line.split_once(' ')?;
        Some(Gap {
            from: from.parse().ok()?,
            to: to.parse().ok()?,
        })
    };
    Beat {
        beat_at: lines.next().and_then(|line| line.parse().ok()),
        gaps: lines.filter_map(gap).take(MAX_GAPS).collect(),
    }
}

fn render(beat: &Beat) -> String {
    let mut text = beat.beat_at.map_or_else(String::new, |at| at.to_string());
    text.push('\n');
    for gap in &beat.gaps {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{} {}", gap.from, gap.to);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Beat, Gap, parse, render};

    #[test]
    fn what_is_written_is_read_again_and_anything_else_says_nothing() {
        let at = |text: &str| text.parse().unwrap();
        let gap = Gap {
            from: at("2025-05-19T09:56:33.123456Z"),
            to: at("2025-05-19T10:00:00Z"),
        };
        for beat in [
            Beat::default(),
            Beat {
                beat_at: Some(at("2025-05-19T11:00:00Z")),
                gaps: vec![gap, gap],
            },
        ] {
            assert_eq!(parse(&render(&beat)), beat);
        }
        for text in ["", "\n", "tomorrow", "\0\0\0"] {
            assert_eq!(parse(text), Beat::default());
        }
    }
}
