//! Logs for process mining.

mod golden;
mod hostile;
mod read;
mod real;
mod whole;

use std::process::{Command, Output};

use crate::support::{
    cluster::TestDb,
    program::{printed, ticketlog},
};

/// `export` of tenant Cust1 in a format.
fn command(db: &TestDb, format: &str, more: &[&str]) -> Command {
    let mut command = ticketlog(["export", "Cust1", "--format", format]);
    command.args(more).args(["--database-url", &db.url()]);
    command
}

fn run(db: &TestDb, format: &str, more: &[&str]) -> Output {
    command(db, format, more).output().unwrap()
}

/// The log, and what was said about it.
fn export(db: &TestDb, format: &str, more: &[&str]) -> (String, String) {
    let output = run(db, format, more);
    let (log, said) = printed(&output);
    assert!(output.status.success(), "{said}");
    (log, said)
}

/// Records labels of tenant Cust1: rows of `list,id,label`.
fn label(db: &TestDb, rows: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("labels.csv");
    std::fs::write(&file, format!("list,id,label\n{rows}")).unwrap();
    let mut import = ticketlog(["labels", "import", "Cust1"]);
    let output = import
        .arg(file)
        .args(["--database-url", &db.url()])
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
}
