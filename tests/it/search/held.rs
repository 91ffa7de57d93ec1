//! Searches for what tickets held, in each of the ways in which they are answered.

use jiff::tz::TimeZone;
use sqlx::{Connection, Executor};
use ticketlog::{
    domain::{
        history::Kind,
        ids::Tenant,
        search::{After, FoundChange, Known, Query, Search},
    },
    store::Store,
};
use tokio::task::JoinSet;

use crate::support::cluster::TestDb;

const TICKETS: i64 = 3000; // as in ROWS

/// A ticket a second, with status 1 for 100.5 s, and with the rest of its number by three as its priority.
const ROWS: &str = "
    INSERT INTO ticket (tenant, ticket, events, undated, first_ticks, last_ticks, consistent, unproven, suspect)
    SELECT 'Cust1', n, 2, 0, n * 10000000, n * 10000000 + 1005000000, 2, 0, 0 FROM generate_series(1::bigint, 3000) AS n;
    INSERT INTO change (tenant, ticket, event_id, nth, position, ticks, occurred_text, field, kind, declared, noise, to_value, to_key)
    SELECT 'Cust1', n, gen_random_uuid(), 0, n + 3000 * (status - 1), seconds * 10000000,
           to_char(timestamp '1970-01-01' + make_interval(secs => seconds), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
           'status', CASE status WHEN 1 THEN 'initial' ELSE 'set' END, true, false, status, status
    FROM generate_series(1::bigint, 3000) AS n, generate_series(1, 2) AS status, LATERAL (SELECT n + 100.5 * (status - 1) AS seconds) AS at;
    INSERT INTO field_interval (tenant, ticket, field, from_event, from_ticks, until_event, until_ticks, value, key)
    SELECT 'Cust1', n, 'status', gen_random_uuid(), n * 10000000, gen_random_uuid(), n * 10000000 + 1005000000, '1', '1'
    FROM generate_series(1::bigint, 3000) AS n;
    INSERT INTO field_interval (tenant, ticket, field, from_event, from_ticks, value, key)
    SELECT 'Cust1', n, 'priority', gen_random_uuid(), n * 10000000, n % 3, n % 3
    FROM generate_series(1::bigint, 3000) AS n;
    ANALYZE ticket, change, field_interval";

/// Whether something is so of a ticket.
type IsSo = fn(i64) -> bool;

/// What is asked, and of which tickets it is so.
const QUESTIONS: [(&str, IsSo); 8] = [
    ("ever priority = 1", |n| n % 3 == 1),
    ("not ever priority = 1", |n| n % 3 != 1),
    ("status was 1 at 1970-01-01T00:10:00Z", had_status_1),
    (
        "ever priority in (1, 2) and status was 1 at 1970-01-01T00:10:00Z",
        |n| n % 3 != 0 && had_status_1(n),
    ),
    (
        "not ever priority = 1 and not ever priority = 2 and not status was 1 at 1970-01-01T00:10:00Z",
        |n| n % 3 == 0 && !had_status_1(n),
    ),
    (
        "ever priority = 1 or status was 1 at 1970-01-01T00:10:00Z",
        |n| n % 3 == 1 || had_status_1(n),
    ),
    (
        "not (ever priority = 1 or not status was 1 at 1970-01-01T00:10:00Z)",
        |n| n % 3 != 1 && had_status_1(n),
    ),
    ("ever priority = 1 and ever priority = 2", |_| false),
];

/// Ten minutes after the first.
fn had_status_1(n: i64) -> bool {
    (500..=600).contains(&n)
}

async fn filled() -> TestDb {
    let db = TestDb::create().await;
    db.connect().await.execute(ROWS).await.unwrap();
    db
}

fn tenant() -> Tenant {
    Tenant::parse("Cust1").unwrap()
}

fn search(query: &str) -> Search {
    let query = Query::parse(query).unwrap();
    query.resolve(&Known::default(), &TimeZone::UTC).unwrap()
}

/// 700 changes at most, after one or from the beginning.
async fn page(
    store: &Store,
    search: &Search,
    newest_first: bool,
    after: Option<After>,
) -> Vec<FoundChange> {
    let tenant = tenant();
    let page = store.search_changes(&tenant, search, newest_first, after, 700);
    page.await.unwrap()
}

fn told(change: &FoundChange) -> (i64, Kind) {
    (change.ticket.number(), change.change.kind)
}

/// The changes of tickets for which something is so, in order.
fn expected(is_so: IsSo, newest_first: bool) -> Vec<(i64, Kind)> {
    let tickets = (1..=TICKETS).filter(|n| is_so(*n));
    let changes = tickets.flat_map(|n| [(2 * n, n, Kind::Initial), (2 * n + 201, n, Kind::Set)]);
    let mut changes: Vec<_> = changes.collect();
    changes.sort_unstable_by_key(|(at, ..)| *at);
    if newest_first {
        changes.reverse();
    }
    changes.into_iter().map(|(_, n, kind)| (n, kind)).collect()
}

#[tokio::test]
async fn tickets_one_by_one_and_all_changes_in_order_are_the_same() {
    let db = filled().await;
    let tenant = tenant();
    for few in [0, TICKETS] {
        let store = db.store.clone().with_few(few);
        for (query, is_so) in QUESTIONS {
            let search = search(query);
            for newest_first in [false, true] {
                let mut found = Vec::new();
                let mut after = None;
                loop {
                    let page = page(&store, &search, newest_first, after).await;
                    let Some(last) = page.last() else {
                        break;
                    };
                    after = Some(After {
                        ticks: last.occurred_at.ticks(),
                        event_id: last.event_id,
                        nth: last.nth,
                    });
                    found.extend(page.iter().map(told));
                    assert!(found.len() < 10_000, "{query} goes round in circles");
                }
                assert_eq!(found, expected(is_so, newest_first), "{query}");
            }
            let tickets = (1..=TICKETS).filter(|n| is_so(*n)).count();
            let count = store.search_count(&tenant, &search).await.unwrap();
            assert_eq!(usize::try_from(count).unwrap(), 2 * tickets, "{query}");
        }
    }
}

/// A walk that does not come to the end of its page, here because its table is locked, is given up for an order of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_that_takes_too_long_is_given_up() {
    const SORTING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND query LIKE '%OFFSET 0%'";
    let db = filled().await;
    let store = db.store.clone().with_few(0);
    let mut other = db.connect().await;
    let mut other = other.begin().await.unwrap();
    other
        .execute("LOCK TABLE change IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let (query, is_so) = QUESTIONS[0];
    let search = search(query);
    let mut asked = JoinSet::new();
    asked.spawn(async move { page(&store, &search, true, None).await });
    let mut session = db.connect().await;
    loop {
        let sorting: i64 = sqlx::query_scalar(SORTING)
            .fetch_one(&mut session)
            .await
            .unwrap();
        if sorting == 1 {
            break;
        }
        assert!(asked.try_join_next().is_none(), "nothing was put in order");
    }
    other.rollback().await.unwrap();
    let found = asked.join_next().await.unwrap().unwrap();
    let expected = expected(is_so, true);
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected[..700]);
}
