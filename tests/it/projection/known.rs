//! What becomes known without a position, conflicts and trouble of the feed, reaches the projection however far a step goes.

use ticketlog::{
    domain::ids::Position,
    project::{self, Step, Stride},
    store::projection::Differences,
};

use super::{rebuild, tenant};
use crate::support::{cluster::TestDb, delivery::delivery, payload};

/// Pages after the late event for which its ticket was folded again.
#[tokio::test]
async fn a_conflict_that_came_much_later_is_marked() {
    let db = TestDb::create().await;
    let late = payload::changed(76)
        .at("2025-05-19T09:00:00Z")
        .set("priority", 3);
    let disputed = late.clone().set("priority", 4);
    let mut bodies = vec![
        payload::created(76).at("2025-05-19T08:00:00Z"),
        payload::changed(76)
            .at("2025-05-19T10:00:00Z")
            .set("priority", 3),
    ];
    bodies.extend((1000..2000).map(payload::created));
    bodies.push(late);
    bodies.extend((2000..3000).map(payload::created));
    bodies.push(disputed);
    let deliveries: Vec<_> = bodies.into_iter().map(delivery).collect();
    let mut appender = db.store.appender();
    for batch in deliveries.chunks(100) {
        appender.append(batch).await.unwrap();
    }
    super::project(&db, &mut db.store.projector()).await;
    one_interval_is_doubted_for(&db, "conflict").await;
}

/// Of what the feed told after the position that a step goes up to.
#[tokio::test]
async fn trouble_that_a_step_leaves_out_is_taken_by_the_next() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let stopped = payload::changed(3)
        .at("2025-05-19T09:00:00Z")
        .with("Event", "webhook.stopped");
    for body in [
        payload::created(76).at("2025-05-19T08:00:00Z"),
        stopped,
        payload::changed(76)
            .at("2025-05-19T10:00:00Z")
            .set("priority", 3),
    ] {
        appender.append(&[delivery(body)]).await.unwrap();
    }
    let (cust1, first) = (tenant("Cust1"), Position(1));
    let mut projector = db.store.projector();
    let (short, untold) = (Stride::Short, |_| ());
    let step = project::step(&db.store, &mut projector, &cust1, first, short, &untold);
    assert_eq!(step.await.unwrap(), Step::Moved(first));
    super::project(&db, &mut projector).await;
    one_interval_is_doubted_for(&db, "feed_outage").await;
}

/// In the projection as it stands, and as it is built anew.
async fn one_interval_is_doubted_for(db: &TestDb, reason: &str) {
    let mut session = db.connect().await;
    let doubted = sqlx::query_scalar("SELECT count(*) FROM entry WHERE $1 = ANY(reasons)");
    let doubted: i64 = doubted.bind(reason).fetch_one(&mut session).await.unwrap();
    assert_eq!(doubted, 1, "{reason}");
    let differences = rebuild(db, &mut db.store.projector_beside(), "Cust1").await;
    assert_eq!(differences, Differences::default());
}
