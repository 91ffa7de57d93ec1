//! docs/reports.md says of every report what its file says, and its examples give what it shows.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ticketlog::store::built_in_reports;

use crate::support::{app::TestApp, cluster::TestDb, program::printed};

/// The SQL user of the examples: a role is of the whole cluster, which tests share.
const READER: &str = "acme_bi";

/// Where the service of the examples listens.
const SERVICE: &str = "http://127.0.0.1:8080";

/// Between the outputs of two commands: no command prints it.
const MARK: &str = "\u{1e}";

/// A command of a block `console`, and what stands below it.
#[derive(Debug)]
struct Example<'a> {
    command: String,
    lines: Vec<&'a str>,
}

/// A piece of the page: text as it stands, or an example.
#[derive(Debug)]
enum Piece<'a> {
    Text(&'a str),
    Example(Example<'a>),
}

/// Takes the page apart. A command begins with `$ ` and goes on after a line that ends with a backslash; what follows
/// up to the next one, or the end of the block, is what it prints.
fn pieces(page: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut inside = false;
    let mut unfinished = false;
    for line in page.lines() {
        match (&mut pieces[..], line.strip_prefix("$ ")) {
            _ if line.starts_with("```") => {
                inside = line == "```console";
                pieces.push(Piece::Text(line));
                continue;
            }
            ([.., Piece::Example(example)], _) if inside && unfinished => {
                example.command.push('\n');
                example.command.push_str(line);
            }
            (_, Some(command)) if inside => {
                let command = command.to_owned();
                let lines = Vec::new();
                pieces.push(Piece::Example(Example { command, lines }));
            }
            ([.., Piece::Example(example)], None) if inside => {
                example.lines.push(line);
                continue;
            }
            _ => {
                pieces.push(Piece::Text(line));
                continue;
            }
        }
        unfinished = line.ends_with('\\');
    }
    pieces
}

fn page() -> String {
    fs::read_to_string(root().join("docs/reports.md")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fresh() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports.md")
}

/// What each command prints, run one after the other by one shell that stands where the sources are. What it asks of
/// `ticketlog` and of the service it asks of this test's. And what all of them complained of.
fn run(app: &TestApp, commands: &[&str]) -> (Vec<String>, String) {
    let mut script = String::new();
    for command in commands {
        let command = command.replace(SERVICE, &app.url);
        let command = command.replace(READER, &format!("{READER}_{}", app.db.name));
        writeln!(script, "{command}\nprintf '{MARK}'").unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_ticketlog")).parent().unwrap();
    let mut path = program.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(root())
        .env("PATH", path)
        .env("DATABASE_URL", app.db.url())
        .env("PGTZ", "UTC")
        .env_remove("TICKETLOG_DATA_DIR")
        .output()
        .unwrap();
    let (out, err) = printed(&output);
    let outputs: Vec<String> = out.split_terminator(MARK).map(str::to_owned).collect();
    assert_eq!(outputs.len(), commands.len(), "{out}\n{err}");
    (outputs, err)
}

/// Its lines without blanks at their ends, and without empty ones at the end.
fn lines(output: &str) -> Vec<&str> {
    output.trim_end().lines().map(str::trim_end).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_the_reports_give_what_the_page_shows() {
    let page = page();
    let pieces = pieces(&page);
    let examples: Vec<&Example<'_>> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Example(example) => Some(example),
            Piece::Text(_) => None,
        })
        .collect();
    let app = TestApp::start_with(TestDb::create().await, false).await;
    let commands: Vec<&str> = examples.iter().map(|it| it.command.as_str()).collect();
    let (outputs, complaints) = run(&app, &commands);
    let mut stale = Vec::new();
    for (example, output) in examples.iter().zip(&outputs) {
        if example.lines != lines(output) {
            stale.push(format!("$ {}\n{output}", example.command));
        }
    }
    let mut outputs = outputs.iter();
    let mut text = String::new();
    for piece in &pieces {
        match piece {
            Piece::Text(line) => writeln!(text, "{line}").unwrap(),
            Piece::Example(example) => {
                writeln!(text, "$ {}", example.command).unwrap();
                for line in lines(outputs.next().unwrap()) {
                    writeln!(text, "{line}").unwrap();
                }
            }
        }
    }
    fs::write(fresh(), text).unwrap();
    assert!(
        stale.is_empty(),
        "{} examples of docs/reports.md are stale; look at what they print now, and refresh them: \
         cp {} docs/reports.md\n{}\n{complaints}",
        stale.len(),
        fresh().display(),
        stale.join("\n")
    );
}

#[test]
fn the_page_says_of_every_report_what_its_file_says() {
    let page = page();
    let sections: Vec<(&str, &str)> = page
        .split("\n### `")
        .skip(1)
        .map(|section| section.split_once("`\n").unwrap())
        .collect();
    let names: Vec<&str> = built_in_reports()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let told: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    assert_eq!(told, names);
    for (report, (name, section)) in built_in_reports().iter().zip(&sections) {
        let head = format!("\n**{}**\n\n{}\n", report.question, report.definition);
        assert!(section.starts_with(&head), "{name}: not {head}");
        let rows = report.parameters.iter().map(|parameter| {
            let default = match parameter.default.as_str() {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            format!("| `{}` | {default} | {} |", parameter.name, parameter.about)
        });
        let rows: Vec<String> = rows.collect();
        let shown = section.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(shown.collect::<Vec<_>>(), rows, "{name}");
        // Each is asked by its name and by its file.
        let asked = |command: &str| {
            let examples = pieces(section).into_iter();
            examples
                .filter(|piece| matches!(piece, Piece::Example(it) if it.command.contains(command)))
                .count()
        };
        assert!(asked(&format!("ticketlog report {name} ")) > 0, "{name}");
        assert!(
            asked(&format!("-f src/store/reports/{name}.sql")) > 0,
            "{name}"
        );
    }
}
