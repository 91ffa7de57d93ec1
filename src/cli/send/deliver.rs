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
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use serde::Deserialize;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use super::summary::Summary;
use crate::domain::{
    json::{self, Object},
    signature::{Secret, encode},
};

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
    TurnedOff(String),
}

/// Delivers every body; ends early if the webhook is turned off.
///
/// # Errors
/// If there can be no HTTP client.
pub(super) async fn all(bodies: Vec<Bytes>, options: Options) -> anyhow::Result<Summary> {
    let sender = Arc::new(Sender {
        http: client()?,
        failures_in_row: AtomicU32::new(0),
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
                sleep_until(started + Duration::from_secs(1) * sent / rate).await;
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
            End::TurnedOff(why) => summary.turned_off = Some(why),
        }
    }
    bar.finish_and_clear();
    summary.left = new.len() + again.len();
    summary.elapsed = started.elapsed();
    Ok(summary)
}

fn client() -> anyhow::Result<reqwest::Client> {
    // Fails if it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!(
            "NetServer-Webhook/ticketlog-",
            env!("CARGO_PKG_VERSION")
        ))
        .redirect(Policy::none())
        .timeout(ANSWER_TIMEOUT)
        .tcp_nodelay(true)
        .build()
        .context("making an HTTP client")
}

impl Sender {
    async fn cycle(self: Arc<Self>, body: Bytes) -> Cycle {
        let headers = headers(&body, &self.options.secret);
        let mut failures = Vec::new();
        let mut tries = 0;
        let mut latency = Duration::ZERO;
        let [second, third] = self.options.retry_after;
        for wait in [Duration::ZERO, second, third] {
            sleep(wait).await;
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

/// The headers of a delivery. Names and ids come from the body, where it has them.
fn headers(body: &Bytes, secret: &Secret) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        // What cannot stand in a header is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-type", "application/json; charset=utf-8");
    set("x-superoffice-signature", &encode(&secret.sign(body)));
    let object = Object::parse(body).unwrap_or_default();
    for (name, key) in [
        ("x-superoffice-event", "Event"),
        ("x-superoffice-eventid", "EventId"),
    ] {
        if let Some(value) = object.find(key).and_then(json::text) {
            set(name, &value);
        }
    }
    headers
}

/// The body with another value of a top-level member, all other bytes as they were; unchanged if it has
/// no such member.
pub(super) fn with_member(body: &Bytes, name: &str, value: &str) -> Bytes {
    let object = Object::parse(body).unwrap_or_default();
    let Some(old) = object.find(name) else {
        return body.clone();
    };
    let old = old.get().as_bytes();
    let start = old.as_ptr().addr() - body.as_ptr().addr();
    let (before, rest) = body.split_at(start);
    let after = rest.get(old.len()..).unwrap_or_default();
    [before, value.as_bytes(), after].concat().into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::with_member;

    #[test]
    fn a_new_event_id_leaves_all_other_bytes() {
        let body = Bytes::from_static(b"\xEF\xBB\xBF{\r\n \"EventId\" : \"a\",\"x\":1.50 }");
        let other = with_member(&body, "EventId", "\"bcd\"");
        assert_eq!(
            other,
            b"\xEF\xBB\xBF{\r\n \"EventId\" : \"bcd\",\"x\":1.50 }".as_slice()
        );
        assert_eq!(with_member(&body, "Other", "1"), body);
    }
}
