//! The feed: a tenant's events by position, as pages, as lines and as a stream that never ends.

mod followers;
mod lines;
pub(super) mod stream;

use std::{ops::RangeInclusive, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue},
    response::Response,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

pub use self::followers::Followers;
use super::{
    AppState,
    error::{ApiError, Problem},
    extract::{Path, Query, limit},
    list::{Asked, Format, PAGE_BYTES, Page},
    openapi::TenantPath,
    server::Stopping,
};
use crate::{
    domain::{
        ids::{Position, Tenant},
        label::Labels,
        log::StoredEvent,
        page::MAX_LIMIT,
    },
    render::json::EventJson,
    store::{FollowError, Follower, LogEnd, PageSize, StoreError},
};

/// Longest wait that may be asked for, in seconds: most proxies give up at 60.
const WAIT_SECONDS: RangeInclusive<u64> = 0..=60;

/// What a stream reads at once: as much as a slow reader keeps in memory, a last body beside it.
const STREAM_PAGE: PageSize = PageSize {
    events: MAX_LIMIT,
    bytes: 256 << 10,
};

/// The head of the log when an answer began.
const HEAD: HeaderName = HeaderName::from_static("ticketlog-head");

/// The identity of the log.
const LOG_ID: HeaderName = HeaderName::from_static("ticketlog-log-id");

/// Parameters of [`list_events`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedParams {
    /// The position to go on after; 0 is the beginning.
    #[serde(default)]
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
    after: i64,
    /// Most events, 1 to 1000. As lines without it: all.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Seconds to wait for an event if there is none yet, 0 to 60.
    #[serde(default)]
    #[param(minimum = 0, maximum = 60)]
    wait: u64,
    /// The log that was followed so far; if it is another one now, the answer is a 409.
    log_id: Option<Uuid>,
    /// The form of the list.
    #[param(inline)]
    format: Option<Format>,
}

/// A page of the feed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FeedPage)]
pub(super) struct FeedJson {
    /// Events by position.
    items: Vec<EventJson>,
    /// The `after` of the next page; null at the head.
    #[schema(required)]
    next: Option<Position>,
    /// Position of the last event in the log.
    #[schema(value_type = i64, minimum = 0)]
    head: Position,
    /// Identity of the log: another one means that the log is not the one that was followed before.
    log_id: Uuid,
}

/// `GET /v1/tenants/{tenant}/events?after=`: events by position. A follower goes on after the last
/// position it has seen and misses nothing: no reader sees a position before its predecessor.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/events",
    tag = "events",
    summary = "The feed",
    description = "Events by position. A follower goes on after the last position it has seen and misses nothing: \
        no reader sees a position before its predecessor. As NDJSON without `limit` it gives all.",
    params(TenantPath, FeedParams),
    responses(
        (
            status = 200, description = "A page of events", body = FeedJson,
            headers(
                ("ticketlog-head" = i64, description = "Position of the last event in the log"),
                ("ticketlog-log-id" = Uuid, description = "Identity of the log"),
            ),
        ),
        (status = 409, description = "The log is not the one that was followed before", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list_events(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    stopping: Stopping,
    Query(params): Query<FeedParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let most = limit(params.limit)?;
    let after = position("after", params.after)?;
    let wait = params.wait()?;
    let lines = form.format() == Format::Ndjson;
    // Whoever waits or takes all stays for a while.
    let place = if lines || !wait.is_zero() {
        Some(state.followers.enter()?)
    } else {
        None
    };
    let store = state.store().await?;
    let mut follower = store.follow(tenant, after, params.log_id);
    let log = await_event(&mut follower, wait, stopping).await?;
    let mut response = if lines {
        // Positions have no gaps, so a limit is a position.
        let limit = params.limit.map(|_| i64::from(most));
        let last = limit.map_or(log.head, |limit| Position(after.0.saturating_add(limit)));
        let last = last.min(log.head);
        let next = (last < log.head).then(|| next_page(last));
        form.answer_with(lines::body(follower, last, place), next)
    } else {
        form.answer(&page(&mut follower, log, most).await?)
    };
    let headers = response.headers_mut();
    headers.insert(HEAD, HeaderValue::from(log.head.0));
    if let Ok(log_id) = HeaderValue::try_from(log.log_id.to_string()) {
        headers.insert(LOG_ID, log_id);
    }
    Ok(response)
}

/// Up to the head that was read, so that head and items agree.
async fn page(follower: &mut Follower, log: LogEnd, limit: u16) -> Result<FeedJson, StoreError> {
    let size = PageSize {
        events: limit,
        bytes: PAGE_BYTES,
    };
    let items = shown(follower.read_labelled(log.head, size).await?);
    let last = follower.after();
    Ok(FeedJson {
        items,
        next: Some(last).filter(|last| *last < log.head),
        head: log.head,
        log_id: log.log_id,
    })
}

fn next_page(last: Position) -> (&'static str, String) {
    ("after", last.0.to_string())
}

impl FeedParams {
    fn wait(&self) -> Result<Duration, ApiError> {
        if WAIT_SECONDS.contains(&self.wait) {
            return Ok(Duration::from_secs(self.wait));
        }
        let most = WAIT_SECONDS.end();
        Err(ApiError::BadParameter(format!(
            "wait must be 0 to {most} seconds"
        )))
    }
}

impl Page for FeedJson {
    type Item = EventJson;

    fn items(&self) -> &[EventJson] {
        &self.items
    }

    fn next(&self) -> Option<(&'static str, String)> {
        self.next.map(next_page)
    }
}

/// Events as every form of the feed shows them.
fn shown((events, labels): (Vec<StoredEvent>, Labels)) -> Vec<EventJson> {
    let events = events.into_iter();
    events.map(|event| EventJson::new(event, &labels)).collect()
}

/// Where the log ends, once there is an event to give, the time is over or the server stops.
async fn await_event(
    follower: &mut Follower,
    wait: Duration,
    stopping: Stopping,
) -> Result<LogEnd, FollowError> {
    let until = Instant::now() + wait;
    let mut stopping = std::pin::pin!(stopping.told());
    loop {
        let log = follower.look().await?;
        if log.head > follower.after() || Instant::now() >= until || follower.is_closed() {
            return Ok(log);
        }
        tokio::select! {
            // Over or not, the head decides.
            _ = timeout_at(until, follower.wait()) => {}
            () = &mut stopping => return Ok(log),
        }
    }
}

/// A position that a client names.
fn position(name: &str, number: i64) -> Result<Position, ApiError> {
    if number < 0 {
        return Err(ApiError::BadParameter(format!(
            "{name} must be a position: a number from 0"
        )));
    }
    Ok(Position(number))
}
