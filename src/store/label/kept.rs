//! Labels that were found before. Every answer shows some, and they change a few times a month.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use crate::domain::{ids::Tenant, label::Labels};

/// Most bytes of all that is kept, about; beyond it all is forgotten, which costs one look-up for each.
const MOST_BYTES: usize = 16 << 20;

/// What an id takes beside its labels.
const ID_BYTES: usize = 128;

/// Which labels a tenant had: equal to itself as long as they are the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LabelVersion(pub(in crate::store) Option<Uuid>);

/// Lists and ids in them.
pub(super) type Ids = BTreeSet<(String, i64)>;

/// The labels found of each tenant at one version. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct KeptLabels(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    tenants: BTreeMap<Tenant, OfTenant>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct OfTenant {
    version: LabelVersion,
    /// Those that were looked up, with or without a label.
    ids: Ids,
    labels: Labels,
}

impl KeptLabels {
    /// What is kept of the labels wanted at this version, and those of which nothing is known.
    pub(super) fn find(
        &self,
        tenant: &Tenant,
        version: LabelVersion,
        wanted: &Ids,
    ) -> (Labels, Ids) {
        let mut found = Labels::default();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = kept
            .tenants
            .get(tenant)
            .filter(|kept| kept.version == version)
        else {
            return (found, wanted.clone());
        };
        let mut missing = Ids::new();
        for (list, id) in wanted {
            if kept.ids.contains(&(list.clone(), *id)) {
                found.copy(&kept.labels, list, *id);
            } else {
                missing.insert((list.clone(), *id));
            }
        }
        (found, missing)
    }

    /// Keeps what was looked up at a version; what is kept of another is forgotten.
    pub(super) fn keep(
        &self,
        tenant: &Tenant,
        version: LabelVersion,
        looked_up: Ids,
        found: &Labels,
    ) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += looked_up.len() * ID_BYTES + found.bytes();
        if kept.bytes > MOST_BYTES {
            *kept = Kept::default();
            return;
        }
        let of_tenant = kept.tenants.entry(tenant.clone()).or_default();
        if of_tenant.version != version {
            // Its bytes still count: they are counted anew once all is forgotten.
            *of_tenant = OfTenant {
                version,
                ..OfTenant::default()
            };
        }
        for (list, id) in &looked_up {
            of_tenant.labels.copy(found, list, *id);
        }
        of_tenant.ids.extend(looked_up);
    }
}
