//! Reports of the operator's own: whatever their SQL does, it does it as one tenant's reader.

use std::fs;

use serde_json::{Value, json};
use ticketlog::domain::{ids::Tenant, report::Report};

use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
    payload::{changed, created},
    program::{printed, ticketlog},
};

const HEAD: &str = "-- What is asked here.\n--\n-- tenant: tenant. Whose.\n\
    \\if :{?tenant} \\else \\echo 'psql -v tenant=…' \\quit \\endif\n";

/// A service with these reports, and an event each of two tenants.
async fn start(reports: &[(&str, &str)]) -> TestApp {
    let reports = reports
        .iter()
        .map(|(name, sql)| Report::parse_own(name, &format!("{HEAD}{sql}")).unwrap());
    let setup = Setup {
        own_reports: reports.collect(),
        ..Setup::default()
    };
    let app = TestApp::set_up(TestDb::create().await, setup).await;
    for tenant in ["Cust1", "Cust2"] {
        app.deliver(created(1).tenant(tenant)).await.assert(200);
        app.deliver(
            changed(1)
                .tenant(tenant)
                .set("status", 2)
                .at("2025-05-20T00:00:00Z"),
        )
        .await
        .assert(200);
    }
    app.settle().await;
    app
}

async fn items(app: &TestApp, report: &str) -> Value {
    app.read(&format!("/v1/tenants/Cust1/reports/{report}"))
        .await["items"]
        .clone()
}

#[tokio::test]
async fn a_report_of_ones_own_is_answered_and_sees_one_tenant() {
    let counts = "SELECT tenant, count(*) AS events FROM report.event GROUP BY tenant";
    let app = start(&[
        ("mine", counts),
        (
            "named",
            "SELECT count(*) FROM event WHERE tenant = :'tenant'",
        ),
    ])
    .await;
    // It asks for all.
    assert_eq!(
        items(&app, "mine").await,
        json!([{"tenant": "Cust1", "events": 2}])
    );
    assert_eq!(
        items(&app, "mine").await,
        json!([{"tenant": "Cust1", "events": 2}])
    );
    assert_eq!(items(&app, "named").await, json!([{"count": 2}]));
    let other = app.read("/v1/tenants/Cust2/reports/mine").await;
    assert_eq!(other["items"], json!([{"tenant": "Cust2", "events": 2}]));
    let all = app.read("/v1/tenants/Cust1/reports").await;
    let names = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["report"].as_str().unwrap());
    assert_eq!(
        names
            .filter(|name| ["mine", "named", "reopens"].contains(name))
            .count(),
        3
    );
    let csv = app.get("/v1/tenants/Cust1/reports/mine?format=csv").await;
    assert_eq!(csv.body, "tenant,events\r\nCust1,2\r\n");
}

#[tokio::test]
async fn a_report_that_takes_long_is_no_warning_with_its_sql_in_it() {
    let app = start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let slow =
        format!("{HEAD}SELECT count(*) FROM report.event, pg_sleep(1.1) WHERE tenant = :'tenant'");
    fs::write(folder.path().join("slow.sql"), slow).unwrap();
    let mut command = ticketlog(["report", "slow", "--tenant", "Cust1", "--json"]);
    command.arg("--reports").arg(folder.path());
    command.args(["--database-url", &app.db.url()]);
    let (out, err) = printed(&command.output().unwrap());
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{err}"));
    assert_eq!(answer["items"], json!([{"count": 2}]));
    assert_eq!(err, "");
}

#[tokio::test]
async fn no_report_gets_out_of_its_role() {
    let as_service = "query_to_xml('SELECT count(*) FROM public.event', true, false, '')::text";
    let attempts = [
        ("table", "SELECT count(*) FROM public.event".to_owned()),
        (
            "readers",
            "SELECT count(*) FROM public.report_reader".to_owned(),
        ),
        (
            "role",
            format!("SELECT set_config('role', 'none', true), {as_service}"),
        ),
        (
            "authorization",
            format!("SELECT set_config('session_authorization', 'ticketlog', true), {as_service}"),
        ),
        (
            "write",
            "INSERT INTO report.change DEFAULT VALUES".to_owned(),
        ),
        ("file", "SELECT pg_read_file('/etc/passwd')".to_owned()),
        ("large_object", "SELECT lo_create(0)".to_owned()),
        ("two", "SELECT 1; DROP TABLE public.event".to_owned()),
    ];
    let reports: Vec<(&str, &str)> = attempts
        .iter()
        .map(|(name, sql)| (*name, sql.as_str()))
        .collect();
    let app = start(&reports).await;
    for (name, sql) in &attempts {
        let answer = app.get(&format!("/v1/tenants/Cust1/reports/{name}")).await;
        let problem = answer.assert(500);
        assert_eq!(problem["type"], "urn:ticketlog:bad-report", "{sql}");
    }
    // What it can do to its own session it can do to no other's.
    let open = "SELECT set_config('role', 'none', true) IS NOT NULL AS set, (SELECT count(*) FROM report.event) AS events";
    let app = start(&[("open", open)]).await;
    assert_eq!(
        items(&app, "open").await,
        json!([{"set": true, "events": 2}])
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 4);
}

