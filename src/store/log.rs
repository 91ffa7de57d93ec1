//! Appending to the log: a batch in one transaction, positions without a hole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Store, StoreError, delivery, parked};
use crate::{
    clock,
    domain::{
        delivery::{Delivery, Outcome, Place},
        event::{Event, Reading},
        ids::{EventId, Position, Tenant, TicketId},
        instant::OccurredAt,
        log::Origin,
    },
};

/// The session of a transaction under way.
pub(super) type Tx = PgConnection;

/// A delivery of an event, and the event as it was read.
type EventDelivery<'a> = (usize, &'a Delivery, &'a Event);

/// An event that is in the log, or will be with this batch.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) position: Position,
    pub(super) arrival_id: Uuid,
    pub(super) sha256: Vec<u8>,
}

/// Appends to the log through a session of its own, apart from those for reads, so that no report can keep
/// a delivery waiting. A pool would ask the session after each batch whether it still lives.
pub struct Appender {
    store: Store,
    connection: Option<PgConnection>,
    /// The last batch held an event that was known: the next may as well.
    look_up: bool,
}

impl fmt::Debug for Appender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Appender")
    }
}

/// Whether a batch's events are looked up before they are inserted.
#[derive(Clone, Copy)]
pub(super) enum Expect {
    /// All are new, as nearly always. Where one is not, the unique index refuses the whole batch.
    New,
    /// Some may be in the log.
    Known,
}

impl Store {
    /// A session that appends; it connects when it is first used.
    pub fn appender(&self) -> Appender {
        Appender {
            store: self.clone(),
            connection: None,
            look_up: false,
        }
    }
}

