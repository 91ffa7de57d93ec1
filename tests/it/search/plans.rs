//! The shapes that auditors ask for are served by indexes, in a table that is worth one.

use jiff::tz::TimeZone;
use sqlx::{AssertSqlSafe, Executor};
use ticketlog::domain::{
    ids::Tenant,
    search::{Known, Query},
};

use crate::support::cluster::TestDb;

/// 150,000 changes of 10,000 tickets by 200 actors over a year, of two tenants, and 40,000 intervals.
const ROWS: &str = "
    INSERT INTO change (tenant, ticket, event_id, nth, position, ticks, actor, field, kind, declared, noise, from_key, to_key)
    SELECT CASE WHEN n % 5 = 0 THEN 'Other' ELSE 'Cust1' END, 1 + n % 10000, gen_random_uuid(), 0, n,
           17356896000000000 + n * 2100000000, n % 200,
           (ARRAY['status', 'ticket_status', 'priority', 'owned_by', 'last_changed', 'category', 'cust_id'])[1 + n % 7],
           CASE WHEN n <= 20000 THEN 'initial' ELSE 'changed' END, true, n % 7 = 4, (n / 7 % 9)::text, (n / 7 % 50)::text
    FROM generate_series(1::bigint, 150000) AS n;
    INSERT INTO field_interval (tenant, ticket, field, from_event, from_ticks, until_event, until_ticks, value, key)
    SELECT 'Cust1', 1 + n % 10000, (ARRAY['status', 'priority'])[1 + n % 2], gen_random_uuid(),
           17356896000000000 + n * 7000000000, gen_random_uuid(), 17356896000000000 + (n + 10000) * 7000000000,
           (n / 2 % 50)::text, (n / 2 % 50)::text
    FROM generate_series(1::bigint, 40000) AS n;
    ANALYZE change, field_interval";

#[tokio::test]
async fn what_auditors_ask_for_is_served_by_indexes() {
    let db = TestDb::create().await;
    let mut session = db.connect().await;
    session.execute(ROWS).await.unwrap();
    for (query, index) in [
        ("", "change_by_time"),
        ("after 2025-05-01", "change_by_time"),
        ("on 2025-05-01", "change_by_time"),
        ("by 19", "change_by_actor"),
        ("by 19 on 2025-05-01", "change_by_actor"),
        (
            "by 19 between 2025-05-01 and 2025-05-31 and not status changed",
            "change_by_actor",
        ),
        ("priority changed", "change_by_field"),
        ("priority changed on 2025-05-01", "change_by_field"),
        ("field priority since 2025-05-01", "change_by_field"),
        ("priority changed to 7", "change_moved_to"),
        ("priority changed to 7 before 2025-05-01", "change_moved_to"),
        ("priority changed to 7 by 19", "change_moved_by"),
        (
            "priority changed to 7 by 19 after 2025-05-01",
            "change_moved_by",
        ),
        ("ticket 45", "change_by_ticket"),
        ("by 19 and ever priority in (1, 2)", "field_interval"),
        (
            "status changed and status was 3 on 2025-06-30",
            "field_interval",
        ),
        ("ticket_status changed by 19", "change_moved_by"),
    ] {
        let plan = plan(&db, query).await;
        assert!(plan.contains(index), "{query}: {plan}");
        assert!(!plan.contains("Seq Scan"), "{query}: {plan}");
        // Every look at a table is at this tenant's part of it.
        let looks = plan.lines().filter(|line| line.contains("Index Cond"));
        assert!(looks.count() > 0, "{plan}");
        for line in plan.lines().filter(|line| line.contains("Index Cond")) {
            assert!(line.contains("tenant"), "{query}: {plan}");
        }
    }
}

/// A misspelled name is not looked for in all that there is.
#[tokio::test]
async fn a_field_that_no_ticket_has_is_found_missing_by_indexes() {
    let db = TestDb::create().await;
    let mut session = db.connect().await;
    session.execute(ROWS).await.unwrap();
    let sql = include_str!("../../../src/store/search/known_fields.sql")
        .replace("$1", "'Cust1'")
        .replace("$2", "ARRAY['stauts', 'priority']");
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {sql}")))
        .fetch_all(&mut session)
        .await
        .unwrap();
    let looks = plan.iter().filter(|line| line.contains("Index Cond"));
    let looks: Vec<&String> = looks.collect();
    assert_eq!(looks.len(), 2, "{plan:#?}");
    for (look, index) in looks
        .iter()
        .zip(["change_by_field", "field_interval_by_field"])
    {
        assert!(
            look.contains("tenant = ") && look.contains("field = "),
            "{plan:#?}"
        );
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
    }
}

/// What is said of tickets alone is one set of them, joined with the changes, however it is put together: tried for each change
/// by itself, a count of ten million events took longer than a search may.
#[tokio::test]
async fn what_tickets_held_is_one_set_of_tickets() {
    let db = TestDb::create().await;
    db.connect().await.execute(ROWS).await.unwrap();
    for (query, join) in [
        ("ever priority = 1 and ever status = 2", "Semi Join"),
        ("ever priority = 1 or ever status = 2", "Append"),
        ("ever priority = 1 or status was 2 on 2025-06-30", "Append"),
        ("not ever priority = 1", "Anti Join"),
        ("not (ever priority = 1 and status = 2)", "Anti Join"),
        ("not (ever priority = 1 or ever status = 2)", "Anti Join"),
        ("status changed and not ever priority = 1", "Anti Join"),
    ] {
        let plan = plan(&db, query).await;
        assert!(plan.contains(join), "{query}: {plan}");
        // There is one that looks for the instant of changes that an earlier version projected.
        let subplans = plan.lines().filter(|line| line.contains("SubPlan"));
        assert_eq!(subplans.count(), 2, "{query}: {plan}");
    }
}

async fn plan(db: &TestDb, query: &str) -> String {
    let tenant = Tenant::parse("Cust1").unwrap();
    let query = Query::parse(query).unwrap();
    let search = query.resolve(&Known::default(), &TimeZone::UTC).unwrap();
    let plans = [
        db.store
            .explain_search(&tenant, &search, false, 101)
            .await
            .unwrap(),
        db.store
            .explain_search(&tenant, &search, true, 101)
            .await
            .unwrap(),
    ];
    plans.concat().join("\n")
}
