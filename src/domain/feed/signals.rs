//! What was seen of one hook, as far as its state depends on it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{FactKind, FeedState, Rhythm, Run, Verdict, WRONG_SECRET_FROM};
use crate::domain::{
    delivery::{Delivery, KeptHeaders},
    event::{Event, Reading},
    ids::Tenant,
    instant::{ticks_of_timestamp, timestamp_of_ticks},
};

/// Most tenants of a hook that are watched each on its own, so that memory is bounded.
const MAX_TENANTS: usize = 1000;

/// The name of all tenants past those, which are watched as if they were one. No tenant's name.
pub const OTHER_TENANTS: &str = "*";

/// How long a retry makes a hook `retrying`.
const RETRYING: SignedDuration = SignedDuration::from_mins(10);

/// True for the headers of what calls itself SuperOffice. Anybody can: it keeps out strangers who do not
/// know what they knock at, so what rests on it is an alarm and no more.
pub fn looks_like_superoffice(headers: &KeptHeaders) -> bool {
    let agent = headers.get("user-agent");
    agent.is_some_and(|agent| agent.starts_with("NetServer-Webhook"))
        || headers.contains_key("x-superoffice-event")
}

/// What an event says of the webhook that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookSign {
    /// `webhook.stopped` or `webhook.errors`.
    Stops,
    /// `webhook.started`, or any ordinary event: it sends.
    Sends,
}

impl WebhookSign {
    /// By the event's name; `None` for other events about webhooks, which say neither.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "webhook.stopped" | "webhook.errors" => Some(Self::Stops),
            "webhook.started" => Some(Self::Sends),
            other if other.starts_with("webhook.") => None,
            _ => Some(Self::Sends),
        }
    }
}

/// A run of one kind that is over or long enough to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Of what.
    pub kind: FactKind,
    /// Of which tenant, if that is known.
    pub tenant: Option<Tenant>,
    /// Since when, till when, how many.
    pub run: Run,
}

/// What was seen of one hook.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// The first delivery that was believed.
    pub first_delivery_at: Option<Timestamp>,
    /// The last one.
    pub last_delivery_at: Option<Timestamp>,
    /// The last that had failed before.
    pub last_retry_at: Option<Timestamp>,
    /// The first of the retries that are no more than [`RETRYING`] apart.
    retrying_since: Option<Timestamp>,
    /// Wrong or missing signatures without a good one in between: how many, and the first.
    wrong: Option<(u64, Timestamp)>,
    wrong_run: Option<Run>,
    tenants: BTreeMap<String, TenantSignals>,
}

/// What was seen of one tenant at the hook. Instants are the sender's, in ticks, and none is later
/// than its arrival: a Timestamp in the future would hide every stop until then.
#[derive(Debug, Clone, Default)]
struct TenantSignals {
    stopped_ticks: Option<i64>,
    sent_ticks: Option<i64>,
    retries: Option<Run>,
    rhythm: Rhythm,
}

impl TenantSignals {
    fn see(&mut self, sign: WebhookSign, ticks: i64) {
        let latest = match sign {
            WebhookSign::Stops => &mut self.stopped_ticks,
            WebhookSign::Sends => &mut self.sent_ticks,
        };
        *latest = (*latest).max(Some(ticks));
    }

    /// The Timestamp at which its webhook stopped, if nothing later shows that it sends.
    fn stopped(&self) -> Option<i64> {
        self.stopped_ticks
            .filter(|stopped| self.sent_ticks.is_none_or(|sent| sent <= *stopped))
    }
}

impl Signals {
    /// A delivery that was believed, signed or not.
    ///
    /// Gives the name under which its tenant is counted, if it is an event of one.
    pub fn believed(&mut self, delivery: &Delivery, now: Timestamp) -> Option<String> {
        self.first_delivery_at.get_or_insert(now);
        self.last_delivery_at = self.last_delivery_at.max(Some(now));
        self.wrong = None;
        Run::end(&mut self.wrong_run);
        let retried = delivery.retry().is_some_and(|retries| retries > 0);
        if retried {
            self.retried(now);
        }
        let Reading::Event(event) = &delivery.reading else {
            return None;
        };
        let (name, tenant) = self.tenant(event.tenant.as_str());
        if retried {
            Run::add(&mut tenant.retries, now);
        }
        if let Some((sign, ticks)) = sign_of(event, now) {
            tenant.see(sign, ticks);
        }
        tenant.rhythm.count(now);
        Some(name)
    }

