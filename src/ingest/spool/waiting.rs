//! Which events wait in the spool. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    delivery::{Delivery, Place},
    event::Reading,
    ids::{EventId, Tenant},
};

/// Events by tenant: some 30 bytes each, so 20 MB for the 700,000 of a full spool of 1 GiB.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<Tenant, BTreeSet<EventId>>);

impl Waiting {
    /// Adds the events among deliveries. What is none has no content that could be another's.
    pub(super) fn add<'a>(&mut self, deliveries: impl Iterator<Item = &'a Delivery>) {
        for delivery in deliveries {
            if let Reading::Event(event) = &delivery.reading {
                let ids = self.0.entry(event.tenant.clone()).or_default();
                ids.insert(event.event_id);
            }
        }
    }

    /// Takes out an event, wherever it waits still: once one delivery of it is in the log, that one counts.
    pub(super) fn remove(&mut self, place: &Place) {
        if let Some(ids) = self.0.get_mut(&place.tenant) {
            ids.remove(&place.event_id);
            if ids.is_empty() {
                self.0.remove(&place.tenant);
            }
        }
    }

    /// Whether the event of a delivery waits.
    pub(super) fn holds(&self, delivery: &Delivery) -> bool {
        match &delivery.reading {
            Reading::Event(event) => {
                let ids = self.0.get(&event.tenant);
                ids.is_some_and(|ids| ids.contains(&event.event_id))
            }
            Reading::Test { .. } | Reading::Parked(_) => false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
