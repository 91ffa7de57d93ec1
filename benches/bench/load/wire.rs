//! HTTP/1.1 as little as will do.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep_until,
};

use super::Again;

/// A connection on which one request is under way at a time.
pub(super) struct Connection {
    stream: TcpStream,
    /// What stands in each good answer.
    expected: &'static str,
    answer: Vec<u8>,
}

/// What one connection did in a slice.
pub(super) struct Sent {
    pub(super) latencies: Vec<Duration>,
    /// It had nothing left to send before the slice was over.
    pub(super) ran_out: bool,
    /// Handed back, so that freeing them takes no time of the slice.
    _requests: Vec<Vec<u8>>,
}

impl Connection {
    pub(super) async fn open(server: SocketAddr, expected: &'static str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            expected,
            answer: Vec::with_capacity(4096),
        })
    }

    /// Sends one request after the other until the end.
    pub(super) async fn send_until(
        mut self,
        requests: Vec<Vec<u8>>,
        again: Again,
        end: Instant,
    ) -> anyhow::Result<Sent> {
        let mut latencies = Vec::with_capacity(requests.len());
        let mut ran_out = true;
        'time: loop {
            for request in &requests {
                let start = Instant::now();
                if start >= end {
                    ran_out = false;
                    break 'time;
                }
                self.ask(request).await?;
                latencies.push(start.elapsed());
            }
            if again == Again::Never {
                break;
            }
        }
        Ok(Sent {
            latencies,
            ran_out,
            _requests: requests,
        })
    }

    /// Sends all requests, each when it is due or, if the one before is answered later, then.
    pub(super) async fn send_when_due(
        mut self,
        requests: Vec<Vec<u8>>,
        first: Instant,
        every: Duration,
    ) -> anyhow::Result<Sent> {
        let mut latencies = Vec::with_capacity(requests.len());
        let mut due = first;
        for request in &requests {
            sleep_until(due.into()).await;
            self.ask(request).await?;
            latencies.push(due.elapsed());
            due += every;
        }
        Ok(Sent {
            latencies,
            ran_out: false,
            _requests: requests,
        })
    }

    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        let answer = &mut self.answer;
        answer.clear();
        loop {
            if self.stream.read_buf(answer).await? == 0 {
                bail!("the server hung up");
            }
            let Some(head_end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                continue;
            };
            let (head, body) = answer.split_at(head_end + 4);
            let head = std::str::from_utf8(head)?;
            let length = content_length(head).context("an answer has no length")?;
            if body.len() < length {
                continue;
            }
            let body = std::str::from_utf8(body)?;
            ensure!(
                head.starts_with("HTTP/1.1 200 ") && body.contains(self.expected),
                "an answer was not 200 with {}: {head}{body}",
                self.expected
            );
            return Ok(());
        }
    }
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("content-length");
        named.then(|| value.trim().parse().ok()).flatten()
    })
}
