//! The service in the test's process, on a port of its own.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use sqlx::PgConnection;
use tempfile::TempDir;
use ticketlog::{
    domain::{
        hook::{DEFAULT_HOOK, Hook, Hooks, TenantRule},
        ids::Tenant,
        report::{Broken, Report},
        signature::{Secret, encode},
        token::{Access, Scope, Token, TokenSummary},
    },
    http::{
        self, Bodies, Followers, Quota, Shared, TokenUses, TrustedProxies,
        server::{self, Handle, Limits},
    },
    ingest::{self, Spool, feed::FeedWatch},
};
use tokio::sync::watch;

use super::cluster::TestDb;

/// The secret of the hook `default`.
pub(crate) const SECRET: &str = "Something Super Secret";

/// Largest body that the app takes.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;

/// Longer than the program's, for the tests share their cores: what is delivered is to be stored.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct TestApp {
    pub(crate) db: TestDb,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    /// Sending other hooks puts them in force.
    pub(crate) hooks: watch::Sender<Arc<Hooks>>,
    pub(crate) feed: FeedWatch,
    pub(crate) server: Handle,
    /// Of an admin of all tenants; sent with every read.
    pub(crate) token: String,
    /// The paths that have a route, as `/v1/tenants/{tenant}/events`.
    pub(crate) paths: BTreeSet<String>,
    /// Holds the spool.
    _folder: TempDir,
    /// Keeps the projector going.
    _follow: tokio::sync::oneshot::Sender<()>,
}

/// What may differ from the program's own.
pub(crate) struct Setup {
    pub(crate) allow_unsigned: bool,
    pub(crate) bodies: Bodies,
    pub(crate) quota: Quota,
    pub(crate) proxies: TrustedProxies,
    pub(crate) followers: Followers,
    pub(crate) own_reports: Vec<Report>,
    pub(crate) broken_reports: Broken,
    pub(crate) limits: Limits,
    pub(crate) spool_max_bytes: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            allow_unsigned: false,
            bodies: Bodies::default(),
            // Tests of what is rejected reject a lot.
            quota: Quota::new(NonZeroU32::new(1_000_000).unwrap()),
            proxies: TrustedProxies::default(),
            followers: Followers::default(),
            own_reports: Vec::new(),
            broken_reports: Broken::new(),
            limits: Limits::default(),
            spool_max_bytes: 1 << 30,
        }
    }
}

/// An answer: status, headers of interest, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn assert(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self.json()
    }
}

pub(crate) fn hook(secrets: &[&str], tenants: TenantRule) -> Hook {
    let secrets = secrets
        .iter()
        .map(|text| Secret::new((*text).to_owned()).unwrap());
    Hook {
        secrets: secrets.collect(),
        tenants,
    }
}

impl TestApp {
    /// With the hook `default`, which takes any tenant.
    pub(crate) async fn start() -> Self {
        Self::start_with(TestDb::create().await, false).await
    }

    pub(crate) async fn start_with(db: TestDb, allow_unsigned: bool) -> Self {
        let setup = Setup {
            allow_unsigned,
            ..Setup::default()
        };
        Self::set_up(db, setup).await
    }

    /// Without room in the spool: what Postgres does not take is refused.
    pub(crate) async fn start_without_spool() -> Self {
        let setup = Setup {
            spool_max_bytes: 0,
            ..Setup::default()
        };
        Self::set_up(TestDb::create().await, setup).await
    }

