//! Later arrivals of stored events, and registration tests.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{
    StoreError,
    content::{Contents, Unread},
    log::{Done, Known, Tx, place},
};
use crate::domain::{
    delivery::{Delivery, Outcome},
    event::Event,
    ids::{EventId, Position, Tenant},
    log::Origin,
};

/// Delivery rows of one event past which only a counter moves, so that a sender that repeats itself for
/// ever cannot fill the disk. A conflict with new bytes is kept all the same: it was answered 200, and it
/// says nothing less than that the history may be another.
const MAX_DELIVERIES: i64 = 1000;

/// A delivery of an event that is known.
pub(super) type Again<'a> = (usize, &'a Delivery, &'a Event, Known);

/// Kept headers as the column holds them.
pub(super) fn headers_text(delivery: &Delivery) -> String {
    // A map of texts always has a JSON form.
    serde_json::to_string(&delivery.arrival.headers).unwrap_or_default()
}

/// Records deliveries of known events of one tenant, whose log ends at a head that is locked. Those of which `contents`
/// does not say what they are stay unread: to find that out may take long, and nobody can append meanwhile.
pub(super) async fn insert_again(
    tx: &mut Tx,
    tenant: &Tenant,
    head: Position,
    again: Vec<Again<'_>>,
    contents: &Contents,
    done: &mut Done,
) -> Result<(), StoreError> {
    let judged = judge(again, contents, done);
    if judged.is_empty() {
        return Ok(());
    }
    let mut counts = count_deliveries(tx, tenant, &distinct(judged.iter())).await?;
    let other_bytes = distinct(judged.iter().filter(|judged| !judged.same_bytes));
    let mut kept = find_kept_digests(tx, tenant, &other_bytes).await?;
    let mut rows = Vec::new();
    let mut overflow: BTreeMap<EventId, Overflow> = BTreeMap::new();
    for judged in &judged {
        let (event_id, delivery) = (judged.event_id, judged.delivery);
        let count = counts.entry(event_id).or_default();
        *count += 1;
        let keeps_row = *count <= MAX_DELIVERIES || matches!(judged.outcome, Outcome::Conflict(_));
        let new_bytes =
            keeps_row && !judged.same_bytes && kept.insert((event_id, delivery.sha256.to_vec()));
        if *count > MAX_DELIVERIES && !new_bytes {
            overflow.entry(event_id).or_default().count(delivery);
        } else {
            rows.push(Row {
                event_id,
                outcome: judged.outcome.as_str(),
                delivery,
                body: new_bytes.then_some(&*delivery.body),
            });
        }
    }
    for (event_id, overflow) in overflow {
        count_overflow(tx, tenant, event_id, &overflow).await?;
    }
    insert(tx, tenant, Some(head), &rows).await?;
    let outcomes = judged.into_iter().map(|judged| (judged.at, judged.outcome));
    done.outcomes.extend(outcomes);
    Ok(())
}

/// A delivery of a known event of which it is known what it is.
struct Judged<'a> {
    at: usize,
    event_id: EventId,
    delivery: &'a Delivery,
    same_bytes: bool,
    outcome: Outcome,
}

/// Tells repeats from conflicts. An arrival that is in the log itself is done.
fn judge<'a>(again: Vec<Again<'a>>, contents: &Contents, done: &mut Done) -> Vec<Judged<'a>> {
    let mut judged = Vec::with_capacity(again.len());
    for (at, delivery, event, known) in again {
        let place = place(event, known.position);
        if known.arrival_id == delivery.arrival.arrival_id {
            done.outcomes.insert(at, Outcome::Stored(place));
            continue;
        }
        let Some(same_content) = contents.are_same(&known.sha256, &delivery.sha256) else {
            let original = known.sha256;
            done.unread.push(Unread { at, original });
            continue;
        };
        judged.push(Judged {
            at,
            event_id: event.event_id,
            delivery,
            same_bytes: known.sha256 == delivery.sha256,
            outcome: if same_content {
                Outcome::Duplicate(place)
            } else {
                Outcome::Conflict(place)
            },
        });
    }
    judged
}

/// Each event once, however often it came.
fn distinct<'a>(judged: impl Iterator<Item = &'a Judged<'a>>) -> Vec<Uuid> {
    let ids: BTreeSet<Uuid> = judged.map(|judged| judged.event_id.0).collect();
    ids.into_iter().collect()
}

/// Deliveries of one event that are only counted.
#[derive(Debug, Default)]
struct Overflow {
    deliveries: i64,
    last_received_at: Timestamp,
}

impl Overflow {
    fn count(&mut self, delivery: &Delivery) {
        self.deliveries += 1;
        self.last_received_at = self.last_received_at.max(delivery.arrival.received_at);
    }
}

