//! SQL users: they log in, read the schema `report`, see their tenants and nothing else.

mod commands;
mod docs;
mod fence;
mod network;
mod plans;

use std::process::{Command, Output};

use serde_json::json;

use crate::support::{
    app::TestApp,
    payload::{changed, created},
    program::{printed, ticketlog},
};

/// Roles are of the whole cluster, which tests share.
fn unique(app: &TestApp, name: &str) -> String {
    format!("{name}_{}", app.db.name)
}

fn sql_user(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = ticketlog(["sql-user"]);
    command
        .args(arguments)
        .args(["--database-url", &app.db.url()]);
    command.output().unwrap()
}

/// Makes one; gives its connection string.
fn create(app: &TestApp, name: &str, tenants: &[&str]) -> String {
    let tenants = tenants.iter().flat_map(|tenant| ["--tenant", tenant]);
    let arguments: Vec<&str> = ["create", name].into_iter().chain(tenants).collect();
    let output = sql_user(app, &arguments);
    let (url, log) = printed(&output);
    assert!(output.status.success(), "{log}");
    assert!(
        url.starts_with(&format!("postgres://{name}:")),
        "the string alone: {url}"
    );
    url.trim_end().to_owned()
}

/// Rows that psql gives, or what Postgres said.
fn ask(url: &str, sql: &str) -> Result<String, String> {
    let mut command = Command::new("psql");
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", sql]);
    let output = command.output().unwrap();
    let (out, err) = printed(&output);
    if output.status.success() {
        Ok(out)
    } else {
        Err(err)
    }
}

/// Three tenants alike but for their names, labels among them.
async fn start() -> TestApp {
    let app = TestApp::start().await;
    for tenant in ["Cust1", "Cust2", "Cust3"] {
        let moved = changed(1).set("status", 2).at("2025-05-20T00:00:00Z");
        for body in [created(1), moved] {
            app.deliver(body.tenant(tenant)).await.assert(200);
        }
        let label = format!("only in {tenant}");
        let labels = json!({"labels": [{"list": "priority", "id": 2, "label": label}]});
        let path = format!("/v1/tenants/{tenant}/labels");
        app.put(&path, labels.to_string()).await.assert(200);
    }
    app.settle().await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sees_its_tenants_in_every_view_and_no_table() {
    let app = start().await;
    let one = create(&app, &unique(&app, "one"), &["Cust1"]);
    let two = create(&app, &unique(&app, "two"), &["Cust2", "Cust3"]);
    let views = ask(
        &one,
        "SELECT table_name FROM information_schema.views WHERE table_schema = 'report' ORDER BY 1",
    )
    .unwrap();
    assert!(views.lines().count() >= 9, "{views}");
    for view in views.lines() {
        let tenants =
            format!("SELECT string_agg(DISTINCT tenant, ' ' ORDER BY tenant) FROM report.{view}");
        assert_eq!(ask(&one, &tenants).unwrap(), "Cust1\n", "{view}");
        assert_eq!(ask(&two, &tenants).unwrap(), "Cust2 Cust3\n", "{view}");
        let all = ask(&one, &format!("SELECT * FROM report.{view}")).unwrap();
        assert!(
            !all.contains("Cust2") && !all.contains("Cust3"),
            "{view}: {all}"
        );
    }
    let tables = "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables";
    let tables = ask(&app.db.url(), tables).unwrap();
    assert!(tables.lines().count() >= 15, "{tables}");
    let own_views =
        "SELECT format('%I.%I', schemaname, viewname) FROM pg_views WHERE schemaname = 'public'";
    let own_views = ask(&app.db.url(), own_views).unwrap();
    assert!(own_views.lines().count() >= 12, "{own_views}");
    for table in tables.lines().chain(own_views.lines()) {
        let refused = ask(&one, &format!("SELECT count(*) FROM {table}")).unwrap_err();
        assert!(refused.contains("permission denied"), "{table}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_it_does_gets_it_out() {
    let app = start().await;
    let url = create(&app, &unique(&app, "out"), &["Cust1"]);
    let writes = "SET default_transaction_read_only = off;";
    for attempt in [
        "SET ROLE ticketlog",
        "SET SESSION AUTHORIZATION ticketlog",
        "SELECT set_config('role', 'ticketlog', false)",
        "SELECT query_to_xml('SELECT * FROM public.event', true, false, '')",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE TEMPORARY TABLE mine (a integer)",
        "CREATE TABLE public.mine (a integer)",
        "CREATE FUNCTION report.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DELETE FROM report.change",
        "INSERT INTO public.report_reader VALUES (session_user, 'Cust2')",
        "SELECT * FROM pg_statistic",
        "SELECT passwd FROM pg_shadow",
    ] {
        let refused = ask(&url, &format!("{writes} {attempt}"));
        assert!(refused.is_err(), "{attempt}: {refused:?}");
    }
    // What it may try changes nothing of what it sees, and no condition of its own meets a row of another tenant.
    for sql in [
        "SELECT set_config('role', 'none', false); SELECT string_agg(DISTINCT tenant, ' ') FROM report.event",
        "SET search_path = public, report; SELECT string_agg(DISTINCT tenant, ' ') FROM event",
        "SELECT string_agg(DISTINCT tenant, ' ') FROM report.event
         WHERE 1 / (CASE WHEN tenant = 'Cust1' THEN 1 ELSE 0 END) = 1",
        "SET enable_indexscan = off; SET enable_bitmapscan = off; SELECT string_agg(DISTINCT tenant, ' ')
         FROM report.change WHERE (CASE WHEN tenant = 'Cust1' THEN '1' ELSE tenant END)::integer = 1",
        "SELECT 'Cust1' WHERE NOT EXISTS (SELECT FROM pg_stats WHERE schemaname = 'public')",
    ] {
        let answer = ask(&url, sql).unwrap_or_else(|refused| panic!("{sql}: {refused}"));
        assert_eq!(answer.trim_end().lines().last(), Some("Cust1"), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_one_is_gone_with_its_sessions() {
    let app = start().await;
    let name = unique(&app, "gone");
    let url = create(&app, &name, &["Cust1"]);
    let mut sleeper = Command::new("psql")
        .args(["-XAtq", &url, "-c", "SELECT pg_sleep(100)"])
        .spawn()
        .unwrap();
    let there = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'NAME' AND state = 'active'"
        .replace("NAME", &name);
    while ask(&app.db.url(), &there).unwrap() != "1\n" {
        tokio::task::yield_now().await;
    }
    let dropped = sql_user(&app, &["drop", &name]);
    assert!(dropped.status.success(), "{}", printed(&dropped).1);
    assert!(!sleeper.wait().unwrap().success());
    assert!(ask(&url, "SELECT 1").is_err());
    assert_eq!(app.count("SELECT count(*) FROM report_reader").await, 0);
}
