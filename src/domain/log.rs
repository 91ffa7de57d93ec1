//! What the log holds of one event.

use std::fmt;

use jiff::Timestamp;

use crate::domain::{event::Event, ids::Position, signature::Signature};

/// Where a body came from. What an operator imported is never passed off as what SuperOffice signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Through a hook, with a signature that was verified; anyone with the secret can verify it again.
    Webhook {
        /// The hook's name.
        hook: String,
        /// The signature that fitted.
        signature: Signature,
    },
    /// Through a hook that takes unsigned bodies.
    Unsigned {
        /// The hook's name.
        hook: String,
    },
    /// From a file of the operator's.
    Import {
        /// The file's name as it was given, or `-`.
        source: String,
    },
}

impl Origin {
    /// The word for it in SQL and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Unsigned { .. } => "unsigned",
            Self::Import { .. } => "import",
        }
    }

    /// The hook, if it came through one.
    pub fn hook(&self) -> Option<&str> {
        match self {
            Self::Webhook { hook, .. } | Self::Unsigned { hook } => Some(hook),
            Self::Import { .. } => None,
        }
    }

    /// The imported file, if it came from one.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Import { source } => Some(source),
            Self::Webhook { .. } | Self::Unsigned { .. } => None,
        }
    }

    /// The signature, if one was verified.
    pub fn signature(&self) -> Option<&Signature> {
        match self {
            Self::Webhook { signature, .. } => Some(signature),
            Self::Unsigned { .. } | Self::Import { .. } => None,
        }
    }
}

/// One event as the log holds it. Its Debug shows no content.
#[derive(Clone)]
pub struct StoredEvent {
    /// Place in its tenant's log.
    pub position: Position,
    /// What was read from the body when it was stored.
    pub event: Event,
    /// When its first delivery arrived.
    pub received_at: Timestamp,
    /// When it was stored; grows with the position.
    pub stored_at: Timestamp,
    /// Where it came from.
    pub origin: Origin,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredEvent")
            .field("tenant", &self.event.tenant)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