#[tokio::test]
async fn a_broken_report_is_named_with_its_line_and_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("good.sql", &format!("{HEAD}SELECT 1 AS one;\n"));
    write("no_question.sql", "SELECT 1");
    write(
        "unknown.sql",
        &format!("{HEAD}SELECT 1\nWHERE :'year' = '2025'"),
    );
    write("reopens.sql", &format!("{HEAD}SELECT 1"));
    write("bad name.sql", &format!("{HEAD}SELECT 1"));
    write("notes.txt", "nothing");
    let mut command = ticketlog(["report", "--reports"]);
    let (out, log) = printed(&command.arg(folder.path()).output().unwrap());
    assert!(
        out.contains(" good ") && out.contains("What is asked here."),
        "{out}"
    );
    for (name, why) in [
        ("no_question.sql", "line 1: it takes no tenant"),
        ("unknown.sql", "line 6: there is no parameter year"),
        (
            "reopens.sql",
            "a report of that name comes with the program",
        ),
        ("bad name.sql", "1 to 64 letters, digits, _ and -"),
    ] {
        let line = log
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("{name}: {log}"));
        assert!(line.contains(why), "{line}");
    }
    assert!(!log.contains("notes.txt"));
    // What only Postgres can tell.
    let db = TestDb::create().await;
    for (sql, line, why) in [
        (
            "SELECT 1\nFROM report.chnage",
            6,
            "relation \"report.chnage\" does not exist",
        ),
        ("SELECT ticket,,\nevent_id FROM change", 5, "syntax error"),
        (
            "SELECT 1 AS one FROM change WHERE tenant = :'tenant'\nAND fild = 'x'",
            6,
            "column \"fild\" does not exist",
        ),
    ] {
        let report = Report::parse("mine", &format!("{HEAD}{sql}")).unwrap();
        let error = db.store.check_report(&report).await.unwrap().unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(why), "{error}");
    }
    let fine = Report::parse(
        "mine",
        &format!("{HEAD}SELECT 1 FROM change WHERE tenant = :'tenant';"),
    )
    .unwrap();
    assert_eq!(db.store.check_report(&fine).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_report_of_ones_own_gives_64_mib_at_most_and_says_that_there_is_more() {
    let db = TestDb::create().await;
    let app = TestApp::start_with(db, false).await;
    app.deliver(created(1)).await.assert(200);
    let tenant = Tenant::parse("Cust1").unwrap();
    let run = async |sql: &str| {
        let report = Report::parse_own("mine", &format!("{HEAD}{sql}")).unwrap();
        let arguments = report.read(&tenant, &[]).unwrap();
        let answer = app.db.store.run_report(&tenant, &report, &arguments).await;
        answer.unwrap().found
    };
    // A megabyte a row, and 11 bytes: of 100, 63 are 64 MiB at most.
    let many = run("SELECT repeat('x', 1048576) AS wide FROM generate_series(1, 100)").await;
    assert_eq!((many.rows.len(), many.capped), (63, true));
    // A small one after a large one is not shown as if nothing had been left out.
    let sizes = "SELECT repeat('x', size) AS wide FROM unnest(ARRAY[1, 100000000, 1]) AS size";
    let one = run(sizes).await;
    assert_eq!((one.rows.len(), one.capped), (1, true));
    let whole = run("SELECT repeat('x', 1048576) AS wide FROM generate_series(1, 63)").await;
    assert_eq!((whole.rows.len(), whole.capped), (63, false));
}

#[tokio::test]
async fn an_answer_that_is_cut_says_so_in_every_form() {
    let nth = "SELECT nth FROM generate_series(1, 100001) AS nth";
    let one = "SELECT 1 AS nth";
    let app = start(&[("many", nth), ("one", one)]).await;
    // Of which the beginning is missing.
    app.deliver(changed(2)).await.assert(200);
    app.settle().await;
    for (report, capped) in [("many", "true"), ("one", "false")] {
        let path = format!("/v1/tenants/Cust1/reports/{report}");
        let json = app.read(&path).await;
        assert_eq!(json["capped"].to_string(), capped);
        assert!(json["suspect_share"].as_f64().unwrap() > 0.0, "{report}");
        for format in ["csv", "ndjson", "json"] {
            let answer = app.get(&format!("{path}?format={format}")).await;
            let header = |name: &str| answer.headers[name].to_str().unwrap();
            assert_eq!(header("ticketlog-capped"), capped, "{report} {format}");
            for (name, key) in [
                ("ticketlog-suspect-share", "suspect_share"),
                ("ticketlog-unproven-share", "unproven_share"),
            ] {
                let share: f64 = header(name).parse().unwrap();
                assert_eq!(Some(share), json[key].as_f64(), "{report} {format}");
            }
        }
    }

    let folder = tempfile::tempdir().unwrap();
    for (name, sql) in [("many", nth), ("one", one)] {
        let file = folder.path().join(format!("{name}.sql"));
        fs::write(file, format!("{HEAD}{sql};\n")).unwrap();
    }
    for (report, form, lines) in [
        ("many", "--csv", 100_001),
        ("many", "--ndjson", 100_000),
        ("one", "--csv", 2),
        ("one", "--ndjson", 1),
    ] {
        let mut command = ticketlog(["report", report, form, "--tenant", "Cust1", "--reports"]);
        command.arg(folder.path());
        let output = command.args(["--database-url", &app.db.url()]).output();
        let output = output.unwrap();
        let (out, log) = printed(&output);
        assert!(output.status.success(), "{log}");
        assert_eq!(out.lines().count(), lines, "{report} {form}");
        let says = log.contains("Cut off after 100000 rows") && log.contains("Ask for less");
        assert_eq!(says, report == "many", "{report} {form}: {log}");
    }
}
