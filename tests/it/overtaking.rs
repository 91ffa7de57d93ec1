//! Of what comes under one event id the first counts, also while the first of them still waits in the spool.

use std::{path::PathBuf, time::Duration};

use sqlx::{Executor, PgConnection};
use ticketlog::{
    domain::delivery::Delivery,
    ingest::{self, Ingest, Spool},
};
use tokio::{sync::watch, task::JoinSet};

use crate::support::{
    cluster::TestDb,
    delivery::delivery,
    payload::{self, Payload},
};

/// Far more than any test holds up.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A database that takes nothing of the tenant `Slow`, and a spool of an earlier process in which that stands before
/// the rest.
struct Place {
    db: TestDb,
    folder: tempfile::TempDir,
    lock: PgConnection,
}

impl Place {
    async fn new() -> Self {
        let db = TestDb::create().await;
        let mut lock = db.connect_as_superuser().await;
        lock.execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 PERFORM set_config('lock_timeout', '0', true);
                 PERFORM pg_advisory_xact_lock_shared(7);
                 RETURN NEW; END $$;
             CREATE TRIGGER wait BEFORE INSERT ON event FOR EACH ROW
                 WHEN (NEW.tenant = 'Slow') EXECUTE FUNCTION wait();
             SELECT pg_advisory_lock(7)",
        )
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { db, folder, lock }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    /// A file of an earlier process. The drain takes one delivery first, then two.
    fn fill(&self, payloads: &[&Payload]) {
        let deliveries: Vec<Delivery> = payloads.iter().map(|payload| delivery(*payload)).collect();
        let spool = Spool::open(self.dir(), 1 << 20).unwrap();
        spool.push(&deliveries.iter().collect::<Vec<_>>()).unwrap();
    }

    /// A receiver whose drain has found that Postgres takes deliveries, and was cut off before it had drained more than
    /// the first. What `early` gives comes before that.
    async fn receiver(&self, spool: &Spool, early: &[&Payload]) -> (Ingest, JoinSet<()>) {
        let (_, store) = watch::channel(Some(self.db.store.clone()));
        let receiver = ingest::receiver(store, spool.clone(), COMMIT_TIMEOUT);
        let mut writing = JoinSet::new();
        writing.spawn(receiver.writer.run());
        for payload in early {
            assert_eq!(accept(&receiver.ingest, payload).await, "spooled");
        }
        let mut draining = JoinSet::new();
        draining.spawn(receiver.drain.run());
        receiver.breaker.closed().await;
        draining.shutdown().await;
        (receiver.ingest, writing)
    }

    /// Lets the database take everything.
    async fn unlock(&mut self) {
        let unlock = "SELECT pg_advisory_unlock(7)";
        self.lock.execute(unlock).await.unwrap();
    }

    /// Drains all that waits, once the database takes it.
    async fn drain(&mut self, spool: &Spool) {
        self.unlock().await;
        let (_, store) = watch::channel(Some(self.db.store.clone()));
        let receiver = ingest::receiver(store, spool.clone(), COMMIT_TIMEOUT);
        let mut draining = JoinSet::new();
        draining.spawn(receiver.drain.run());
        let mut status = spool.status();
        status.wait_for(|status| status.bytes == 0).await.unwrap();
        draining.shutdown().await;
    }

    /// `status` in the body that counts, and of the other bodies.
    async fn statuses(&mut self, payload: &Payload) -> (i64, Vec<i64>) {
        let id: uuid::Uuid = payload.event_id().parse().unwrap();
        let first = sqlx::query_scalar(
            "SELECT (convert_from(body, 'UTF8')::json #>> '{FieldValues,status}')::bigint
             FROM event WHERE tenant = 'Cust1' AND event_id = $1",
        );
        let first = first.bind(id).fetch_one(&mut self.lock).await.unwrap();
        let others = sqlx::query_scalar(
            "SELECT (convert_from(body, 'UTF8')::json #>> '{FieldValues,status}')::bigint
             FROM delivery WHERE event_id = $1 AND outcome = 'conflict' ORDER BY received_at",
        );
        let others = others.bind(id).fetch_all(&mut self.lock).await.unwrap();
        (first, others)
    }
}

