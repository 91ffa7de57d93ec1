//! What bodies say, by which a later arrival of an event is told to be a repeat of it or a conflict.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use bytes::Bytes;
use futures_util::TryStreamExt;
use sqlx::PgConnection;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::StoreError;
use crate::domain::{
    delivery::Delivery,
    event::{self, Content, ContentDigest},
    ids::Tenant,
};

/// Bodies whose digests are kept from one batch to the next, for a sender that goes on repeating itself: those of
/// eight batches, half a megabyte.
const MAX_KEPT: usize = 8 * 512;

/// Bytes of bodies from the log that are read at a time, past the first, which may have megabytes.
const PORTION_BYTES: usize = 1 << 20;

/// Digests of what bodies say, by the bodies' SHA-256. A body says the same for ever, so none is ever wrong.
#[derive(Default)]
pub(super) struct Contents(BTreeMap<Vec<u8>, ContentDigest>);

/// A later arrival of an event with other bytes, and whether these say the same is not known yet.
pub(super) struct Unread {
    /// Its place in the batch.
    pub(super) at: usize,
    /// SHA-256 of the event's body.
    pub(super) original: Vec<u8>,
}

/// Bodies, each with its SHA-256.
type Bodies = Vec<(Vec<u8>, Bytes)>;

/// Events by tenant and id, each with the SHA-256 of its body.
pub(super) type Originals<'a> = BTreeMap<&'a Tenant, BTreeMap<Uuid, &'a [u8]>>;

/// Starts a transaction of a session that reads events, in which the planner may not read the log whole. Unlike one that
/// appends it has no bound of its own: nobody waits for it but whoever is about to append, who may give up.
pub(super) const BEGIN_READING: &str = "BEGIN READ ONLY; SET LOCAL enable_seqscan = off";

impl Contents {
    /// Whether the bodies of these SHA-256 say the same; `None` if that is not known here.
    pub(super) fn are_same(&self, one: &[u8], other: &[u8]) -> Option<bool> {
        if one == other {
            return Some(true);
        }
        Some(self.0.get(one)? == self.0.get(other)?)
    }

    /// Reads what is not known of these deliveries and of the events that are in the batch themselves; gives the other
    /// events.
    pub(super) async fn read_batch<'a>(
        &mut self,
        batch: &'a [Delivery],
        unread: &'a [Unread],
    ) -> Result<Originals<'a>, StoreError> {
        if self.0.len() > MAX_KEPT {
            self.0.clear();
        }
        let bodies = self.missing_in_batch(batch, unread);
        self.digest(bodies).await?;
        Ok(self.missing_in_log(batch, unread))
    }

    /// Reads events of the log, a few at a time, however large they are: begin the transaction with [`BEGIN_READING`].
    pub(super) async fn read_log(
        &mut self,
        session: &mut PgConnection,
        originals: &Originals<'_>,
    ) -> Result<(), StoreError> {
        for (tenant, originals) in originals {
            self.read_events(session, tenant, originals).await?;
        }
        Ok(())
    }

    fn missing_in_batch(&self, batch: &[Delivery], unread: &[Unread]) -> Bodies {
        let arrived = unread.iter().filter_map(|unread| batch.get(unread.at));
        let arrived = arrived.map(|delivery| &delivery.sha256[..]);
        let originals = unread.iter().map(|unread| &unread.original[..]);
        let wanted: BTreeSet<&[u8]> = arrived.chain(originals).collect();
        let missing = batch.iter().filter(|delivery| {
            wanted.contains(&delivery.sha256[..]) && !self.0.contains_key(&delivery.sha256[..])
        });
        missing
            .map(|delivery| (delivery.sha256.to_vec(), delivery.body.clone()))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect()
    }

    fn missing_in_log<'a>(&self, batch: &'a [Delivery], unread: &'a [Unread]) -> Originals<'a> {
        let mut missing = Originals::new();
        for Unread { at, original } in unread {
            let event = batch.get(*at).and_then(Delivery::event);
            if let Some((tenant, event_id)) = event
                && !self.0.contains_key(original)
            {
                let originals = missing.entry(tenant).or_default();
                originals.insert(event_id.0, original);
            }
        }
        missing
    }

    /// Reads the bodies that count in history; served by the unique index on `(tenant, event_id)`.
    async fn read_events(
        &mut self,
        session: &mut PgConnection,
        tenant: &Tenant,
        originals: &BTreeMap<Uuid, &[u8]>,
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = originals.keys().copied().collect();
        let mut rows = sqlx::query!(
            "SELECT original.event_id, original.body
         FROM UNNEST($2::uuid[]) AS wanted (event_id)
         CROSS JOIN LATERAL (
             SELECT event_id, body
             FROM event WHERE tenant = $1 AND event_id = wanted.event_id LIMIT 1) AS original",
            tenant.as_str(),
            &ids,
        )
        .fetch(session);
        let mut portion = Bodies::new();
        let mut bytes = 0;
        while let Some(row) = rows.try_next().await? {
            if let Some(sha256) = originals.get(&row.event_id) {
                bytes += row.body.len();
                portion.push((sha256.to_vec(), row.body.into()));
            }
            if bytes >= PORTION_BYTES {
                self.digest(mem::take(&mut portion)).await?;
                bytes = 0;
            }
        }
        self.digest(portion).await?;
        for original in originals.values() {
            // No event was ever deleted. Were one, what comes under its id would say something else than nothing.
            let nothing = || Content::Bytes(Vec::new()).digest();
            self.0.entry(original.to_vec()).or_insert_with(nothing);
        }
        Ok(())
    }

    /// On a thread where it holds up nobody, so that whoever waits can give up: a body of 8 MiB may take a tenth of a second.
    async fn digest(&mut self, bodies: Bodies) -> Result<(), StoreError> {
        if bodies.is_empty() {
            return Ok(());
        }
        let digesting = spawn_blocking(move || {
            let digests = bodies.into_iter();
            digests
                .map(|(sha256, body)| (sha256, event::content(&body).digest()))
                .collect::<Vec<_>>()
        });
        // It only fails if the runtime ends.
        let digests = digesting.await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        self.0.extend(digests);
        Ok(())
    }
}
