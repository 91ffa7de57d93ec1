//! Tokens that were good when the database last said so. How the service is, is asked most of all while the
//! database is away, and no alert may depend on what it is to tell of.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::domain::token::{Access, TokenHash, TokenSummary};

/// How long a token is believed without being looked up: an outage over a weekend, so that one that was
/// revoked where this program cannot see it does not live for ever.
const BELIEVED: SignedDuration = SignedDuration::from_hours(72);

/// Most tokens kept: those who watch a service are few. Further ones wait for the database.
const MAX_SEEN: usize = 256;

/// Clones share what was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<BTreeMap<TokenHash, Good>>>);

#[derive(Debug)]
struct Good {
    access: Access,
    until: Timestamp,
}

impl Seen {
    /// Keeps what the database said of a token.
    pub(super) fn keep(&self, hash: TokenHash, found: Option<&TokenSummary>, now: Timestamp) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, good| good.until > now);
        let Some(token) = found else {
            seen.remove(&hash);
            return;
        };
        if seen.len() < MAX_SEEN || seen.contains_key(&hash) {
            let until = now.checked_add(BELIEVED).unwrap_or(now);
            let good = Good {
                access: token.access.clone(),
                until: token.expires_at.map_or(until, |end| end.min(until)),
            };
            seen.insert(hash, good);
        }
    }

    /// What a token allowed when the database last said so, if that is not too long ago.
    pub(super) fn find(&self, hash: &TokenHash, now: Timestamp) -> Option<Access> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let good = seen.get(hash).filter(|good| good.until > now)?;
        Some(good.access.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

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
    fn a_token_is_believed_until_it_ends_or_was_not_looked_up_for_long() {
        let seen = Seen::default();
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
        let seen = Seen::default();
        seen.keep([1; 32], Some(&token(None)), hours(0));
        seen.keep([1; 32], None, hours(1));
        assert_eq!(seen.find(&[1; 32], hours(1)), None);
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let seen = Seen::default();
        for number in 0..=u8::MAX {
            seen.keep([number; 32], Some(&token(None)), hours(0));
            seen.keep(
                [number, 1].repeat(16).try_into().unwrap(),
                Some(&token(None)),
                hours(0),
            );
        }
        assert_eq!(seen.0.lock().unwrap().len(), MAX_SEEN);
    }
}