impl Appender {
    /// Makes a batch of deliveries durable, all or none, and answers each in the order given.
    ///
    /// Tenants are taken in ascending order and each one's head row is locked, so that receivers on one
    /// tenant take turns, never deadlock, and no reader sees a position before its predecessor. Within a
    /// tenant, events get positions in the order given; an event that is known, from before or from
    /// earlier in the batch, leaves a delivery instead. An arrival that is in the log adds nothing.
    ///
    /// Given up in the middle (its future dropped), the batch may be stored all the same.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if Postgres refuses a value in it: try the halves.
    /// [`StoreError::Unavailable`] if nothing can be stored now. In both cases nothing was, unless it was
    /// the answer to the commit that got lost.
    pub async fn append(&mut self, batch: &[Delivery]) -> Result<Vec<Outcome>, StoreError> {
        // The look-up is an eighth of a batch's time, and all but a few batches are new.
        let distinct = are_distinct(batch);
        if distinct
            && !self.look_up
            && let Some(outcomes) = self.append_at_once(batch).await?
        {
            return Ok(outcomes);
        }
        if distinct && !self.look_up {
            match self.append_once(batch, Expect::New).await {
                Err(StoreError::Refused(_)) => {}
                result => return result,
            }
        }
        let outcomes = self.append_once(batch, Expect::Known).await?;
        self.look_up = outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Duplicate(_) | Outcome::Conflict(_)));
        Ok(outcomes)
    }

    /// One statement, committed by itself, if the batch is new events of one tenant: that is the usual
    /// case, and two round trips less. `None` if nothing came of it, as far as is known.
    async fn append_at_once(
        &mut self,
        batch: &[Delivery],
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let tenants = by_tenant(batch);
        let Some((tenant, deliveries)) = tenants.first_key_value() else {
            return Ok(None);
        };
        if deliveries.len() < batch.len() {
            return Ok(None);
        }
        let Some(mut connection) = self.connection.take() else {
            return Ok(None);
        };
        match insert_events(&mut connection, tenant, deliveries).await {
            Ok(head) => {
                self.connection = Some(connection);
                Ok(head.map(|head| stored(deliveries, head).collect()))
            }
            Err(StoreError::Refused(_)) => {
                self.connection = Some(connection);
                self.look_up = true;
                Ok(None)
            }
            Err(StoreError::Unavailable(error)) if error.as_database_error().is_none() => {
                // Broken since its last use. Should it have been stored all the same, its arrivals will be
                // found.
                self.look_up = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// One transaction.
    async fn append_once(
        &mut self,
        batch: &[Delivery],
        expect: Expect,
    ) -> Result<Vec<Outcome>, StoreError> {
        // Taken out: a session that fails or is given up in the middle is not used again.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.store.connect().await?,
        };
        if begin(&mut connection).await.is_err() {
            // Broken since its last use; nothing was sent.
            connection = self.store.connect().await?;
            begin(&mut connection).await?;
        }
        let result = append(&mut connection, batch, expect).await;
        let end = match &result {
            Ok(_) => "COMMIT",
            Err(StoreError::Refused(_)) => "ROLLBACK",
            Err(_) => return result,
        };
        sqlx::raw_sql(end).execute(&mut connection).await?;
        self.connection = Some(connection);
        result
    }
}

/// Whether no event id stands in a batch more than once for one tenant.
fn are_distinct(batch: &[Delivery]) -> bool {
    let mut seen = BTreeSet::new();
    batch.iter().all(|delivery| match &delivery.reading {
        Reading::Event(event) => seen.insert((&event.tenant, event.event_id)),
        _ => true,
    })
}

pub(super) async fn append(
    tx: &mut Tx,
    batch: &[Delivery],
    expect: Expect,
) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    for (tenant, deliveries) in by_tenant(batch) {
        match expect {
            Expect::New => append_new(tx, tenant, &deliveries, &mut outcomes).await?,
            Expect::Known => append_events(tx, tenant, &deliveries, &mut outcomes).await?,
        }
    }
    let mut tests: BTreeMap<(&Tenant, EventId), Vec<&Delivery>> = BTreeMap::new();
    for (at, delivery) in batch.iter().enumerate() {
        match &delivery.reading {
            Reading::Event(_) => {}
            Reading::Test { tenant, event_id } => {
                tests.entry((tenant, *event_id)).or_default().push(delivery);
                let (tenant, event_id) = (tenant.clone(), *event_id);
                outcomes.insert(at, Outcome::Ignored { tenant, event_id });
            }
            Reading::Parked(reason) => {
                parked::insert(tx, *reason, delivery).await?;
                outcomes.insert(at, Outcome::Parked(*reason));
            }
        }
    }
    // In one order for all receivers, so that their counters never deadlock.
    for ((tenant, event_id), deliveries) in tests {
        delivery::insert_tests(tx, tenant, event_id, &deliveries).await?;
    }
    Ok(outcomes.into_values().collect())
}

/// Starts a transaction of a writing session, in one round trip.
///
/// Bounds every wait, so that a batch that hangs fails instead of taking all deliveries with it; and keeps
/// the planner, which may not know yet that the log has grown, from reading it whole. Both within the
/// transaction, because a pooler hands sessions on.
pub(super) const BEGIN: &str = "BEGIN; \
    SET LOCAL lock_timeout = '5s'; \
    SET LOCAL statement_timeout = '5s'; \
    SET LOCAL idle_in_transaction_session_timeout = '5s'; \
    SET LOCAL enable_seqscan = off";

async fn begin(session: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(BEGIN).execute(session).await?;
    Ok(())
}

fn by_tenant(batch: &[Delivery]) -> BTreeMap<&Tenant, Vec<EventDelivery<'_>>> {
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
    outcomes: &mut BTreeMap<usize, Outcome>,
) -> Result<(), StoreError> {
    let mut head = insert_events(tx, tenant, deliveries).await?;
    if head.is_none() {
        lock_head(tx, tenant).await?;
        head = insert_events(tx, tenant, deliveries).await?;
    }
    let head = head.ok_or_else(|| no_head(tenant))?;
    let places = deliveries.iter().map(|(at, ..)| *at);
    outcomes.extend(places.zip(stored(deliveries, head)));
    Ok(())
}

