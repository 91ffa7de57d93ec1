//! The session that appends to the log, batch by batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use sqlx::PgConnection;

use super::{
    Appended, Store, StoreError,
    content::{BEGIN_READING, Contents, Unread},
    error::is_unsupported,
    event::{insert_events, insert_mixed_events},
    header_set::HeaderSets,
    log::{Done, EventDelivery, Expect, append, by_tenant, stored},
};
use crate::domain::{
    delivery::{Delivery, Outcome},
    event::Reading,
    ids::{Position, Tenant},
};

/// Batches after one with a known event that are looked up first: repeats come in swarms, and a batch that is
/// refused by the unique index costs a statement and dead rows.
const LOOK_UPS: u8 = 16;

/// Appends to the log through a session of its own, apart from those for reads, so that no report can keep
/// a delivery waiting. A pool would ask the session after each batch whether it still lives.
pub struct Appender {
    store: Store,
    connection: Option<PgConnection>,
    /// The headers that came through this connection.
    sets: HeaderSets,
    /// What bodies say that came again.
    contents: Contents,
    /// Batches that are looked up first, because one before them held an event that was known.
    look_ups: u8,
    /// Whether the database takes events of several tenants in one statement. One that keeps tenants on different
    /// machines may not.
    mixes: bool,
}

impl fmt::Debug for Appender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Appender")
    }
}

impl Store {
    /// A session that appends; it connects when it is first used.
    pub fn appender(&self) -> Appender {
        Appender {
            store: self.clone(),
            connection: None,
            sets: HeaderSets::default(),
            contents: Contents::default(),
            look_ups: 0,
            mixes: true,
        }
    }
}

impl Appender {
    /// Makes a batch of deliveries durable and answers each in the order given.
    ///
    /// Tenants are taken in ascending order and each one's head row is locked, so that receivers on one
    /// tenant take turns, never deadlock, and no reader sees a position before its predecessor. Within a
    /// tenant, events get positions in the order given; an event that is known, from before or from
    /// earlier in the batch, leaves a delivery instead. An arrival that is in the log adds nothing.
    ///
    /// All are in one transaction, but for later arrivals whose content has to be compared first: they are in a second
    /// one, so that no head is locked and no transaction is open while bodies are read.
    ///
    /// Given up in the middle (its future dropped), the batch may be stored all the same, or its first part.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if Postgres refuses a value in it: try the halves.
    /// [`StoreError::Unavailable`] if nothing can be stored now. In both cases nothing was, unless it was the first of
    /// two transactions, or the answer to the commit that got lost: hand all of it in again.
    pub async fn append(&mut self, batch: &[Delivery]) -> Result<Vec<Outcome>, StoreError> {
        let outcomes = self.append_batch(batch).await?;
        self.store
            .appended
            .send_modify(|appended| note(appended, &outcomes));
        Ok(outcomes)
    }

    async fn append_batch(&mut self, batch: &[Delivery]) -> Result<Vec<Outcome>, StoreError> {
        self.make_sets().await;
        // The look-up is an eighth of a batch's time, and all but a few batches are new.
        let distinct = are_distinct(batch);
        if distinct
            && self.look_ups == 0
            && let Some(outcomes) = self.append_at_once(batch).await?
        {
            return Ok(outcomes);
        }
        if distinct && self.look_ups == 0 {
            match self.append_once(batch, Expect::New).await {
                Err(StoreError::Refused(_)) => self.look_ups = LOOK_UPS,
                // None is unread, since none came again.
                result => return result.map(|done| done.outcomes.into_values().collect()),
            }
        }
        let outcomes = self.append_known(batch).await?;
        let known =
            |outcome: &Outcome| matches!(outcome, Outcome::Duplicate(_) | Outcome::Conflict(_));
        self.look_ups = if outcomes.iter().any(known) {
            LOOK_UPS
        } else {
            self.look_ups.saturating_sub(1)
        };
        Ok(outcomes)
    }

    /// Appends a batch some of whose events may be known.
    async fn append_known(&mut self, batch: &[Delivery]) -> Result<Vec<Outcome>, StoreError> {
        let Done {
            mut outcomes,
            unread,
        } = self.append_once(batch, Expect::Known).await?;
        if !unread.is_empty() {
            self.read_contents(batch, &unread).await?;
            let places = || unread.iter().map(|unread| unread.at);
            let rest: Vec<Delivery> = places().filter_map(|at| batch.get(at)).cloned().collect();
            // All of them are read now, and an event's body stays what it is.
            let done = self.append_once(&rest, Expect::Known).await?;
            outcomes.extend(places().zip(done.outcomes.into_values()));
        }
        Ok(outcomes.into_values().collect())
    }

