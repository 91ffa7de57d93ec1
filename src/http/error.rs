//! Errors as problem documents (RFC 9457): a stable `type`, what was wrong, and what would be right.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::extract::unknown_tenant;
use crate::{
    domain::{
        ids::Position,
        page::CursorError,
        search::QueryError,
        signature::SignatureError,
        token::{Scope, TokenError},
    },
    ingest::IngestError,
    store::{FollowError, Replaced, StoreError},
};

/// Seconds after which to try again what could not be taken now.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Ends the connection after the answer.
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Everything a handler can answer instead of its result.
#[derive(Debug)]
pub(super) enum ApiError {
    /// 400: a body that is not what the resource takes.
    BadBody(String),
    /// 400: a parameter that is none, or has no such value.
    BadParameter(String),
    /// 400: a search that is none.
    BadQuery(QueryError),
    /// 401.
    Signature(SignatureError),
    /// 401.
    Token(TokenError),
    /// 403: the token has no such scope.
    Forbidden(Scope),
    /// 403: a form that none of our own pages sent.
    OtherSite,
    /// 404.
    Unknown(String),
    /// 405.
    WrongMethod(String),
    /// 406: `Accept` names no format of ours.
    NotAcceptable,
    /// 408: the connection ended first.
    BodyCut,
    /// 408: the body took longer than this.
    BodySlow(Duration),
    /// 409: what was followed is not the log that is there.
    LogReplaced(Replaced),
    /// 413: more than this many bytes.
    TooLarge(usize),
    /// 429: and the signature was at fault once more. Until when to wait.
    TooManyRejected(Duration),
    /// 500: a bug.
    Panicked,
    /// 503: the projections are not at the head of the log, but here.
    Behind { projected: Position, head: Position },
    /// 503: other bodies have all the room there is.
    Busy,
    /// 503: as many readers as may be follow the feed.
    TooManyFollowers,
    /// 503.
    NotStored(IngestError),
    /// 503: the store is not there yet.
    Starting,
    /// 503 or 500.
    Store(StoreError),
}

/// The `type` of the problem that a response is, kept beside it for whoever counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProblemType(&'static str);

impl ProblemType {
    /// The last part of it, like `bad-signature`.
    pub(super) fn word(self) -> &'static str {
        self.0.strip_prefix("urn:ticketlog:").unwrap_or(self.0)
    }
}

/// The same in words, for pages.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// What kind of problem it is.
    pub(super) title: &'static str,
    /// What was wrong and what would be right.
    pub(super) detail: String,
    /// True if it is that a session has ended.
    pub(super) is_over: bool,
}

/// What is answered instead of a result (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Problem {
    /// What kind of problem it is; stable.
    #[schema(pattern = "^urn:ticketlog:[a-z-]+$")]
    r#type: &'static str,
    /// The same for people.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What was wrong and what would be right.
    detail: String,
    /// Of a search: the characters before the place that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<usize>,
    /// Of a search: what may have been meant there.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggest: Option<String>,
}

