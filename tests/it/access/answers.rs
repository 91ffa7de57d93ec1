//! What a request without the right token is answered, and when a token stops being good.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, header::AUTHORIZATION};
use serde_json::Value;
use sqlx::PgConnection;
use ticketlog::domain::token::{Scope, Token};

use super::insert;
use crate::support::{
    app::{Answer, TestApp, answer, new_token},
    payload,
};

const TENANTS: &str = "/v1/tenants";

/// With these values of `Authorization`, as they are.
async fn get_with(app: &TestApp, values: &[&str]) -> Answer {
    let mut request = app.http.get(format!("{}{TENANTS}", app.url));
    for value in values {
        request = request.header(AUTHORIZATION, *value);
    }
    answer(request.send().await.unwrap()).await
}

#[track_caller]
fn assert_problem(answer: Answer, status: u16, kind: &str, says: &str) -> Value {
    assert_eq!(answer.content_type, "application/problem+json");
    let problem = answer.assert(status);
    assert_eq!(problem["type"], format!("urn:ticketlog:{kind}"));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(says), "{detail:?} does not say {says:?}");
    problem
}

#[tokio::test]
async fn a_401_says_whether_the_token_is_missing_malformed_or_not_good() {
    let app = TestApp::start().await;
    let missing = get_with(&app, &[]).await;
    assert_eq!(missing.headers["www-authenticate"], "Bearer");
    assert_eq!(missing.headers["cache-control"], "no-store");
    assert_problem(missing, 401, "bad-token", "ticketlog token create");

    let good = format!("Bearer {}", app.token);
    assert_eq!(get_with(&app, &[&good]).await.status, 200);
    for malformed in [
        &["Basic dXNlcjpwYXNz"][..],
        &["Bearer"],
        &["Bearer hunter2"],
        &[&app.token],
        &[&good, &good],
    ] {
        let answer = get_with(&app, malformed).await;
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer "), "{challenge}");
        assert_problem(answer, 401, "bad-token", "is not Bearer and a token");
    }
    // Not in the address, which logs keep.
    let path = format!("{TENANTS}?access_token={}", app.token);
    assert_problem(app.get_as(None, &path).await, 401, "bad-token", "needed");
}

#[tokio::test]
async fn unknown_expired_and_revoked_tokens_look_the_same() {
    let app = TestApp::start().await;
    let now: Timestamp = "2026-11-24T15:30:00Z".parse().unwrap();
    let (expired, mut made) = new_token(None, &[Scope::Admin]);
    made.expires_at = Some(now);
    insert(&app, &expired, &made).await;
    let (revoked, made) = new_token(None, &[Scope::Admin]);
    insert(&app, &revoked, &made).await;
    let store = &app.db.store;
    store.revoke_token(made.token_id, now).await.unwrap();
    let mut problems = Vec::new();
    for token in [&expired, &revoked, &Token::of([7; 32])] {
        let answer = app.get_as(Some(token.expose()), TENANTS).await;
        problems.push(assert_problem(answer, 401, "bad-token", "not known"));
    }
    assert_eq!(problems[0], problems[1]);
    assert_eq!(problems[0], problems[2]);
}

#[tokio::test]
async fn a_token_is_good_until_the_instant_it_expires_at() {
    let app = TestApp::start().await;
    let end: Timestamp = "2027-01-31T12:00:00Z".parse().unwrap();
    let (token, mut made) = new_token(None, &[Scope::Read]);
    made.expires_at = Some(end);
    insert(&app, &token, &made).await;
    let just_before = end - SignedDuration::from_micros(1);
    for (now, good) in [(just_before, true), (end, false)] {
        let store = &app.db.store;
        let found = store.find_live_token(&token.hash(), now).await.unwrap();
        assert_eq!(found, good.then(|| made.clone()), "{now}");
    }
}

#[tokio::test]
async fn a_403_names_the_scope_that_it_takes() {
    let app = TestApp::start().await;
    for (held, path, needed) in [
        (Scope::Report, TENANTS, "read"),
        (Scope::Read, "/metrics", "admin"),
        (Scope::Report, "/v1/hooks", "admin"),
    ] {
        let (token, made) = new_token(None, &[held]);
        insert(&app, &token, &made).await;
        let answer = app.get_as(Some(token.expose()), path).await;
        let says = format!("with the scope {needed}:");
        assert_problem(answer, 403, "forbidden", &says);
    }
}