async fn accept(ingest: &Ingest, payload: &Payload) -> &'static str {
    ingest.accept(delivery(payload)).await.unwrap().as_str()
}

fn slow() -> Payload {
    payload::created(1).tenant("Slow")
}

#[tokio::test]
async fn a_later_delivery_goes_behind_an_earlier_one_of_its_event_that_waits_in_the_spool() {
    let mut place = Place::new().await;
    let [first, one, other, early] = [1, 2, 3, 4].map(|n| payload::created(n).set("status", 2));
    place.fill(&[&first, &slow(), &slow(), &one]);
    // In a file of its own.
    place.fill(&[&other]);
    let spool = Spool::open(place.dir(), 1 << 20).unwrap();
    let (ingest, mut writing) = place.receiver(&spool, &[&early]).await;
    let later = |payload: &Payload, status: i64| payload.clone().set("status", status);
    for waiting in [&one, &other, &early] {
        assert_eq!(accept(&ingest, &later(waiting, 4)).await, "spooled");
        assert_eq!(accept(&ingest, &later(waiting, 5)).await, "spooled");
    }
    // What nobody waits for does not wait, be it new, of an event that is drained, or of another tenant.
    assert_eq!(accept(&ingest, &payload::created(9)).await, "stored");
    assert_eq!(accept(&ingest, &later(&first, 4)).await, "conflict");
    let theirs = later(&one, 4).tenant("Cust2");
    assert_eq!(accept(&ingest, &theirs).await, "stored");
    place.drain(&spool).await;
    for waiting in [&one, &other, &early] {
        assert_eq!(place.statuses(waiting).await, (2, vec![4, 5]));
    }
    // Now it is in the log itself.
    assert_eq!(accept(&ingest, &later(&one, 5)).await, "conflict");
    assert_eq!(spool.status().borrow().bytes, 0);
    drop(ingest);
    writing.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_spool_is_overtaken_rather_than_that_a_delivery_is_refused() {
    let mut place = Place::new().await;
    let waiting = payload::created(2);
    place.fill(&[&payload::created(1), &slow(), &slow(), &waiting]);
    let spool = Spool::open(place.dir(), 1).unwrap();
    let (ingest, _writing) = place.receiver(&spool, &[]).await;
    let later = waiting.clone().set("status", 4);
    assert_eq!(accept(&ingest, &later).await, "stored");
    assert_eq!(accept(&ingest, &payload::created(3)).await, "stored");
    place.drain(&spool).await;
    assert_eq!(place.statuses(&waiting).await, (4, vec![1]));
}

#[tokio::test]
async fn a_file_of_the_spool_that_cannot_be_removed_costs_no_other() {
    let mut place = Place::new().await;
    place.fill(&[&payload::created(1), &slow(), &slow()]);
    let [first] = &files(&place)[..] else {
        panic!("one file");
    };
    let first = first.clone();
    place.fill(&[&payload::created(2)]);
    let spool = Spool::open(place.dir(), 1 << 20).unwrap();
    let (_, store) = watch::channel(Some(place.db.store.clone()));
    let receiver = ingest::receiver(store, spool.clone(), COMMIT_TIMEOUT);
    let mut draining = JoinSet::new();
    draining.spawn(receiver.drain.run());
    receiver.breaker.closed().await;
    // It was read, and not all of it is drained.
    std::fs::remove_file(first).unwrap();
    place.unlock().await;
    let mut status = spool.status();
    status.wait_for(|status| status.bytes == 0).await.unwrap();
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM event")
        .fetch_one(&mut place.lock)
        .await
        .unwrap();
    assert_eq!(events, 4);
    assert_eq!(files(&place), Vec::<PathBuf>::new());
}

fn files(place: &Place) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place.dir()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}
