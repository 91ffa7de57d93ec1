//! Every token at every path of every tenant.

use std::{collections::BTreeSet, time::Duration};

use reqwest::{Method, Response};
use ticketlog::domain::token::{Scope, Token};
use tokio::time::timeout;

use super::insert;
use crate::support::{
    app::{TestApp, new_token},
    payload,
};

/// Tenants with the same tickets and event ids; no answer for one may hold the name of the other.
const TENANTS: [&str; 2] = ["TenantA", "TenantB"];

/// One without a log.
const NOBODY: &str = "Nobody";

const TICKET: i64 = 7;
const EVENT_ID: &str = "32a093ac-418a-40f1-a14a-f4193ea92b59";

/// After this a test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bearer, by the plainest description: what the rule below goes by.
struct Bearer {
    name: &'static str,
    token: Option<String>,
    good: bool,
    scopes: &'static [Scope],
    tenants: Option<&'static [&'static str]>,
}

const READ: &[Scope] = &[Scope::Read];
const REPORT: &[Scope] = &[Scope::Report];
const ADMIN: &[Scope] = &[Scope::Admin];
const A: Option<&[&str]> = Some(&["TenantA"]);
const B: Option<&[&str]> = Some(&["TenantB"]);

/// Two tenants alike but for what their events hold.
async fn start() -> TestApp {
    let app = TestApp::start().await;
    for tenant in TENANTS {
        let marked = format!("only in {tenant}");
        let first = payload::created(TICKET).with("EventId", EVENT_ID);
        let more = payload::changed(TICKET).set("status", 2);
        // Makes its hook name it.
        let stopped = payload::changed(9).with("Event", "webhook.stopped");
        for event in [first, more, payload::created(8), stopped] {
            let event = event.tenant(tenant).set("x_marker", marked.as_str());
            app.deliver(event.with("WebhookName", marked.as_str()))
                .await
                .assert(200);
        }
    }
    app
}

async fn bearers(app: &TestApp) -> Vec<Bearer> {
    let mut bearers = vec![
        bearer("none", None, false, READ, None),
        bearer("garbage", Some("garbage"), false, READ, None),
        bearer(
            "unknown",
            Some(Token::of([7; 32]).expose()),
            false,
            READ,
            None,
        ),
    ];
    let over = "2026-11-24T15:30:00Z".parse().unwrap();
    for (name, scopes, tenants) in [
        ("expired", ADMIN, None),
        ("revoked", ADMIN, None),
        ("read A", READ, A),
        ("read B", READ, B),
        ("read all", READ, None),
        ("report all", REPORT, None),
        ("report and read A", &[Scope::Report, Scope::Read][..], A),
        ("admin A", ADMIN, A),
        ("admin all", ADMIN, None),
    ] {
        let (token, mut made) = new_token(tenants, scopes);
        made.expires_at = (name == "expired").then_some(over);
        insert(app, &token, &made).await;
        if name == "revoked" {
            let store = &app.db.store;
            store.revoke_token(made.token_id, over).await.unwrap();
        }
        let good = !matches!(name, "expired" | "revoked");
        bearers.push(bearer(name, Some(token.expose()), good, scopes, tenants));
    }
    bearers
}

fn bearer(
    name: &'static str,
    token: Option<&str>,
    good: bool,
    scopes: &'static [Scope],
    tenants: Option<&'static [&'static str]>,
) -> Bearer {
    let token = token.map(ToOwned::to_owned);
    Bearer {
        name,
        token,
        good,
        scopes,
        tenants,
    }
}

/// Paths that need no token: what an outsider may see of the program.
fn is_open(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap();
    [
        "",
        "assets",
        "docs",
        "healthz",
        "login",
        "logout",
        "openapi.json",
        "readyz",
        "webhook",
    ]
    .contains(&first)
}

/// The rule, put plainly; `None` if the handler is to answer.
fn refused(bearer: &Bearer, method: &Method, path: &str, tenant: &str) -> Option<u16> {
    if !bearer.good {
        return Some(401);
    }
    let reads = [Method::GET, Method::HEAD].contains(method);
    let of_the_service = path == "/metrics" || path == "/v1/hooks";
    let of_the_service =
        of_the_service || path.starts_with("/operations") || path.contains("/deliveries");
    let needed = match path.contains("/reports") {
        _ if of_the_service || !reads => Scope::Admin,
        true => Scope::Report,
        false => Scope::Read,
    };
    // Where everybody begins who logs in.
    let begins = reads && path == "/t";
    if !begins && !bearer.scopes.contains(&needed) && bearer.scopes != ADMIN {
        return Some(403);
    }
    let foreign = bearer.tenants.is_some_and(|own| !own.contains(&tenant));
    (path.contains("{tenant}") && foreign).then_some(404)
}