    /// A delivery whose signature was wrong or missing, and which looks like SuperOffice's.
    pub fn rejected(&mut self, now: Timestamp) {
        let (count, _) = self.wrong.get_or_insert((0, now));
        *count += 1;
        Run::add(&mut self.wrong_run, now);
    }

    /// What the log says of a tenant's webhook at this hook: its latest Timestamp of that sign.
    pub fn learn_sign(&mut self, tenant: &Tenant, sign: WebhookSign, ticks: i64) {
        self.tenant(tenant.as_str()).1.see(sign, ticks);
    }

    /// What the database knows of a tenant's rhythm at this hook; its name may be [`OTHER_TENANTS`].
    pub fn learn_hour(&mut self, tenant: &str, hour: i64, deliveries: u64) {
        self.tenant(tenant).1.rhythm.learn(hour, deliveries);
    }

    /// Takes the runs that are over, or so long that they are written in pieces.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Piece> {
        self.take(|run| Run::take_due(run, now))
    }

    /// Takes all runs, at the end of the program.
    pub fn take_all(&mut self) -> Vec<Piece> {
        self.take(Option::take)
    }

    fn take(&mut self, take: impl Fn(&mut Option<Run>) -> Option<Run>) -> Vec<Piece> {
        let wrong = take(&mut self.wrong_run).map(|run| Piece {
            kind: FactKind::WrongSignatures,
            tenant: None,
            run,
        });
        let retries = self.tenants.iter_mut().filter_map(|(name, tenant)| {
            take(&mut tenant.retries).map(|run| Piece {
                kind: FactKind::Retries,
                tenant: Tenant::parse(name),
                run,
            })
        });
        wrong.into_iter().chain(retries).collect()
    }

    /// The state at an instant: the first rule that fits, from worst to best.
    ///
    /// Costs a few look-ups a tenant.
    pub fn assess(&self, now: Timestamp) -> Verdict {
        let names = |test: &dyn Fn(&TenantSignals) -> bool| -> Vec<String> {
            let matching = self.tenants.iter().filter(|(_, tenant)| test(tenant));
            matching.map(|(name, _)| name.clone()).collect()
        };
        let stopped = self.tenants.values().filter_map(TenantSignals::stopped);
        let stopped_since = stopped.min().map(timestamp_of_ticks);
        let silent = self.tenants.values();
        let silent_since = silent.filter_map(|t| t.rhythm.silent_since(now)).min();
        let wrong = self.wrong.filter(|(count, _)| *count >= WRONG_SECRET_FROM);
        let (state, since) = match (wrong, stopped_since, silent_since) {
            (Some((_, first_at)), _, _) => (FeedState::WrongSecret, Some(first_at)),
            (None, Some(since), _) => (FeedState::Stopped, Some(since)),
            (None, None, Some(since)) => (FeedState::Silent, Some(since)),
            (None, None, None) if self.is_retrying(now) => {
                (FeedState::Retrying, self.retrying_since)
            }
            (None, None, None) => (FeedState::Ok, None),
        };
        Verdict {
            state,
            since,
            wrong_signatures: self.wrong.map_or(0, |(count, _)| count),
            silent_tenants: names(&|tenant| tenant.rhythm.silent_since(now).is_some()),
            stopped_tenants: names(&|tenant| tenant.stopped().is_some()),
        }
    }

    fn retried(&mut self, now: Timestamp) {
        if !self.is_retrying(now) {
            self.retrying_since = Some(now);
        }
        self.last_retry_at = self.last_retry_at.max(Some(now));
    }

    fn is_retrying(&self, now: Timestamp) -> bool {
        self.last_retry_at
            .is_some_and(|last| last.duration_until(now) < RETRYING)
    }

    /// A tenant's signals, with the name under which it is counted.
    fn tenant(&mut self, name: &str) -> (String, &mut TenantSignals) {
        let known = self.tenants.contains_key(name) || self.tenants.len() < MAX_TENANTS;
        let name = if known { name } else { OTHER_TENANTS };
        let tenant = self.tenants.entry(name.to_owned()).or_default();
        (name.to_owned(), tenant)
    }
}

/// What an event says of its webhook, and when by the sender's clock; an event without a Timestamp says
/// only that a webhook stopped, at its arrival.
fn sign_of(event: &Event, now: Timestamp) -> Option<(WebhookSign, i64)> {
    let sign = WebhookSign::of(&event.name)?;
    let arrival = ticks_of_timestamp(now);
    match (&event.occurred_at, sign) {
        (Some(at), _) => Some((sign, at.ticks().min(arrival))),
        (None, WebhookSign::Stops) => Some((sign, arrival)),
        (None, WebhookSign::Sends) => None,
    }
}
