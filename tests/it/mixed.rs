//! Batches of several tenants, by one receiver and by several at a time.

use std::collections::BTreeMap;

use sqlx::{Executor, Row};
use ticketlog::{
    domain::delivery::{Delivery, Outcome},
    ingest,
    store::Store,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{cluster::TestDb, delivery::delivery, payload};

fn of(tenant: &str, ticket: i64) -> Delivery {
    delivery(payload::changed(ticket).tenant(tenant))
}

/// Another arrival of the same body.
fn again(first: &Delivery) -> Delivery {
    let mut again = first.clone();
    again.arrival.arrival_id = Uuid::now_v7();
    again
}

/// The positions that a batch was given.
fn positions(outcomes: &[Outcome]) -> Vec<i64> {
    let position = |outcome: &Outcome| match outcome {
        Outcome::Stored(place) => place.position.0,
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(position).collect()
}

/// The tickets in each tenant's log, which has no hole and ends at its head.
async fn logs(db: &TestDb) -> BTreeMap<String, Vec<i64>> {
    let all = "SELECT tenant, event.position, ticket, head.position AS head,
            event.stored_at >= lag(event.stored_at, 1, event.stored_at)
                OVER (PARTITION BY tenant ORDER BY event.position)
            AND event.stored_at <= head.stored_at AS grows
        FROM event JOIN head USING (tenant) ORDER BY tenant, event.position";
    let mut logs: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut heads = BTreeMap::new();
    for row in db.connect().await.fetch_all(all).await.unwrap() {
        let tenant: String = row.get("tenant");
        let log = logs.entry(tenant.clone()).or_default();
        log.push(row.get("ticket"));
        let length = i64::try_from(log.len()).unwrap();
        assert_eq!(row.get::<i64, _>("position"), length, "{tenant}");
        assert!(row.get::<bool, _>("grows"), "{tenant} {length}");
        heads.insert(tenant, row.get::<i64, _>("head"));
    }
    for (tenant, log) in &logs {
        assert_eq!(heads[tenant], i64::try_from(log.len()).unwrap(), "{tenant}");
    }
    logs
}

fn expect<const N: usize>(logs: [(&str, &[i64]); N]) -> BTreeMap<String, Vec<i64>> {
    logs.map(|(tenant, log)| (tenant.to_owned(), log.to_vec()))
        .into()
}

/// How many statements have inserted events since [`count_statements`].
const STATEMENTS: &str = "SELECT count(*), count(*) FILTER (WHERE tenants > 1) FROM counted";

/// Lets the database count the statements that insert events, and of how many tenants each is.
async fn count_statements(db: &TestDb, then: &str) {
    let statements = format!(
        "CREATE TABLE counted (tenants bigint);
         GRANT ALL ON counted TO PUBLIC;
         CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS $$
         DECLARE tenants bigint := (SELECT count(DISTINCT tenant) FROM new);
         BEGIN
             {then}
             INSERT INTO public.counted VALUES (tenants);
             RETURN NULL;
         END $$;
         CREATE TRIGGER counted AFTER INSERT ON event REFERENCING NEW TABLE AS new
             FOR EACH STATEMENT EXECUTE FUNCTION count_statement()"
    );
    let mut session = db.connect_as_superuser().await;
    let counting = sqlx::raw_sql(sqlx::AssertSqlSafe(statements));
    counting.execute(&mut session).await.unwrap();
}

async fn statements(db: &TestDb) -> (i64, i64) {
    let row = db.connect().await.fetch_one(STATEMENTS).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_batch_of_several_tenants_is_one_statement() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let first = ["B", "A", "C"].map(|tenant| of(tenant, 1));
    appender.append(&first).await.unwrap();
    count_statements(&db, "").await;
    let batch = [("C", 2), ("A", 2), ("C", 3), ("B", 2), ("A", 3), ("C", 4)];
    let batch = batch.map(|(tenant, ticket)| of(tenant, ticket));
    let outcomes = appender.append(&batch).await.unwrap();
    assert_eq!(positions(&outcomes), [2, 2, 3, 2, 3, 4]);
    for (outcome, delivery) in outcomes.iter().zip(&batch) {
        let Outcome::Stored(place) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(delivery.event(), Some((&place.tenant, place.event_id)));
    }
    let expected = expect([("A", &[1, 2, 3]), ("B", &[1, 2]), ("C", &[1, 2, 3, 4])]);
    assert_eq!(logs(&db).await, expected);
    assert_eq!(statements(&db).await, (1, 1));
}

#[tokio::test]
async fn a_tenant_that_is_new_keeps_no_other_from_being_stored() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    appender.append(&[of("B", 1)]).await.unwrap();
    let batch = [of("B", 2), of("A", 1), of("B", 3)];
    let outcomes = appender.append(&batch).await.unwrap();
    assert_eq!(positions(&outcomes), [2, 1, 3]);
    let expected = expect([("A", &[1]), ("B", &[1, 2, 3])]);
    assert_eq!(logs(&db).await, expected);
}

#[tokio::test]
async fn an_event_that_is_known_leaves_no_hole_in_any_log() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let first = ["A", "B"].map(|tenant| of(tenant, 1));
    appender.append(&first).await.unwrap();
    let batch = [of("A", 2), again(&first[1]), of("B", 2)];
    let outcomes = appender.append(&batch).await.unwrap();
    assert_eq!(outcomes[1].as_str(), "duplicate");
    let expected = expect([("A", &[1, 2]), ("B", &[1, 2])]);
    assert_eq!(logs(&db).await, expected);
}

