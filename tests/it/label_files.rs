//! Labels from files, and what is set for a tenant: through the program.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    path::Path,
    process::{Output, Stdio},
};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{
    app::TestApp,
    cluster::TestDb,
    payload,
    program::{printed, ticketlog},
};

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// Runs a command on a database; gives its exit code, what it printed and what it complained of.
fn run(db: &TestDb, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = ticketlog(["--database-url", &db.url()])
        .args(arguments)
        .output()
        .unwrap();
    let (out, err) = printed(&output);
    (output.status.code(), out, err)
}

/// A file with this content, in a folder of the test's own.
struct File {
    _folder: tempfile::TempDir,
    path: String,
}

impl File {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        fs::write(&path, content).unwrap();
        Self {
            path: path.to_str().unwrap().to_owned(),
            _folder: folder,
        }
    }
}

/// The four events of one real ticket.
fn import_ticket_45(db: &TestDb) {
    let mut events = String::new();
    let packed = fs::File::open(data("uci_incidents_3500.ndjson.gz")).unwrap();
    GzDecoder::new(packed).read_to_string(&mut events).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["PrimaryKey"] == 45 {
            writeln!(file, "{line}").unwrap();
        }
    }
    let (code, out, err) = run(db, &["import", file.path().to_str().unwrap()]);
    assert!(code == Some(0) && out.starts_with("4 stored"), "{out}{err}");
}

/// Every label in a timeline against those of the file; gives how many values there were.
fn compare(timeline: &[Value], known: &BTreeMap<(&str, i64), &str>) -> usize {
    let mut compared = 0;
    for entry in timeline {
        let actor = &entry["actor"];
        let label = known[&("changed_by", actor["id"].as_i64().unwrap())];
        assert_eq!(actor["label"], label);
        for change in entry["changes"].as_array().unwrap() {
            for side in ["from", "to"] {
                let Some(id) = change[side].as_i64() else {
                    continue;
                };
                let field = change["field"].as_str().unwrap();
                let expected = known.get(&(field, id)).copied();
                assert_eq!(
                    change[format!("{side}_label")].as_str(),
                    expected,
                    "{change}"
                );
                compared += 1;
            }
        }
    }
    compared
}

#[tokio::test]
async fn the_labels_of_real_histories_are_shown_on_them() {
    let db = TestDb::create().await;
    let file = data("uci_incidents_3500.labels.csv");
    let text = fs::read_to_string(&file).unwrap();
    // No field of this file is quoted.
    let mut known: BTreeMap<(&str, i64), &str> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let parts: Vec<&str> = line.splitn(3, ',').collect();
        known.insert((parts[0], parts[1].parse().unwrap()), parts[2]);
    }
    assert_eq!(known.len(), 2646);
    let file = file.to_str().unwrap();
    // Before there is any event.
    let (code, out, err) = run(&db, &["labels", "import", "Cust10498", file]);
    assert_eq!(
        (code, &*out),
        (Some(0), "2646 labels recorded, 0 bad\n"),
        "{err}"
    );
    import_ticket_45(&db);
    let (_, shown, _) = run(&db, &["timeline", "Cust10498", "45"]);
    let app = TestApp::start_with(db, false).await;
    let timeline = app
        .read_all("/v1/tenants/Cust10498/tickets/45/timeline?include=noise")
        .await;
    let compared = compare(&timeline, &known);
    assert!(compared > 12, "{compared}");
    assert!(shown.contains("status: 1 Active → 2 Closed"), "{shown}");
    assert!(
        shown.contains("ticket_status: 1 New → 7 Resolved"),
        "{shown}"
    );
    let actor = timeline[1]["actor"]["id"].as_i64().unwrap();
    assert!(
        shown.contains(&format!("{actor} {}", known[&("changed_by", actor)])),
        "{shown}"
    );
    let listed = app.read_all("/v1/tenants/Cust10498/labels?").await;
    // Built-in ones that the file leaves: status 0, 4, 5 and slevel 0.
    assert_eq!(listed.len(), 2650);
    let of_file = listed.iter().filter(|label| label["source"] == file);
    assert_eq!(of_file.count(), 2646);
}

#[tokio::test]
async fn a_file_may_be_written_in_many_ways() {
    let db = TestDb::create().await;
    for (tenant, content) in [
        ("Bom", "\u{feff}field,id,label\nstatus,1,Å\n".to_owned()),
        (
            "Order",
            "label,valid_from,ID,List\r\nÅ,,1,status\r\n".to_owned(),
        ),
        ("Semicolon", "field;id;label\nstatus;1;Å\n".to_owned()),
        ("Blanks", "field , id,label\n status , 1 ,Å\n\n".to_owned()),
        (
            "Quoted",
            "\"field\",\"id\",\"label\"\n\"status\",\"1\",\"Å\"".to_owned(),
        ),
    ] {
        let file = File::new(content);
        let (code, out, err) = run(&db, &["labels", "import", tenant, &file.path]);
        assert_eq!(
            (code, &*out),
            (Some(0), "1 labels recorded, 0 bad\n"),
            "{tenant}: {err}"
        );
        let (_, listed, _) = run(
            &db,
            &["labels", "list", tenant, "--list", "status", "--json"],
        );
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed["items"][1]["label"], "Å", "{tenant}");
        assert_eq!(listed["items"][1]["source"], json!(file.path));
    }
    let mut piped = ticketlog([
        "labels",
        "import",
        "Piped",
        "-",
        "--database-url",
        &db.url(),
    ])
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut stdin = piped.stdin.take().unwrap();
    stdin.write_all(b"field,id,label\npriority,1,High").unwrap();
    drop(stdin);
    let (out, _) = printed(&piped.wait_with_output().unwrap());
    assert_eq!(out, "1 labels recorded, 0 bad\n");
}

