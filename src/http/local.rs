//! Until there are tokens, histories are shown only to callers on this machine.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{client::ClientAddress, error::ApiError};

/// Lets a request through if its client has a loopback address. A proxy on this machine that is not
/// trusted to name its clients has one too: let it pass on `/webhook` only.
pub(super) async fn only_this_machine(request: Request, next: Next) -> Response {
    let ClientAddress(client) = ClientAddress::of(&request);
    if client.is_loopback() {
        next.run(request).await
    } else {
        ApiError::NotLocal.into_response()
    }
}
