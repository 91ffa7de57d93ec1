//! The statements that a batch of events is made of.

use std::collections::BTreeMap;

use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{
    StoreError,
    header_set::{HeaderSets, Headers},
    log::{EventDelivery, Known, Tx},
};
use crate::{
    clock,
    domain::{
        delivery::Delivery,
        ids::{EventId, Position, Tenant, TicketId},
        instant::OccurredAt,
        log::Origin,
    },
};

/// Locks the tenant's head row, making it first if it is absent: a row that is not there cannot be
/// locked, and two receivers would both start at 1.
pub(super) async fn lock_head(tx: &mut Tx, tenant: &Tenant) -> Result<Position, StoreError> {
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

pub(super) fn no_head(tenant: &Tenant) -> StoreError {
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
pub(super) async fn find_known(
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

/// A statement that inserts events into the log, each with the columns of its own, as arrays. Where it stands is found
/// by each statement in its own way:
///
/// - `with`: the heads, locked and advanced, as `advanced`;
/// - `places`: tenant, position and `stored_at`, from `advanced` and from the event's number `nth`;
/// - `numbers`: of the event, `nth` among them, as arrays;
/// - `joined`: how `new` has its head beside it, and what comes after.
///
/// The first three parameters are the statement's own, and so are those after the arrays, from `$24` on.
///
/// Each array is taken apart where columns are listed. In a `FROM` each would be written to a store of its own first and
/// read from there, a twentieth of what Postgres does for an event.
macro_rules! insert_into_log {
    (
        $new:expr, $headers:expr,
        with: $with:literal, places: $places:literal, numbers: $numbers:literal, joined: $joined:literal,
        $first:expr, $second:expr, $third:expr; $($last:expr),*
    ) => {
        insert_into_log!(
            @ "event_id, ticket, occurred_ticks, received_at, primary_key, actor, retry, arrival_id, origin, hook, source,
               name, entity, occurred_text, webhook_name, headers, header_set, signature, body_sha256, body",
            $new, $headers, $with, $places, $numbers, $joined, $first, $second, $third; $($last),*
        )
    };
    (
        @ $own:literal, $new:expr, $headers:expr, $with:literal, $places:literal, $numbers:literal, $joined:literal,
        $first:expr, $second:expr, $third:expr; $($last:expr),*
    ) => {{
        let events = || $new.iter().map(|(_, _, event)| *event);
        let deliveries = || $new.iter().map(|(_, delivery, _)| *delivery);
        let origins = || deliveries().map(|delivery| &delivery.arrival.origin);
        let occurred = || events().map(|event| event.occurred_at.as_ref());
        sqlx::query_scalar!(
            $with
                + "appended AS (INSERT INTO event (tenant, position, stored_at, " + $own + ") "
                + "SELECT " + $places + ", " + $own + " FROM advanced JOIN (SELECT " + $numbers + ",
                   unnest($4::uuid[]) AS event_id, unnest($5::bigint[]) AS ticket,
                   unnest($6::bigint[]) AS occurred_ticks, unnest($7::timestamptz[]) AS received_at,
                   unnest($8::bigint[]) AS primary_key, unnest($9::bigint[]) AS actor, unnest($10::integer[]) AS retry,
                   unnest($11::uuid[]) AS arrival_id, unnest($12::text[]) AS origin, unnest($13::text[]) AS hook,
                   unnest($14::text[]) AS source, unnest($15::text[]) AS name, unnest($16::text[]) AS entity,
                   unnest($17::text[]) AS occurred_text, unnest($18::text[]) AS webhook_name,
                   unnest($19::text[]) AS headers, unnest($20::integer[]) AS header_set,
                   unnest($21::bytea[]) AS signature, unnest($22::bytea[]) AS body_sha256,
                   unnest($23::bytea[]) AS body) AS new " + $joined,
            $first,
            $second,
            $third,
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
            &$headers.iter().map(Headers::own).collect::<Vec<_>>() as _,
            &$headers.iter().map(Headers::set).collect::<Vec<_>>() as _,
            &origins().map(|o| o.signature().map(<[u8; 32]>::as_slice)).collect::<Vec<_>>() as _,
            &deliveries().map(|d| d.sha256.as_slice()).collect::<Vec<_>>() as _,
            &deliveries().map(|d| &*d.body).collect::<Vec<_>>() as _,
            $($last),*
        )
    }};
}

/// Inserts events at the positions after the head and advances it, in one statement for the batch: a
/// statement of one row costs eighteen times more per row than one of hundreds. Waits at most 5 s for the
/// head's lock, also where it is a transaction of its own: joined, `bound` is there before the lock. Gives
/// the head before, or none, having done nothing, if the tenant has no head row.
pub(super) async fn insert_events(
    tx: &mut Tx,
    tenant: &Tenant,
    new: &[EventDelivery<'_>],
    sets: &mut HeaderSets,
) -> Result<Option<Position>, StoreError> {
    let headers = stored_headers(new, sets);
    // stored_at is decided under the head's lock, so that it grows with the position even when the clocks
    // of two receivers disagree.
    let head = insert_into_log!(
        new,
        headers,
        with: "WITH bound AS MATERIALIZED (SELECT set_config('lock_timeout', '5s', true)),
            advanced AS (
                UPDATE head SET position = position + $2, stored_at = greatest(stored_at, $3)
                FROM bound WHERE tenant = $1 RETURNING position - $2 AS before, stored_at), ",
        places: "$1, before + nth, stored_at",
        numbers: "generate_series(1, $2) AS nth",
        joined: "ON true) SELECT before AS \"before!\" FROM advanced",
        tenant.as_str(),
        count(new),
        clock::now().to_sqlx() as _;
    );
    let head = head.fetch_optional(&mut *tx).await?;
    Ok(head.map(Position))
}

/// As [`insert_events`], for several tenants in one statement: one for each would be most of a batch's time where each has
/// two or three events in it. Gives the heads before in the tenants' order, or none, having done nothing, if one of
/// them has no head row.
///
/// Heads are locked in ascending order of the tenants, as wherever more than one is.
pub(super) async fn insert_mixed_events(
    tx: &mut Tx,
    tenants: &BTreeMap<&Tenant, Vec<EventDelivery<'_>>>,
    sets: &mut HeaderSets,
) -> Result<Option<Vec<Position>>, StoreError> {
    let new: Vec<EventDelivery<'_>> = tenants.values().flatten().copied().collect();
    let headers = stored_headers(&new, sets);
    let nths = tenants.values().flat_map(|new| 1..=count(new));
    let heads = insert_into_log!(
        new,
        headers,
        with: "WITH bound AS MATERIALIZED (SELECT set_config('lock_timeout', '5s', true)),
            locked AS MATERIALIZED (
                SELECT head.tenant, events
                FROM bound, UNNEST($24::text[], $25::bigint[]) AS wanted (tenant, events)
                JOIN head ON head.tenant = wanted.tenant
                ORDER BY head.tenant FOR UPDATE OF head),
            advanced AS (
                UPDATE head SET position = position + events, stored_at = greatest(stored_at, $3)
                FROM locked
                WHERE head.tenant = locked.tenant AND (SELECT count(*) FROM locked) = cardinality($24)
                RETURNING head.tenant, position - events AS before, stored_at), ",
        places: "tenant, before + nth, stored_at",
        numbers: "unnest($1::text[]) AS tenant, unnest($2::bigint[]) AS nth",
        joined: "USING (tenant)) SELECT before AS \"before!\" FROM advanced ORDER BY tenant",
        &new.iter().map(|(_, _, event)| event.tenant.as_str()).collect::<Vec<_>>() as _,
        &nths.collect::<Vec<_>>(),
        clock::now().to_sqlx() as _;
        &tenants.keys().map(|tenant| tenant.as_str()).collect::<Vec<_>>() as _,
        &tenants.values().map(|new| count(new)).collect::<Vec<_>>()
    );
    let heads = heads.fetch_all(&mut *tx).await?;
    let heads: Vec<Position> = heads.into_iter().map(Position).collect();
    Ok((!heads.is_empty()).then_some(heads))
}

fn stored_headers(new: &[EventDelivery<'_>], sets: &mut HeaderSets) -> Vec<Headers> {
    new.iter()
        .map(|(_, delivery, event)| sets.store(delivery, event))
        .collect()
}

fn count(events: &[EventDelivery<'_>]) -> i64 {
    i64::try_from(events.len()).unwrap_or(i64::MAX)
}
