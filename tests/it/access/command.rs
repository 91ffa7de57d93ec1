//! `ticketlog token`, and `serve` beside it.

use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use serde_json::Value;
use sha2::{Digest, Sha256};
use ticketlog::{clock, domain::token::Scope, render::terminal::hex};

use super::insert;
use crate::support::{
    app::{TestApp, new_token},
    cluster::TestDb,
    payload,
    program::{Serve, create_token, printed, ticketlog},
};

fn token_command(db: &TestDb, arguments: &[&str]) -> Output {
    let mut command = ticketlog(["token"]);
    command.args(arguments).args(["--database-url", &db.url()]);
    command.output().unwrap()
}

/// The items of `token list --json`.
fn listed(db: &TestDb) -> Vec<Value> {
    let output = token_command(db, &["list", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn create_prints_the_token_alone_and_only_its_hash_is_stored() {
    let db = TestDb::create().await;
    let arguments = [
        "create", "--tenant", "B", "--tenant", "A", "--scope", "report",
    ];
    let more = [
        "--scope",
        "read",
        "--expires",
        "90d",
        "--name",
        "BI \u{202e}",
    ];
    let output = token_command(&db, &[&arguments[..], &more].concat());
    let (token, told) = printed(&output);
    assert!(output.status.success(), "{told}");
    let token = token.strip_suffix('\n').unwrap();
    assert_eq!(token.len(), "tl_".len() + 43);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    assert!(token.chars().all(plain), "{token}");
    assert!(!told.contains(token), "{told}");
    for said in [
        "read, report of A, B",
        "only this once",
        "curl",
        "\"A\" was received",
    ] {
        assert!(told.contains(said), "{told}");
    }

    let mut session = db.connect().await;
    let (row, sha256, days): (String, String, i32) = sqlx::query_as(
        "SELECT token::text, encode(sha256, 'hex'), extract(day FROM expires_at - created_at)::integer
         FROM token",
    )
    .fetch_one(&mut session)
    .await
    .unwrap();
    assert_eq!(sha256, hex(&Sha256::digest(token)));
    assert_eq!(days, 90);
    let (prefix, rest) = token.split_at(11);
    assert!(row.contains(prefix) && !row.contains(rest), "{row}");

    let item = &listed(&db)[0];
    assert_eq!(item["prefix"], prefix);
    assert_eq!(item["state"], "live");
    assert_eq!(item["tenants"], serde_json::json!(["A", "B"]));
    assert_eq!(item["scopes"], serde_json::json!(["read", "report"]));
    let table = printed(&token_command(&db, &["list"])).0;
    assert!(table.contains(prefix) && !table.contains(rest), "{table}");
    assert!(!table.contains('\u{202e}'), "what turns text is escaped");
}

#[tokio::test]
async fn no_two_tokens_are_alike() {
    let db = TestDb::create().await;
    let (first, second) = (
        create_token(&["--database-url", &db.url()]),
        create_token(&["--database-url", &db.url()]),
    );
    assert_ne!(first, second);
    assert_eq!(listed(&db).len(), 2);
}

#[tokio::test]
async fn what_cannot_be_meant_makes_no_token() {
    let db = TestDb::create().await;
    for (arguments, says) in [
        (&["create"][..], "--scope"),
        (
            &["create", "--scope", "write"],
            "scopes are read, report, admin",
        ),
        (
            &["create", "--scope", "read", "--tenant", "a b"],
            "is no tenant",
        ),
        (
            &["create", "--scope", "read", "--expires", "soon"],
            "is no end",
        ),
        (
            &["create", "--scope", "read", "--expires", "2020-01-01"],
            "not in the future",
        ),
        (&["revoke", "tl_"], "at least 6 characters"),
        (&["revoke", "tl_nosuch"], "no token begins with tl_nosuch"),
    ] {
        let output = token_command(&db, arguments);
        let (stdout, told) = printed(&output);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(stdout.is_empty() && told.contains(says), "{told}");
    }
    assert!(!db.store.has_any_token().await.unwrap());
}

#[tokio::test]
async fn a_token_is_refused_as_soon_as_it_is_revoked() {
    let app = TestApp::start().await;
    let token = create_token(&["--database-url", &app.db.url()]);
    let sent = Some(token.as_str());
    app.get_as(sent, "/v1/tenants").await.assert(200);
    app.get_as(sent, "/v1/hooks").await.assert(200);
    let revoke = token_command(&app.db, &["revoke", token.get(..11).unwrap()]);
    assert!(revoke.status.success(), "{revoke:?}");
    app.get_as(sent, "/v1/tenants").await.assert(401);
    app.get_as(sent, "/v1/hooks").await.assert(401);
    // The one of the tests is as good as before.
    app.get("/v1/tenants").await.assert(200);
    assert_eq!(listed(&app.db)[1]["state"], "revoked");
    let at = listed(&app.db)[1]["revoked_at"].clone();
    // Whoever has only the token may name it whole, and once more changes nothing.
    let again = token_command(&app.db, &["revoke", &token]);
    assert!(printed(&again).0.contains("before"), "{again:?}");
    assert_eq!(listed(&app.db)[1]["revoked_at"], at);
}

#[tokio::test]
async fn a_prefix_that_several_tokens_have_revokes_none_and_shows_them() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for tail in ["1", "2"] {
        let (token, mut made) = new_token(None, &[Scope::Read]);
        made.prefix = format!("tl_Same123{tail}");
        insert(&app, &token, &made).await;
        ids.push(made.token_id.to_string());
    }
    let several = token_command(&app.db, &["revoke", "tl_Same"]);
    assert!(!several.status.success());
    let told = printed(&several).1;
    assert!(
        told.contains("tl_Same1231…") && told.contains("tl_Same1232…"),
        "{told}"
    );
    let now = clock::now();
    let live = async || {
        let tokens = app
            .db
            .store
            .list_tokens_called("tl_Same", 10)
            .await
            .unwrap();
        let live = tokens
            .iter()
            .filter(|token| token.state(now).as_str() == "live");
        live.count()
    };
    assert_eq!(live().await, 2);
    for (left, named) in [(1, ids[0].as_str()), (0, "tl_Same")] {
        let revoked = token_command(&app.db, &["revoke", named]);
        assert!(revoked.status.success(), "{revoked:?}");
        assert_eq!(live().await, left);
    }
}

#[tokio::test]
async fn a_token_made_while_serve_runs_counts_at_once_and_is_in_no_log() {
    // The private cluster's user must be able to enter it.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let data_dir = ["--data-dir", data.to_str().unwrap()];
    let serve = Serve::start(&data, &["--log", "trace"]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let tenants = format!("{}/v1/tenants", serve.url);
    let refused = http.get(&tenants).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let token = create_token(&data_dir);
    let unknown = token.replace("tl_", "tl_x").split_at(46).0.to_owned();
    let refused = http.get(&tenants).bearer_auth(&unknown).send().await;
    assert_eq!(refused.unwrap().status(), 401);
    let read = http.get(&tenants).bearer_auth(&token).send().await;
    assert_eq!(read.unwrap().status(), 200);
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    let advice = format!(
        "ticketlog token create --scope read --data-dir {}",
        data.display()
    );
    assert!(
        log.contains("No token has been made: reads are refused."),
        "{log}"
    );
    assert!(log.contains(&advice), "{log}");
    assert_eq!(log.matches("A read was refused").count(), 2);
    for secret in [&token, &unknown] {
        let rest = secret.get(11..).unwrap();
        assert!(!log.contains(rest), "a token is in the log");
    }

    // Once there is one, nothing more is said.
    let serve = Serve::start(&data, &[]);
    let (_, log) = serve.stop();
    assert!(!log.contains("No token has been made"), "{log}");
}

#[tokio::test]
async fn commands_that_read_need_no_token() {
    let app = TestApp::start().await;
    app.deliver(payload::created(7)).await.assert(200);
    let mut command = ticketlog(["timeline", "Cust1", "7", "--database-url"]);
    let output = command.arg(app.db.url()).output().unwrap();
    assert!(printed(&output).0.contains("created"), "{output:?}");
}
