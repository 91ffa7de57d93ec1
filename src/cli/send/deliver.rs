//! Delivering as SuperOffice does.
//!
//! Success is a 200. An event gets three tries a cycle: now, a second later, four seconds after that. A
//! failed cycle goes to the back of the queue and comes back under a new event id. Nine failures in a row
//! turn the webhook off, a 410 does so at once.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{StatusCode, header::HeaderMap, redirect::Policy};
use serde::Deserialize;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::{
    request::{headers, with_member},
    summary::Summary,
};
use crate::domain::signature::Secret;

/// Failures in a row after which SuperOffice turns a webhook off.
const MAX_FAILURES: u32 = 9;

/// Longest wait for an answer. What SuperOffice's is, nobody says.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How to deliver.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) url: reqwest::Url,
    pub(super) secret: Secret,
    /// Most new events a second.
    pub(super) rate: Option<u32>,
    /// Deliveries under way at a time.
    pub(super) connections: usize,
    /// The waits before the second and the third try.
    pub(super) retry_after: [Duration; 2],
}

/// What the senders share.
#[derive(Debug)]
struct Sender {
    options: Options,
    http: reqwest::Client,
    failures_in_row: AtomicU32,
    /// True once the webhook is off: then no try follows, of whatever delivery.
    off: watch::Sender<bool>,
}

/// How a cycle ended.
#[derive(Debug)]
struct Cycle {
    body: Bytes,
    tries: u32,
    end: End,
    /// Of the last answer.
    latency: Duration,
    /// Of the tries that failed.
    failures: Vec<String>,
}

#[derive(Debug)]
enum End {
    Taken(String),
    Failed,
    /// The webhook went off before the next try.
    CutShort,
    TurnedOff(String),
}

/// Delivers every body; ends early if the webhook is turned off.
///
/// # Errors
/// If there can be no HTTP client.
pub(super) async fn all(bodies: Vec<Bytes>, options: Options) -> anyhow::Result<Summary> {
    let sender = Arc::new(Sender {
        http: client(&options.url)?,
        failures_in_row: AtomicU32::new(0),
        off: watch::Sender::new(false),
        options,
    });
    let bar = ProgressBar::new(u64::try_from(bodies.len())?);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta} left") {
        bar.set_style(style);
    }
    let started = Instant::now();
    let mut new = VecDeque::from(bodies);
    let mut again = VecDeque::new();
    let mut under_way = JoinSet::new();
    let mut summary = Summary::default();
    let mut sent = 0_u32;
    loop {
        while summary.turned_off.is_none() && under_way.len() < sender.options.connections {
            let Some(body) = new.pop_front().or_else(|| again.pop_front()) else {
                break;
            };
            if let Some(rate) = sender.options.rate {
                let moment = started + Duration::from_secs(1) * sent / rate;
                if sender.went_off_before(moment).await {
                    again.push_back(body);
                    break;
                }
            }
            sent = sent.saturating_add(1);
            under_way.spawn(Arc::clone(&sender).cycle(body));
        }
        let Some(cycle) = under_way.join_next().await else {
            break;
        };
        let cycle = cycle.context("a sender failed")?;
        summary.count(cycle.tries, cycle.failures);
        match cycle.end {
            End::Taken(outcome) => {
                bar.inc(1);
                summary.taken(outcome, cycle.latency);
            }
            End::Failed => {
                summary.failed_cycles += 1;
                let id = Uuid::new_v4();
                again.push_back(with_member(&cycle.body, "EventId", &format!("\"{id}\"")));
            }
            End::CutShort => summary.left += 1,
            End::TurnedOff(why) => {
                summary.left += 1;
                summary.turned_off.get_or_insert(why);
            }
        }
    }
    bar.finish_and_clear();
    summary.left += new.len() + again.len();
    summary.elapsed = started.elapsed();
    Ok(summary)
}

