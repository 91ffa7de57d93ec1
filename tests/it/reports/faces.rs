//! A report by all the ways there are: over REST, in the terminal, and its file as psql runs it.

use std::{path::Path, process::Command};

use serde_json::{Map, Value};

use crate::support::{
    app::TestApp,
    program::{printed, ticketlog},
};

/// The answer of a report over REST, after holding it against the other ways.
pub(super) async fn ask(
    app: &TestApp,
    tenant: &str,
    report: &str,
    given: &[(&str, &str)],
) -> Vec<Value> {
    let rest = over_rest(app, tenant, report, given).await;
    assert_eq!(
        in_the_terminal(app, tenant, report, given),
        rest,
        "{report} {given:?}"
    );
    let by_psql = by_psql(app, tenant, report, given);
    let shown: Vec<Map<String, Value>> = rest.iter().map(as_csv_shows).collect();
    assert_eq!(by_psql, shown, "{report} {given:?}");
    rest
}

pub(super) async fn over_rest(
    app: &TestApp,
    tenant: &str,
    report: &str,
    given: &[(&str, &str)],
) -> Vec<Value> {
    let given: Vec<_> = given
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let query = serde_html_form::to_string(&given).unwrap();
    let path = format!("/v1/tenants/{tenant}/reports/{report}?{query}");
    let answer = app.read(&path).await;
    assert_eq!(answer["report"], report);
    answer["items"].as_array().unwrap().clone()
}

fn in_the_terminal(
    app: &TestApp,
    tenant: &str,
    report: &str,
    given: &[(&str, &str)],
) -> Vec<Value> {
    let mut command = ticketlog(["report", report, "--json", "--tenant", tenant]);
    command.args(["--database-url", &app.db.url()]);
    for (name, value) in given {
        command.arg(format!("--{}={value}", name.replace('_', "-")));
    }
    let (out, err) = printed(&command.output().unwrap());
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{err}"));
    answer["items"].as_array().unwrap().clone()
}

fn by_psql(
    app: &TestApp,
    tenant: &str,
    report: &str,
    given: &[(&str, &str)],
) -> Vec<Map<String, Value>> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/store/reports/{report}.sql"));
    let mut command = Command::new("psql");
    command
        .env("PGTZ", "UTC")
        .args([
            "-X",
            "--csv",
            "-v",
            "ON_ERROR_STOP=1",
            "-P",
            "null=<null>",
            &app.db.url(),
        ])
        .arg("-v")
        .arg(format!("tenant={tenant}"));
    for (name, value) in given {
        command.arg("-v").arg(format!("{name}={value}"));
    }
    let (out, err) = printed(&command.arg("-f").arg(file).output().unwrap());
    assert_eq!(err, "", "{report} {given:?}");
    let mut table = csv::Reader::from_reader(out.as_bytes());
    let columns: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |row: csv::StringRecord| {
        let cells = columns.iter().cloned().zip(row.iter().map(cell));
        cells.collect()
    };
    table.records().map(|record| row(record.unwrap())).collect()
}

/// What psql shows of a value, as near to JSON as its text is.
fn cell(text: &str) -> Value {
    match text {
        "<null>" => Value::Null,
        "t" => Value::from("true"),
        "f" => Value::from("false"),
        // An instant: JSON has a T and the minutes of the offset.
        _ if text.ends_with("+00") => Value::from(format!("{}:00", text.replacen(' ', "T", 1))),
        // Numbers are compared as such: 1e+06 is 1000000.
        _ => text
            .parse::<f64>()
            .map_or_else(|_| Value::from(text), rounded),
    }
}

/// Without the last digits, in which a reader of JSON may be wrong.
fn rounded(number: f64) -> Value {
    Value::from(format!("{number:.12e}"))
}

fn as_csv_shows(item: &Value) -> Map<String, Value> {
    let shown = item.as_object().unwrap().iter().map(|(name, value)| {
        let value = match value {
            Value::Null => Value::Null,
            Value::String(text) => text.parse::<f64>().map_or_else(|_| value.clone(), rounded),
            Value::Number(number) => rounded(number.as_f64().unwrap()),
            other => Value::from(other.to_string()),
        };
        (name.clone(), value)
    });
    shown.collect()
}
