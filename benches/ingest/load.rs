//! A closed loop: so many connections, each sends its next delivery when the last was answered.
//!
//! Requests are made and signed before a slice begins and written as bytes, so that as little as possible
//! of the two cores goes to the load itself.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use ticketlog::domain::signature::{Secret, encode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use uuid::Uuid;

/// Tickets that the events are about.
const TICKETS: u64 = 5000;

/// Requests made for a connection's first slice; later ones from what it used.
const FIRST_REQUESTS: usize = 400;

/// Makes load.
pub(crate) struct Load {
    secret: Secret,
    connections: usize,
    slice: Duration,
    /// Requests made for a connection's slice.
    requests: usize,
    answered: BTreeMap<SocketAddr, u64>,
    made: u64,
}

/// What a slice gave.
#[derive(Default)]
pub(crate) struct Slice {
    latencies: Vec<Duration>,
    elapsed: Duration,
}

impl Slice {
    /// Events a second.
    pub(crate) fn rate(&self) -> f64 {
        let events = u32::try_from(self.latencies.len()).unwrap_or(u32::MAX);
        f64::from(events) / self.elapsed.as_secs_f64()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.elapsed += other.elapsed;
    }

    /// Median and 99th percentile, in milliseconds.
    pub(crate) fn percentiles(&mut self) -> (f64, f64) {
        self.latencies.sort_unstable();
        let at = |percent: usize| {
            let latency = self.latencies.get(self.latencies.len() * percent / 100);
            latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
        };
        (at(50), at(99))
    }
}

impl Load {
    pub(crate) fn new(secret: Secret, connections: usize, slice: Duration) -> Self {
        Self {
            secret,
            connections,
            slice,
            requests: FIRST_REQUESTS,
            answered: BTreeMap::new(),
            made: 0,
        }
    }

    /// Deliveries that this server has answered 200.
    pub(crate) fn answered(&self, server: SocketAddr) -> u64 {
        self.answered.get(&server).copied().unwrap_or(0)
    }

    /// One slice against a server.
    pub(crate) async fn run(&mut self, server: SocketAddr) -> anyhow::Result<Slice> {
        loop {
            let (slice, exhausted) = self.run_once(server).await?;
            let events = u64::try_from(slice.latencies.len())?;
            *self.answered.entry(server).or_default() += events;
            if !exhausted {
                return Ok(slice);
            }
            // A connection had nothing left to send: the slice counts for nothing.
            self.requests *= 2;
        }
    }

    async fn run_once(&mut self, server: SocketAddr) -> anyhow::Result<(Slice, bool)> {
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            let requests: Vec<Vec<u8>> = (0..self.requests).map(|_| self.request()).collect();
            let stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            connections.push((stream, requests));
        }
        let start = Instant::now();
        let end = start + self.slice;
        let mut senders = JoinSet::new();
        for (stream, requests) in connections {
            senders.spawn(send_until(stream, Arc::from(requests), end));
        }
        let mut slice = Slice::default();
        let mut exhausted = false;
        while let Some(sent) = senders.join_next().await {
            let (latencies, ran_out) = sent??;
            slice.latencies.extend(latencies);
            exhausted |= ran_out;
        }
        slice.elapsed = start.elapsed();
        Ok((slice, exhausted))
    }

    fn request(&mut self) -> Vec<u8> {
        self.made += 1;
        let body = body(self.made);
        let signature = encode(&self.secret.sign(body.as_bytes()));
        format!(
            "POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n\
             User-Agent: NetServer-Webhook/10.3\r\nX-SuperOffice-Event: ticket.changed\r\n\
             X-SuperOffice-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// About 700 bytes, as real ones are; an id of its own.
fn body(number: u64) -> String {
    let ticket = number % TICKETS + 1;
    let (minute, second) = (number / 60 % 60, number % 60);
    format!(
        "{{\"EventId\":\"{}\",\"Timestamp\":\"2025-05-19T09:{minute:02}:{second:02}.{:07}Z\",\
         \"Changes\":[\"owned_by\",\"project_id\",\"ticket_status\"],\"Event\":\"ticket.changed\",\
         \"PrimaryKey\":{ticket},\"Entity\":\"ticket\",\"ContextIdentifier\":\"Cust10498\",\
         \"ChangedByAssociateId\":{},\"WebhookName\":\"ticket-history-replay\",\"FieldValues\":{{\
         \"category\":40,\"connect_id\":-1,\"contact_id\":165,\"created_at\":\"2016-02-29T04:40:00\",\
         \"cust_id\":2403,\"has_attachment\":1,\"last_changed\":\"2025-05-19T11:{minute:02}:{second:02}\",\
         \"owned_by\":{},\"priority\":3,\"project_id\":24,\"sale_id\":0,\"slevel\":2,\"status\":1,\
         \"ticket_status\":2,\"ticket_type\":1}}}}",
        Uuid::new_v4(),
        number % 10_000_000,
        number % 282,
        number % 97,
    )
}

/// Sends one request after the other until the end; true if there were too few.
async fn send_until(
    mut stream: TcpStream,
    requests: Arc<[Vec<u8>]>,
    end: Instant,
) -> anyhow::Result<(Vec<Duration>, bool)> {
    let mut latencies = Vec::with_capacity(requests.len());
    let mut answer = Vec::with_capacity(4096);
    for request in requests.iter() {
        let start = Instant::now();
        if start >= end {
            return Ok((latencies, false));
        }
        stream.write_all(request).await?;
        read_answer(&mut stream, &mut answer).await?;
        latencies.push(start.elapsed());
    }
    Ok((latencies, true))
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
            head.starts_with("HTTP/1.1 200"),
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
