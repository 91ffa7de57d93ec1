//! What becomes of a batch: which events are new, which were known, in one transaction, without a hole in
//! the positions.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    StoreError,
    content::{Contents, Unread},
    delivery,
    event::{find_known, insert_events, lock_head, no_head},
    header_set::HeaderSets,
    parked,
};
use crate::domain::{
    delivery::{Delivery, Outcome, Place},
    event::{Event, Reading},
    ids::{EventId, Position, Tenant},
};

/// The session of a transaction under way.
pub(super) type Tx = PgConnection;

/// A delivery of an event, and the event as it was read.
pub(super) type EventDelivery<'a> = (usize, &'a Delivery, &'a Event);

/// An event that is in the log, or will be with this batch.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) position: Position,
    pub(super) arrival_id: Uuid,
    pub(super) sha256: Vec<u8>,
}

/// Whether a batch's events are looked up before they are inserted.
#[derive(Clone, Copy)]
pub(super) enum Expect {
    /// All are new, as nearly always. Where one is not, the unique index refuses the whole batch.
    New,
    /// Some may be in the log.
    Known,
}

/// What one transaction brings of a batch.
#[derive(Default)]
pub(super) struct Done {
    /// What became of deliveries, by place in the batch.
    pub(super) outcomes: BTreeMap<usize, Outcome>,
    /// The others: nothing was done with them.
    pub(super) unread: Vec<Unread>,
}

/// Appends a batch, all but the later arrivals of events of which `contents` does not say whether they are repeats.
pub(super) async fn append(
    tx: &mut Tx,
    batch: &[Delivery],
    expect: Expect,
    sets: &mut HeaderSets,
    contents: &Contents,
) -> Result<Done, StoreError> {
    let mut done = Done::default();
    for (tenant, deliveries) in by_tenant(batch) {
        match expect {
            Expect::New => {
                append_new(tx, tenant, &deliveries, sets, &mut done.outcomes).await?;
            }
            Expect::Known => {
                append_events(tx, tenant, &deliveries, sets, contents, &mut done).await?;
            }
        }
    }
    let mut tests: BTreeMap<(&Tenant, EventId), Vec<&Delivery>> = BTreeMap::new();
    for (at, delivery) in batch.iter().enumerate() {
        match &delivery.reading {
            Reading::Event(_) => {}
            Reading::Test { tenant, event_id } => {
                tests.entry((tenant, *event_id)).or_default().push(delivery);
                let (tenant, event_id) = (tenant.clone(), *event_id);
                let ignored = Outcome::Ignored { tenant, event_id };
                done.outcomes.insert(at, ignored);
            }
            Reading::Parked(reason) => {
                parked::insert(tx, *reason, delivery).await?;
                done.outcomes.insert(at, Outcome::Parked(*reason));
            }
        }
    }
    // In one order for all receivers, so that their counters never deadlock.
    for ((tenant, event_id), deliveries) in tests {
        delivery::insert_tests(tx, tenant, event_id, &deliveries).await?;
    }
    Ok(done)
}

pub(super) fn by_tenant(batch: &[Delivery]) -> BTreeMap<&Tenant, Vec<EventDelivery<'_>>> {
    let mut tenants: BTreeMap<&Tenant, Vec<EventDelivery<'_>>> = BTreeMap::new();
    for (at, delivery) in batch.iter().enumerate() {
        if let Reading::Event(event) = &delivery.reading {
            let deliveries = tenants.entry(&event.tenant).or_default();
            deliveries.push((at, delivery, event));
        }
    }
    tenants
}

/// Appends events that are new. The insert takes the head's lock itself; another receiver that stored one
/// of them meanwhile makes the unique index refuse it.
async fn append_new(
    tx: &mut Tx,
    tenant: &Tenant,
    deliveries: &[EventDelivery<'_>],
    sets: &mut HeaderSets,
    outcomes: &mut BTreeMap<usize, Outcome>,
) -> Result<(), StoreError> {
    let mut head = insert_events(tx, tenant, deliveries, sets).await?;
    if head.is_none() {
        lock_head(tx, tenant).await?;
        head = insert_events(tx, tenant, deliveries, sets).await?;
    }
    let head = head.ok_or_else(|| no_head(tenant))?;
    let places = deliveries.iter().map(|(at, ..)| *at);
    outcomes.extend(places.zip(stored(deliveries, head)));
    Ok(())
}

/// What becomes of new events that stand after a head.
pub(super) fn stored(
    deliveries: &[EventDelivery<'_>],
    head: Position,
) -> impl Iterator<Item = Outcome> {
    let positions = (head.0 + 1..).map(Position);
    let events = deliveries.iter().map(|(_, _, event)| *event);
    events
        .zip(positions)
        .map(|(event, position)| Outcome::Stored(place(event, position)))
}

/// Appends what is new of events some of which may be known.
async fn append_events(
    tx: &mut Tx,
    tenant: &Tenant,
    deliveries: &[EventDelivery<'_>],
    sets: &mut HeaderSets,
    contents: &Contents,
    done: &mut Done,
) -> Result<(), StoreError> {
    let mut next = lock_head(tx, tenant).await?.0;
    // A statement of its own: one that also took the lock would still see the log as it was before it
    // waited, and take events that another receiver stored meanwhile for new ones.
    let mut known = find_known(tx, tenant, deliveries).await?;
    let mut new = Vec::new();
    let mut again = Vec::new();
    for (at, delivery, event) in deliveries {
        if let Some(known) = known.get(&event.event_id) {
            again.push((*at, *delivery, *event, known.clone()));
            continue;
        }
        next += 1;
        let position = Position(next);
        known.insert(
            event.event_id,
            Known {
                position,
                arrival_id: delivery.arrival.arrival_id,
                sha256: delivery.sha256.to_vec(),
            },
        );
        new.push((*at, *delivery, *event));
        let stored = Outcome::Stored(place(event, position));
        done.outcomes.insert(*at, stored);
    }
    if !new.is_empty() {
        insert_events(tx, tenant, &new, sets).await?;
    }
    delivery::insert_again(tx, tenant, Position(next), again, contents, done).await
}

pub(super) fn place(event: &Event, position: Position) -> Place {
    Place {
        tenant: event.tenant.clone(),
        event_id: event.event_id,
        position,
    }
}
