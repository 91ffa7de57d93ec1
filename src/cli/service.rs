//! A `serve` under way: its tasks, and how it ends.

use std::{convert::Infallible, net::SocketAddr, path::Path, pin::Pin, sync::Arc};

use anyhow::{Context, anyhow, bail};
use axum::serve::ListenerExt;
use sd_notify::NotifyState;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    hooks,
    serve::{ServeArgs, end_at_once, tell_supervisor},
    signals::StopSignals,
};
use crate::{
    clock,
    domain::hook::Hooks,
    http::{self, AppState},
    ingest::{
        Breaker, Drain, LiveStore, Receiver, Spool, Writer,
        feed::{FeedKeeper, FeedWatch, Settings},
    },
};

/// A `serve` under way.
pub(super) struct Service<'a> {
    pub(super) live: LiveStore,
    pub(super) spool: Spool,
    pub(super) args: &'a ServeArgs,
    pub(super) data_dir: &'a Path,
    /// Brings up the database and keeps it so; ends only by failing.
    pub(super) database: BringUp<'a>,
}

pub(super) type BringUp<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Infallible>> + Send + 'a>>;

impl Service<'_> {
    /// Serves until told to stop, then until what was accepted is answered and, if Postgres takes it, what
    /// is spooled is in the log. A second order to stop ends the process.
    pub(super) async fn serve(
        mut self,
        listener: TcpListener,
        hooks: Hooks,
        receiver: Receiver,
        signals: &mut StopSignals,
    ) -> anyhow::Result<()> {
        let (live_hooks, hooks) = watch::channel(Arc::new(hooks));
        let breaker = receiver.breaker.clone();
        let feed = FeedWatch::new(hooks.clone());
        let settings = Settings::new(self.data_dir.to_owned());
        let keeper = FeedKeeper::new(feed.clone(), self.live.clone(), settings);
        let router = http::router(AppState {
            ingest: receiver.ingest,
            store: self.live.clone(),
            breaker: receiver.breaker,
            spool: self.spool.status(),
            hooks,
            feed,
            max_body_bytes: self.args.max_body_bytes,
            allow_unsigned: self.args.hooks.allow_unsigned,
        });
        let mut tasks = Tasks::start(receiver.writer, receiver.drain, keeper);
        let (stop, mut stopping) = watch::channel(false);
        let listener = listener.tap_io(|stream| {
            // An answer is one small packet: waiting to fill it would cost 40 ms.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "Could not set TCP_NODELAY");
            }
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            // An error means that the sender is gone, which is an order to stop too.
            let _ = stopping.wait_for(|stop| *stop).await;
        });
        let mut serving = Box::pin(serving.into_future());
        let ended = tokio::select! {
            served = &mut serving => served.context("serving"),
            failed = tasks.failed() => Err(failed),
            () = signals.told() => Ok(()),
            reloaded = reload(&live_hooks, &self.args.hooks, self.data_dir) => reloaded,
            failed = &mut self.database => {
                self.database = Box::pin(std::future::pending());
                failed.map(|never| match never {})
            }
        };
        tracing::info!("Stopping: answering what was accepted");
        tell_supervisor(NotifyState::Stopping);
        stop.send_replace(true);
        let deadline = Instant::now() + self.args.drain_timeout.unsigned_abs();
        let drained = async {
            if timeout_at(deadline, &mut serving).await.is_err() {
                tracing::warn!("Some connections did not end in time and are cut");
            }
            // The last handles to the queue end with the server and its connections.
            drop(serving);
            tasks.written(deadline).await?;
            drained(&self.spool, &breaker, deadline).await;
            tasks.kept().await?;
            anyhow::Ok(())
        };
        tokio::select! {
            drained = drained => drained?,
            _ = &mut self.database => {}
            () = signals.told() => end_at_once(),
        }
        ended
    }
}

/// Returns when the spool is empty, or will not be in time.
async fn drained(spool: &Spool, breaker: &Breaker, deadline: Instant) {
    let mut status = spool.status();
    tokio::select! {
        _ = timeout_at(deadline, status.wait_for(|status| status.bytes == 0)) => {}
        () = breaker.opened() => {}
    }
    let waiting = status.borrow().bytes;
    if waiting > 0 {
        tracing::warn!(
            spool.bytes = waiting,
            "What is left in the spool is drained at the next start"
        );
    }
}

/// The tasks beside those of the connections.
struct Tasks {
    writer: JoinHandle<()>,
    drain: JoinHandle<()>,
    keeper: JoinHandle<()>,
    /// Dropped to tell the keeper to end.
    keep: Option<oneshot::Sender<()>>,
}

impl Tasks {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts tasks"
    )]
    fn start(writer: Writer, drain: Drain, keeper: FeedKeeper) -> Self {
        let (keep, stop) = oneshot::channel();
        Self {
            writer: tokio::spawn(writer.run()),
            drain: tokio::spawn(drain.run()),
            keeper: tokio::spawn(keeper.run(clock::now, stop)),
            keep: Some(keep),
        }
    }

    /// Returns when one of them has ended, which none does while it is needed.
    async fn failed(&mut self) -> anyhow::Error {
        let (name, ended) = tokio::select! {
            ended = &mut self.writer => ("writer", ended),
            ended = &mut self.drain => ("drain", ended),
            ended = &mut self.keeper => ("feed keeper", ended),
        };
        match ended {
            Ok(()) => anyhow!("the {name} ended"),
            Err(error) => anyhow::Error::from(error).context(format!("the {name} failed")),
        }
    }

    /// Waits until the writer has answered all.
    async fn written(&mut self, deadline: Instant) -> anyhow::Result<()> {
        if self.writer.is_finished() {
            return Ok(());
        }
        match timeout_at(deadline, &mut self.writer).await {
            Ok(written) => written.context("the writer failed"),
            Err(_) => bail!("what was accepted could not be made durable in time"),
        }
    }

    /// Ends the feed keeper: last, so that its last heartbeat is later than the last event. It bounds its
    /// waits itself.
    async fn kept(&mut self) -> anyhow::Result<()> {
        drop(self.keep.take());
        if self.keeper.is_finished() {
            return Ok(());
        }
        (&mut self.keeper).await.context("the feed keeper failed")
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.drain.abort();
    }
}

/// On each SIGHUP reads secrets and hooks again; what cannot be read changes nothing.
async fn reload(
    live: &watch::Sender<Arc<Hooks>>,
    args: &hooks::HookArgs,
    data_dir: &Path,
) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    while hangup.recv().await.is_some() {
        match hooks::load(args, data_dir) {
            Ok(loaded) => {
                tracing::info!(hooks.len = loaded.hooks.len(), "Hooks were read again");
                live.send_replace(Arc::new(loaded.hooks));
            }
            Err(error) => tracing::error!("Hooks were not changed: {error:#}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "stands in for the tasks")]
    async fn a_writer_that_dies_ends_the_service() {
        let mut tasks = Tasks {
            writer: tokio::spawn(async { panic!("it died") }),
            drain: tokio::spawn(std::future::pending()),
            keeper: tokio::spawn(std::future::pending()),
            keep: None,
        };
        let failed = tasks.failed().await;
        assert_eq!(failed.to_string(), "the writer failed");
    }
}
