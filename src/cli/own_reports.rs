//! Reports of the operator's own: files in a folder, beside those that come with the program.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context;
use tokio::sync::watch;

use crate::{
    domain::report::{Broken, Report},
    store::{Store, built_in_reports},
};

/// What is in the folder.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// By name.
    pub(super) reports: Vec<Report>,
    /// The files that are none.
    pub(super) broken: Broken,
}

/// Reads the files of a folder that end in `.sql`. One that is no report is named in the log, with the line at which
/// it is none.
pub(super) fn load(folder: &Path) -> anyhow::Result<Loaded> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("reading the folder of reports {}", folder.display()))?;
    let mut files = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.insert(path);
        }
    }
    let mut loaded = Loaded::default();
    for file in files {
        match read(&file) {
            Ok(report) => loaded.reports.push(report),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(file = %file.display(), %error, "A file is no report and was left out");
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                loaded.broken.insert(name.into_owned(), error);
            }
        }
    }
    Ok(loaded)
}

fn read(file: &Path) -> anyhow::Result<Report> {
    let name = file
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    anyhow::ensure!(
        !name.is_empty() && name.len() <= 64 && name.chars().all(plain),
        "its name, which is the report's, is not 1 to 64 letters, digits, _ and -"
    );
    anyhow::ensure!(
        built_in_reports().iter().all(|report| report.name != name),
        "a report of that name comes with the program"
    );
    let text = fs::read_to_string(file)?;
    Ok(Report::parse_own(name, &text)?)
}

/// Has Postgres look at the reports; names in the log and among the broken ones what it has against one.
pub(super) async fn check(reports: &[Report], broken: &watch::Sender<Broken>, store: &Store) {
    for report in reports {
        let name = report.name.as_str();
        match store.check_report(report).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(report = name, %error, "Postgres cannot run a report of yours");
                broken.send_modify(|broken| {
                    broken.insert(format!("{name}.sql"), error.to_string());
                });
            }
            Err(error) => {
                tracing::error!(report = name, %error, "Could not check a report of yours");
            }
        }
    }
}