#[tokio::test]
async fn a_database_that_takes_no_mixed_statement_is_given_one_for_each_tenant() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let first = ["A", "B"].map(|tenant| of(tenant, 1));
    appender.append(&first).await.unwrap();
    let refuse = "IF tenants > 1 THEN
            RAISE EXCEPTION 'several shards' USING ERRCODE = 'feature_not_supported';
        END IF;";
    count_statements(&db, refuse).await;
    for ticket in 2..5 {
        let batch = [of("B", ticket), of("A", ticket)];
        let outcomes = appender.append(&batch).await.unwrap();
        assert_eq!(positions(&outcomes), [ticket, ticket]);
    }
    assert_eq!(statements(&db).await, (6, 0));
}

/// Takes deliveries in this order, as many under way as the queue has room for.
async fn ingest_all(store: Store, deliveries: Vec<Delivery>) -> Vec<Outcome> {
    let (ingest, writer) = ingest::channel(store);
    let submitting = async {
        let mut under_way = Vec::new();
        for delivery in deliveries {
            under_way.push(ingest.submit(delivery).await.unwrap());
        }
        drop(ingest);
        let mut outcomes = Vec::new();
        for outcome in under_way {
            outcomes.push(outcome.await.unwrap().unwrap());
        }
        outcomes
    };
    tokio::join!(submitting, writer.run()).0
}

#[tokio::test]
async fn what_comes_in_order_is_stored_in_order_whatever_is_among_it() {
    let db = TestDb::create().await;
    let mut random = fastrand::Rng::with_seed(3);
    let mut deliveries: Vec<Delivery> = Vec::new();
    let mut expected: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut others = [0; 2];
    for ticket in 1..4000 {
        // Long runs of nothing but new events, and such in which there is something else.
        let calm = ticket / 1000 % 2 == 0;
        match random.usize(..200) {
            0 if !calm => {
                deliveries.push(again(random.choice(&deliveries).unwrap()));
                others[0] += 1;
            }
            1 if !calm => {
                deliveries.push(delivery(payload::changed(1).tenant("not a tenant")));
                others[1] += 1;
            }
            at => {
                let tenant = ["A", "B", "C", "D"][at % 4];
                deliveries.push(of(tenant, ticket));
                expected.entry(tenant.to_owned()).or_default().push(ticket);
            }
        }
    }
    let outcomes = ingest_all(db.store.clone(), deliveries.clone()).await;
    assert_eq!(logs(&db).await, expected);
    let count = |word| outcomes.iter().filter(|o| o.as_str() == word).count();
    let parked = count("parked");
    // What is parked may have come again as well.
    assert_eq!(count("duplicate") + parked, others.iter().sum::<usize>());
    assert!(parked >= others[1] && count("duplicate") > 0, "{others:?}");
    for (outcome, delivery) in outcomes.iter().zip(&deliveries) {
        if let Outcome::Stored(place) | Outcome::Duplicate(place) = outcome {
            assert_eq!(Some((&place.tenant, place.event_id)), delivery.event());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_of_the_same_tenants_store_each_event_once() {
    const EACH: usize = 1500;
    const RECEIVERS: usize = 3;
    let db = TestDb::create().await;
    let mut random = fastrand::Rng::with_seed(11);
    let mut some = || -> Vec<Delivery> {
        let tenants = (0..EACH).map(|_| *random.choice(&["A", "B", "C"]).unwrap());
        tenants.map(|tenant| of(tenant, 1)).collect()
    };
    let of_all = some();
    let mut receivers = JoinSet::new();
    for number in 0..RECEIVERS {
        // Each in its own order, so that their heads are wanted in every order too.
        let mut deliveries = some();
        deliveries.extend(of_all.iter().map(again));
        fastrand::Rng::with_seed(u64::try_from(number).unwrap()).shuffle(&mut deliveries);
        let store = db.again().await.store;
        receivers.spawn(ingest_all(store, deliveries));
    }
    let outcomes = receivers.join_all().await.concat();
    let count = |word| outcomes.iter().filter(|o| o.as_str() == word).count();
    let stored = (RECEIVERS + 1) * EACH;
    assert_eq!(count("stored"), stored);
    assert_eq!(count("duplicate"), (RECEIVERS - 1) * EACH);
    let logs = logs(&db).await;
    assert_eq!(logs.values().map(Vec::len).sum::<usize>(), stored);
}

#[tokio::test]
async fn stored_at_grows_where_the_clock_goes_back() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let known = of("A", 1);
    appender.append(&[known.clone(), of("B", 1)]).await.unwrap();
    // Another receiver's clock was ahead.
    let mut session = db.connect().await;
    session
        .execute("UPDATE head SET stored_at = '2099-01-01Z'")
        .await
        .unwrap();
    appender.append(&[of("A", 2)]).await.unwrap();
    appender.append(&[of("A", 3), of("B", 2)]).await.unwrap();
    appender
        .append(&[again(&known), of("A", 4), of("C", 1)])
        .await
        .unwrap();
    assert_eq!(
        logs(&db).await,
        expect([("A", &[1, 2, 3, 4]), ("B", &[1, 2]), ("C", &[1])])
    );
    let behind = "SELECT count(*) FROM event WHERE stored_at < '2099-01-01Z' AND tenant <> 'C'";
    let behind = session.fetch_one(behind).await.unwrap();
    assert_eq!(behind.get::<i64, _>(0), 2);
}
