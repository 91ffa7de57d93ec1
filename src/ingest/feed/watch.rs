//! What is seen of each hook, in memory.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    domain::{
        delivery::Delivery,
        feed::{FeedFact, FeedState, Piece, Signals, Verdict, hour_of},
        hook::Hooks,
    },
    measure,
    store::{HookHour, SeenSign},
};

/// Most counts by the hour that wait for the database: two days of a thousand tenants. Past it new ones
/// are dropped; they only serve the rhythm.
const MAX_HOURS: usize = 50_000;

/// A hook's feed at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookReport {
    /// The hook.
    pub hook: String,
    /// Its state, and what made it.
    pub verdict: Verdict,
    /// Since when it is in that state; `None` while nothing ever came.
    pub since: Option<Timestamp>,
    /// The last delivery that was believed, since the program started.
    pub last_delivery_at: Option<Timestamp>,
    /// The last delivery that had failed before, since the program started.
    pub last_retry_at: Option<Timestamp>,
}

/// Where handlers say what they see, and readers ask how the feed is; cheap to clone.
///
/// Memory is bounded: hooks are configured, and a hook watches a thousand tenants, each with the counts
/// of four weeks.
#[derive(Clone)]
pub struct FeedWatch {
    hooks: watch::Receiver<Arc<Hooks>>,
    seen: Arc<Mutex<Seen>>,
}

impl fmt::Debug for FeedWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedWatch")
    }
}

#[derive(Default)]
struct Seen {
    feeds: BTreeMap<String, Feed>,
    /// Deliveries not yet in the database, by tenant, hook and hour: the order in which they are written.
    hours: BTreeMap<(String, String, i64), i64>,
    /// Of hooks that are no longer configured.
    left: Vec<FeedFact>,
}

#[derive(Default)]
struct Feed {
    signals: Signals,
    /// The state that was last told, and when that of `ok` began.
    told: Option<(FeedState, Timestamp)>,
}

impl FeedWatch {
    /// Watches the hooks in force.
    pub fn new(hooks: watch::Receiver<Arc<Hooks>>) -> Self {
        Self {
            hooks,
            seen: Arc::default(),
        }
    }

    /// A delivery at a configured hook that is believed, whatever becomes of it.
    pub fn believed(&self, hook: &str, delivery: &Delivery, now: Timestamp) {
        let mut seen = self.lock();
        let counted = seen.feed(hook).signals.believed(delivery, now);
        if let Some(tenant) = counted {
            seen.count((tenant, hook.to_owned(), hour_of(now)), 1);
        }
    }

    /// A request at a configured hook whose signature is wrong or missing. Those of strangers, who do not
    /// even look like SuperOffice, say nothing about the feed.
    pub fn rejected(&self, hook: &str, looks_like_superoffice: bool, now: Timestamp) {
        if looks_like_superoffice {
            self.lock().feed(hook).signals.rejected(now);
        }
    }

    /// How each configured hook's feed is, by name. Logs one line for each state that has changed since
    /// the last call, whoever made it.
    pub fn report(&self, now: Timestamp) -> Vec<HookReport> {
        let hooks = self.hooks.borrow().clone();
        let mut seen = self.lock();
        seen.drop_all_but(&hooks);
        let reports = hooks.keys().map(|hook| seen.feed(hook).report(hook, now));
        let (reports, before): (Vec<HookReport>, Vec<FeedState>) = reports.unzip();
        // Handlers wait for the lock, and a log can be slow.
        drop(seen);
        for (report, before) in reports.iter().zip(before) {
            tell_change(report, before);
        }
        reports
    }

    /// Takes the facts that are due.
    pub(super) fn take_due(&self, now: Timestamp) -> Vec<FeedFact> {
        self.lock().take(|signals| signals.take_due(now))
    }

    /// Takes all there is to write down, at the end.
    pub(super) fn take_all(&self) -> Vec<FeedFact> {
        self.lock().take(Signals::take_all)
    }

