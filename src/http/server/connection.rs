//! One connection, from its first byte to its last.

use std::{io, net::SocketAddr, pin::pin, sync::Arc};

use axum::extract::ConnectInfo;
use bytes::{Bytes, BytesMut};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::http::client::Encrypted;

use super::{
    Shared, Stopping, stopping,
    timed::{Phase, Timed},
};

/// Most bytes a connection reads ahead, so also the longest head: SuperOffice's have under 1 kB.
const READ_BUFFER_BYTES: usize = 8 << 10;

/// Room for the first head, and for more of it as long as it is not whole.
const HEAD_BYTES: usize = 512;

/// Serves the requests of a connection until it ends.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    // An answer is one small packet: waiting to fill it would cost 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "Could not set TCP_NODELAY");
    }
    let Some(tls) = &shared.tls else {
        return converse(stream, peer, &shared).await;
    };
    // In a box, so that connections without TLS do not pay for its size.
    match Box::pin(timeout(shared.limits.handshake, tls.accept(stream))).await {
        Ok(Ok(stream)) => Box::pin(converse(stream, peer, &shared)).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "A TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "A TLS handshake took too long"),
    }
}

/// Waits for the first head before it makes what answers requests: most connections of a flood never get
/// so far, and that takes 20 kB of memory, this 1 kB.
async fn converse<S>(mut stream: S, peer: SocketAddr, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut read = BytesMut::new();
    match timeout(shared.limits.head, read_head(&mut stream, &mut read)).await {
        Ok(Ok(())) => Box::pin(answer(stream, read.freeze(), peer, shared)).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "A connection ended without a request"),
        Err(_) => tracing::debug!(%peer, "A head took too long"),
    }
}

/// Reads until a head may be whole; what is wrong with it is for hyper to say.
///
/// # Errors
/// If the stream ends or fails before that.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S, read: &mut BytesMut) -> io::Result<()> {
    loop {
        // A line that is empty ends a head, and may have begun with what was read before.
        let seen = read.len().saturating_sub(2);
        read.reserve(HEAD_BYTES);
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let new = read.get(seen..).unwrap_or_default();
        let ended = new.windows(2).any(|pair| pair == b"\n\n")
            || new.windows(3).any(|three| three == b"\n\r\n");
        let no_head = !read.first().is_some_and(u8::is_ascii_alphabetic);
        if ended || no_head || read.len() >= READ_BUFFER_BYTES {
            return Ok(());
        }
    }
}

/// Answers requests, of which the first begins with what was read.
async fn answer<S>(stream: S, read: Bytes, peer: SocketAddr, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Arc::new(Phase::default());
    let router = TowerToHyperService::new(shared.router.clone());
    let service = service_fn(|mut request: Request<Incoming>| {
        phase.answering();
        request.extensions_mut().insert(ConnectInfo(peer));
        request
            .extensions_mut()
            .insert(Encrypted(shared.tls.is_some()));
        let stopping = Stopping(Some(shared.stop.clone()));
        request.extensions_mut().insert(stopping);
        let answering = router.call(request);
        let phase = Arc::clone(&phase);
        async move {
            let answer = answering.await;
            phase.waiting().await;
            answer
        }
    });
    let stream = Timed::new(stream, read, Arc::clone(&phase), shared.limits);
    let connection = http1::Builder::new()
        .max_buf_size(READ_BUFFER_BYTES)
        // The stream keeps time itself: hyper knows one deadline for waiting and for a head.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut stop = shared.stop.clone();
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopping(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::debug!(%peer, %error, cause, "A connection ended before its time");
    }
}
