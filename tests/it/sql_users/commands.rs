//! `sql-user create`, `list` and `drop`: what they refuse, and what they leave.

use serde_json::{Value, json};

use super::{ask, create, sql_user, start, unique};
use crate::support::program::printed;

/// What a refused command says.
fn refused(app: &crate::support::app::TestApp, arguments: &[&str]) -> String {
    let output = sql_user(app, arguments);
    let (out, log) = printed(&output);
    assert!(!output.status.success(), "{arguments:?}: {out}");
    assert_eq!(out, "", "{arguments:?}");
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_made_is_refused_with_what_to_do() {
    let app = start().await;
    for name in [
        "Acme",
        "1st",
        "a-b",
        "",
        "pg_acme",
        "postgres",
        "ticketlog_reader",
    ] {
        refused(&app, &["create", name, "--tenant", "Cust1"]);
    }
    refused(&app, &["create", &"a".repeat(64), "--tenant", "Cust1"]);
    let name = unique(&app, "made");
    let near = refused(&app, &["create", &name, "--tenant", "Cust9"]);
    assert!(near.contains("did you mean Cust1"), "{near}");
    let far = refused(&app, &["create", &name, "--tenant", "Zebra"]);
    assert!(
        far.contains("no event of a tenant \"Zebra\" was ever received"),
        "{far}"
    );
    let none = refused(
        &app,
        &["create", &name, "--tenant", "Cust1", "--timeout", "0s"],
    );
    assert!(none.contains("--timeout"), "{none}");
    let roles = format!(
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE '%{}'",
        app.db.name
    );
    assert_eq!(ask(&app.db.url(), &roles).unwrap(), "0\n");
    create(&app, &name, &["Cust1"]);
    let again = refused(&app, &["create", &name, "--tenant", "Cust2"]);
    assert!(
        again.contains(&format!("there is a SQL user {name} already")),
        "{again}"
    );
    assert!(
        again.contains(&format!("ticketlog sql-user drop {name}")),
        "{again}"
    );
    let sees = format!("SELECT tenant FROM report_reader WHERE role = '{name}'");
    assert_eq!(ask(&app.db.url(), &sees).unwrap(), "Cust1\n", "as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_shows_whose_rows_each_sees() {
    let app = start().await;
    let nobody = printed(&sql_user(&app, &["list"])).0;
    assert_eq!(nobody, "no SQL user has been made\n");
    let (one, two) = (unique(&app, "one"), unique(&app, "two"));
    create(&app, &one, &["Cust1"]);
    create(&app, &two, &["Cust3", "Cust2"]);
    let listed = printed(&sql_user(&app, &["list", "--json"])).0;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let seen: Vec<Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| json!([user["name"], user["tenants"], user["sessions"]]))
        .collect();
    assert_eq!(
        seen,
        [
            json!([one, ["Cust1"], 0]),
            json!([two, ["Cust2", "Cust3"], 0])
        ]
    );
    let table = printed(&sql_user(&app, &["list"])).0;
    assert!(table.contains(&one) && table.contains(&two), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_never_used_is_dropped_and_made_anew() {
    let app = start().await;
    let name = unique(&app, "twice");
    let first = create(&app, &name, &["Cust1"]);
    let (said, log) = printed(&sql_user(&app, &["drop", &name]));
    assert_eq!(said, format!("{name} is dropped\n"), "{log}");
    let gone = refused(&app, &["drop", &name]);
    assert!(
        gone.contains(&format!("there is no SQL user {name}")),
        "{gone}"
    );
    let second = create(&app, &name, &["Cust2"]);
    assert_ne!(first, second, "another password");
    let sees = "SELECT DISTINCT tenant FROM ticket";
    assert_eq!(ask(&second, sees).unwrap(), "Cust2\n");
    sql_user(&app, &["drop", &name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_somebody_else_made_stays() {
    let app = start().await;
    let name = unique(&app, "theirs");
    let theirs =
        format!("CREATE ROLE {name}; INSERT INTO report_reader VALUES ('{name}', 'Cust1')");
    ask(&app.db.url(), &theirs).unwrap();
    let kept = refused(&app, &["drop", &name]);
    assert!(kept.contains("was not made for this database"), "{kept}");
    let taken = refused(&app, &["create", &name, "--tenant", "Cust1"]);
    assert!(taken.contains("choose another name"), "{taken}");
    // Without its role only its tenants are left, and go.
    ask(&app.db.url(), &format!("DROP ROLE {name}")).unwrap();
    let (said, log) = printed(&sql_user(&app, &["drop", &name]));
    assert_eq!(said, format!("{name} is dropped\n"), "{log}");
    assert_eq!(app.count("SELECT count(*) FROM report_reader").await, 0);
}
