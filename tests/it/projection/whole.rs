//! A projection that is built from nothing at once is what steps give, and whatever comes between leaves all as it was.

use std::sync::Mutex;

use sqlx::{AssertSqlSafe, Executor};
use ticketlog::{
    domain::ids::Position,
    project::{self, Built, Step, Stride},
    store::projection::Differences,
};
use tokio::sync::Notify;

use super::{acts, generate, rebuild, tenant};
use crate::support::{app::TestApp, cluster::TestDb, delivery::delivery, payload};

const CUST1: &str = "Cust1";

/// A database whose tables nobody vacuums: a build goes around whoever holds one.
async fn create() -> TestDb {
    let db = TestDb::create().await;
    let mut session = db.connect().await;
    for table in ["ticket", "entry", "change", "field_interval"] {
        let quiet = format!("ALTER TABLE {table} SET (autovacuum_enabled = false)");
        session.execute(AssertSqlSafe(quiet)).await.unwrap();
    }
    db
}

/// Every row of the projections, and every index with how it is made.
async fn everything(db: &TestDb) -> Vec<String> {
    let statement = "
        SELECT row::text FROM ticket AS row UNION ALL SELECT row::text FROM entry AS row
        UNION ALL SELECT row::text FROM change AS row UNION ALL SELECT row::text FROM field_interval AS row
        UNION ALL SELECT row::text FROM projection AS row
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1";
    let mut session = db.connect().await;
    sqlx::query_scalar(statement)
        .fetch_all(&mut session)
        .await
        .unwrap()
}

async fn head(db: &TestDb) -> Position {
    db.store.find_head(&tenant(CUST1)).await.unwrap().unwrap()
}

/// Builds from nothing, if that can be; gives what it told of how far it was.
async fn build(db: &TestDb) -> Vec<Built> {
    let told = Mutex::new(Vec::new());
    let progress = |built| told.lock().unwrap().push(built);
    let head = head(db).await;
    let moved = step(db, head, Stride::Whole, &progress).await;
    assert_eq!(moved, Step::Moved(head));
    told.into_inner().unwrap()
}

async fn step(
    db: &TestDb,
    up_to: Position,
    stride: Stride,
    progress: &(dyn Fn(Built) + Sync),
) -> Step {
    let mut projector = db.store.projector();
    let cust1 = tenant(CUST1);
    let step = project::step(&db.store, &mut projector, &cust1, up_to, stride, progress);
    step.await.unwrap()
}

#[tokio::test]
async fn it_comes_to_what_steps_do() {
    for seed in 0..4 {
        let db = create().await;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut appender = db.store.appender();
        let disorder = [0, 5, 200][usize::try_from(seed).unwrap() % 3];
        for act in acts(&mut random, disorder, &[CUST1]) {
            super::act(&db, &mut appender, act).await;
            if random.u8(0..10) == 0 {
                super::project(&db, &mut db.store.projector()).await;
            }
        }
        super::project(&db, &mut db.store.projector()).await;
        let by_steps = everything(&db).await;
        assert!(!build(&db).await.is_empty());
        assert_eq!(everything(&db).await, by_steps, "seed {seed}");
    }
}

#[tokio::test]
async fn it_tells_how_far_it_is() {
    let db = create().await;
    generate(&db, "3500");
    let told = build(&db).await;
    let (mut events, mut indexes) = (Vec::new(), Vec::new());
    for built in &told {
        match *built {
            Built::Events(written) => events.push(written),
            Built::Indexes { made, of } => indexes.push((made, of)),
        }
    }
    assert!(events.len() > 3 && events.is_sorted(), "{told:?}");
    assert_eq!(events.last(), Some(&3500));
    let all = indexes.len();
    let one_by_one: Vec<(usize, usize)> = (1..=all).map(|made| (made, all)).collect();
    assert!(all > 10, "{told:?}");
    assert_eq!(indexes, one_by_one);
    assert!(
        matches!(told.last(), Some(Built::Indexes { .. })),
        "{told:?}"
    );
}

#[tokio::test]
async fn it_goes_on_in_steps_while_somebody_reads() {
    let db = create().await;
    generate(&db, "300");
    let mut reader = db.connect().await;
    reader
        .execute("BEGIN; SELECT count(*) FROM change")
        .await
        .unwrap();
    assert!(build(&db).await.is_empty());
    let by_steps = everything(&db).await;
    reader.execute("COMMIT").await.unwrap();
    assert!(build(&db).await.contains(&Built::Events(300)));
    assert_eq!(everything(&db).await, by_steps);
}

#[tokio::test]
async fn it_goes_on_in_steps_beside_another_log() {
    let db = create().await;
    let mut appender = db.store.appender();
    for name in [CUST1, "Cust2"] {
        let body = payload::created(76).tenant(name).set("status", 1);
        appender.append(&[delivery(body)]).await.unwrap();
    }
    super::project(&db, &mut db.store.projector()).await;
    let before = everything(&db).await;
    let body = payload::changed(76).tenant(CUST1).set("status", 2);
    appender.append(&[delivery(body)]).await.unwrap();
    assert!(build(&db).await.is_empty());
    assert!(everything(&db).await.len() > before.len());
    let mut beside = db.store.projector_beside();
    for name in [CUST1, "Cust2"] {
        let differences = rebuild(&db, &mut beside, name).await;
        assert_eq!(differences, Differences::default(), "{name}");
    }
}

#[tokio::test]
async fn what_ends_halfway_leaves_all_as_it_was() {
    let db = create().await;
    generate(&db, "3500");
    let few = Position(100);
    let moved = step(&db, few, Stride::Short, &|_| ()).await;
    assert_eq!(moved, Step::Moved(few));
    let before = everything(&db).await;
    let halfway = Notify::new();
    let progress = |built| {
        if matches!(built, Built::Events(1001..)) {
            halfway.notify_one();
        }
    };
    let head = head(&db).await;
    tokio::select! {
        moved = step(&db, head, Stride::Whole, &progress) => panic!("{moved:?}"),
        () = halfway.notified() => {}
    }
    // What reads waits until Postgres has noticed.
    assert_eq!(everything(&db).await, before);
    // So does this, should the step that was given up have its claim still.
    project::catch_up_all(&db.store).await.unwrap();
    let by_steps = everything(&db).await;
    build(&db).await;
    assert_eq!(everything(&db).await, by_steps);
}

#[tokio::test]
async fn meanwhile_one_ticket_can_be_read_and_what_is_asked_across_tickets_is_told_to_wait() {
    let app = TestApp::start().await;
    app.deliver(payload::created(76)).await.assert(200);
    app.settle().await;
    let mut builder = app.db.connect().await;
    builder
        .execute("BEGIN; LOCK TABLE ticket, entry, change, field_interval IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    app.deliver(payload::changed(76)).await.assert(200);
    let timeline = app.get("/v1/tenants/Cust1/tickets/76/timeline").await;
    assert_eq!(timeline.status, 200, "{timeline:?}");
    for path in [
        "tickets",
        "changes",
        "changes?q=status+changed",
        "completeness",
        "actors",
        "reports/backlog_as_of?field=status",
    ] {
        let stale = if path.contains('?') { '&' } else { '?' };
        let path = format!("/v1/tenants/Cust1/{path}{stale}stale=allow");
        let answer = app.get(&path).await;
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        let problem = answer.json();
        assert_eq!(problem["type"], "urn:ticketlog:behind", "{path}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("built"),
            "{path}: {problem}"
        );
    }
    builder.execute("ROLLBACK").await.unwrap();
    app.get("/v1/tenants/Cust1/tickets?stale=allow")
        .await
        .assert(200);
}
