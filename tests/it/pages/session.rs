//! Logging in and out.

use std::num::NonZeroU32;

use ticketlog::{
    domain::token::{Scope, Token},
    http::{Quota, TrustedProxies},
};

use super::{Visitor, header, made, session_of, text};
use crate::support::{
    app::{Setup, TestApp},
    cluster::TestDb,
    payload,
};

const OWN: [(&str, &str); 1] = [("Sec-Fetch-Site", "same-origin")];

#[tokio::test]
async fn a_token_begins_a_session_that_reads_pages_and_the_api_and_ends_with_the_log_out() {
    let app = TestApp::start().await;
    app.deliver(payload::created(7)).await.assert(200);
    let (token, _) = made(&app, Some(&["Cust1"]), &[Scope::Read]).await;
    let mut visitor = Visitor::new(&app);
    let before = visitor
        .get("/t/Cust1/tickets/7?as_of=2026-01-01T00:00:00Z")
        .await;
    assert_eq!(
        (before.status.as_u16(), header(&before, "www-authenticate")),
        (401, "Bearer")
    );
    let form = text(&before);
    assert!(
        form.contains(r#"name="next" value="/t/Cust1/tickets/7?as_of=2026-01-01T00:00:00Z""#),
        "{form}"
    );
    let answer = visitor.log_in(token.expose(), "/t/Cust1/tickets/7").await;
    assert_eq!(
        (answer.status.as_u16(), header(&answer, "location")),
        (303, "/t/Cust1/tickets/7")
    );
    let session = session_of(&answer);
    assert_eq!(
        header(&answer, "set-cookie"),
        format!("ticketlog_session={session}; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict")
    );
    assert!(!session.contains(token.expose().trim_start_matches("tl_")));
    assert_eq!(app.count("SELECT count(*) FROM session").await, 1);
    visitor.session = Some(session);
    assert_eq!(visitor.get("/t/Cust1/tickets/7").await.status, 200);
    assert_eq!(visitor.get("/v1/tenants/Cust1/tickets/7").await.status, 200);
    assert_eq!(
        header(&visitor.get("/login?next=/t").await, "location"),
        "/t"
    );
    // A session reads. What changes something takes the token itself.
    let (admin, _) = made(&app, None, &[Scope::Admin]).await;
    let admin = Visitor::with(&app, admin.expose()).await;
    let put = admin
        .http
        .put(format!("{}/v1/tenants/Cust1/labels", app.url));
    let cookie = format!("ticketlog_session={}", admin.session.as_ref().unwrap());
    let put = put
        .header("Cookie", cookie)
        .body("[]")
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), 401);
    let out = visitor.post("/logout", &[], &OWN).await;
    assert_eq!(
        (out.status.as_u16(), header(&out, "location")),
        (303, "/login")
    );
    assert!(
        header(&out, "set-cookie").starts_with("ticketlog_session=; Max-Age=0; Path=/; HttpOnly")
    );
    assert_eq!(visitor.get("/t/Cust1").await.status, 401);
    assert_eq!(visitor.get("/v1/tenants").await.status, 401);
}

#[tokio::test]
async fn a_session_ends_at_once_with_its_token_in_every_instance() {
    let app = TestApp::start().await;
    app.deliver(payload::created(7)).await.assert(200);
    let other = app.second_receiver().await;
    let (token, made) = made(&app, None, &[Scope::Read]).await;
    let visitor = Visitor::with(&app, token.expose()).await;
    let mut there = Visitor::new(&other);
    there.session.clone_from(&visitor.session);
    assert_eq!(there.get("/t/Cust1").await.status, 200);
    let store = &app.db.store;
    store
        .revoke_token(made.token_id, made.created_at)
        .await
        .unwrap();
    for visitor in [&visitor, &there] {
        let answer = visitor.get("/t/Cust1").await;
        assert_eq!(answer.status, 401);
        assert!(text(&answer).contains("the session has ended: log in again"));
    }
}