#[tokio::test]
async fn texts_in_quotes_formulas_and_endings_are_read_as_meant() {
    let db = TestDb::create().await;
    let odd = "field,id,label,valid_from\nticket_status,3,\"a, \"\"b\"\"\n<i>\",\n\
               ticket_status,3,=1+1,2025-01-01T00:00:00Z\nticket_status,3,,2025-02-01T00:00:00Z\n";
    let file = File::new(odd);
    let (code, ..) = run(
        &db,
        &["labels", "import", "Odd", &file.path, "--source", "by hand"],
    );
    assert_eq!(code, Some(0));
    let (_, listed, _) = run(
        &db,
        &["labels", "list", "Odd", "--list", "ticket_status", "--json"],
    );
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let labels: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["label"])
        .collect();
    assert_eq!(
        labels,
        [&json!("a, \"b\"\n<i>"), &json!("=1+1"), &Value::Null]
    );
    assert_eq!(listed["items"][0]["source"], "by hand");
    // A terminal gets one line, escaped.
    let (_, listed, _) = run(&db, &["labels", "list", "Odd", "--list", "ticket_status"]);
    assert!(
        listed.contains(r#"a, "b"\n<i>"#) && listed.contains("(none)"),
        "{listed}"
    );
    assert!(listed.ends_with("3 labels\n"), "{listed}");
}

#[tokio::test]
async fn a_bad_row_is_told_by_its_line_and_nothing_is_recorded() {
    let db = TestDb::create().await;
    let long = "x".repeat(1001);
    let mut content = format!(
        "field,id,label,valid_from\n\
         status,1,Running,\n\
         status,one,Running,\n\
         a b,1,x,\n\
         status,2,\"two\nlines\",\n\
         status,3,,\n\
         status,3,x,2025-01-01\n\
         status,3,{long},\n\
         status,1,Again,\n\
         status,3\n\
         status,3,nul\0,\n"
    )
    .into_bytes();
    content.extend(b"status,3,\xff,\n");
    let file = File::new(content);
    let (code, out, err) = run(&db, &["labels", "import", "T", &file.path]);
    assert_eq!((code, &*out), (Some(1), ""));
    let path = &file.path;
    for line in [
        "3: id must be an integer of 64 bits like 3, not \"one\"",
        "4: \"a b\" is no list",
        "7: a label has 1 to 1000 characters, and not only blanks",
        "8: \"2025-01-01\" is no instant like",
        "9: a label has 1 to 1000 characters, this one 1001",
        "10: its list, id and valid_from stands in line 2 too",
        "11: it has 2 fields, and there are 4 columns",
        "12: a label cannot hold the character NUL",
        "13: it is not UTF-8",
    ] {
        assert!(err.contains(&format!("{path}:{line}")), "{line}\n{err}");
    }
    assert!(
        err.contains("nothing was recorded, for 9 of 11 rows are bad"),
        "{err}"
    );
    let (_, listed, _) = run(&db, &["labels", "list", "T", "--list", "status"]);
    assert!(!listed.contains("Running"), "{listed}");
    let (code, out, _) = run(&db, &["labels", "import", "T", path, "--skip-bad"]);
    assert_eq!((code, &*out), (Some(2), "2 labels recorded, 9 bad\n"));
}

#[tokio::test]
async fn a_file_with_other_columns_is_told_what_they_should_be() {
    let db = TestDb::create().await;
    for (content, complaint) in [
        ("", "the column \"field\" is missing"),
        ("status,1,x\n", "there is no column \"status\""),
        ("field,id\nstatus,1\n", "the column \"label\" is missing"),
        (
            "field,id,label,rank\n",
            "there is no column \"rank\"; the first row names the columns: field, id, label, valid_from",
        ),
        ("field,id,label,id\n", "the column \"id\" stands twice"),
    ] {
        let file = File::new(content);
        let (code, _, err) = run(&db, &["labels", "import", "T", &file.path]);
        assert!(
            code == Some(1) && err.contains(complaint),
            "{content}: {err}"
        );
    }
    let (code, _, err) = run(&db, &["labels", "import", "T", "/nowhere/labels.csv"]);
    assert!(
        code == Some(1) && err.contains("/nowhere/labels.csv"),
        "{err}"
    );
}

