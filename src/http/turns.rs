//! Reads take turns.
//!
//! More answers at once than there are processors make none of them sooner: each gets a slice of the time, and all are
//! as late as the last. In turns the time that they take differs less (docs/performance.md). An answer that takes long
//! makes room, so that no question, however broad, keeps the short ones from theirs.

use std::{num::NonZero, pin::pin, sync::Arc, thread::available_parallelism, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use tokio::{sync::Semaphore, time::timeout};

/// Below it are the reads.
const READS: &str = "/v1/tenants/{tenant}/";

/// Wait for what is not there yet, and take no turn for it.
const FEED: &str = "/v1/tenants/{tenant}/events";

/// Turns at once for each processor: one works while another waits for Postgres or the disk.
const EACH: usize = 2;

/// Longest turn: an answer that is not there by then goes on beside those that follow.
const TURN: Duration = Duration::from_millis(50);

/// The turns of all requests.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }
}

impl Default for Turns {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get);
        Self::new(processors.saturating_mul(EACH))
    }
}

/// Makes a read wait for its turn, in the order in which they came.
pub(super) async fn take(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    if !takes(&request) {
        return next.run(request).await;
    }
    // It is never closed.
    let turn = turns.0.acquire().await;
    let mut answer = pin!(next.run(request));
    if let Ok(answer) = timeout(TURN, &mut answer).await {
        return answer;
    }
    drop(turn);
    answer.await
}

fn takes(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>();
    path.is_some_and(|path| path.as_str().starts_with(READS) && !path.as_str().starts_with(FEED))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Instant,
    };

    use axum::{Router, body::Body, middleware, routing::get};
    use futures_util::future::join_all;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use tokio::{sync::Notify, task::yield_now};

    use super::*;

    /// A router whose reads `/v1/tenants/T/{name}` are answered as `answer` says, and so is its feed.
    fn router<F: Future<Output = ()> + Send + 'static>(
        at_once: usize,
        answer: impl Fn(String) -> F + Clone + Send + Sync + 'static,
    ) -> Router {
        let handler = move |request: Request| {
            let name = request.uri().path().rsplit('/').next().unwrap();
            answer(name.to_owned())
        };
        Router::new()
            .route("/v1/tenants/{tenant}/events/{event}", get(handler.clone()))
            .route("/v1/tenants/{tenant}/{name}", get(handler))
            .layer(middleware::from_fn_with_state(Turns::new(at_once), take))
    }

    async fn ask(router: &Router, path: &str) {
        let request = Request::get(format!("/v1/tenants/T/{path}"));
        let service = TowerToHyperService::new(router.clone());
        let answer = service.call(request.body(Body::empty()).unwrap()).await;
        assert!(answer.unwrap().status().is_success());
    }

    #[tokio::test]
    async fn no_more_are_answered_at_once_than_have_a_turn() {
        static NOW: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let router = router(3, |_| async {
            let now = NOW.fetch_add(1, Ordering::Relaxed) + 1;
            MOST.fetch_max(now, Ordering::Relaxed);
            for _ in 0..10 {
                yield_now().await;
            }
            NOW.fetch_sub(1, Ordering::Relaxed);
        });
        join_all((0..50).map(|_| ask(&router, "changes"))).await;
        assert_eq!(MOST.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_long_one_makes_room_and_the_feed_never_waits() {
        let done = Arc::new(Notify::new());
        let waiting = Arc::clone(&done);
        let router = router(1, move |name| {
            let done = Arc::clone(&waiting);
            async move {
                if name == "broad" {
                    done.notified().await;
                }
            }
        });
        let begun = Instant::now();
        let broad = async {
            ask(&router, "broad").await;
            begun.elapsed()
        };
        let others = async {
            ask(&router, "events/1").await;
            let feed = begun.elapsed();
            ask(&router, "short").await;
            let short = begun.elapsed();
            done.notify_one();
            (feed, short)
        };
        let (broad, (feed, short)) = tokio::join!(broad, others);
        assert!(
            feed < TURN && TURN <= short && short <= broad,
            "{feed:?} {short:?} {broad:?}"
        );
    }
}