#[tokio::test]
async fn a_wrong_token_is_said_to_be_wrong_and_its_client_told_to_wait() {
    let setup = Setup {
        quota: Quota::new(NonZeroU32::new(3).unwrap()),
        ..Setup::default()
    };
    let app = TestApp::set_up(TestDb::create().await, setup).await;
    let visitor = Visitor::new(&app);
    for (token, said) in [
        ("tl_short", "That is no token"),
        ("", "That is no token"),
        (
            Token::of([7; 32]).expose(),
            "not known, has expired or was revoked",
        ),
    ] {
        let answer = visitor.log_in(token, "/t").await;
        assert_eq!(answer.status, 401, "{token}");
        assert!(text(&answer).contains(said), "{token}");
        assert!(!text(&answer).contains("tl_short"));
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let mut limited = 0;
    for _ in 0..20 {
        let answer = visitor.log_in("tl_short", "/t").await;
        if answer.status == 429 {
            limited += 1;
            assert!(header(&answer, "retry-after").parse::<u64>().unwrap() >= 1);
            assert!(text(&answer).contains("Too many tries were wrong"));
        }
    }
    assert!(limited > 0);
    // Whoever has the token is never kept out by those who have not.
    let (token, _) = made(&app, None, &[Scope::Read]).await;
    assert_eq!(visitor.log_in(token.expose(), "/t").await.status, 303);
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let app = TestApp::start().await;
    let (token, _) = made(&app, None, &[Scope::Read]).await;
    let visitor = Visitor::with(&app, token.expose()).await;
    let form = [("token", token.expose())];
    let own_origin = [("Origin", app.url.as_str())];
    for headers in [
        &[][..],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
    ] {
        for path in ["/login", "/logout"] {
            let answer = visitor.post(path, &form, headers).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(answer.content_type.starts_with("text/html"));
            assert!(!answer.headers.contains_key("set-cookie"));
        }
    }
    assert_eq!(visitor.get("/t").await.status, 200, "nobody logged it out");
    assert_eq!(visitor.post("/login", &form, &own_origin).await.status, 303);
}

#[tokio::test]
async fn a_log_in_goes_on_to_our_own_paths_alone() {
    let app = TestApp::start().await;
    let (token, _) = made(&app, None, &[Scope::Read]).await;
    let visitor = Visitor::new(&app);
    for next in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
    ] {
        let answer = visitor.log_in(token.expose(), next).await;
        assert_eq!(header(&answer, "location"), "/t", "{next}");
    }
}

#[tokio::test]
async fn the_cookie_is_for_encrypted_connections_if_a_trusted_proxy_says_so() {
    let proxies: TrustedProxies = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    for (proxies, secure) in [(proxies, true), (TrustedProxies::default(), false)] {
        let setup = Setup {
            proxies,
            ..Setup::default()
        };
        let app = TestApp::set_up(TestDb::create().await, setup).await;
        let (token, _) = made(&app, None, &[Scope::Read]).await;
        let headers = [OWN[0], ("X-Forwarded-Proto", "https")];
        let form = [("token", token.expose())];
        let answer = Visitor::new(&app).post("/login", &form, &headers).await;
        assert_eq!(header(&answer, "set-cookie").ends_with("; Secure"), secure);
    }
}

#[tokio::test]
async fn who_follows_a_link_from_elsewhere_is_asked_again_from_here() {
    let app = TestApp::start().await;
    let from_elsewhere = [("Sec-Fetch-Site", "cross-site")];
    let answer = Visitor::new(&app)
        .get_with("/t/Cust1?a=b", &from_elsewhere)
        .await;
    assert_eq!(answer.status, 401);
    let page = text(&answer);
    assert!(
        page.contains(r#"http-equiv="refresh" content="0;url=/login?next=%2Ft%2FCust1%3Fa%3Db""#),
        "{page}"
    );
}
