//! Pages: logging in, what they show, and how they hold against what somebody wrote into a field; first over
//! HTTP alone, then in a real browser.

mod actor;
mod audit;
mod browser;
mod hostile;
mod operations;
mod own;
mod reports;
mod session;
mod shown;

use reqwest::{Client, redirect::Policy};
use ticketlog::domain::token::{Scope, Token, TokenSummary};

use crate::support::app::{Answer, TestApp, answer, new_token};

/// A browser without a window: keeps one session, follows no redirect.
struct Visitor<'a> {
    app: &'a TestApp,
    http: Client,
    session: Option<String>,
}

impl<'a> Visitor<'a> {
    fn new(app: &'a TestApp) -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none());
        Self {
            app,
            http: http.build().unwrap(),
            session: None,
        }
    }

    /// Logged in with a token.
    async fn with(app: &'a TestApp, token: &str) -> Self {
        let mut visitor = Self::new(app);
        let answer = visitor.log_in(token, "/t").await;
        assert_eq!(answer.status, 303, "{answer:?}");
        visitor.session = Some(session_of(&answer));
        visitor
    }

    /// Logged in as one who may read all tenants.
    async fn reader(app: &'a TestApp) -> Self {
        let (token, _) = made(app, None, &[Scope::Read]).await;
        Self::with(app, token.expose()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.get(format!("{}{path}", self.app.url));
        request = request.header("Accept", "text/html,*/*;q=0.8");
        if let Some(session) = &self.session {
            request = request.header("Cookie", format!("a=b; ticketlog_session={session}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send().await.unwrap()).await
    }

    /// The text of a page that is there.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        text(&answer)
    }

    async fn log_in(&self, token: &str, next: &str) -> Answer {
        let form = [("token", token), ("next", next)];
        let own = [("Sec-Fetch-Site", "same-origin")];
        self.post("/login", &form, &own).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let request = self.http.post(format!("{}{path}", self.app.url));
        let mut request = request
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(serde_html_form::to_string(form).unwrap());
        if let Some(session) = &self.session {
            request = request.header("Cookie", format!("ticketlog_session={session}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send().await.unwrap()).await
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// The session that a log-in began.
fn session_of(answer: &Answer) -> String {
    let cookie = header(answer, "set-cookie");
    let (pair, _) = cookie.split_once(';').unwrap();
    pair.strip_prefix("ticketlog_session=").unwrap().to_owned()
}

async fn made(app: &TestApp, tenants: Option<&[&str]>, scopes: &[Scope]) -> (Token, TokenSummary) {
    let (token, made) = new_token(tenants, scopes);
    let store = &app.db.store;
    store.insert_token(&token.hash(), &made).await.unwrap();
    (token, made)
}
