//! Problems as pages, where a person looks at them.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Page, is_page, session::own_path};
use crate::{
    http::error::Told,
    render::html::{LogIn, Pairs, Problem, log_in, problem, way_in},
};

/// What programs ask: there a problem stays a problem document, whoever asks.
const FOR_PROGRAMS: [&str; 6] = [
    "/v1",
    "/webhook",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
];

/// Makes a page of a problem if a page was asked for.
pub(in crate::http) async fn dress(request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let response = next.run(request).await;
    match asked {
        Some(asked) => asked.dress(response),
        None => response,
    }
}

/// What was asked for by a person.
struct Asked {
    uri: Uri,
    /// By a link on another site, which does not bring the session along.
    from_elsewhere: bool,
}

impl Asked {
    fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        let for_programs = FOR_PROGRAMS.iter().any(|prefix| path.starts_with(prefix));
        let page = is_page(path) || (!for_programs && takes_html(request.headers()));
        let site = request.headers().get("sec-fetch-site");
        page.then(|| Self {
            uri: request.uri().clone(),
            from_elsewhere: request.method() == Method::GET
                && site.is_some_and(|site| site == "cross-site"),
        })
    }

    fn dress(self, response: Response) -> Response {
        let Some(told) = response.extensions().get::<Told>().cloned() else {
            return response;
        };
        let status = response.status();
        let path = self.uri.path_and_query().map_or("/t", |path| path.as_str());
        let text = if status == StatusCode::UNAUTHORIZED {
            self.way_in(own_path(Some(path)), &told)
        } else {
            problem(Problem {
                status: status.as_u16(),
                title: told.title,
                detail: &told.detail,
                back: own_path(Some(path)),
            })
        };
        let mut page = (status, Page(text)).into_response();
        for (name, value) in response.headers() {
            if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
                page.headers_mut().insert(name, value.clone());
            }
        }
        page
    }

    /// The page to log in; for whoever follows a link from elsewhere one that asks again from here, for only
    /// then the browser says who it is.
    fn way_in(&self, next: &str, told: &Told) -> String {
        if self.from_elsewhere {
            return way_in(&Pairs::default().with("next", next).link("/login"));
        }
        log_in(LogIn {
            next,
            error: None,
            note: Some(&told.detail)
                .filter(|_| told.is_over)
                .map(String::as_str),
        })
    }
}

fn takes_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