/// What becomes of new events that stand after a head.
fn stored(deliveries: &[EventDelivery<'_>], head: Position) -> impl Iterator<Item = Outcome> {
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
    outcomes: &mut BTreeMap<usize, Outcome>,
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
        outcomes.insert(*at, Outcome::Stored(place(event, position)));
    }
    if !new.is_empty() {
        insert_events(tx, tenant, &new).await?;
    }
    delivery::insert_again(tx, tenant, &again, outcomes).await
}

pub(super) fn place(event: &Event, position: Position) -> Place {
    Place {
        tenant: event.tenant.clone(),
        event_id: event.event_id,
        position,
    }
}

/// Locks the tenant's head row, making it first if it is absent: a row that is not there cannot be
/// locked, and two receivers would both start at 1.
async fn lock_head(tx: &mut Tx, tenant: &Tenant) -> Result<Position, StoreError> {
    if let Some(head) = find_head_for_update(tx, tenant).await? {
        return Ok(head);
    }
    sqlx::query!(
        "INSERT INTO head (tenant, log_id, position, stored_at)
         VALUES ($1, $2, 0, $3)
         ON CONFLICT (tenant) DO NOTHING",
        tenant.as_str(),
        Uuid::new_v4(),
        clock::now().to_sqlx() as _,
    )
    .execute(&mut *tx)
    .await?;
    let head = find_head_for_update(tx, tenant).await?;
    head.ok_or_else(|| no_head(tenant))
}

fn no_head(tenant: &Tenant) -> StoreError {
    StoreError::Corrupt {
        table: "head",
        column: "tenant",
        row: tenant.to_string(),
    }
}

