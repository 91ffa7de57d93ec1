//! Keeps the server running: whenever it ends, it is started again.

use std::time::Duration;

use tokio::time::sleep;

use super::error::ClusterError;
use super::notice::Notice;
use super::server::{Server, Site};

/// Wait before the first new start; doubled after each that does not last.
const SHORTEST: Duration = Duration::from_millis(100);

/// Longest wait between two starts.
const LONGEST: Duration = Duration::from_secs(10);

/// A server that was up this long was a good one: the next wait is the shortest again.
const GOOD: Duration = Duration::from_mins(1);

/// The waits between starts.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(SHORTEST)
    }

    /// The wait now, after a server that was up for so long.
    fn next(&mut self, up: Duration) -> Duration {
        if up >= GOOD {
            self.0 = SHORTEST;
        }
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST);
        wait
    }
}

/// Waits for the end of the server and starts it again, for ever.
///
/// Cancel-safe: whatever runs is in `server` at every point where this waits.
pub(super) async fn run(
    site: &Site,
    server: &mut Option<Server>,
    backoff: &mut Backoff,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> std::convert::Infallible {
    loop {
        if let Some(running) = server.as_mut() {
            let status = running.ended(site).await;
            let retry_in = backoff.next(running.since.elapsed());
            let log = site.layout.log_tail();
            if let Some(dead) = server.take() {
                notify(Notice::Died {
                    status,
                    log,
                    retry_in,
                });
                dead.bury().await;
            }
            sleep(retry_in).await;
        }
        while let Err(error) = restart(site, server, notify).await {
            let retry_in = backoff.next(Duration::ZERO);
            notify(Notice::RestartFailed {
                error: error.to_string(),
                log: site.layout.log_tail(),
                retry_in,
            });
            sleep(retry_in).await;
        }
        notify(Notice::Restarted);
    }
}

/// One attempt. A server that does not become ready is not kept.
async fn restart(
    site: &Site,
    server: &mut Option<Server>,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> Result<(), ClusterError> {
    site.clear(notify).await?;
    let started = server.insert(Server::spawn(site)?);
    let ready = started.ready(site, notify).await;
    if ready.is_err() {
        // Drops the guard's pipe too, which stops one that only was too slow.
        *server = None;
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_ten_seconds_and_starts_anew_after_a_good_minute() {
        let mut backoff = Backoff::new();
        let waits: Vec<u128> = (0..9)
            .map(|_| backoff.next(Duration::from_secs(59)).as_millis())
            .collect();
        assert_eq!(
            waits,
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        );
        assert_eq!(backoff.next(GOOD).as_millis(), 100);
        assert_eq!(backoff.next(Duration::ZERO).as_millis(), 200);
    }
}
