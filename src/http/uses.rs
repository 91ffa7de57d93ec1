//! When tokens were last used, as far as this program saw since it started. To write it down would make every read a
//! write.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use uuid::Uuid;

/// Most tokens that are kept in mind; further ones are not told of.
const MAX_TOKENS: usize = 10_000;

/// Clones share what was seen.
#[derive(Debug, Clone, Default)]
pub struct TokenUses(Arc<Mutex<BTreeMap<Uuid, Timestamp>>>);

impl TokenUses {
    /// Keeps that a good token was used, itself or by a session that it began.
    pub(super) fn keep(&self, token_id: Uuid, now: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MAX_TOKENS || uses.contains_key(&token_id) {
            uses.insert(token_id, now);
        }
    }

    /// When a token was last used; `None` if it was not since the program started.
    pub(super) fn last(&self, token_id: Uuid) -> Option<Timestamp> {
        let uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.get(&token_id).copied()
    }
}
