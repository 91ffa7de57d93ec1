//! The task that looks at the feed every second and writes down what is no event.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{oneshot, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;

use super::{
    Settings,
    beat::{self, Beat, Gap},
    downtime::Downtime,
    watch::FeedWatch,
};
use crate::{
    domain::feed::{FeedFact, hour_of},
    measure,
    store::{HookHour, Store, StoreError},
};

/// Most facts that wait for the database: a week of one a minute. Past it new ones are dropped.
const MAX_FACTS: usize = 10_000;

/// Longest wait for the database at a time; only the next look waits for it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Hours of the rhythm that are read: the four weeks that are compared, and a week of silence.
const RHYTHM_HOURS: i64 = 5 * 7 * 24;

/// Hours of the rhythm that are kept, so that a tenant who fell silent is known a while longer.
const KEPT_HOURS: i64 = 10 * 7 * 24;

/// How long after the start of an hour the other receivers' counts of the last one are read.
const RHYTHM_DELAY: SignedDuration = SignedDuration::from_mins(1);

/// How long heartbeats are kept once another one is there.
const KEPT_BEATS: SignedDuration = SignedDuration::from_hours(24);

/// Owns what is not yet in the database.
#[derive(Debug)]
pub struct FeedKeeper {
    feed: FeedWatch,
    store: watch::Receiver<Option<Store>>,
    settings: Settings,
    instance: Uuid,
    /// `None` until the local heartbeat was read.
    start: Option<Start>,
    beat_at: Option<Timestamp>,
    written_at: Option<Timestamp>,
    /// When the database first answered.
    reached_at: Option<Timestamp>,
    /// The log was asked for what SuperOffice said of its webhooks.
    knows_signs: bool,
    /// The hour up to which the database's rhythm is known.
    rhythm_hour: Option<i64>,
    facts: Vec<FeedFact>,
    hours: Vec<HookHour>,
    /// The database did not answer the last time.
    away: bool,
    /// Told to stop: there is no later.
    ending: bool,
}

/// What is known of the time before this start.
#[derive(Debug)]
enum Start {
    /// The database has not been asked.
    Open(Downtime),
    /// Judged, the facts wait to be written.
    Judged(Vec<Gap>),
    /// Written down.
    Done,
}

impl FeedKeeper {
    /// A keeper for this feed; the store is used once there is one.
    pub fn new(feed: FeedWatch, store: watch::Receiver<Option<Store>>, settings: Settings) -> Self {
        Self {
            feed,
            store,
            settings,
            instance: Uuid::now_v7(),
            start: None,
            beat_at: None,
            written_at: None,
            reached_at: None,
            knows_signs: false,
            rhythm_hour: None,
            facts: Vec::new(),
            hours: Vec::new(),
            away: false,
            ending: false,
        }
    }