    /// Finds out what deliveries say, and the events that they are of.
    async fn read_contents(
        &mut self,
        batch: &[Delivery],
        unread: &[Unread],
    ) -> Result<(), StoreError> {
        let originals = self.contents.read_batch(batch, unread).await?;
        if originals.is_empty() {
            return Ok(());
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        sqlx::raw_sql(BEGIN_READING)
            .execute(&mut connection)
            .await?;
        self.contents.read_log(&mut connection, &originals).await?;
        sqlx::raw_sql("COMMIT").execute(&mut connection).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Keeps headers that came again once for all. Where that fails they stay with each event.
    async fn make_sets(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let made = self.sets.make(&mut connection).await;
        if let Err(error) = &made {
            tracing::warn!(%error, "Headers that many events have in common cannot be kept once for all");
        }
        if !matches!(made, Err(StoreError::Unavailable(error)) if error.as_database_error().is_none())
        {
            self.connection = Some(connection);
        }
    }

    /// One statement, committed by itself, if the batch is nothing but new events: that is the usual case, and
    /// two round trips less. `None` if nothing came of it, as far as is known.
    async fn append_at_once(
        &mut self,
        batch: &[Delivery],
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let tenants = by_tenant(batch);
        let events: usize = tenants.values().map(Vec::len).sum();
        if events < batch.len() || tenants.len() > 1 && !self.mixes {
            return Ok(None);
        }
        let Some(mut connection) = self.connection.take() else {
            return Ok(None);
        };
        let heads = match tenants.first_key_value() {
            Some((tenant, new)) if tenants.len() == 1 => {
                let head = insert_events(&mut connection, tenant, new, &mut self.sets).await;
                head.map(|head| head.map(|head| vec![head]))
            }
            _ => insert_mixed_events(&mut connection, &tenants, &mut self.sets).await,
        };
        match heads {
            Ok(heads) => {
                self.connection = Some(connection);
                Ok(heads.map(|heads| stored_of_all(&tenants, heads)))
            }
            Err(StoreError::Refused(_)) => {
                self.connection = Some(connection);
                self.look_ups = LOOK_UPS;
                Ok(None)
            }
            Err(StoreError::Unavailable(error)) if is_unsupported(&error) => {
                self.connection = Some(connection);
                self.mixes = false;
                Ok(None)
            }
            Err(StoreError::Unavailable(error)) if error.as_database_error().is_none() => {
                // Broken since its last use. Should it have been stored all the same, its arrivals will be
                // found.
                self.look_ups = LOOK_UPS;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn connect(&mut self) -> Result<PgConnection, StoreError> {
        self.sets = HeaderSets::default();
        self.store.connect().await
    }

    /// One transaction.
    async fn append_once(
        &mut self,
        batch: &[Delivery],
        expect: Expect,
    ) -> Result<Done, StoreError> {
        // Taken out: a session that fails or is given up in the middle is not used again.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        if begin(&mut connection).await.is_err() {
            // Broken since its last use; nothing was sent.
            connection = self.connect().await?;
            begin(&mut connection).await?;
        }
        let (sets, contents) = (&mut self.sets, &self.contents);
        let result = append(&mut connection, batch, expect, sets, contents).await;
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

/// What becomes of new events of several tenants, in the order of the batch.
fn stored_of_all(
    tenants: &BTreeMap<&Tenant, Vec<EventDelivery<'_>>>,
    heads: Vec<Position>,
) -> Vec<Outcome> {
    let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
    for (deliveries, head) in tenants.values().zip(heads) {
        let places = deliveries.iter().map(|(at, ..)| *at);
        outcomes.extend(places.zip(stored(deliveries, head)));
    }
    outcomes.sort_unstable_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Takes down what was stored, for those who wait for it.
fn note(appended: &mut Appended, outcomes: &[Outcome]) {
    for outcome in outcomes {
        if let Outcome::Stored(place) = outcome {
            match appended.get_mut(&place.tenant) {
                Some(last) => *last = place.position.max(*last),
                None => {
                    appended.insert(place.tenant.clone(), place.position);
                }
            }
        }
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
