//! The spool's files: `<number>-<marker>.spool`, and what is set aside.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    ops::Range,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use uuid::Uuid;

use super::record::{self, Found};
use crate::{domain::delivery::Delivery, measure};

/// How a spool's file ends.
const EXTENSION: &str = "spool";

/// The folder of what cannot be drained.
const ASIDE: &str = "aside";

/// The file that is written to.
#[derive(Debug)]
pub(super) struct Active {
    file: File,
    closed: Closed,
}

/// A file that is only read from now on.
#[derive(Debug, Clone)]
pub(super) struct Closed {
    pub(super) number: u64,
    pub(super) bytes: u64,
    marker: Uuid,
    path: PathBuf,
}

/// Makes the folder and the one below it, for nobody else to read: it will hold bodies.
pub(super) fn create_folder(dir: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir.join(ASIDE))?;
    dir.parent().map_or(Ok(()), sync_folder)
}

/// The files of an earlier process, oldest first. Others in the folder are left alone.
pub(super) fn list(dir: &Path) -> io::Result<Vec<Closed>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if path
            .extension()
            .is_none_or(|extension| extension != EXTENSION)
        {
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str());
        let parts = name.and_then(|name| name.split_once('-'));
        let parts = parts.and_then(|(number, marker)| {
            Some((number.parse().ok()?, Uuid::try_parse(marker).ok()?))
        });
        if let Some((number, marker)) = parts {
            files.push(Closed {
                number,
                bytes: entry.metadata()?.len(),
                marker,
                path,
            });
        }
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

impl Active {
    pub(super) fn create(dir: &Path, number: u64) -> io::Result<Self> {
        let marker = Uuid::new_v4();
        let path = dir.join(format!("{number:012}-{}.{EXTENSION}", marker.simple()));
        let file = create_file(&path)?;
        sync_folder(dir)?;
        let closed = Closed {
            number,
            bytes: 0,
            marker,
            path,
        };
        Ok(Self { file, closed })
    }

    pub(super) fn marker(&self) -> Uuid {
        self.closed.marker
    }

    pub(super) fn bytes(&self) -> u64 {
        self.closed.bytes
    }

    /// Returns once the bytes are on the disk.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let appended = self
            .file
            .write_all(bytes)
            .and_then(|()| self.file.sync_data());
        match appended {
            Ok(()) => {
                self.closed.bytes += bytes.len().try_into().unwrap_or(u64::MAX);
                Ok(())
            }
            Err(error) => {
                // What was begun was not acknowledged, so it had better not look like damage. Where this
                // fails too, it is.
                let _ = self.file.set_len(self.closed.bytes);
                Err(error)
            }
        }
    }

    pub(super) fn close(self) -> Closed {
        self.closed
    }
}

impl Closed {
    /// The deliveries that can be read, oldest first; copies what cannot be read aside.
    pub(super) fn read(&self, dir: &Path) -> io::Result<Vec<Delivery>> {
        let (file, found) = self.find()?;
        let mut deliveries = Vec::new();
        for found in found {
            match found {
                Found::Delivery(delivery) => deliveries.push(*delivery),
                Found::Damage(range) => self.keep_damage(dir, &file, range)?,
            }
        }
        Ok(deliveries)
    }

    /// The deliveries that can be read, oldest first.
    pub(super) fn read_whole(&self) -> io::Result<Vec<Delivery>> {
        let (_, found) = self.find()?;
        Ok(found
            .into_iter()
            .filter_map(|found| match found {
                Found::Delivery(delivery) => Some(*delivery),
                Found::Damage(_) => None,
            })
            .collect())
    }

    fn find(&self) -> io::Result<(Bytes, Vec<Found>)> {
        let file = Bytes::from(fs::read(&self.path)?);
        let found = record::read(self.marker, &file);
        Ok((file, found))
    }

    fn keep_damage(&self, dir: &Path, file: &Bytes, range: Range<usize>) -> io::Result<()> {
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let aside = dir.join(ASIDE).join(format!("{name}.{}", range.start));
        let bytes = file.slice(range.clone());
        if !aside.exists() {
            write_aside(&aside, &bytes)?;
            measure::set_aside();
        }
        let hint = if range.end == file.len() {
            "; at the end of a file it may be a delivery whose writing was cut off, which was not acknowledged"
        } else {
            ""
        };
        tracing::error!(
            file = %self.path.display(), offset = range.start, bytes.len = bytes.len(),
            aside = %aside.display(), "A stretch of the spool cannot be read and is kept aside{hint}"
        );
        Ok(())
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Keeps a delivery aside in a file of its own, in the form of the spool, named by its arrival's id.
pub(super) fn set_aside(dir: &Path, delivery: &Delivery) -> io::Result<PathBuf> {
    let marker = delivery.arrival.arrival_id;
    let aside = dir.join(ASIDE).join(format!("refused-{}", marker.simple()));
    if !aside.exists() {
        let mut bytes = Vec::new();
        record::write(&mut bytes, marker, delivery)?;
        write_aside(&aside, &bytes)?;
        measure::set_aside();
    }
    Ok(aside)
}

/// Whole or not at all.
fn write_aside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    // Left by a crash, if it is there.
    let _ = fs::remove_file(&unfinished);
    let mut file = create_file(Path::new(&unfinished))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Makes names in a folder durable.
fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
