//! How the feed of a hook is: from what was seen of it to one state, since when, and what to do.
//!
//! SuperOffice gives an event three tries and a webhook nine failures in a row, then falls silent for
//! good without telling anyone here. Nothing but these signs says so. The state is an alarm, not a
//! proof: strangers can forge what looks like SuperOffice, and a quiet day is no outage.

mod fact;
mod outage;
mod rhythm;
mod run;
mod signals;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use self::{
    fact::{FactKind, FeedFact},
    outage::{Outage, Outages},
    rhythm::{Rhythm, hour_of, instant_of},
    run::Run,
    signals::{OTHER_TENANTS, Piece, Signals, WebhookSign, looks_like_superoffice},
};

/// Wrong signatures in a row that are a wrong secret: the tries of one event, a third of what makes
/// SuperOffice stop.
const WRONG_SECRET_FROM: u64 = 3;

/// How a hook's feed is; the greater, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedState {
    /// Nothing is wrong that can be seen from here.
    Ok,
    /// Deliveries come that failed before.
    Retrying,
    /// A tenant from which nothing came although its rhythm says that something should have.
    Silent,
    /// SuperOffice said that it stopped sending.
    Stopped,
    /// Deliveries carry signatures that none of the hook's secrets gives.
    WrongSecret,
}

impl FeedState {
    /// All of them, from good to bad.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Retrying,
        Self::Silent,
        Self::Stopped,
        Self::WrongSecret,
    ];

    /// The word for it in JSON, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retrying => "retrying",
            Self::Silent => "silent",
            Self::Stopped => "stopped",
            Self::WrongSecret => "wrong_secret",
        }
    }
}

/// What a hook's signals come to at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The state.
    pub state: FeedState,
    /// Since when; `None` for [`FeedState::Ok`], which begins when another state ends.
    pub since: Option<Timestamp>,
    /// Wrong or missing signatures in a row, up to now.
    pub wrong_signatures: u64,
    /// The tenants that are silent, by name, whatever the state; [`OTHER_TENANTS`] for those that are
    /// counted together.
    pub silent_tenants: Vec<String>,
    /// The tenants whose webhook stopped, by name, whatever the state.
    pub stopped_tenants: Vec<String>,
}

impl Verdict {
    /// Leaves out the names of all other tenants, for whoever may not know of them. The state stays what
    /// it is.
    pub fn name_only(&mut self, own: impl Fn(&str) -> bool) {
        self.silent_tenants.retain(|name| own(name));
        self.stopped_tenants.retain(|name| own(name));
    }

    /// What to do, in one sentence for people.
    pub fn advice(&self) -> String {
        match self.state {
            FeedState::Ok => "Nothing to do.".to_owned(),
            FeedState::Retrying => {
                "Deliveries come that failed before: look in this program's log, and the \
                proxy's, for what they were answered; SuperOffice drops an event after three tries."
                    .to_owned()
            }
            FeedState::Silent => format!(
                "Nothing came from {} although it always did at this time of the week: look at the \
                 webhook's State and LastError in SuperOffice, and try the way to here with its test.",
                named(&self.silent_tenants)
            ),
            FeedState::Stopped => format!(
                "SuperOffice has stopped sending from {}: set the webhook's State to Active (PATCH \
                 Webhook/{{id}} or Settings and maintenance) and check what was missed.",
                named(&self.stopped_tenants)
            ),
            FeedState::WrongSecret => format!(
                "The last {} deliveries carried a signature that none of this hook's secrets gives, or \
                 none: compare the secret in SuperOffice with the hook's; SuperOffice stops sending after \
                 nine failures in a row.",
                self.wrong_signatures
            ),
        }
    }
}

fn named(tenants: &[String]) -> String {
    if tenants.is_empty() {
        return "another tenant".to_owned();
    }
    tenants.join(", ")
}
