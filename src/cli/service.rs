//! A `serve` under way: its tasks, and how it ends.

use std::{convert::Infallible, path::Path, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use super::{
    analysts, hooks,
    listen::Listening,
    own_reports,
    serve::{ServeArgs, end_at_once, tell_supervisor},
    signals::StopSignals,
};
use crate::{
    clock,
    domain::{
        hook::Hooks,
        report::{Broken, Report},
    },
    http::{
        self, Bodies, Followers, LiveHooks, Quota, Shared, TokenUses, TrustedProxies, server::Tls,
    },
    ingest::{
        Breaker, Drain, Ingest, LiveStore, Receiver, Spool, Writer,
        feed::{FeedKeeper, FeedWatch, Settings},
    },
    project,
};

/// Longest wait for the writer once nobody can hand in anything more: a commit's and some for the disk.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A `serve` under way.
pub(super) struct Service<'a> {
    pub(super) live: LiveStore,
    pub(super) spool: Spool,
    pub(super) args: &'a ServeArgs,
    pub(super) data_dir: &'a Path,
    /// Reports of the operator's own.
    pub(super) reports: Arc<Vec<Report>>,
    /// What is wrong with others.
    pub(super) broken: watch::Sender<Broken>,
    /// Brings up the database and keeps it so; ends only by failing.
    pub(super) database: BringUp<'a>,
}

pub(super) type BringUp<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Infallible>> + Send + 'a>>;

impl Service<'_> {
    /// Serves until told to stop, then until what was accepted is answered and, if Postgres takes it, what
    /// is spooled is in the log. A second order to stop ends the process.
    pub(super) async fn serve(
        mut self,
        listening: Listening,
        hooks: Hooks,
        receiver: Receiver,
        signals: &mut StopSignals,
    ) -> anyhow::Result<()> {
        let (live_hooks, hooks) = watch::channel(Arc::new(hooks));
        let breaker = receiver.breaker.clone();
        let feed = FeedWatch::new(hooks.clone());
        let settings = Settings::new(self.data_dir.to_owned());
        let keeper = FeedKeeper::new(feed.clone(), self.live.clone(), settings);
        let router = http::router(self.state(
            receiver.ingest,
            receiver.breaker,
            hooks,
            feed,
            listening.proxies,
        ));
        let mut tasks = Tasks::start(receiver.writer, receiver.drain, keeper, self.live.clone())?;
        tasks.look_after_sql(
            (Arc::clone(&self.reports), self.broken.clone()),
            self.live.clone(),
            self.args.analysts.sql_limit,
        );
        let tls = listening.tls;
        let (server, serving) =
            http::server::serve(listening.listener, router, listening.limits, tls.clone());
        let mut serving = Box::pin(serving);
        let ended = tokio::select! {
            _ = &mut serving => bail!("the server ended"),
            failed = tasks.failed() => Err(failed),
            () = signals.told() => Ok(()),
            reloaded = reload(&live_hooks, &self.args.hooks, self.data_dir, tls.as_ref()) => reloaded,
            failed = &mut self.database => {
                self.database = Box::pin(std::future::pending());
                failed.map(|never| match never {})
            }
        };
        tracing::info!("Stopping: answering what was accepted");
        tell_supervisor(NotifyState::Stopping);
        let within = self.args.drain_timeout;
        let deadline = Instant::now() + within;
        server.stop(within);
        let winding_down = async {
            // The last handles to the queue end with the server and its connections.
            let connections = serving.await;
            if connections > 0 {
                tracing::warn!(connections, "Connections did not end in time and were cut");
            }
            tasks.written().await?;
            drained(&self.spool, &breaker, deadline).await;
            tasks.followed().await;
            tasks.kept().await
        };
        let mut winding_down = Box::pin(winding_down);
        loop {
            tokio::select! {
                wound_down = &mut winding_down => return wound_down.and(ended),
                // What is accepted now goes to the spool.
                _ = &mut self.database => self.database = Box::pin(std::future::pending()),
                () = signals.told() => end_at_once(),
            }
        }
    }

    /// What handlers share.
    fn state(
        &self,
        ingest: Ingest,
        breaker: Breaker,
        hooks: LiveHooks,
        feed: FeedWatch,
        proxies: TrustedProxies,
    ) -> Shared {
        Shared {
            ingest,
            store: self.live.clone(),
            breaker,
            spool: self.spool.status(),
            hooks,
            feed,
            max_body_bytes: self.args.max_body_bytes,
            allow_unsigned: self.args.hooks.allow_unsigned,
            bodies: Bodies::default(),
            quota: Quota::default(),
            proxies,
            followers: Followers::default(),
            own_reports: Arc::clone(&self.reports),
            broken_reports: self.broken.subscribe(),
            token_uses: TokenUses::default(),
        }
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
    follower: JoinHandle<()>,
    /// Keeps nothing, so it is just cut off.
    limiter: Option<JoinHandle<()>>,
    /// Dropped to tell the keeper to end.
    keep: Option<oneshot::Sender<()>>,
    /// Dropped to tell the follower to end.
    follow: Option<oneshot::Sender<()>>,
}