    /// Takes the counts that are not yet in the database, in one order.
    pub(super) fn take_hours(&self) -> Vec<HookHour> {
        let hours = mem::take(&mut self.lock().hours);
        let hours = hours
            .into_iter()
            .map(|((tenant, hook, hour), deliveries)| HookHour {
                hook,
                tenant,
                hour,
                deliveries,
            });
        hours.collect()
    }

    /// Takes over what the log says of webhooks. What belongs to hooks that are not configured goes with
    /// the next report.
    pub(super) fn learn_signs(&self, signs: &[SeenSign]) {
        let mut seen = self.lock();
        for sign in signs {
            let signals = &mut seen.feed(&sign.hook).signals;
            signals.learn_sign(&sign.tenant, sign.sign, sign.ticks);
        }
    }

    /// Takes over the rhythm that the database knows.
    pub(super) fn learn_hours(&self, hours: &[HookHour]) {
        let mut seen = self.lock();
        for hour in hours {
            let deliveries = u64::try_from(hour.deliveries).unwrap_or(0);
            let signals = &mut seen.feed(&hour.hook).signals;
            signals.learn_hour(&hour.tenant, hour.hour, deliveries);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // What a panicking handler left is still counts and instants.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn feed(&mut self, hook: &str) -> &mut Feed {
        self.feeds.entry(hook.to_owned()).or_default()
    }

    fn count(&mut self, key: (String, String, i64), deliveries: i64) {
        if self.hours.len() < MAX_HOURS || self.hours.contains_key(&key) {
            *self.hours.entry(key).or_insert(0) += deliveries;
        }
    }

    fn drop_all_but(&mut self, hooks: &Hooks) {
        let gone = self
            .feeds
            .extract_if(.., |hook, _| !hooks.contains_key(hook));
        for (hook, mut feed) in gone {
            for state in FeedState::ALL {
                measure::hook_state(&hook, state.as_str(), false);
            }
            self.left.extend(facts(&hook, feed.signals.take_all()));
        }
    }

    fn take(&mut self, take: impl Fn(&mut Signals) -> Vec<Piece>) -> Vec<FeedFact> {
        let mut taken = mem::take(&mut self.left);
        for (hook, feed) in &mut self.feeds {
            taken.extend(facts(hook, take(&mut feed.signals)));
        }
        taken
    }
}

fn facts(hook: &str, pieces: Vec<Piece>) -> impl Iterator<Item = FeedFact> {
    pieces.into_iter().map(move |piece| FeedFact {
        fact_id: Uuid::now_v7(),
        kind: piece.kind,
        hook: Some(hook.to_owned()),
        tenant: piece.tenant,
        started_at: piece.run.first_at,
        ended_at: piece.run.last_at,
        occurrences: piece.run.count,
    })
}

impl Feed {
    /// The feed now, and the state it was in at the last report.
    fn report(&mut self, hook: &str, now: Timestamp) -> (HookReport, FeedState) {
        let verdict = self.signals.assess(now);
        let before = self.told.map_or(FeedState::Ok, |(state, _)| state);
        if verdict.state != before {
            self.told = Some((verdict.state, now));
        }
        let ok_since = self.told.map(|(_, since)| since);
        let since = verdict
            .since
            .or(ok_since)
            .or(self.signals.first_delivery_at);
        for state in FeedState::ALL {
            measure::hook_state(hook, state.as_str(), state == verdict.state);
        }
        let report = HookReport {
            hook: hook.to_owned(),
            since,
            last_delivery_at: self.signals.last_delivery_at,
            last_retry_at: self.signals.last_retry_at,
            verdict,
        };
        (report, before)
    }
}

/// The one line of a transition.
fn tell_change(report: &HookReport, before: FeedState) {
    let (hook, state) = (&report.hook, report.verdict.state);
    let since = report.since.map(tracing::field::display);
    let (state_word, before_word) = (state.as_str(), before.as_str());
    let advice = report.verdict.advice();
    match state.cmp(&before) {
        Ordering::Greater => tracing::warn!(
            hook,
            state = state_word,
            since,
            "The feed got worse, it was {before_word}. {advice}"
        ),
        Ordering::Less => tracing::info!(
            hook,
            state = state_word,
            since,
            "The feed got better, it was {before_word}. {advice}"
        ),
        Ordering::Equal => {}
    }
}