    pub(crate) async fn set_up(db: TestDb, setup: Setup) -> Self {
        // Fails if another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        ticketlog::measure::start().unwrap();
        let default = hook(&[SECRET], TenantRule::Any);
        let hooks = Hooks::from([(DEFAULT_HOOK.to_owned(), default)]);
        let (hooks, live) = watch::channel(Arc::new(hooks));
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path().join("spool"), setup.spool_max_bytes).unwrap();
        let (_, store) = watch::channel(Some(db.store.clone()));
        let receiver = ingest::receiver(store.clone(), spool.clone(), COMMIT_TIMEOUT);
        let feed = FeedWatch::new(live.clone());
        let (follow, stop) = tokio::sync::oneshot::channel();
        let following = ticketlog::project::follow(store.clone(), stop);
        let router = http::router(Shared {
            ingest: receiver.ingest,
            store,
            breaker: receiver.breaker.clone(),
            spool: spool.status(),
            hooks: live,
            feed: feed.clone(),
            max_body_bytes: MAX_BODY_BYTES,
            allow_unsigned: setup.allow_unsigned,
            bodies: setup.bodies,
            quota: setup.quota,
            proxies: setup.proxies,
            followers: setup.followers,
            own_reports: Arc::new(setup.own_reports),
            broken_reports: watch::channel(setup.broken_reports).1,
            token_uses: TokenUses::default(),
        });
        let paths = paths(&format!("{router:?}"));
        let (token, made) = new_token(None, &[Scope::Admin]);
        db.store.insert_token(&token.hash(), &made).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (server, serving) = server::serve(listener, router, setup.limits, None);
        // Both end with the test's runtime.
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(receiver.writer.run());
        tasks.spawn(receiver.drain.run());
        tasks.spawn(following);
        tasks.spawn(async {
            serving.await;
        });
        tasks.detach_all();
        // Past this a delivery is stored, not spooled.
        receiver.breaker.closed().await;
        Self {
            db,
            url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            hooks,
            feed,
            server,
            token: token.expose().to_owned(),
            paths,
            _folder: folder,
            _follow: follow,
        }
    }

    /// Another receiver on the same database.
    pub(crate) async fn second_receiver(&self) -> Self {
        Self::start_with(self.db.again().await, false).await
    }

    /// Signs and posts a body to the hook `default`.
    pub(crate) async fn deliver(&self, body: impl Into<Bytes>) -> Answer {
        self.deliver_to("/webhook", SECRET, body).await
    }

    pub(crate) async fn deliver_to(
        &self,
        path: &str,
        secret: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        let body = body.into();
        let signature = sign(secret, &body);
        self.post(path, &[("X-SuperOffice-Signature", &signature)], body)
            .await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("Content-Type", "application/json; charset=utf-8")
            .body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// With the admin's token and further headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.http.get(format!("{}{path}", self.url));
        let mut request = request.bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send().await.unwrap()).await
    }

    /// With another token, or none.
    pub(crate) async fn get_as(&self, token: Option<&str>, path: &str) -> Answer {
        self.call(Method::GET, token, path).await
    }

    /// Any method, without a body.
    pub(crate) async fn call(&self, method: Method, token: Option<&str>, path: &str) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.http.put(format!("{}{path}", self.url)).body(body);
        let request = request.bearer_auth(&self.token);
        answer(request.send().await.unwrap()).await
    }

    /// The JSON of a read that succeeds.
    pub(crate) async fn read(&self, path: &str) -> Value {
        self.get(path).await.assert(200)
    }

    /// All items of a list, page by page.
    pub(crate) async fn read_all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let mut page = self.read(&format!("{path}{joint}limit=1000{next}")).await;
            items.append(page["items"].as_array_mut().unwrap());
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return items,
            }
        }
    }

    /// Returns once all that is stored is projected.
    pub(crate) async fn settle(&self) {
        let lag = self.db.store.list_behind();
        if lag.await.unwrap().is_empty() {
            return;
        }
        ticketlog::project::catch_up_all(&self.db.store)
            .await
            .unwrap();
    }

    /// One number out of the database.
    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        let mut session: PgConnection = self.db.connect().await;
        sqlx::query_scalar(statement)
            .fetch_one(&mut session)
            .await
            .unwrap()
    }
}

/// The header's value for a body.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    encode(&Secret::new(secret.to_owned()).unwrap().sign(body))
}

/// A token that does not expire, and what is known of it; no tenants are all.
pub(crate) fn new_token(tenants: Option<&[&str]>, scopes: &[Scope]) -> (Token, TokenSummary) {
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes);
    let token = Token::of(random.concat().try_into().unwrap());
    let tenants = tenants.map(|names| names.iter().map(|name| Tenant::parse(name).unwrap()));
    let made = TokenSummary {
        token_id: uuid::Uuid::now_v7(),
        prefix: token.prefix().to_owned(),
        access: Access {
            tenants: tenants.map(Iterator::collect),
            scopes: scopes.iter().copied().collect(),
        },
        name: None,
        created_at: "2026-11-24T15:30:00Z".parse().unwrap(),
        expires_at: None,
        revoked_at: None,
    };
    (token, made)
}

/// The paths in the Debug of a router, the one place where axum tells them.
fn paths(debug: &str) -> BTreeSet<String> {
    let (routed, _) = debug.split_once("fallback_router: ").unwrap();
    let quoted = routed.split('"').skip(1).step_by(2);
    quoted
        .filter(|text| text.starts_with('/'))
        .map(ToOwned::to_owned)
        .collect()
}

pub(crate) async fn answer(response: reqwest::Response) -> Answer {
    let content_type = response.headers().get("content-type");
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        content_type: content_type
            .map_or("", |value| value.to_str().unwrap())
            .to_owned(),
        body: response.bytes().await.unwrap(),
    }
}
