//! Hooks: the configured inbound addresses, their live secrets, and the tenants each may speak for.

use std::collections::BTreeMap;

use crate::domain::{ids::Tenant, signature::Secret};

/// Name of the hook behind `POST /webhook`.
pub const DEFAULT_HOOK: &str = "default";

/// Which tenants a hook's bodies may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantRule {
    /// Whatever the body says, it is this tenant: on-site installations all call themselves `Default`.
    Override(Tenant),
    /// Only these.
    Accept(Vec<Tenant>),
    /// Any.
    Any,
}

/// One configured inbound address.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Live secrets, all valid at a time.
    pub secrets: Vec<Secret>,
    /// The tenants it may speak for.
    pub tenants: TenantRule,
}

/// All hooks by name.
pub type Hooks = BTreeMap<String, Hook>;