    /// Looks at the feed until told to stop, or until the other end of `stop` is dropped; then writes
    /// what it has. `clock` gives the present.
    pub async fn run(mut self, clock: fn() -> Timestamp, mut stop: oneshot::Receiver<()>) {
        let mut looks = interval(self.settings.look_every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Told, or the other end is gone: both mean the end.
                _ = &mut stop => break,
                _ = looks.tick() => self.look(clock()).await,
            }
        }
        self.finish(clock()).await;
    }

    /// One look: tells changes of state, beats and writes when that is due.
    pub async fn look(&mut self, now: Timestamp) {
        self.feed.report(now);
        let due = self.feed.take_due(now);
        self.keep(due);
        if self.is_due(self.beat_at, now) {
            self.beat(now).await;
        }
        if self.is_due(self.written_at, now) {
            self.write(now).await;
        }
    }

    /// Writes what there is, with a last beat.
    pub async fn finish(&mut self, now: Timestamp) {
        self.ending = true;
        let all = self.feed.take_all();
        self.keep(all);
        self.beat(now).await;
        self.write(now).await;
    }

    /// True if it is that long ago, or if the clock was put back.
    fn is_due(&self, last: Option<Timestamp>, now: Timestamp) -> bool {
        last.is_none_or(|last| {
            let elapsed = last.duration_until(now);
            elapsed >= self.settings.beat_every || elapsed.is_negative()
        })
    }

    fn keep(&mut self, facts: Vec<FeedFact>) {
        let room = MAX_FACTS.saturating_sub(self.facts.len());
        if facts.len() > room {
            tracing::error!(
                facts.len = facts.len() - room,
                "Facts about the feed are dropped: too many wait for the database"
            );
        }
        self.facts.extend(facts.into_iter().take(room));
    }

    /// Writes the local heartbeat; the first time, after reading what the last run left.
    async fn beat(&mut self, now: Timestamp) {
        if self.start.is_none() {
            let found = beat::read(&self.settings.data_dir).await;
            let downtime = Downtime::new(found, now, self.settings.down_after);
            self.start = Some(if downtime.is_none() {
                Start::Done
            } else {
                Start::Open(downtime)
            });
        }
        let gaps = match &self.start {
            Some(Start::Open(downtime)) => downtime.gaps(),
            Some(Start::Judged(gaps)) => gaps,
            Some(Start::Done) | None => &[],
        };
        let beat = Beat {
            beat_at: Some(now),
            gaps: gaps.to_vec(),
        };
        if let Err(error) = beat::write(&self.settings.data_dir, &beat).await {
            tracing::warn!(%error, "The local heartbeat cannot be written");
        }
        self.beat_at = Some(now);
        measure::keep_up();
    }

    /// Brings the database up to date, if it is there, and learns from it; else the next look tries
    /// again.
    async fn write(&mut self, now: Timestamp) {
        let Some(store) = self.store.borrow().clone() else {
            return;
        };
        if let Err(error) = in_time(self.write_to(&store, now)).await {
            if !self.away {
                let waiting = self.facts.len();
                tracing::warn!(
                    error,
                    facts.len = waiting,
                    "Facts about the feed wait for the database"
                );
            }
            self.away = true;
            return;
        }
        self.away = false;
        self.written_at = Some(now);
        if !self.ending
            && let Err(error) = in_time(self.learn(&store, now)).await
        {
            tracing::warn!(error, "What the log says of the feed could not be read yet");
        }
    }

    async fn write_to(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        self.judge_start(store, now).await?;
        self.write_facts(store, now).await?;
        if self.hours.is_empty() {
            self.hours = self.feed.take_hours();
        }
        if !self.hours.is_empty() {
            // An answer that is lost makes the rhythm count these twice, which it bears.
            store.add_hook_hours(&self.hours).await?;
            self.hours.clear();
        }
        // Before that a beat would hide how long there was none.
        if matches!(self.start, Some(Start::Done)) {
            store.beat(self.instance, now).await?;
        }
        Ok(())
    }

    /// Takes over what the database knows: once the state of the webhooks, every hour the rhythm, which
    /// other receivers have their part in.
    async fn learn(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        if !self.knows_signs {
            self.feed.learn_signs(&store.list_webhook_signs().await?);
            self.knows_signs = true;
        }
        let hour = hour_of(now.saturating_sub(RHYTHM_DELAY).unwrap_or(now));
        if self.rhythm_hour != Some(hour) {
            let hours = store.list_hook_hours(hour - RHYTHM_HOURS).await?;
            self.feed.learn_hours(&hours);
            store.forget_hook_hours(hour - KEPT_HOURS).await?;
            self.rhythm_hour = Some(hour);
        }
        Ok(())
    }

    /// Asks whether another receiver lived while this one did not; a beat after the database answered,
    /// because it may have been away, and then the others' beats in it are old.
    async fn judge_start(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let Some(Start::Open(downtime)) = &self.start else {
            return Ok(());
        };
        let last_beat = store.find_last_beat(self.instance).await?;
        let reached_at = *self.reached_at.get_or_insert(now);
        if !self.ending && !self.is_due(Some(reached_at), now) {
            return Ok(());
        }
        let facts = downtime.judge(last_beat);
        for fact in &facts {
            let (from, to) = (fact.started_at, fact.ended_at);
            tracing::warn!(%from, %to, "Nothing was received here: check what was missed");
        }
        let gaps = downtime.gaps().to_vec();
        self.start = Some(Start::Judged(gaps));
        self.keep(facts);
        Ok(())
    }

    async fn write_facts(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        if !self.facts.is_empty() {
            match store.append_feed_facts(&self.facts, now).await {
                Err(error @ StoreError::Refused(_)) => tracing::error!(
                    %error,
                    facts.len = self.facts.len(),
                    "The database refused facts about the feed, which are dropped"
                ),
                written => written?,
            }
            self.facts.clear();
        }
        if matches!(self.start, Some(Start::Judged(_))) {
            let before = now.saturating_sub(KEPT_BEATS).unwrap_or(now);
            store.forget_beats(before).await?;
            self.start = Some(Start::Done);
        }
        Ok(())
    }
}

/// What the database answers within [`WRITE_TIMEOUT`], or in one line why it did not.
async fn in_time(asked: impl Future<Output = Result<(), StoreError>>) -> Result<(), String> {
    match timeout(WRITE_TIMEOUT, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(elapsed) => Err(elapsed.to_string()),
    }
}