const BEHIND: (&str, &str) = ("urn:ticketlog:behind", "The projections are behind the log");

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadBody(_)
            | Self::BadParameter(_)
            | Self::BadQuery(_)
            | Self::Store(StoreError::TooBroad | StoreError::TooLong) => StatusCode::BAD_REQUEST,
            Self::Signature(_) | Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::OtherSite => StatusCode::FORBIDDEN,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::BodyCut | Self::BodySlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::LogReplaced(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRejected(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Behind { .. }
            | Self::Busy
            | Self::TooManyFollowers
            | Self::NotStored(_)
            | Self::Starting
            | Self::Store(StoreError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked | Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What stands for the kind of problem, and its title.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::BadBody(_) => ("urn:ticketlog:bad-body", "The body is wrong"),
            Self::BadParameter(_) => ("urn:ticketlog:bad-parameter", "A parameter is wrong"),
            Self::BadQuery(_) => ("urn:ticketlog:bad-query", "The search cannot be read"),
            Self::Store(StoreError::TooBroad) => {
                ("urn:ticketlog:too-broad", "The search takes too long")
            }
            Self::Store(StoreError::TooLong) => {
                ("urn:ticketlog:too-long", "The report takes too long")
            }
            Self::Store(StoreError::Report(_)) => {
                ("urn:ticketlog:bad-report", "The report cannot be run")
            }
            Self::Signature(_) => (
                "urn:ticketlog:bad-signature",
                "The delivery is not signed as it should be",
            ),
            Self::Token(_) => (
                "urn:ticketlog:bad-token",
                "The request has no token that is good",
            ),
            Self::Forbidden(_) => ("urn:ticketlog:forbidden", "The token is not good for this"),
            Self::OtherSite => (
                "urn:ticketlog:other-site",
                "The form comes from another site",
            ),
            Self::Unknown(_) => ("urn:ticketlog:not-found", "There is no such thing"),
            Self::WrongMethod(_) => (
                "urn:ticketlog:wrong-method",
                "The path exists, the method does not",
            ),
            Self::NotAcceptable => (
                "urn:ticketlog:not-acceptable",
                "The list has no form that the client takes",
            ),
            Self::BodyCut => ("urn:ticketlog:body-cut", "The body did not arrive whole"),
            Self::BodySlow(_) => ("urn:ticketlog:body-slow", "The body did not arrive in time"),
            Self::LogReplaced(_) => ("urn:ticketlog:log-replaced", "The log is another one"),
            Self::TooLarge(_) => ("urn:ticketlog:too-large", "The body is too large"),
            Self::TooManyRejected(_) => (
                "urn:ticketlog:too-many-rejected",
                "Too many deliveries from this address were not signed as they should be",
            ),
            Self::Behind { .. } => BEHIND,
            Self::Store(error) if error.is_locked_out() => BEHIND,
            Self::Busy => ("urn:ticketlog:busy", "There is no room for the body now"),
            Self::TooManyFollowers => (
                "urn:ticketlog:too-many-followers",
                "As many readers as may be follow the feed",
            ),
            Self::NotStored(_) => ("urn:ticketlog:not-stored", "The delivery was not stored"),
            Self::Starting | Self::Store(StoreError::Unavailable(_)) => (
                "urn:ticketlog:unavailable",
                "The database cannot be reached",
            ),
            Self::Panicked | Self::Store(_) => {
                ("urn:ticketlog:internal", "Something is wrong here")
            }
        }
    }

    /// What was wrong and what would be right. The cause of a failure stays in the log.
    fn detail(&self) -> String {
        match self {
            Self::BadBody(detail)
            | Self::BadParameter(detail)
            | Self::Unknown(detail)
            | Self::WrongMethod(detail) => detail.clone(),
            Self::BadQuery(error) => error.to_string(),
            Self::Store(error @ StoreError::TooBroad) => {
                format!("{error}: add a time, a field, an actor or a ticket")
            }
            Self::Store(error @ StoreError::TooLong) => {
                format!("{error}: ask for a shorter time with since and until")
            }
            Self::Store(error @ StoreError::Report(_)) => error.to_string(),
            Self::Signature(error) => error.to_string(),
            Self::NotAcceptable => {
                "accept application/json, text/csv or application/x-ndjson, or give format=json, csv or ndjson"
                    .to_owned()
            }
            Self::Token(error) => error.to_string(),
            Self::Forbidden(scope) => format!(
                "it takes a token with the scope {0}: `ticketlog token create --scope {0}` makes one",
                scope.as_str()
            ),
            Self::OtherSite => {
                "only the pages of this service may send its forms: open one, and send it from there".to_owned()
            }
            Self::BodyCut => "the connection ended before the body did".to_owned(),
            Self::BodySlow(deadline) => {
                format!("a body must be here in {} s", deadline.as_secs())
            }
            Self::LogReplaced(replaced) => replaced.to_string(),
            Self::TooLarge(limit) => {
                format!(
                    "bodies up to {limit} bytes are taken; raise --max-body-bytes if this one is real"
                )
            }
            Self::TooManyRejected(_) => {
                "a delivery that is signed as it should be is taken at any time".to_owned()
            }
            Self::Behind { projected, head } => format!(
                "projected up to position {}, the log goes to {}: try again later, or take what is there with \
                 stale=allow",
                projected.0, head.0
            ),
            Self::Store(error) if error.is_locked_out() => {
                "the tables that it would come from are being built anew: try again later".to_owned()
            }
            Self::NotStored(error) => format!("{error}; send it again"),
            Self::Starting
            | Self::Busy
            | Self::TooManyFollowers
            | Self::Store(StoreError::Unavailable(_)) => {
                "try again in a moment".to_owned()
            }
            Self::Panicked | Self::Store(_) => "the log of the server says what".to_owned(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Store(error) = &self
            && !error.is_locked_out()
        {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, cause, "Could not answer from the database");
        }
        let status = self.status();
        let (r#type, title) = self.kind();
        let query = match &self {
            Self::BadQuery(error) => Some(error),
            _ => None,
        };
        let problem = Problem {
            r#type,
            title,
            status: status.as_u16(),
            detail: self.detail(),
            at: query.and_then(QueryError::at),
            suggest: query.and_then(QueryError::suggest).map(str::to_owned),
        };
        let mut response = (status, Json(problem)).into_response();
        response.extensions_mut().insert(ProblemType(r#type));
        response.extensions_mut().insert(Told {
            title,
            detail: self.detail(),
            is_over: matches!(self, Self::Token(TokenError::Over)),
        });
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        match self {
            Self::BodyCut | Self::BodySlow(_) => {
                headers.insert(header::CONNECTION, CLOSE);
            }
            Self::Token(error) => {
                let challenge = match error {
                    TokenError::Missing => "Bearer",
                    TokenError::Malformed | TokenError::Unknown | TokenError::Over => {
                        "Bearer error=\"invalid_token\""
                    }
                };
                let challenge = HeaderValue::from_static(challenge);
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::TooManyRejected(wait) => {
                headers.insert(header::CONNECTION, CLOSE);
                let seconds = wait.as_secs().saturating_add(1);
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Self::Signature(_) => {
                let scheme = HeaderValue::from_static("X-SuperOffice-Signature");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            _ if status == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<FollowError> for ApiError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::NoLog(tenant) => unknown_tenant(tenant.as_str()),
            FollowError::Replaced(replaced) => Self::LogReplaced(replaced),
            FollowError::Store(error) => Self::Store(error),
        }
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        Self::NotStored(error)
    }
}

impl From<SignatureError> for ApiError {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::BadQuery(error)
    }
}

impl From<CursorError> for ApiError {
    fn from(error: CursorError) -> Self {
        Self::BadParameter(error.to_string())
    }
}

/// Any path without a route.
pub(super) async fn unknown_path(uri: Uri) -> ApiError {
    ApiError::Unknown(format!("no resource is at {}", uri.path()))
}

/// A path that has a route, but not for this method.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::WrongMethod(format!("{method} is not what {} takes", uri.path()))
}
