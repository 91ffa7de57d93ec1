//! Until there are tokens, histories are shown only to callers on this machine.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::ApiError;

/// Lets a request through if its peer has a loopback address. A proxy on this machine has one too: let
/// it pass on `/webhook` only.
pub(super) async fn only_this_machine(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback()) {
        next.run(request).await
    } else {
        ApiError::NotLocal.into_response()
    }
}
