//! The feed as server-sent events: what the table has and what comes later, through one and the same code,
//! so that nothing is skipped or doubled where the one becomes the other.

use std::{convert::Infallible, future::ready, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{
    Stream, StreamExt,
    stream::{self, iter, unfold},
};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use uuid::Uuid;

use super::{STREAM_PAGE, position, shown};
use crate::{
    domain::ids::{Position, Tenant},
    http::{
        AppState,
        error::ApiError,
        extract::{Path, Query},
        openapi::TenantPath,
        server::Stopping,
    },
    render::{json::EventJson, lines::line},
    store::{FollowError, Follower, LogEnd, Replaced, StoreError},
};

/// How long one stream lasts. A client comes back by itself and goes on where it was; that is when its
/// rights are looked at again.
const MAX_AGE: Duration = Duration::from_hours(1);

/// After how long a client that was cut off comes back.
const RETRY: Duration = Duration::from_secs(3);

/// Where a client that comes back was.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx to pass on each frame as it comes.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// Parameters of [`stream_events`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct StreamParams {
    /// The position to go on after; 0 is the beginning. `Last-Event-ID` counts more.
    #[serde(default)]
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
    after: i64,
    /// The log that was followed so far; if it is another one now, a `reset` says so.
    log_id: Option<Uuid>,
}

/// Headers of [`stream_events`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes what last_seen reads")]
struct LastEventId {
    /// The position of the last event that was seen; counts more than `after`.
    #[param(
        rename = "Last-Event-ID",
        required = false,
        minimum = 0,
        maximum = 9_223_372_036_854_775_807_i64
    )]
    last_event_id: i64,
}

/// One frame of the stream.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what axum writes")]
struct Frame {
    /// `hello`, `event` or `reset`.
    #[schema(pattern = "^(hello|event|reset)$")]
    event: String,
    /// Of an `event`, its position; the others have none.
    #[schema(pattern = "^[0-9]+$")]
    id: Option<String>,
    /// JSON: an event, or `log_id`, `head` and `after`.
    data: String,
    /// Of the `hello`: after how many milliseconds a client that was cut off is to come back.
    retry: Option<u64>,
}

/// Data of the frames `hello` and `reset`.
#[derive(Debug, Serialize)]
struct LogJson {
    /// Identity of the log.
    log_id: Uuid,
    /// Position of its last event.
    head: Position,
    /// The position after which the stream goes on, or would have.
    after: Position,
}

/// `GET /v1/tenants/{tenant}/events/stream`: events after a position, then each as it comes.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/events/stream",
    tag = "events",
    summary = "The feed as server-sent events",
    description = "Events after a position, then each as it comes, for an hour. The first frame is a `hello` with \
        `log_id`, `head` and `after`; then each `event` has its position as its id; a `reset` says that the log \
        is another one and ends the stream.",
    params(
        TenantPath,
        StreamParams,
        LastEventId,
    ),
    responses((status = 200, description = "Frames", body = Frame, content_type = "text/event-stream")),
)]
pub(in crate::http) async fn stream_events(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    headers: HeaderMap,
    stopping: Stopping,
    Query(params): Query<StreamParams>,
) -> Result<Response, ApiError> {
    let after = position("after", params.after)?;
    let after = match headers.get(LAST_EVENT_ID) {
        Some(last) => last_seen(last)?,
        None => after,
    };
    let place = state.followers.enter()?;
    let store = state.store().await?;
    let mut follower = store.follow(tenant, after, params.log_id);
    let (first, follower) = match follower.look().await {
        Ok(log) => (log_frame("hello", log, after), Some(follower)),
        Err(FollowError::Replaced(replaced)) => (reset(replaced), None),
        Err(error) => return Err(error.into()),
    };
    let frames = frames(first.retry(RETRY), follower).take_until(async move {
        tokio::select! {
            () = stopping.told() => {}
            () = sleep(MAX_AGE) => {}
        }
    });
    let frames = frames.map(move |frame| {
        // Kept for as long as the stream is.
        let _ = &place;
        Ok::<_, Infallible>(frame)
    });
    let keep_alive = KeepAlive::new()
        .interval(state.followers.keep_alive)
        .text("keep-alive");
    Ok(([UNBUFFERED], Sse::new(frames).keep_alive(keep_alive)).into_response())
}

/// All frames. Only those of events have an id, so that no other moves a client past one.
fn frames(first: Event, follower: Option<Follower>) -> impl Stream<Item = Event> + Send {
    let pages = unfold(follower, |follower| async move { next(follower?).await });
    stream::once(ready(first)).chain(pages.flat_map(iter))
}

/// The frames of the next page, once there is one, and who gives the ones after; `None` at the end. While
/// the database is away it waits.
async fn next(mut follower: Follower) -> Option<(Vec<Event>, Option<Follower>)> {
    let mut told = false;
    loop {
        match page(&mut follower).await {
            Ok(events) if events.is_empty() => told = false,
            Ok(events) => {
                let frames = events.iter().map(event).collect();
                return Some((frames, Some(follower)));
            }
            Err(FollowError::Replaced(replaced)) => return Some((vec![reset(replaced)], None)),
            Err(FollowError::Store(StoreError::Unavailable(_))) if follower.is_closed() => {
                return None;
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let (tenant, after) = (follower.tenant(), follower.after().0);
                if !matches!(error, FollowError::Store(StoreError::Unavailable(_))) {
                    tracing::error!(%tenant, after, %error, cause, "A stream of the feed broke off");
                    return None;
                }
                if !told {
                    tracing::warn!(%tenant, after, %error, cause, "A stream of the feed waits");
                    told = true;
                }
            }
        }
        follower.wait().await;
    }
}

async fn page(follower: &mut Follower) -> Result<Vec<EventJson>, FollowError> {
    let log = follower.look().await?;
    Ok(shown(follower.read_labelled(log.head, STREAM_PAGE).await?))
}

fn event(event: &EventJson) -> Event {
    Event::default()
        .id(event.position().0.to_string())
        .event("event")
        .data(line(event))
}

fn reset(replaced: Replaced) -> Event {
    log_frame("reset", replaced.log, replaced.after)
}

fn log_frame(name: &str, log: LogEnd, after: Position) -> Event {
    let LogEnd { log_id, head } = log;
    Event::default().event(name).data(line(&LogJson {
        log_id,
        head,
        after,
    }))
}

/// The position in a `Last-Event-ID`.
fn last_seen(header: &HeaderValue) -> Result<Position, ApiError> {
    let text = header.to_str().unwrap_or_default();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.map(Position).ok_or_else(|| {
        ApiError::BadParameter(
            "Last-Event-ID must be the id of an event of this stream: its position, a number"
                .to_owned(),
        )
    })
}
