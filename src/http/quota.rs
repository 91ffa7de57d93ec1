//! How many rejected requests a client may send before it is told to wait.
//!
//! Only what was rejected counts, so the signature is always looked at first: a delivery that is signed
//! is taken, whatever its address did.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    RateLimiter,
    clock::{Clock, MonotonicClock},
    state::keyed::HashMapStateStore,
};
use tokio::time::Instant;

use super::tally::Tally;

/// Most rejected requests of a client at once: SuperOffice with a wrong secret sends nine before it gives
/// up, and each of those should get its true answer.
const BURST: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// And one more each second.
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN;

/// Most clients that are told apart, at under 100 bytes each; further ones share one count.
const MAX_CLIENTS: usize = 65_536;

/// Rejected requests between looks for clients that are quiet again.
const PRUNE_EVERY: u32 = 1024;

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, MonotonicClock>;

/// The counts of rejected requests; clones share them.
#[derive(Debug, Clone)]
pub struct Quota(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    limiter: Limiter,
    rejected: AtomicU32,
    full: AtomicBool,
    refused: Tally,
}

/// A client has no rejected request left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// Until it has one again.
    pub(super) wait: Duration,
    /// If a log line is due: how many requests beyond the quota there were since the last one.
    pub(super) untold: Option<u64>,
}

impl Default for Quota {
    /// The quota of the program.
    fn default() -> Self {
        Self::new(BURST)
    }
}

impl Quota {
    /// With another burst, refilled by one a second.
    pub fn new(burst: NonZeroU32) -> Self {
        let quota = governor::Quota::per_second(PER_SECOND).allow_burst(burst);
        Self(Arc::new(Counts {
            limiter: RateLimiter::hashmap_with_clock(quota, MonotonicClock),
            rejected: AtomicU32::new(0),
            full: AtomicBool::new(false),
            refused: Tally::default(),
        }))
    }

    /// Counts a rejected request.
    ///
    /// # Errors
    /// [`Spent`] past the client's quota.
    pub(super) fn spend(&self, client: IpAddr) -> Result<(), Spent> {
        let counts = &*self.0;
        let rejected = counts.rejected.fetch_add(1, Ordering::Relaxed);
        if rejected.is_multiple_of(PRUNE_EVERY) {
            counts.limiter.retain_recent();
            let full = counts.limiter.len() >= MAX_CLIENTS;
            counts.full.store(full, Ordering::Relaxed);
        }
        let key = if counts.full.load(Ordering::Relaxed) {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        } else {
            network(client)
        };
        counts.limiter.check_key(&key).map_err(|not_until| Spent {
            wait: not_until.wait_time_from(counts.limiter.clock().now()),
            untold: counts.refused.count(Instant::now()),
        })
    }
}

/// What one customer of a provider gets: an IPv4 address, or an IPv6 /64.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend(quota: &Quota, client: &str) -> bool {
        quota.spend(client.parse().unwrap()).is_ok()
    }

    #[test]
    fn each_address_has_a_burst_of_its_own() {
        let quota = Quota::default();
        assert!((0..BURST.get()).all(|_| spend(&quota, "192.0.2.1")));
        assert!(!spend(&quota, "192.0.2.1"));
        assert!(spend(&quota, "192.0.2.2"));
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_client() {
        let quota = Quota::new(NonZeroU32::MIN);
        assert!(spend(&quota, "2001:db8::1"));
        assert!(!spend(&quota, "2001:db8::2"));
        assert!(spend(&quota, "2001:db8:0:1::1"));
    }

    #[test]
    fn however_many_clients_there_are_the_counts_are_bounded() {
        let quota = Quota::default();
        for client in 0..200_000 {
            let _ = quota.spend(IpAddr::from(std::net::Ipv4Addr::from_bits(client)));
        }
        let most = MAX_CLIENTS + usize::try_from(PRUNE_EVERY).unwrap();
        assert!(quota.0.limiter.len() <= most);
    }
}
