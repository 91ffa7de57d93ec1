//! The house holds: who may import whom, who may name which library, and what may be linked.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each room with the rooms whose modules it may name.
const MAY_IMPORT: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("render", &["domain"]),
    ("store", &["domain", "clock"]),
    ("ingest", &["domain", "store", "measure"]),
    ("project", &["domain", "store"]),
    (
        "http",
        &["domain", "store", "ingest", "render", "clock", "measure"],
    ),
    ("postgres", &[]),
    ("config", &["postgres"]),
    ("clock", &[]),
    ("measure", &[]),
    ("telemetry", &[]),
];

#[test]
fn imports_run_one_way() {
    for (room, allowed) in MAY_IMPORT {
        for (file, text) in sources(room) {
            for imported in imported_rooms(&text) {
                let fine = imported == room || allowed.contains(&imported.as_str());
                assert!(fine, "{} imports crate::{imported}", file.display());
            }
        }
    }
}

#[test]
fn only_the_store_names_sqlx_and_only_http_names_axum() {
    for (library, rooms) in [("sqlx", &["store"][..]), ("axum", &["http"])] {
        for (file, text) in all_sources() {
            let room = room_of(&file);
            let named = text.lines().any(|line| {
                // Neither comments nor texts.
                let code: String = line
                    .split("//")
                    .next()
                    .unwrap()
                    .split('"')
                    .step_by(2)
                    .collect();
                code.contains(&format!("{library}::")) || code.contains(&format!("use {library}"))
            });
            assert!(
                !named || rooms.contains(&room.as_str()),
                "{} names {library}",
                file.display()
            );
        }
    }
}

#[test]
fn nothing_needs_openssl_http2_or_a_git_checkout_and_the_big_ones_come_once() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let names: Vec<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .collect();
    for unwanted in ["openssl", "openssl-sys", "native-tls", "h2"] {
        assert!(!names.contains(&unwanted), "{unwanted} is linked");
    }
    assert!(
        !lock.contains("git+"),
        "a dependency comes from a git checkout"
    );
    for once in ["axum", "hyper", "sqlx", "tokio"] {
        assert_eq!(
            names.iter().filter(|name| **name == once).count(),
            1,
            "{once}"
        );
    }
}

/// Rooms named as `crate::room` or in a group `crate::{room::…, …}`.
fn imported_rooms(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = text.split_at(at + "crate::".len()).1;
        match rest.strip_prefix('{') {
            None => {
                rooms.insert(word(rest));
            }
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            rooms.insert(word(group.split_at(at).1));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    rooms
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn room_of(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let found: Vec<_> = all_sources()
        .into_iter()
        .filter(|(file, _)| room_of(file) == room)
        .collect();
    assert!(!found.is_empty(), "there is no {room}");
    found
}

fn all_sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    sources
}
