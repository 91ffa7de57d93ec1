//! One arrival of a body, and what became of it.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{
    event::{self, ParkReason, Reading},
    hook::TenantRule,
    ids::{EventId, Position, Tenant},
    log::Origin,
};

/// The headers of a delivery that are kept, by lower-case name. Custom ones may be credentials, and
/// the signature is kept as bytes.
pub type KeptHeaders = BTreeMap<String, String>;

/// Name of the header that counts the retries so far.
pub const RETRY_HEADER: &str = "x-superoffice-retry";

/// Name of the header that holds the event's id. It is not signed.
pub const EVENT_ID_HEADER: &str = "x-superoffice-eventid";

/// SHA-256 of a body.
pub type Sha256Digest = [u8; 32];

/// One arrival of a body that is believed, read and ready to be made durable. Its Debug shows no content.
#[derive(Clone)]
pub struct Delivery {
    /// What is known of it beside its body.
    pub arrival: Arrival,
    /// The body, byte for byte.
    pub body: Bytes,
    /// Of the body.
    pub sha256: Sha256Digest,
    /// What the body turned out to be.
    pub reading: Reading,
}

/// The circumstances of a delivery.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Identity of this arrival, so that handing it in twice adds nothing. A `UUIDv7`.
    pub arrival_id: Uuid,
    /// When.
    pub received_at: Timestamp,
    /// Where from.
    pub origin: Origin,
    /// Kept headers.
    pub headers: KeptHeaders,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("arrival_id", &self.arrival.arrival_id)
            .finish_non_exhaustive()
    }
}

impl Delivery {
    /// Reads a body under its hook's rule. Never fails.
    pub fn read(body: Bytes, tenants: &TenantRule, arrival: Arrival) -> Self {
        Self {
            arrival,
            sha256: Sha256::digest(&body).into(),
            reading: event::read(&body, tenants),
            body,
        }
    }

    /// `X-SuperOffice-Retry`: retries so far, if it is a number that fits.
    pub fn retry(&self) -> Option<i32> {
        self.arrival.headers.get(RETRY_HEADER)?.trim().parse().ok()
    }

    /// The tenant it is for, and its event's id there; none for what is parked.
    pub fn event(&self) -> Option<(&Tenant, EventId)> {
        match &self.reading {
            Reading::Event(event) => Some((&event.tenant, event.event_id)),
            Reading::Test { tenant, event_id } => Some((tenant, *event_id)),
            Reading::Parked(_) => None,
        }
    }

    /// `WebhookName` of an event.
    pub fn webhook_name(&self) -> Option<&str> {
        match &self.reading {
            Reading::Event(event) => event.webhook_name.as_deref(),
            Reading::Test { .. } | Reading::Parked(_) => None,
        }
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new event.
    Stored(Place),
    /// The event was there, with the same content.
    Duplicate(Place),
    /// The event was there with other content; both bodies are kept, the first counts.
    Conflict(Place),
    /// Kept whole, but no event.
    Parked(ParkReason),
    /// Durable on this machine, on its way to the log.
    Spooled {
        /// The tenant, and the event's id in it; none for what will be parked.
        event: Option<(Tenant, EventId)>,
    },
    /// The registration test.
    Ignored {
        /// The tenant it names.
        tenant: Tenant,
        /// The id in its body.
        event_id: EventId,
    },
}

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its tenant.
    pub tenant: Tenant,
    /// Its id.
    pub event_id: EventId,
    /// Its position in the tenant's log.
    pub position: Position,
}

impl Outcome {
    /// Every word that there is for one.
    pub const WORDS: [&'static str; 6] = [
        "stored",
        "duplicate",
        "conflict",
        "parked",
        "spooled",
        "ignored",
    ];

    /// Where its event stands in the log, if it is in there.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Stored(place) | Self::Duplicate(place) | Self::Conflict(place) => Some(place),
            Self::Parked(_) | Self::Spooled { .. } | Self::Ignored { .. } => None,
        }
    }

    /// The word for it in SQL, JSON and logs: one of [`Outcome::WORDS`].
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stored(_) => "stored",
            Self::Duplicate(_) => "duplicate",
            Self::Conflict(_) => "conflict",
            Self::Parked(_) => "parked",
            Self::Spooled { .. } => "spooled",
            Self::Ignored { .. } => "ignored",
        }
    }
}
