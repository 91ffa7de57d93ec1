//! Tokens that were good when the database last said so.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::token::{Access, TokenHash, TokenSummary};

/// Most tokens kept: programs that ask are few. Further ones wait for the database.
const MAX_SEEN: usize = 256;

/// Clones share what was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// How long a token is remembered.
    span: SignedDuration,
    tokens: Arc<Mutex<BTreeMap<TokenHash, Good>>>,
}

/// A token that was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Good {
    /// Its id.
    pub(super) token_id: Uuid,
    /// What it allowed.
    pub(super) access: Access,
    until: Timestamp,
}

impl Seen {
    /// Remembers tokens for so long, and none beyond its end.
    pub(super) fn for_a(span: SignedDuration) -> Self {
        Self {
            span,
            tokens: Arc::default(),
        }
    }

    /// Keeps what the database said of a token.
    pub(super) fn keep(&self, hash: TokenHash, found: Option<&TokenSummary>, now: Timestamp) {
        let mut seen = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, good| good.until > now);
        let Some(token) = found else {
            seen.remove(&hash);
            return;
        };
        if seen.len() < MAX_SEEN || seen.contains_key(&hash) {
            let until = now.checked_add(self.span).unwrap_or(now);
            let good = Good {
                token_id: token.token_id,
                access: token.access.clone(),
                until: token.expires_at.map_or(until, |end| end.min(until)),
            };
            seen.insert(hash, good);
        }
    }

    /// What the database last said of a token, if that is not too long ago.
    pub(super) fn find(&self, hash: &TokenHash, now: Timestamp) -> Option<Good> {
        let seen = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(hash).filter(|good| good.until > now).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::token::Scope;

    fn token(expires_at: Option<Timestamp>) -> TokenSummary {
        TokenSummary {
            token_id: Uuid::nil(),
            prefix: String::new(),
            access: Access {
                tenants: None,
                scopes: BTreeSet::from([Scope::Admin]),
            },
            name: None,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at,
            revoked_at: None,
        }
    }

    fn hours(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_token_is_remembered_until_it_ends_or_was_not_looked_up_for_long() {
        let seen = Seen::for_a(SignedDuration::from_hours(72));
        assert_eq!(seen.find(&[1; 32], hours(0)), None);
        seen.keep([1; 32], Some(&token(None)), hours(0));
        seen.keep([2; 32], Some(&token(Some(hours(2)))), hours(0));
        assert!(seen.find(&[1; 32], hours(71)).is_some());
        assert_eq!(seen.find(&[1; 32], hours(72)), None);
        assert!(seen.find(&[2; 32], hours(1)).is_some());
        assert_eq!(seen.find(&[2; 32], hours(2)), None);
    }

    #[test]
    fn one_that_is_no_longer_good_is_forgotten() {
        let seen = Seen::for_a(SignedDuration::from_hours(72));
        seen.keep([1; 32], Some(&token(None)), hours(0));
        seen.keep([1; 32], None, hours(1));
        assert_eq!(seen.find(&[1; 32], hours(1)), None);
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let seen = Seen::for_a(SignedDuration::from_hours(72));
        for number in 0..=u8::MAX {
            seen.keep([number; 32], Some(&token(None)), hours(0));
            seen.keep(
                [number, 1].repeat(16).try_into().unwrap(),
                Some(&token(None)),
                hours(0),
            );
        }
        assert_eq!(seen.tokens.lock().unwrap().len(), MAX_SEEN);
    }
}
