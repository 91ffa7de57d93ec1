//! The feed as lines: from a position to the head as it was, however many events that is.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use tokio::sync::OwnedSemaphorePermit;

use super::{STREAM_PAGE, shown};
use crate::{
    domain::ids::Position,
    render,
    store::{Follower, StoreError},
};

/// Lines of the events up to a position. The next page is read only once the client has taken the last, and
/// what fails in the middle breaks the body off, so that it cannot be taken for the whole.
pub(super) fn body(
    follower: Follower,
    up_to: Position,
    place: Option<OwnedSemaphorePermit>,
) -> Body {
    Body::from_stream(try_unfold(
        (follower, place),
        move |(mut follower, place)| async move {
            let page = next(&mut follower, up_to).await?;
            Ok::<_, StoreError>(page.map(|page| (page, (follower, place))))
        },
    ))
}

async fn next(follower: &mut Follower, up_to: Position) -> Result<Option<Bytes>, StoreError> {
    let events = follower.read_labelled(up_to, STREAM_PAGE).await;
    let events = events.inspect_err(|error| {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let (tenant, after) = (follower.tenant(), follower.after().0);
        tracing::error!(%tenant, after, %error, cause, "A feed broke off");
    })?;
    if events.0.is_empty() {
        return Ok(None);
    }
    Ok(Some(render::lines::lines(&shown(events)).into()))
}
