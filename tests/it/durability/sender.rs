//! A sender that behaves as SuperOffice does: several threads, each sends one event after the other, three
//! tries a cycle (now, after 1 s, after 4 s), a new id for what failed, and off after nine failures in a
//! row.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet, time::sleep_until};

use crate::support::{
    app::{SECRET, sign},
    payload,
};

/// Sending threads.
const THREADS: u32 = 32;

/// Waits before the tries of a cycle.
const TRIES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(4),
];

/// Failures in a row after which SuperOffice turns a webhook off.
const STRIKES: u32 = 9;

/// Longest wait of a try for its answer.
const TRY_TIMEOUT: Duration = Duration::from_secs(30);

/// One answer, or none.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) event_id: String,
    /// None if the connection failed.
    pub(super) status: Option<u16>,
    pub(super) outcome: String,
    pub(super) at: Instant,
    pub(super) took: Duration,
}

/// All that a run was answered.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) answers: Vec<Answer>,
    /// A webhook was turned off.
    pub(super) silenced: bool,
}

/// A run under way.
pub(super) struct Sender {
    url: watch::Sender<String>,
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<Vec<Answer>>>,
    threads: JoinSet<bool>,
}

impl Sender {
    /// Sends so many events a second to a webhook, as far as the answers let it.
    pub(super) fn start(url: &str, rate: u32) -> Self {
        Self::start_to(&[url], rate)
    }

    /// To several receivers in turn, as through a load balancer.
    pub(super) fn start_to(urls: &[&str], rate: u32) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (url, _) = watch::channel(urls.join(" "));
        let stop = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let mut threads = JoinSet::new();
        for number in 0..THREADS {
            let thread = Thread {
                http: reqwest::Client::builder()
                    .no_proxy()
                    .timeout(TRY_TIMEOUT)
                    .build()
                    .unwrap(),
                url: url.subscribe(),
                number,
                every: Duration::from_secs(1) * THREADS / rate,
                stop: Arc::clone(&stop),
                answers: Arc::clone(&answers),
                strikes: 0,
            };
            threads.spawn(thread.run());
        }
        Self {
            url,
            stop,
            answers,
            threads,
        }
    }

    /// The receiver has another address now.
    pub(super) fn moved(&self, url: &str) {
        self.url.send_replace(url.to_owned());
    }

    /// Returns after so many more answers of 200.
    pub(super) async fn more(&self, count: usize) {
        let taken = || {
            let answers = self.answers.lock().unwrap();
            answers.iter().filter(|a| a.status == Some(200)).count()
        };
        let enough = taken() + count;
        while taken() < enough {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets each thread end its cycle.
    pub(super) async fn stop(self) -> Run {
        self.stop.store(true, Ordering::Relaxed);
        let silenced = self.threads.join_all().await.contains(&true);
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        Run { answers, silenced }
    }
}

struct Thread {
    http: reqwest::Client,
    url: watch::Receiver<String>,
    number: u32,
    every: Duration,
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<Vec<Answer>>>,
    strikes: u32,
}

impl Thread {
    /// True if the webhook was turned off.
    async fn run(mut self) -> bool {
        let mut next = tokio::time::Instant::now() + self.every * self.number / THREADS;
        while !self.stop.load(Ordering::Relaxed) {
            sleep_until(next).await;
            next = (next + self.every).max(tokio::time::Instant::now());
            let ticket = i64::from(self.number) + 1;
            // What failed comes back under a new id, as a new cycle.
            while !self.cycle(payload::changed(ticket)).await {
                if self.strikes >= STRIKES {
                    return true;
                }
            }
        }
        false
    }

    async fn cycle(&mut self, payload: payload::Payload) -> bool {
        let body = Bytes::from(&payload);
        for (retry, wait) in TRIES.into_iter().enumerate() {
            tokio::time::sleep(wait).await;
            let answer = self.post(payload.event_id(), body.clone(), retry).await;
            let taken = answer.status == Some(200);
            self.answers.lock().unwrap().push(answer);
            if taken {
                self.strikes = 0;
                return true;
            }
            self.strikes += 1;
        }
        false
    }

    async fn post(&self, event_id: String, body: Bytes, retry: usize) -> Answer {
        let at = Instant::now();
        let urls = self.url.borrow().clone();
        let urls: Vec<&str> = urls.split(' ').collect();
        // Another receiver for a retry, as a load balancer does.
        let turn = usize::try_from(self.number).unwrap() + retry;
        let request = self
            .http
            .post(format!("{}/webhook", urls[turn % urls.len()]))
            .header("User-Agent", "NetServer-Webhook/10.3")
            .header("X-SuperOffice-Retry", retry.to_string())
            .header("X-SuperOffice-Signature", sign(SECRET, &body))
            .body(body);
        let (status, outcome) = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let answer = response.bytes().await.unwrap_or_default();
                let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
                let outcome = answer["outcome"].as_str().unwrap_or_default().to_owned();
                (Some(status), outcome)
            }
            Err(_) => (None, String::new()),
        };
        Answer {
            event_id,
            status,
            outcome,
            at,
            took: at.elapsed(),
        }
    }
}

impl Run {
    /// Times that each event was answered 200.
    pub(super) fn taken(&self) -> BTreeMap<&str, usize> {
        let mut taken = BTreeMap::new();
        for answer in self.answers.iter().filter(|a| a.status == Some(200)) {
            *taken.entry(&*answer.event_id).or_default() += 1;
        }
        taken
    }

    /// Times that each event was sent.
    pub(super) fn tries(&self) -> BTreeMap<&str, usize> {
        let mut tries = BTreeMap::new();
        for answer in &self.answers {
            *tries.entry(&*answer.event_id).or_default() += 1;
        }
        tries
    }

    pub(super) fn not_200(&self) -> usize {
        self.answers
            .iter()
            .filter(|a| a.status != Some(200))
            .count()
    }

    pub(super) fn spooled(&self) -> usize {
        self.answers
            .iter()
            .filter(|a| a.outcome == "spooled")
            .count()
    }

    /// The 99th percentile of the times of the answers that were asked for in between.
    pub(super) fn p99(&self, from: Instant, until: Instant) -> Duration {
        let within = |a: &&Answer| a.at + a.took >= from && a.at <= until;
        let mut times: Vec<Duration> = self.answers.iter().filter(within).map(|a| a.took).collect();
        times.sort();
        times[(times.len() - 1) * 99 / 100]
    }
}