#[tokio::test]
async fn the_bridge_comes_from_a_file_too() {
    let db = TestDb::create().await;
    let file = File::new("owner,actor\n8,19\n9,20\n");
    let (code, out, err) = run(&db, &["labels", "bridge", "Cust1", &file.path]);
    assert_eq!(
        (code, &*out),
        (Some(0), "2 pairs recorded, 0 bad\n"),
        "{err}"
    );
    // 20 goes over to 8, and 9 stands alone.
    let file = File::new("actor,owner\n20,8\n");
    assert_eq!(
        run(&db, &["labels", "bridge", "Cust1", &file.path]).0,
        Some(0)
    );
    let (_, shown, _) = run(&db, &["labels", "bridge", "Cust1", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let pairs: Vec<(&Value, &Value)> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (&pair["owner"], &pair["actor"]))
        .collect();
    assert_eq!(pairs, [(&json!(8), &json!(20))]);
    let file = File::new("owner,actor\n8,19\n9,19\n8,x\n");
    let (code, _, err) = run(&db, &["labels", "bridge", "Cust1", &file.path]);
    assert_eq!(code, Some(1));
    assert!(err.contains(":3: its actor stands in line 2 too"), "{err}");
    assert!(err.contains(":4: actor must be an integer"), "{err}");
    let file = File::new("owner,actor\n8,\n");
    run(&db, &["labels", "bridge", "Cust1", &file.path]);
    let (_, shown, _) = run(&db, &["labels", "bridge", "Cust1"]);
    assert_eq!(shown, "no owner is joined with an actor\n");
}

#[tokio::test]
async fn a_tenant_has_a_time_zone() {
    let db = TestDb::create().await;
    let (code, out, _) = run(&db, &["tenant", "show", "Cust1"]);
    assert_eq!(
        (code, &*out),
        (Some(0), "tenant: Cust1\nzone: none, which means UTC\n")
    );
    let (code, out, _) = run(&db, &["tenant", "set", "Cust1", "--zone", "europe/oslo"]);
    assert_eq!(
        (code, &*out),
        (Some(0), "tenant: Cust1\nzone: Europe/Oslo\n")
    );
    let (code, _, err) = run(&db, &["tenant", "set", "Cust1", "--zone", "Europe/Olso"]);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("there is no time zone \"Europe/Olso\"; did you mean Europe/Oslo"),
        "{err}"
    );
    let (_, out, _) = run(&db, &["tenant", "show", "Cust1"]);
    assert!(out.ends_with("zone: Europe/Oslo\n"));
    let app = TestApp::start_with(db, false).await;
    for tenant in ["Cust1", "Cust2"] {
        app.deliver(payload::created(1).tenant(tenant))
            .await
            .assert(200);
    }
    let tenants = app.read("/v1/tenants").await;
    assert_eq!(tenants["items"][0]["zone"], "Europe/Oslo");
    assert_eq!(tenants["items"][1]["zone"], Value::Null);
}

#[tokio::test]
async fn a_tenant_whose_zone_is_null_counts_in_utc() {
    let db = TestDb::create().await;
    let mut session = db.connect().await;
    // What is set for a tenant before its zone is.
    session
        .execute("INSERT INTO tenant_setting (tenant) VALUES ('Cust1')")
        .await
        .unwrap();
    let unknown = "UPDATE tenant_setting SET zone = 'Mars/Base'";
    let refused = session.execute(unknown).await.unwrap_err();
    assert!(refused.to_string().contains("Mars/Base"), "{refused}");
    let app = TestApp::start_with(db, false).await;
    app.deliver(
        payload::created(1)
            .tenant("Cust1")
            .at("2025-05-01T23:30:00Z"),
    )
    .await
    .assert(200);
    app.settle().await;
    let local = "SELECT count(*) FROM report.ticket WHERE first_local = '2025-05-01 23:30'";
    let zone = "SELECT count(*) FROM report.tenant WHERE zone = 'UTC'";
    let day = async |app: &TestApp| {
        let report = app.read("/v1/tenants/Cust1/reports/throughput?until=2025-05-03T00:00:00Z");
        report.await["items"][0]["day"].clone()
    };
    assert_eq!((app.count(local).await, app.count(zone).await), (1, 1));
    assert_eq!(day(&app).await, "2025-05-01");
    let tenants = app.read("/v1/tenants").await;
    assert_eq!(tenants["items"][0]["zone"], Value::Null);
    let (code, out, _) = run(&app.db, &["tenant", "show", "Cust1"]);
    assert_eq!(
        (code, &*out),
        (Some(0), "tenant: Cust1\nzone: none, which means UTC\n")
    );
    run(
        &app.db,
        &["tenant", "set", "Cust1", "--zone", "Europe/Oslo"],
    );
    assert_eq!((app.count(local).await, app.count(zone).await), (0, 0));
    assert_eq!(day(&app).await, "2025-05-02");
}
