//! The lines of files, plain or gzip, read on a thread of their own.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use tokio::sync::mpsc;

/// Lines read ahead.
const AHEAD: usize = 1024;

/// Read at a time, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// Longest line, in bytes: eight times what a hook takes. Longer ones are no bodies.
const MAX_LINE_BYTES: usize = 64 << 20;

/// One line that is not blank.
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// Without its line break; or why it cannot be a body.
    pub(super) body: Result<Bytes, &'static str>,
    /// Bytes of the file read so far, packed if it is.
    pub(super) bytes_read: u64,
}

/// Fails now rather than after minutes of importing the files before it.
pub(super) fn check(file: &Path) -> anyhow::Result<()> {
    if is_stdin(file) {
        return Ok(());
    }
    File::open(file)
        .and_then(|file| file.metadata())
        .and_then(|metadata| {
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(())
        })
        .with_context(|| format!("opening {}", file.display()))
}

/// Starts reading; gives the file's size, if it has one, and its lines.
pub(super) fn read(file: &Path) -> anyhow::Result<(Option<u64>, mpsc::Receiver<io::Result<Line>>)> {
    let (input, size) = input(file)?;
    let (lines, received) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_lines(input, &lines) {
            // The receiver may be gone, which is why we are here.
            let _ = lines.blocking_send(Err(error));
        }
    });
    Ok((size, received))
}

/// All of a file, unpacked.
pub(super) fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    let (input, _) = input(file)?;
    unpack(BufReader::with_capacity(BUFFER_BYTES, input))
}

fn input(file: &Path) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if is_stdin(file) {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(file)?;
    let size = file.metadata()?.len();
    Ok((Box::new(file), Some(size)))
}

/// What is packed by gzip, unpacked; told by its first bytes.
fn unpack(mut packed: impl BufRead + 'static) -> io::Result<Box<dyn BufRead>> {
    if packed.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let plain = MultiGzDecoder::new(packed);
        Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)))
    } else {
        Ok(Box::new(packed))
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn send_lines(
    input: Box<dyn Read + Send>,
    lines: &mpsc::Sender<io::Result<Line>>,
) -> io::Result<()> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        input,
        count: Arc::clone(&count),
    };
    let mut plain = unpack(BufReader::with_capacity(BUFFER_BYTES, counted))?;
    for number in 1.. {
        let Some(body) = next_line(&mut plain)? else {
            return Ok(());
        };
        if body.as_ref().is_ok_and(|body| body.trim_ascii().is_empty()) {
            continue;
        }
        let line = Line {
            number,
            body,
            bytes_read: count.load(Ordering::Relaxed),
        };
        if lines.blocking_send(Ok(line)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The next line without its line break, `None` at the end; one that is too long is read past.
fn next_line(input: &mut dyn BufRead) -> io::Result<Option<Result<Bytes, &'static str>>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let mut part = Vec::new();
        let room = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        let read = input.take(room).read_until(b'\n', &mut part)?;
        let ended = part.last() == Some(&b'\n');
        if read == 0 && line.is_empty() && !too_long {
            return Ok(None);
        }
        too_long |= line.len() + part.len() > MAX_LINE_BYTES;
        if too_long {
            line = Vec::new();
        } else {
            line.append(&mut part);
        }
        if ended || read == 0 {
            break;
        }
    }
    if too_long {
        return Ok(Some(Err("is longer than 64 MiB")));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(Ok(line.into())))
}

/// Counts what is read of the file itself, for the progress bar.
struct Counted<R> {
    input: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count
            .fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        Ok(read)
    }
}
