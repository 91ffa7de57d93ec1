//! Serves a router over HTTP/1, with TLS where it is given: bounded in connections, time and memory.
//!
//! HTTP/1 alone, because SuperOffice speaks nothing newer and HTTP/2 would bring its own ways of attack.

mod connection;
mod timed;
mod tls;

use std::{convert::Infallible, future::pending, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::FromRequestParts, http::request::Parts};
use futures_util::FutureExt;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant, sleep, timeout_at},
};

pub use self::tls::{Tls, TlsError};
use super::tally::Tally;

/// Rest after an accept that failed: for want of files it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most connections that the kernel holds established but not yet accepted, if `net.core.somaxconn`
/// allows it. Beyond it a sender's first packet is dropped and comes again after a second; 128, which is
/// usual, is a burst of 128.
const BACKLOG: u16 = 4096;

/// What a client may cost before it has shown anything.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most open connections; more are closed at once.
    pub max_connections: usize,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the head of a request: from its first byte, of a new connection's first request from the
    /// start.
    pub head: Duration,
    /// Between requests.
    pub idle: Duration,
    /// Without the client taking any of an answer.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // At 25 kB each, which is the worst without a body, 400 MB.
            max_connections: 16_384,
            // SuperOffice gives up before that.
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(5),
            // Longer than proxies keep theirs (nginx 60 s), so that none sends into a closing one.
            idle: Duration::from_secs(75),
            // A reader may pause a page of the feed.
            stall: Duration::from_secs(30),
        }
    }
}

/// Tells a server to stop. Dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Handle {
    stop: watch::Sender<Option<Instant>>,
}

impl Handle {
    /// Stops listening, closes idle connections and lets requests under way finish; what is not
    /// finished `within` is cut.
    pub fn stop(&self, within: Duration) {
        self.stop.send_replace(Some(Instant::now() + within));
    }
}

/// Tells an answer that would go on for ever that the server stops. In the extensions of each request.
#[derive(Debug, Clone)]
pub(super) struct Stopping(Option<watch::Receiver<Option<Instant>>>);

impl Stopping {
    /// Returns once the server is told to stop.
    pub(super) async fn told(self) {
        match self.0 {
            Some(mut stop) => {
                stopping(&mut stop).await;
            }
            // The router is served by something else.
            None => pending().await,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Stopping {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or(Self(None)))
    }
}

/// Listens on an address; a burst of connections may wait to be accepted.
///
/// # Errors
/// If the address is in use, not this machine's, or not for this user.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of an earlier process that linger do not keep the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG.into())
}

/// What connections share.
struct Shared {
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
    stop: watch::Receiver<Option<Instant>>,
}

/// Serves until the handle says stop, then until the last connection has ended or the deadline has
/// come; gives how many were cut. Dropping the future cuts all.
///
/// Each request carries its peer as axum's `ConnectInfo<SocketAddr>`.
pub fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
) -> (Handle, impl Future<Output = usize> + Send) {
    let (stop, stopping) = watch::channel(None);
    let shared = Arc::new(Shared {
        router,
        limits,
        tls,
        stop: stopping.clone(),
    });
    let handle = Handle { stop };
    // Held here too, so that a dropped handle does not look like an order.
    let held = handle.clone();
    let serving = async move {
        let mut connections = Connections::new(shared);
        let deadline = connections.accept_all(listener, stopping).await;
        let cut = connections.end(deadline).await;
        drop(held);
        cut
    };
    (handle, serving)
}

/// The open connections, each a task.
struct Connections {
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
    turned_away: Tally,
    not_accepted: Tally,
}

impl Connections {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            tasks: JoinSet::new(),
            shared,
            turned_away: Tally::default(),
            not_accepted: Tally::default(),
        }
    }

    /// Accepts until told to stop; gives the deadline for the rest.
    async fn accept_all(
        &mut self,
        listener: TcpListener,
        mut stop: watch::Receiver<Option<Instant>>,
    ) -> Instant {
        let deadline = loop {
            tokio::select! {
                deadline = stopping(&mut stop) => break deadline,
                Some(ended) = self.tasks.join_next() => report(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.open(stream, peer),
                    Err(error) => {
                        if let Some(times) = self.not_accepted.count(Instant::now()) {
                            tracing::error!(times, %error, "Could not accept a connection");
                        }
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        };
        // Whoever is connected already may have sent its request; closing now would reset it.
        for _ in 0..BACKLOG {
            match listener.accept().now_or_never() {
                Some(Ok((stream, peer))) => self.open(stream, peer),
                _ => break,
            }
        }
        deadline
    }

    fn open(&mut self, stream: TcpStream, peer: SocketAddr) {
        while let Some(ended) = self.tasks.try_join_next() {
            report(ended);
        }
        let bound = self.shared.limits.max_connections;
        if self.tasks.len() >= bound {
            if let Some(times) = self.turned_away.count(Instant::now()) {
                tracing::warn!(
                    times,
                    bound,
                    "Connections were closed at once: as many as may be are open"
                );
            }
            return;
        }
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(connection::serve(stream, peer, shared));
    }

    async fn end(mut self, deadline: Instant) -> usize {
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                report(ended);
            }
        };
        // An error means that the deadline has come: the rest is cut.
        let _ = timeout_at(deadline, all).await;
        let cut = self.tasks.len();
        self.tasks.shutdown().await;
        cut
    }
}

/// Returns once told to stop, with the deadline for what is under way.
async fn stopping(stop: &mut watch::Receiver<Option<Instant>>) -> Instant {
    match stop.wait_for(Option::is_some).await.map(|told| *told) {
        Ok(Some(deadline)) => deadline,
        // The server itself is gone, and all its connections with it.
        _ => Instant::now(),
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "A connection's task failed");
    }
}
