//! A closed loop: so many connections, each sends its next delivery when the last was answered.
//!
//! Requests are made and signed before a slice begins and written as bytes, so that as little as possible
//! of the cores goes to the load itself.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use ticketlog::domain::signature::Secret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::{request::Requests, server::Server, slice::Slice};

/// Requests made at first for each second of a slice, 40 MB: two cores answer fewer than 30,000.
const REQUESTS_PER_SECOND: u128 = 40_000;

/// Makes load.
pub(crate) struct Load {
    slice: Duration,
    requests: Requests,
    /// Requests that a connection gets for a slice, by the number of connections.
    shares: BTreeMap<u32, usize>,
}

/// What one connection did in a slice.
struct Sent {
    latencies: Vec<Duration>,
    /// It had nothing left to send before the slice was over.
    ran_out: bool,
    /// Handed back, so that freeing them takes no time of the slice.
    _requests: Vec<Vec<u8>>,
}

impl Load {
    pub(crate) fn new(secret: Secret, slice: Duration) -> Self {
        Self {
            slice,
            requests: Requests::new(secret),
            shares: BTreeMap::new(),
        }
    }

    /// One slice against a server.
    ///
    /// # Errors
    /// If an answer was not 200 or a connection broke.
    pub(crate) async fn run(
        &mut self,
        server: &mut Server,
        connections: u32,
    ) -> anyhow::Result<Slice> {
        let first = REQUESTS_PER_SECOND * self.slice.as_millis() / 1000 / u128::from(connections);
        let first = usize::try_from(first)?;
        loop {
            let share = *self.shares.entry(connections).or_insert(first);
            let (slice, ran_out) = self.run_once(server.address, connections, share).await?;
            server.answered += slice.events();
            if !ran_out {
                return Ok(slice);
            }
            // Its events are in the table, but as a measurement it counts for nothing.
            self.shares.insert(connections, share * 2);
        }
    }

    async fn run_once(
        &mut self,
        server: SocketAddr,
        connections: u32,
        share: usize,
    ) -> anyhow::Result<(Slice, bool)> {
        let mut ready = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            ready.push((stream, self.requests.make(share)));
        }
        let start = Instant::now();
        let end = start + self.slice;
        let mut senders = JoinSet::new();
        for (stream, requests) in ready {
            senders.spawn(send_until(stream, requests, end));
        }
        let sent = senders.join_all().await;
        let elapsed = start.elapsed();
        let mut slice = Slice::new(elapsed);
        let mut ran_out = false;
        for sent in sent {
            let sent = sent?;
            slice.extend(sent.latencies);
            ran_out |= sent.ran_out;
        }
        Ok((slice, ran_out))
    }
}

/// Sends one request after the other until the end.
async fn send_until(
    mut stream: TcpStream,
    requests: Vec<Vec<u8>>,
    end: Instant,
) -> anyhow::Result<Sent> {
    let mut latencies = Vec::with_capacity(requests.len());
    let mut answer = Vec::with_capacity(4096);
    let mut ran_out = true;
    for request in &requests {
        let start = Instant::now();
        if start >= end {
            ran_out = false;
            break;
        }
        stream.write_all(request).await?;
        read_answer(&mut stream, &mut answer).await?;
        latencies.push(start.elapsed());
    }
    Ok(Sent {
        latencies,
        ran_out,
        _requests: requests,
    })
}

async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<()> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server hung up");
        }
        let Some(head_end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(answer.get(..head_end).unwrap_or_default())?;
        ensure!(
            head.starts_with("HTTP/1.1 200 "),
            "an answer was not 200: {head}"
        );
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .context("an answer has no length")?;
        if answer.len() >= head_end + 4 + length {
            return Ok(());
        }
    }
}