fn client(url: &reqwest::Url) -> anyhow::Result<reqwest::Client> {
    // Fails if it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder()
        .user_agent(concat!(
            "NetServer-Webhook/ticketlog-",
            env!("CARGO_PKG_VERSION")
        ))
        .redirect(Policy::none())
        .timeout(ANSWER_TIMEOUT)
        .tcp_nodelay(true);
    if url
        .host_str()
        .is_some_and(|host| matches!(host, "localhost" | "[::1]") || host.starts_with("127."))
    {
        // What is on this machine no proxy reaches.
        client = client.no_proxy();
    }
    client.build().context("making an HTTP client")
}

impl Sender {
    async fn cycle(self: Arc<Self>, body: Bytes) -> Cycle {
        let headers = headers(&body, &self.options.secret);
        let mut failures = Vec::new();
        let mut tries = 0;
        let mut latency = Duration::ZERO;
        let [second, third] = self.options.retry_after;
        for wait in [Duration::ZERO, second, third] {
            if tries > 0 && self.went_off_before(Instant::now() + wait).await {
                return Cycle {
                    body,
                    tries,
                    end: End::CutShort,
                    latency,
                    failures,
                };
            }
            let started = Instant::now();
            let answer = self.post(&body, headers.clone(), tries).await;
            latency = started.elapsed();
            tries += 1;
            let end = match answer {
                Ok(outcome) => {
                    self.failures_in_row.store(0, Ordering::Relaxed);
                    End::Taken(outcome)
                }
                Err(Failure { gone: true, what }) => End::TurnedOff(what),
                Err(Failure { gone: false, what }) => {
                    let in_row = self.failures_in_row.fetch_add(1, Ordering::Relaxed) + 1;
                    failures.push(what.clone());
                    if in_row < MAX_FAILURES {
                        continue;
                    }
                    End::TurnedOff(format!(
                        "{MAX_FAILURES} failures in a row, the last: {what}"
                    ))
                }
            };
            if matches!(end, End::TurnedOff(_)) {
                self.off.send_replace(true);
            }
            return Cycle {
                body,
                tries,
                end,
                latency,
                failures,
            };
        }
        Cycle {
            body,
            tries,
            end: End::Failed,
            latency,
            failures,
        }
    }

    /// Waits for a moment; true if the webhook went off meanwhile.
    async fn went_off_before(&self, moment: Instant) -> bool {
        let mut off = self.off.subscribe();
        timeout_at(moment, off.wait_for(|off| *off)).await.is_ok()
    }

    /// One try; gives the outcome of a delivery that was taken.
    async fn post(
        &self,
        body: &Bytes,
        headers: HeaderMap,
        retries: u32,
    ) -> Result<String, Failure> {
        let mut request = self
            .http
            .post(self.options.url.clone())
            .headers(headers)
            .body(body.clone());
        if retries > 0 {
            request = request.header("X-SuperOffice-Retry", retries);
        }
        let response = request.send().await.map_err(|error| Failure::new(&error))?;
        let status = response.status();
        let answer = response
            .bytes()
            .await
            .map_err(|error| Failure::new(&error))?;
        let answer: Answer = serde_json::from_slice(&answer).unwrap_or_default();
        if status == StatusCode::OK {
            return Ok(answer.outcome.unwrap_or_else(|| "200".to_owned()));
        }
        let detail = answer
            .detail
            .map_or_else(String::new, |detail| format!(": {detail}"));
        Err(Failure {
            gone: status == StatusCode::GONE,
            what: format!("{status}{detail}"),
        })
    }
}

/// What an answer says, if it is one of ours.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    outcome: Option<String>,
    detail: Option<String>,
}

#[derive(Debug)]
struct Failure {
    /// A 410.
    gone: bool,
    what: String,
}

impl Failure {
    /// No answer; the innermost cause is the one that tells.
    fn new(error: &reqwest::Error) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self {
            gone: false,
            what: cause.to_string(),
        }
    }
}