impl Tasks {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts tasks"
    )]
    fn start(
        writer: Writer,
        drain: Drain,
        keeper: FeedKeeper,
        live: LiveStore,
    ) -> anyhow::Result<Self> {
        let (keep, stop) = oneshot::channel();
        let (follow, stop_following) = oneshot::channel();
        Ok(Self {
            writer: writer.run_apart().context("starting the writer")?,
            drain: tokio::spawn(drain.run()),
            keeper: tokio::spawn(keeper.run(clock::now, stop)),
            follower: tokio::spawn(project::follow(live, stop_following)),
            limiter: None,
            keep: Some(keep),
            follow: Some(follow),
        })
    }

    /// Has the operator's own reports looked at, then holds analysts to their limit.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts tasks"
    )]
    fn look_after_sql(
        &mut self,
        (reports, broken): (Arc<Vec<Report>>, watch::Sender<Broken>),
        mut live: LiveStore,
        limit: Duration,
    ) {
        self.limiter = Some(tokio::spawn(async move {
            let there = live.wait_for(Option::is_some).await;
            let store = there.ok().and_then(|there| there.clone());
            // Without one, serve ends.
            if let Some(store) = store {
                own_reports::check(&reports, &broken, &store).await;
                analysts::hold_to(&store, limit).await;
            }
        }));
    }

    /// Returns when one of them has ended, which none does while it is needed.
    async fn failed(&mut self) -> anyhow::Error {
        let (name, ended) = tokio::select! {
            ended = &mut self.writer => ("writer", ended),
            ended = &mut self.drain => ("drain", ended),
            ended = &mut self.keeper => ("feed keeper", ended),
            ended = &mut self.follower => ("projector", ended),
        };
        match ended {
            Ok(()) => anyhow!("the {name} ended"),
            Err(error) => anyhow::Error::from(error).context(format!("the {name} failed")),
        }
    }

    /// Waits until the writer has answered all: those of the last requests, so not for long.
    async fn written(&mut self) -> anyhow::Result<()> {
        if self.writer.is_finished() {
            return Ok(());
        }
        match timeout(WRITE_TIMEOUT, &mut self.writer).await {
            Ok(written) => written.context("the writer failed"),
            Err(_) => bail!("what was accepted could not be made durable in time"),
        }
    }

    /// Ends the projector; what it leaves is projected at the next start.
    async fn followed(&mut self) {
        drop(self.follow.take());
        if !self.follower.is_finished() && timeout(WRITE_TIMEOUT, &mut self.follower).await.is_err()
        {
            self.follower.abort();
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
        self.follower.abort();
        if let Some(limiter) = &self.limiter {
            limiter.abort();
        }
    }
}

/// On each SIGHUP reads secrets, hooks and the certificate again; what cannot be read changes nothing.
async fn reload(
    live: &watch::Sender<Arc<Hooks>>,
    args: &hooks::HookArgs,
    data_dir: &Path,
    tls: Option<&Tls>,
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
        match tls.map(Tls::reload) {
            None => {}
            Some(Ok(())) => tracing::info!("The certificate was read again"),
            Some(Err(error)) => {
                let error = anyhow::Error::from(error);
                tracing::error!("The certificate was not changed: {error:#}");
            }
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
            follower: tokio::spawn(std::future::pending()),
            limiter: None,
            keep: None,
            follow: None,
        };
        let failed = tasks.failed().await;
        assert_eq!(failed.to_string(), "the writer failed");
    }
}