#[tokio::test]
async fn a_foreign_tenant_looks_like_one_that_nobody_ever_heard_of() {
    let app = TestApp::start().await;
    for tenant in ["Own", "Foreign"] {
        let event = payload::created(1).tenant(tenant);
        app.deliver(event).await.assert(200);
    }
    let (token, made) = new_token(Some(&["Own"]), &[Scope::Read]);
    insert(&app, &token, &made).await;
    let own = Some(token.expose());
    for rest in [
        "events",
        "tickets/1",
        "tickets/1/timeline",
        "tickets/1/events",
    ] {
        let path = |tenant: &str| format!("/v1/tenants/{tenant}/{rest}");
        assert_eq!(app.get_as(own, &path("Own")).await.status, 200, "{rest}");
        // To all who may ask about every tenant, it is one that is not there.
        let unknown = app.get(&path("Unheard")).await;
        let expected = String::from_utf8(unknown.body.to_vec()).unwrap();
        for tenant in ["Foreign", "Unheard", "own", "No%20tenant"] {
            let answer = app.get_as(own, &path(tenant)).await;
            assert_eq!(answer.status, 404, "{tenant}");
            let shown = tenant.replace("%20", " ");
            let expected = expected.replace("Unheard", &shown);
            assert_eq!(String::from_utf8(answer.body.to_vec()).unwrap(), expected);
        }
    }
    let tenants = app.get_as(own, TENANTS).await.assert(200);
    let names: Vec<&Value> = tenants["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["tenant"])
        .collect();
    assert_eq!(names, ["Own"]);
}

#[tokio::test]
async fn what_is_not_there_is_said_without_a_token() {
    let app = TestApp::start().await;
    for path in [
        "/v1/nowhere",
        "/v1",
        "/nowhere",
        "/v1/tenants/Cust1/nowhere",
    ] {
        let answer = app.get_as(None, path).await;
        assert_problem(answer, 404, "not-found", path);
    }
    let posted = app.call(Method::POST, None, TENANTS).await;
    assert_eq!(posted.headers["allow"], "GET,HEAD");
    assert_problem(posted, 405, "wrong-method", "POST");
}

#[tokio::test]
async fn while_the_database_is_away_only_how_the_service_is_is_told_and_only_to_whom_it_was_before()
{
    let app = TestApp::start().await;
    let (stranger, made) = new_token(None, &[Scope::Admin]);
    insert(&app, &stranger, &made).await;
    let (reader, made) = new_token(None, &[Scope::Read]);
    insert(&app, &reader, &made).await;
    assert_eq!(app.get("/metrics").await.status, 200);
    let read = Some(reader.expose());
    assert_eq!(app.get_as(read, "/metrics").await.status, 403);

    app.db.store.close().await;
    for path in ["/metrics", "/v1/hooks"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
        assert_eq!(app.get_as(read, path).await.status, 403, "{path}");
        let unseen = app.get_as(Some(stranger.expose()), path).await;
        assert_eq!(unseen.headers["retry-after"], "1");
        assert_problem(unseen, 503, "unavailable", "try again");
        assert_eq!(app.get_as(None, path).await.status, 401, "{path}");
    }
    assert_eq!(app.get(TENANTS).await.status, 503);
}

#[tokio::test]
async fn what_is_read_of_a_ticket_goes_to_no_token_that_is_no_longer_good() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let ticket = "/v1/tenants/Cust1/tickets/1";
    let timeline = format!("{ticket}/timeline");
    let paths = [
        (ticket.to_owned(), 200),
        (timeline.clone(), 200),
        (format!("{timeline}?format=csv"), 200),
        (format!("{timeline}?limit=0"), 400),
        ("/v1/tenants/Cust1/tickets/2".to_owned(), 404),
        ("/v1/tenants/Cust2/tickets/1".to_owned(), 404),
    ];
    let ends = [
        "UPDATE token SET revoked_at = now() WHERE token_id = $1",
        "UPDATE token SET expires_at = now() WHERE token_id = $1",
        "DELETE FROM token WHERE token_id = $1",
    ];
    let mut owner: PgConnection = app.db.connect().await;
    for (path, status) in &paths {
        for end in ends {
            let (token, made) = new_token(None, &[Scope::Read]);
            insert(&app, &token, &made).await;
            let sent = Some(token.expose());
            // Looked up first, and then with what is read.
            for _ in 0..2 {
                assert_eq!(app.get_as(sent, ticket).await.status, 200);
                assert_eq!(app.get_as(sent, path).await.status, *status, "{path}");
            }
            let ended = sqlx::query(end).bind(made.token_id);
            ended.execute(&mut owner).await.unwrap();
            for _ in 0..2 {
                let answer = app.get_as(sent, path).await;
                assert_problem(answer, 401, "bad-token", "not known");
            }
        }
    }
}

#[tokio::test]
async fn a_token_of_a_ticket_is_still_held_to_its_scope_and_tenants() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    let (report, made) = new_token(None, &[Scope::Report]);
    insert(&app, &report, &made).await;
    let (other, made) = new_token(Some(&["Cust2"]), &[Scope::Read]);
    insert(&app, &other, &made).await;
    for _ in 0..3 {
        let path = "/v1/tenants/Cust1/tickets/1/timeline";
        assert_eq!(app.get_as(Some(report.expose()), path).await.status, 403);
        assert_eq!(app.get_as(Some(other.expose()), path).await.status, 404);
        assert_eq!(app.get(path).await.status, 200);
    }
}
