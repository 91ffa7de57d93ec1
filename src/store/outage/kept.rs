//! Outages that were found before. Every answer about a ticket needs them, and they change a few times a day.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::Marks;
use crate::domain::{
    feed::Outages,
    ids::{Position, Tenant},
};

/// Most tenants of which they are kept; beyond it all are forgotten, which costs one search for each.
const MAX_TENANTS: usize = 1024;

/// The last outages found of each tenant. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct KeptOutages(Arc<Mutex<BTreeMap<Tenant, Kept>>>);

#[derive(Debug)]
struct Kept {
    up_to: Position,
    marks: Marks,
    outages: Outages,
    settled: bool,
}

impl KeptOutages {
    /// What was found, if it holds up to this position too: nothing else has become known of the feed, and the log
    /// reaches as far or what it holds since cannot matter.
    pub(super) fn find(
        &self,
        tenant: &Tenant,
        up_to: Position,
        marks: &Marks,
    ) -> Option<(Outages, bool)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(tenant)?;
        let reaches = kept.up_to == up_to || kept.settled && kept.up_to < up_to;
        (reaches && kept.marks == *marks).then(|| (kept.outages.clone(), kept.settled))
    }

    /// Keeps what was found, in the place of what was found before.
    pub(super) fn keep(
        &self,
        tenant: &Tenant,
        up_to: Position,
        marks: Marks,
        (outages, settled): &(Outages, bool),
    ) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_TENANTS {
            all.clear();
        }
        let kept = Kept {
            up_to,
            marks,
            outages: outages.clone(),
            settled: *settled,
        };
        all.insert(tenant.clone(), kept);
    }
}