/// A path with everything filled in, and what parameters it must have.
fn filled(path: &str, tenant: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{tenant}" => tenant.to_owned(),
        "{ticket}" => TICKET.to_string(),
        "{event_id}" => EVENT_ID.to_owned(),
        "{actor}" => "19".to_owned(),
        "{list}" | "{field}" => "status".to_owned(),
        "{report}" => "changes_by_field".to_owned(),
        part => {
            assert!(!part.starts_with('{'), "{path}: what is a value of {part}?");
            part.to_owned()
        }
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let parameters = match path.rsplit('/').next() {
        Some("diff") => "?from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        _ => "",
    };
    format!("{path}{parameters}")
}

/// The methods that a path takes, of which the answer to another one tells.
async fn methods(app: &TestApp, path: &str) -> Vec<Method> {
    let other = Method::from_bytes(b"BREW").unwrap();
    let answer = app.call(other, None, &filled(path, "TenantA")).await;
    assert_eq!(answer.status, 405, "{path} needs no token to say so");
    let allow = answer.headers["allow"].to_str().unwrap();
    allow
        .split(',')
        .map(|method| method.trim().parse().unwrap())
        .collect()
}

/// The text of an answer; of one that does not end, what there is once the marker of a tenant came.
async fn text(mut response: Response) -> String {
    let content_type = response.headers().get("content-type");
    let endless = content_type.is_some_and(|kind| kind == "text/event-stream");
    let mut bytes = Vec::new();
    while let Some(chunk) = timeout(PATIENCE, response.chunk()).await.unwrap().unwrap() {
        bytes.extend_from_slice(&chunk);
        if endless && String::from_utf8_lossy(&bytes).contains("only in Tenant") {
            break;
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn ask(app: &TestApp, bearer: &Bearer, method: &Method, path: &str) -> (u16, String) {
    let mut request = app
        .http
        .request(method.clone(), format!("{}{path}", app.url));
    if let Some(token) = &bearer.token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), text(response).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_token_gets_what_is_its_own_at_every_path_and_nothing_else() {
    let app = start().await;
    let bearers = bearers(&app).await;
    let all = bearers.last().unwrap();
    let fenced: Vec<&String> = app.paths.iter().filter(|path| !is_open(path)).collect();
    assert!(fenced.len() >= 8, "{fenced:?}");
    let mut marked = 0;
    for path in fenced {
        if let Some(rest) = path.strip_prefix("/v1/tenants/") {
            assert!(rest.starts_with("{tenant}"), "{path} names no tenant");
        }
        for method in methods(&app, path).await {
            for tenant in [TENANTS[0], TENANTS[1], NOBODY] {
                let filled = filled(path, tenant);
                let (answered, _) = ask(&app, all, &method, &filled).await;
                let known = tenant != NOBODY || !path.contains("{tenant}");
                if known && method == Method::GET {
                    assert_eq!(answered, 200, "{filled}: which parameters does it need?");
                }
                assert!(![401, 403].contains(&answered), "{method} {filled}");
                for bearer in &bearers {
                    let (status, body) = ask(&app, bearer, &method, &filled).await;
                    let expected = refused(bearer, &method, path, tenant);
                    let what = format!("{method} {filled} by \"{}\": {body}", bearer.name);
                    assert_eq!(status, expected.unwrap_or(answered), "{what}");
                    if status == 200 {
                        let mut others: BTreeSet<&str> = TENANTS.into();
                        if path.contains("{tenant}") {
                            others.remove(tenant);
                        } else {
                            others.retain(|t| bearer.tenants.is_some_and(|own| !own.contains(t)));
                        }
                        let leaked = others.iter().find(|other| body.contains(**other));
                        assert_eq!(leaked, None, "{what}");
                        marked += usize::from(body.contains("only in "));
                    }
                }
            }
        }
    }
    // What is looked for is there to be found.
    assert!(marked > 20, "{marked}");
}

#[tokio::test]
async fn what_needs_no_token_is_little() {
    let app = TestApp::start().await;
    let open: Vec<&str> = app
        .paths
        .iter()
        .map(String::as_str)
        .filter(|path| is_open(path))
        .filter(|path| !path.starts_with("/docs") && *path != "/openapi.json")
        .collect();
    assert_eq!(
        open,
        [
            "/",
            "/assets/{asset}",
            "/healthz",
            "/login",
            "/logout",
            "/readyz",
            "/webhook",
            "/webhook/",
            "/webhook/{hook}"
        ]
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.get_as(None, path).await.status, 200, "{path}");
    }
}
