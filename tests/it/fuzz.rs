//! The fuzz targets over their checked-in corpus: known shapes, and whatever a fuzzer once broke.

use std::{fs, path::Path};

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "also a crate of its own")]
mod targets;

/// Runs a target over its corpus; a body that breaks it is named by the panic's context.
fn run(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let bytes = fs::read(&file).unwrap();
        let done = std::panic::catch_unwind(|| holds(&bytes));
        assert!(done.is_ok(), "{} breaks it", file.display());
        files += 1;
    }
    assert!(files > 10, "{target} has a corpus of {files}");
}

#[test]
fn whatever_a_body_holds_it_is_read() {
    run("body", targets::body);
}

#[test]
fn one_text_is_one_signature() {
    run("signature", targets::signature);
}

#[test]
fn one_text_is_one_cursor() {
    run("cursor", targets::cursor);
}
