//! Load: a closed loop, in which each connection sends its next request when the last was answered, and an open
//! one, in which requests are due at instants of their own and a late answer makes none of them later.
//!
//! Requests are made and signed before a slice begins and written as bytes, so that as little as possible of the
//! cores goes to the load itself.

pub(crate) mod request;
mod wire;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use ticketlog::domain::signature::Secret;
use tokio::task::JoinSet;

use self::{
    request::Requests,
    wire::{Connection, Sent},
};
use super::{
    sides::Server,
    slice::{Groups, Slice},
};

/// What all sides verify with.
pub(crate) const SECRET: &str = "benchmark";

/// Tickets that deliveries are about.
pub(crate) const TICKETS: u64 = 5000;

/// Requests made at first for each second of a slice, 40 MB.
const REQUESTS_PER_SECOND: u128 = 40_000;

/// The longest that an open loop of a slice may be behind.
const MOST_BEHIND: Duration = Duration::from_mins(1);

/// Connections of an open loop.
pub(crate) const OPEN_CONNECTIONS: u32 = 256;

/// Makes load.
pub(crate) struct Load {
    slice: Duration,
    requests: Requests,
}

impl Load {
    /// About so many tickets in turn.
    pub(crate) fn new(slice: Duration, tickets: u64) -> anyhow::Result<Self> {
        let secret = Secret::new(SECRET.to_owned()).context("no secret")?;
        Ok(Self {
            slice,
            requests: Requests::new(secret, tickets),
        })
    }

    /// One slice of a closed loop against a server, with deliveries of so many tenants.
    ///
    /// # Errors
    /// If an answer was not 200 with the outcome that the server promises, or a connection broke.
    pub(crate) async fn closed(
        &self,
        server: &Server,
        connections: u32,
        tenants: u64,
    ) -> anyhow::Result<Slice> {
        let first = REQUESTS_PER_SECOND * self.slice.as_millis() / 1000 / u128::from(connections);
        let first = usize::try_from(first)?;
        loop {
            let share = server.share(connections, first);
            let all = share * usize::try_from(connections)?;
            let requests = self.requests.deal(all, connections, tenants);
            let run = Run {
                address: server.address,
                expected: server.outcome,
                groups: server.groups,
            };
            let (slice, ran_out) = run.closed(requests, Again::Never, self.slice).await?;
            server.count(slice.events());
            if ran_out {
                // Its events are in the table, but as a measurement it counts for nothing.
                server.set_share(connections, share * 2);
                continue;
            }
            let each = usize::try_from(slice.events())? / usize::try_from(connections)?;
            server.set_share(connections, each * 2 + 20);
            return Ok(slice);
        }
    }

    /// One slice of an open loop: so many deliveries a second, evenly spaced. A latency runs from the instant at
    /// which the delivery was due.
    ///
    /// # Errors
    /// As [`Load::closed`]; if the server is a minute behind.
    pub(crate) async fn open(&self, server: &Server, per_second: u32) -> anyhow::Result<Slice> {
        let all = u128::from(per_second) * self.slice.as_millis() / 1000;
        let hands = self
            .requests
            .deal(usize::try_from(all)?, OPEN_CONNECTIONS, 1);
        let gap = Duration::from_secs(1) / per_second;
        let mut ready = Vec::new();
        for (nth, requests) in (0..OPEN_CONNECTIONS).zip(hands) {
            let connection = Connection::open(server.address, server.outcome).await?;
            ready.push((connection, requests, gap * nth));
        }
        let used = server.groups.used();
        let start = Instant::now();
        let mut senders = JoinSet::new();
        for (connection, requests, offset) in ready {
            let every = gap * OPEN_CONNECTIONS;
            senders.spawn(connection.send_when_due(requests, start + offset, every));
        }
        let sent = tokio::time::timeout(self.slice + MOST_BEHIND, senders.join_all()).await;
        let sent = sent.context("a minute behind")?;
        let slice = summed(sent, start.elapsed(), server.groups, used)?.0;
        server.count(slice.events());
        Ok(slice)
    }
}

/// Whether requests may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Deliveries: a second time they would be duplicates.
    Never,
    /// Questions.
    InTurn,
}

/// Where a closed loop runs.
pub(crate) struct Run {
    pub(crate) address: SocketAddr,
    /// What stands in each good answer.
    pub(crate) expected: &'static str,
    pub(crate) groups: Groups,
}

impl Run {
    /// A connection for each list of requests; also whether one ran out of them before the time was over.
    ///
    /// # Errors
    /// If an answer was not 200 with what is expected in it, or a connection broke.
    pub(crate) async fn closed(
        &self,
        requests: Vec<Vec<Vec<u8>>>,
        again: Again,
        time: Duration,
    ) -> anyhow::Result<(Slice, bool)> {
        let mut ready = Vec::new();
        for requests in requests {
            let connection = Connection::open(self.address, self.expected).await?;
            ready.push((connection, requests));
        }
        let used = self.groups.used();
        let start = Instant::now();
        let end = start + time;
        let mut senders = JoinSet::new();
        for (connection, requests) in ready {
            senders.spawn(connection.send_until(requests, again, end));
        }
        let sent = senders.join_all().await;
        summed(sent, start.elapsed(), self.groups, used)
    }
}

fn summed(
    sent: Vec<anyhow::Result<Sent>>,
    elapsed: Duration,
    groups: Groups,
    used: super::slice::Cpu,
) -> anyhow::Result<(Slice, bool)> {
    let cpu = groups.used().since(used);
    let sent = sent.into_iter().collect::<anyhow::Result<Vec<Sent>>>()?;
    let events: usize = sent.iter().map(|sent| sent.latencies.len()).sum();
    let mut slice = Slice::new(u64::try_from(events)?, elapsed, cpu)?;
    for latency in sent.iter().flat_map(|sent| &sent.latencies) {
        slice.record(*latency)?;
    }
    Ok((slice, sent.iter().any(|sent| sent.ran_out)))
}
