//! Who asks about a ticket, found by the statement that reads the ticket.
//!
//! To look a token up takes Postgres about as long as to read a ticket, most of it for the exchange of messages. So one
//! that was good a moment ago is believed until the handler has read: the statement says whether it still is, and no
//! answer goes out before something has said so.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use uuid::Uuid;

use crate::domain::token::TokenHash;

/// Paths whose handlers have the token looked up with what they read.
pub(super) const LOOKED_UP_BY_HANDLER: [&str; 2] = [
    "/v1/tenants/{tenant}/tickets/{ticket}",
    "/v1/tenants/{tenant}/tickets/{ticket}/timeline",
];

/// The token of a request whose handler is to find out whether it is good. Clones share what was found.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    hash: TokenHash,
    token_id: Uuid,
    good: Arc<AtomicBool>,
}

impl Caller {
    pub(super) fn new(hash: TokenHash, token_id: Uuid) -> Self {
        Self {
            hash,
            token_id,
            good: Arc::default(),
        }
    }

    /// What to look up.
    pub(super) fn hash(&self) -> &TokenHash {
        &self.hash
    }

    /// Whose use of a token it is.
    pub(super) fn token_id(&self) -> Uuid {
        self.token_id
    }

    /// Takes down whether the token was good when the answer was read.
    pub(super) fn found(&self, good: bool) {
        self.good.store(good, Ordering::Relaxed);
    }

    /// True if a handler found that it is good.
    pub(super) fn is_good(&self) -> bool {
        self.good.load(Ordering::Relaxed)
    }
}
