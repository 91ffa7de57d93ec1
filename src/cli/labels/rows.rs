//! The rows of a CSV file that an operator brings.

use std::{io::Read, path::Path, process::ExitCode};

use anyhow::{Context, bail, ensure};
use clap::Args;
use csv::ByteRecord;

use crate::{
    cli::lines,
    domain::label::{NewRow, Subjects},
};

/// Largest file, in bytes, unpacked: a million labels. All of it is recorded at once.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Most bad rows that are shown one by one.
const MAX_SHOWN: usize = 20;

/// What all files of rows have in common.
#[derive(Debug, Args)]
pub(in crate::cli) struct FileArgs {
    /// Record under this name where the rows came from, instead of the file's.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Record the good rows even if some are bad.
    #[arg(long)]
    skip_bad: bool,
}

/// The columns of a file, in the order in which rows are given to their reader.
pub(super) struct Columns {
    /// Those that a file must have, each with all its names; the first is told to people.
    pub(super) needed: &'static [&'static [&'static str]],
    /// One that it may have.
    pub(super) optional: Option<&'static str>,
}

/// What a file held.
pub(super) struct Rows<T> {
    /// The rows that can be recorded.
    pub(super) good: Vec<T>,
    /// The others, as `file:line: why`.
    bad: Vec<String>,
    /// Where they are said to come from.
    pub(super) source: String,
}

/// Reads a file whose first row names its columns, in any order; commas or semicolons between them, UTF-8
/// with or without a byte order mark, plain or packed by gzip. `read` makes a row of the fields in the
/// order of `columns`; a field of a column that the file has not is `None`.
///
/// # Errors
/// If the file cannot be read or does not have these columns. A bad row is none.
pub(super) fn read<T: NewRow>(
    file: &Path,
    args: &FileArgs,
    columns: &Columns,
    read: impl Fn(&[Option<&str>]) -> Result<T, String>,
) -> anyhow::Result<Rows<T>> {
    let shown = file.display();
    let bytes = bytes(file).with_context(|| format!("reading {shown}"))?;
    let mut records = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter(&bytes))
        .from_reader(bytes.as_slice());
    let header = records
        .byte_headers()
        .context("reading the first row")?
        .clone();
    let places = places(&header, columns).with_context(|| format!("{shown}, line 1"))?;
    let given = args.source.clone();
    let source = given.unwrap_or_else(|| file.to_string_lossy().into_owned());
    let mut rows = Rows {
        good: Vec::new(),
        bad: Vec::new(),
        source: source.replace('\0', "\u{FFFD}"),
    };
    let mut subjects = Subjects::default();
    for record in records.byte_records() {
        let record = record.with_context(|| format!("reading {shown}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = fields(&record, header.len(), &places).and_then(|fields| read(&fields));
        let row = row.and_then(|row| match subjects.take(&row, line) {
            None => Ok(row),
            Some((called, before)) => Err(format!(
                "its {called} stands in line {before} too: say it once"
            )),
        });
        match row {
            Ok(row) => rows.good.push(row),
            Err(why) => rows.bad.push(format!("{shown}:{line}: {why}")),
        }
    }
    Ok(rows)
}

impl<T> Rows<T> {
    /// Tells of the bad rows.
    ///
    /// # Errors
    /// If there are any, unless they are to be skipped.
    pub(super) fn report(&self, args: &FileArgs) -> anyhow::Result<()> {
        for bad in self.bad.iter().take(MAX_SHOWN) {
            eprintln!("{bad}");
        }
        if let Some(more) = self
            .bad
            .len()
            .checked_sub(MAX_SHOWN)
            .filter(|more| *more > 0)
        {
            eprintln!("… and {more} more");
        }
        if !self.bad.is_empty() && !args.skip_bad {
            bail!(
                "nothing was recorded, for {} of {} rows are bad: mend them, or leave them out with --skip-bad",
                self.bad.len(),
                self.bad.len() + self.good.len()
            );
        }
        Ok(())
    }

    /// 0 if all rows were good, else 2.
    pub(super) fn exit_code(&self) -> ExitCode {
        if self.bad.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        }
    }

    /// How many there were of each.
    pub(super) fn summary(&self, what: &str) -> String {
        format!(
            "{} {what} recorded, {} bad",
            self.good.len(),
            self.bad.len()
        )
    }
}

/// An integer as a field.
pub(super) fn integer(name: &str, text: &str) -> Result<i64, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("{name} must be an integer of 64 bits like 3, not \"{text}\""))
}

fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    lines::check(file)?;
    let read = lines::open(file)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    ensure!(
        u64::try_from(read).is_ok_and(|read| read <= MAX_FILE_BYTES),
        "it is larger than {} MiB",
        MAX_FILE_BYTES >> 20
    );
    Ok(bytes)
}

/// Semicolons where the first row has no comma: so spreadsheets write where the comma is the decimal
/// point's.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if first.contains(&b';') && !first.contains(&b',') {
        b';'
    } else {
        b','
    }
}

/// Where each column stands.
fn places(header: &ByteRecord, columns: &Columns) -> anyhow::Result<Vec<Option<usize>>> {
    let names: Vec<String> = header
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    let known = || {
        let needed = columns.needed.iter().copied();
        let optional: &[&str] = columns.optional.as_slice();
        needed.chain([optional])
    };
    let told = || {
        let told = known().filter_map(|all| all.first().copied());
        told.collect::<Vec<_>>().join(", ")
    };
    for (at, name) in names.iter().enumerate() {
        ensure!(
            known().any(|all| all.contains(&name.as_str())),
            "there is no column \"{name}\"; the first row names the columns: {}",
            told()
        );
        let before = names.get(..at).unwrap_or_default();
        ensure!(!before.contains(name), "the column \"{name}\" stands twice");
    }
    let find = |all: &[&str]| names.iter().position(|name| all.contains(&name.as_str()));
    for all in columns.needed {
        ensure!(
            find(all).is_some(),
            "the column \"{}\" is missing; the first row names the columns: {}",
            all.first().unwrap_or(&""),
            told()
        );
    }
    Ok(known().map(find).collect())
}

/// The fields of a row in the order of the columns.
fn fields<'a>(
    record: &'a ByteRecord,
    columns: usize,
    places: &[Option<usize>],
) -> Result<Vec<Option<&'a str>>, String> {
    if record.len() != columns {
        return Err(format!(
            "it has {} fields, and there are {columns} columns; a text with a comma stands in quotes",
            record.len()
        ));
    }
    let field = |place: &Option<usize>| {
        let bytes = place.and_then(|place| record.get(place));
        bytes.map(str::from_utf8).transpose()
    };
    let fields: Result<Vec<_>, _> = places.iter().map(field).collect();
    fields.map_err(|_| "it is not UTF-8".to_owned())
}