/// Records registration tests of one id; they have no event, so the first delivery of each body keeps it.
/// A test says nothing of a history: past [`MAX_DELIVERIES`] even one with new bytes is only counted.
pub(super) async fn insert_tests(
    tx: &mut Tx,
    tenant: &Tenant,
    event_id: EventId,
    tests: &[&Delivery],
) -> Result<(), StoreError> {
    let counts = count_deliveries(tx, tenant, &[event_id.0]).await?;
    let mut kept = find_kept_digests(tx, tenant, &[event_id.0]).await?;
    let mut count = counts.get(&event_id).copied().unwrap_or_default();
    let mut rows = Vec::new();
    let mut overflow = Overflow::default();
    for delivery in tests {
        count += 1;
        if count > MAX_DELIVERIES {
            overflow.count(delivery);
            continue;
        }
        let new_bytes = kept.insert((event_id, delivery.sha256.to_vec()));
        rows.push(Row {
            event_id,
            outcome: "ignored",
            delivery,
            body: new_bytes.then_some(&*delivery.body),
        });
    }
    insert(tx, tenant, None, &rows).await?;
    if overflow.deliveries > 0 {
        count_overflow(tx, tenant, event_id, &overflow).await?;
    }
    Ok(())
}

/// What is inserted of a delivery beside the delivery itself.
struct Row<'a> {
    event_id: EventId,
    outcome: &'static str,
    delivery: &'a Delivery,
    body: Option<&'a [u8]>,
}

/// One statement for all, because a known file that is imported again is nothing but deliveries.
async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    head: Option<Position>,
    rows: &[Row<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let deliveries = || rows.iter().map(|row| row.delivery);
    let origins = || deliveries().map(|delivery| &delivery.arrival.origin);
    // Handing an arrival in twice adds nothing.
    sqlx::query!(
        "INSERT INTO delivery (
             tenant, event_id, arrival_id, received_at, outcome, origin, hook, source, retry,
             webhook_name, headers, signature, body_sha256, body, head)
         SELECT $1, new.*, $15
         FROM UNNEST(
             $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
             $9::integer[], $10::text[], $11::text[], $12::bytea[], $13::bytea[], $14::bytea[]) AS new
         ON CONFLICT (tenant, event_id, arrival_id) DO NOTHING",
        tenant.as_str(),
        &rows.iter().map(|row| row.event_id.0).collect::<Vec<_>>(),
        &deliveries().map(|d| d.arrival.arrival_id).collect::<Vec<_>>(),
        &deliveries().map(|d| d.arrival.received_at.to_sqlx()).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| row.outcome).collect::<Vec<_>>() as _,
        &origins().map(Origin::as_str).collect::<Vec<_>>() as _,
        &origins().map(Origin::hook).collect::<Vec<_>>() as _,
        &origins().map(Origin::source).collect::<Vec<_>>() as _,
        &deliveries().map(Delivery::retry).collect::<Vec<_>>() as _,
        &deliveries().map(Delivery::webhook_name).collect::<Vec<_>>() as _,
        &deliveries().map(headers_text).collect::<Vec<_>>() as _,
        &origins().map(|o| o.signature().map(<[u8; 32]>::as_slice)).collect::<Vec<_>>() as _,
        &deliveries().map(|d| d.sha256.as_slice()).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| row.body).collect::<Vec<_>>() as _,
        head.map(|head| head.0),
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Served by the primary key; at most [`MAX_DELIVERIES`] index entries an event.
async fn count_deliveries(
    tx: &mut Tx,
    tenant: &Tenant,
    ids: &[Uuid],
) -> Result<BTreeMap<EventId, i64>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT event_id, count(*) AS "deliveries!"
           FROM delivery WHERE tenant = $1 AND event_id = ANY($2) GROUP BY event_id"#,
        tenant.as_str(),
        ids,
    )
    .fetch_all(&mut *tx)
    .await?;
    let counts = rows
        .into_iter()
        .map(|row| (EventId(row.event_id), row.deliveries));
    Ok(counts.collect())
}

/// The other bodies of these events that deliveries already keep.
async fn find_kept_digests(
    tx: &mut Tx,
    tenant: &Tenant,
    ids: &[Uuid],
) -> Result<BTreeSet<(EventId, Vec<u8>)>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = sqlx::query!(
        "SELECT event_id, body_sha256
         FROM delivery WHERE tenant = $1 AND event_id = ANY($2) AND body IS NOT NULL",
        tenant.as_str(),
        ids,
    )
    .fetch_all(&mut *tx)
    .await?;
    let kept = rows
        .into_iter()
        .map(|row| (EventId(row.event_id), row.body_sha256));
    Ok(kept.collect())
}

async fn count_overflow(
    tx: &mut Tx,
    tenant: &Tenant,
    event_id: EventId,
    overflow: &Overflow,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO delivery_overflow AS counted (tenant, event_id, deliveries, last_received_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, event_id) DO UPDATE
         SET deliveries = counted.deliveries + excluded.deliveries,
             last_received_at = excluded.last_received_at",
        tenant.as_str(),
        event_id.0,
        overflow.deliveries,
        overflow.last_received_at.to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
