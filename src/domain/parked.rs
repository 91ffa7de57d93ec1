//! Parked bodies, and the rule under which each may be read again.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::{
    delivery::Arrival,
    event::ParkReason,
    hook::{DEFAULT_HOOK, Hooks, TenantRule},
    ids::{EventId, Tenant},
    log::Origin,
};

impl ParkReason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::NotAnObject,
        Self::NoEventName,
        Self::NoTenant,
        Self::ForeignTenant,
        Self::Refused,
    ];

    /// The reason with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// Place of a parked body in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParkedPlace {
    /// When it arrived.
    pub received_at: Timestamp,
    /// Its id.
    pub parked_id: Uuid,
}

impl ParkedPlace {
    /// Before all of them.
    pub const START: Self = Self {
        received_at: Timestamp::UNIX_EPOCH,
        parked_id: Uuid::nil(),
    };
}

/// What a list shows of a parked body. Its Debug shows no content.
#[derive(Clone)]
pub struct ParkedSummary {
    /// When it arrived, and its id.
    pub place: ParkedPlace,
    /// Where from.
    pub origin: Origin,
    /// Why it was parked.
    pub reason: ParkReason,
    /// Length of the body in bytes.
    pub body_bytes: usize,
    /// The first bytes of the body.
    pub start: Vec<u8>,
    /// What became of it later, if anything did.
    pub reprocessed: Option<Reprocessed>,
}

impl fmt::Debug for ParkedSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkedSummary")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A parked body with all that is known of it. Its Debug shows no content.
#[derive(Clone)]
pub struct Parked {
    /// Its circumstances; the id of the arrival is the id of the parked body.
    pub arrival: Arrival,
    /// Why it was parked.
    pub reason: ParkReason,
    /// SHA-256 of the body.
    pub sha256: Vec<u8>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// What became of it later, if anything did.
    pub reprocessed: Option<Reprocessed>,
}

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parked")
            .field("parked_id", &self.arrival.arrival_id)
            .finish_non_exhaustive()
    }
}

/// What became of a parked body that was read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reprocessed {
    /// When.
    pub reprocessed_at: Timestamp,
    /// `stored`, `duplicate`, `conflict` or `ignored`.
    pub outcome: String,
    /// In whose log.
    pub tenant: Tenant,
    /// The event it is, or is a later delivery of.
    pub event_id: EventId,
}

/// What an operator says about tenants when parked bodies are read again.
#[derive(Debug, Clone)]
pub enum Say {
    /// All of them are this tenant's.
    Tenant(Tenant),
    /// Each hook may speak for the tenants that are said here.
    Hooks(Hooks),
    /// Nothing.
    Nothing,
}

/// Why nobody knows whose a parked body is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRule {
    /// Its hook is none of those that were said.
    #[error("came through the hook \"{0}\", of which no tenants are given")]
    UnknownHook(String),
    /// It was imported; which tenant was given then is not kept.
    #[error("came from a file, so no hook says whose it is")]
    Imported,
    /// Its hook's own rule kept it out of a history: the absence of a rule must not let it in.
    #[error("names a tenant that its hook may not speak for")]
    Foreign,
}

/// The rule under which a parked body is read again.
///
/// Without anything said, the hook `default` speaks for any tenant, as in a service that is given
/// nothing but a secret; but what was parked as foreign stays so, whatever its hook.
///
/// # Errors
/// [`NoRule`] if it must not be read at all.
pub fn rule_for(say: &Say, origin: &Origin, reason: ParkReason) -> Result<TenantRule, NoRule> {
    let hooks = match say {
        Say::Tenant(tenant) => return Ok(TenantRule::Override(tenant.clone())),
        Say::Nothing if reason == ParkReason::ForeignTenant => return Err(NoRule::Foreign),
        Say::Hooks(hooks) => Some(hooks),
        Say::Nothing => None,
    };
    let name = origin.hook().ok_or(NoRule::Imported)?;
    match hooks {
        None if name == DEFAULT_HOOK => Ok(TenantRule::Any),
        None => Err(NoRule::UnknownHook(name.to_owned())),
        Some(hooks) => match hooks.get(name) {
            Some(hook) => Ok(hook.tenants.clone()),
            None => Err(NoRule::UnknownHook(name.to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{NoRule, Say, rule_for};
    use crate::domain::{
        event::ParkReason,
        hook::{Hook, Hooks, TenantRule},
        ids::Tenant,
        log::Origin,
    };

    fn through(hook: &str) -> Origin {
        Origin::Unsigned { hook: hook.into() }
    }

    #[test]
    fn every_reason_is_found_by_its_word() {
        for reason in ParkReason::ALL {
            assert_eq!(ParkReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(ParkReason::parse("Refused"), None);
    }

    #[test]
    fn a_named_tenant_overrides_everything() {
        let acme = Tenant::parse("Acme").unwrap();
        let say = Say::Tenant(acme.clone());
        let imported = Origin::Import { source: "-".into() };
        for origin in [through("default"), through("x"), imported] {
            let rule = rule_for(&say, &origin, ParkReason::ForeignTenant);
            assert_eq!(rule, Ok(TenantRule::Override(acme.clone())));
        }
    }

    #[test]
    fn without_a_word_only_the_default_hook_speaks_and_never_for_strangers() {
        let rule = |hook: &str, reason| rule_for(&Say::Nothing, &through(hook), reason);
        assert_eq!(rule("default", ParkReason::NoTenant), Ok(TenantRule::Any));
        assert_eq!(
            rule("acme", ParkReason::NoTenant),
            Err(NoRule::UnknownHook("acme".into()))
        );
        for hook in ["default", "acme"] {
            assert_eq!(rule(hook, ParkReason::ForeignTenant), Err(NoRule::Foreign));
        }
        let imported = Origin::Import { source: "-".into() };
        assert_eq!(
            rule_for(&Say::Nothing, &imported, ParkReason::Refused),
            Err(NoRule::Imported)
        );
    }

    #[test]
    fn given_hooks_speak_for_what_they_may_and_for_no_other_hook() {
        let hook = Hook {
            secrets: vec![],
            tenants: TenantRule::Accept(vec![]),
        };
        let say = Say::Hooks(Hooks::from([("online".to_owned(), hook)]));
        let rule = |hook: &str| rule_for(&say, &through(hook), ParkReason::ForeignTenant);
        assert_eq!(rule("online"), Ok(TenantRule::Accept(vec![])));
        assert_eq!(rule("default"), Err(NoRule::UnknownHook("default".into())));
    }
}