async fn find_head_for_update(
    tx: &mut Tx,
    tenant: &Tenant,
) -> Result<Option<Position>, StoreError> {
    let head = sqlx::query_scalar!(
        "SELECT position FROM head WHERE tenant = $1 FOR UPDATE",
        tenant.as_str(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(head.map(Position))
}

/// Served by the unique index on `(tenant, event_id)`, one look-up an id. Written as a join that leaves no
/// choice: for `event_id = ANY(…)` on a table that was empty when it was planned, Postgres read the whole
/// tenant instead, and 10 ms of a batch's 12 went there.
async fn find_known(
    tx: &mut Tx,
    tenant: &Tenant,
    deliveries: &[EventDelivery<'_>],
) -> Result<BTreeMap<EventId, Known>, StoreError> {
    let ids: Vec<Uuid> = deliveries
        .iter()
        .map(|(_, _, event)| event.event_id.0)
        .collect();
    let rows = sqlx::query!(
        "SELECT known.event_id, known.position, known.arrival_id, known.body_sha256
         FROM UNNEST($2::uuid[]) AS wanted (event_id)
         CROSS JOIN LATERAL (
             SELECT event_id, position, arrival_id, body_sha256
             FROM event WHERE tenant = $1 AND event_id = wanted.event_id LIMIT 1) AS known",
        tenant.as_str(),
        &ids,
    )
    .fetch_all(&mut *tx)
    .await?;
    let known = rows.into_iter().map(|row| {
        let known = Known {
            position: Position(row.position),
            arrival_id: row.arrival_id,
            sha256: row.body_sha256,
        };
        (EventId(row.event_id), known)
    });
    Ok(known.collect())
}

/// Inserts events at the positions after the head and advances it, in one statement for the batch: a
/// statement of one row costs eighteen times more per row than one of hundreds. Waits at most 5 s for the
/// head's lock, also where it is a transaction of its own: joined, `bound` is there before the lock. Gives the head before, or
/// none, having done nothing, if the tenant has no head row.
async fn insert_events(
    tx: &mut Tx,
    tenant: &Tenant,
    new: &[EventDelivery<'_>],
) -> Result<Option<Position>, StoreError> {
    let events = || new.iter().map(|(_, _, event)| *event);
    let deliveries = || new.iter().map(|(_, delivery, _)| *delivery);
    let origins = || deliveries().map(|delivery| &delivery.arrival.origin);
    let occurred = || events().map(|event| event.occurred_at.as_ref());
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    // stored_at is decided under the head's lock, so that it grows with the position even when the clocks
    // of two receivers disagree.
    let head = sqlx::query_scalar!(
        r#"WITH bound AS MATERIALIZED (SELECT set_config('lock_timeout', '5s', true)),
         advanced AS (
             UPDATE head SET position = position + $2, stored_at = greatest(stored_at, $3)
             FROM bound WHERE tenant = $1 RETURNING position - $2 AS before, stored_at),
         appended AS (
             INSERT INTO event (
                 tenant, position, stored_at, event_id, ticket, occurred_ticks, received_at, primary_key,
                 actor, retry, arrival_id, origin, hook, source, name, entity, occurred_text,
                 webhook_name, headers, signature, body_sha256, body)
             SELECT $1, before + nth, stored_at, event_id, ticket, occurred_ticks, received_at,
                 primary_key, actor, retry, arrival_id, origin, hook, source, name, entity,
                 occurred_text, webhook_name, headers, signature, body_sha256, body
             FROM advanced, UNNEST(
                 $4::uuid[], $5::bigint[], $6::bigint[], $7::timestamptz[], $8::bigint[], $9::bigint[],
                 $10::integer[], $11::uuid[], $12::text[], $13::text[], $14::text[], $15::text[],
                 $16::text[], $17::text[], $18::text[], $19::text[], $20::bytea[], $21::bytea[],
                 $22::bytea[])
             WITH ORDINALITY AS new (
                 event_id, ticket, occurred_ticks, received_at, primary_key, actor, retry, arrival_id,
                 origin, hook, source, name, entity, occurred_text, webhook_name, headers, signature,
                 body_sha256, body, nth))
         SELECT before AS "before!" FROM advanced"#,
        tenant.as_str(),
        count,
        clock::now().to_sqlx() as _,
        &events().map(|e| e.event_id.0).collect::<Vec<_>>(),
        &events().map(|e| e.ticket.map(TicketId::number)).collect::<Vec<_>>() as _,
        &occurred().map(|at| at.map(OccurredAt::ticks)).collect::<Vec<_>>() as _,
        &deliveries().map(|d| d.arrival.received_at.to_sqlx()).collect::<Vec<_>>() as _,
        &events().map(|e| e.primary_key).collect::<Vec<_>>() as _,
        &events().map(|e| e.actor.map(|actor| actor.0)).collect::<Vec<_>>() as _,
        &deliveries().map(Delivery::retry).collect::<Vec<_>>() as _,
        &deliveries().map(|d| d.arrival.arrival_id).collect::<Vec<_>>(),
        &origins().map(Origin::as_str).collect::<Vec<_>>() as _,
        &origins().map(|o| o.hook()).collect::<Vec<_>>() as _,
        &origins().map(|o| o.source()).collect::<Vec<_>>() as _,
        &events().map(|e| e.name.as_str()).collect::<Vec<_>>() as _,
        &events().map(|e| e.entity.as_deref()).collect::<Vec<_>>() as _,
        &occurred().map(|at| at.map(OccurredAt::as_sent)).collect::<Vec<_>>() as _,
        &events().map(|e| e.webhook_name.as_deref()).collect::<Vec<_>>() as _,
        &deliveries().map(delivery::headers_text).collect::<Vec<_>>() as _,
        &origins().map(|o| o.signature().map(<[u8; 32]>::as_slice)).collect::<Vec<_>>() as _,
        &deliveries().map(|d| d.sha256.as_slice()).collect::<Vec<_>>() as _,
        &deliveries().map(|d| &*d.body).collect::<Vec<_>>() as _,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(head.map(Position))
}
