//! What a SQL user typically asks is served by indexes, and reads its own tenant's part of them: through the views,
//! which are security barriers, a condition gets no further down than Postgres dares.

use super::{ask, create, unique};
use crate::support::{app::TestApp, cluster::TestDb};

/// Twenty tenants of the same size, worth an index each: 100,000 changes, 40,000 intervals, events and entries, of 4,000
/// tickets in all over a year, and 8,000 labels.
const ROWS: &str = "
    CREATE TEMPORARY TABLE row AS
    SELECT n, 'Cust' || n % 20 AS tenant, 1 + n / 20 % 200 AS ticket, gen_random_uuid() AS id,
           17356896000000000 + n * 3150000000 AS ticks, n / 20 % 50 AS actor
    FROM generate_series(0::bigint, 99999) AS n;
    INSERT INTO head (tenant, log_id, position, stored_at)
    SELECT tenant, gen_random_uuid(), count(*), now() FROM row WHERE n < 40000 GROUP BY tenant;
    INSERT INTO projection (tenant, position, tickets, undated, conflicts, facts, signs, settled, outage_from, outage_to)
    SELECT tenant, position, 200, 0, 0, 0, 0, true, '{}', '{}' FROM head;
    INSERT INTO change (tenant, ticket, event_id, nth, position, ticks, actor, field, kind, declared, noise, from_key, to_key)
    SELECT tenant, ticket, id, 0, 1 + n / 20, ticks, actor,
           (ARRAY['status', 'ticket_status', 'priority', 'owned_by', 'last_changed', 'category', 'cust_id'])[1 + n / 20 % 7],
           'changed', true, n / 20 % 7 = 4, (n / 7 % 9)::text, (n / 7 % 50)::text
    FROM row;
    INSERT INTO field_interval (tenant, ticket, field, from_event, from_ticks, until_event, until_ticks, value, key)
    SELECT tenant, ticket, (ARRAY['status', 'priority'])[1 + n / 20 % 2], id, ticks, gen_random_uuid(),
           ticks + 70000000000, (n / 7 % 50)::text, (n / 7 % 50)::text
    FROM row WHERE n < 40000;
    INSERT INTO event (tenant, position, event_id, ticket, occurred_ticks, occurred_text, received_at, stored_at,
                       arrival_id, origin, name, headers, body_sha256, body)
    SELECT tenant, 1 + n / 20, id, ticket, ticks, '', now(), now(), id, 'import', 'ticket.changed', '', sha256('{}'), '{}'
    FROM row WHERE n < 40000;
    INSERT INTO entry (tenant, ticket, event_id, position, ticks, creates, actor, after_ticks, confidence, reasons)
    SELECT tenant, ticket, id, 1 + n / 20, ticks, false, actor, ticks - 600000000,
           CASE WHEN n / 20 % 50 = 0 THEN 'suspect' ELSE 'consistent' END, '{}'
    FROM row WHERE n < 40000;
    INSERT INTO ticket (tenant, ticket, events, undated, first_ticks, last_ticks, consistent, unproven, suspect)
    SELECT tenant, ticket, count(*), 0, min(ticks), max(ticks), 1, 0, 0 FROM row GROUP BY tenant, ticket;
    INSERT INTO label (tenant, list, id, valid_ticks, label, source, recorded_at)
    SELECT tenant, list, id, -9223372036854775808, 'so it is called', 'api', now()
    FROM head, unnest(ARRAY['status', 'priority', 'owned_by', 'actor']) AS list, generate_series(1, 100) AS id;
    ANALYZE head, change, field_interval, event, entry, ticket, label";

/// Of May, by the columns that an index serves.
const MAY: &str = "occurred_ticks >= report.ticks('2025-05-01Z') AND occurred_ticks < report.ticks('2025-06-01Z')";

/// The tables that have rows of all tenants, a great many.
const LARGE: [&str; 6] = [
    "change",
    "field_interval",
    "event",
    "entry",
    "ticket",
    "label",
];

/// A query, and the beginning of the name of the index that serves it.
const QUERIES: [(&str, &str); 21] = [
    ("SELECT * FROM change WHERE {may}", "change_by_time"),
    (
        "SELECT * FROM change WHERE tenant = 'Cust7' AND {may}",
        "change_by_",
    ),
    (
        "SELECT to_key, count(*) FROM change WHERE field = 'status' AND {may} GROUP BY to_key",
        "change_",
    ),
    (
        "SELECT count(*) FROM change WHERE field = 'status' AND kind = 'changed' AND {may}",
        "change_",
    ),
    (
        "SELECT * FROM change WHERE field = 'status' AND to_key = '2' AND {may}",
        "change_",
    ),
    (
        "SELECT * FROM change WHERE actor_id = 19 AND {may}",
        "change_by_actor",
    ),
    ("SELECT * FROM change WHERE ticket = 45", "change_by_ticket"),
    (
        "SELECT * FROM change_all WHERE ticket = 45",
        "change_by_ticket",
    ),
    (
        "SELECT * FROM event WHERE ticket = 45 ORDER BY position",
        "event_by_ticket",
    ),
    ("SELECT * FROM event WHERE position = 45", "event_pkey"),
    ("SELECT * FROM entry WHERE ticket = 45", "entry_pkey"),
    ("SELECT * FROM entry WHERE {may}", "entry_by_time"),
    ("SELECT * FROM ticket WHERE ticket = 45", "ticket_pkey"),
    (
        "SELECT * FROM ticket WHERE tenant = 'Cust7' ORDER BY last_at DESC LIMIT 10",
        "ticket_",
    ),
    (
        "SELECT * FROM field_interval WHERE ticket = 45",
        "field_interval_by_ticket",
    ),
    (
        "SELECT * FROM field_interval WHERE field = 'status' AND from_ticks >= report.ticks('2025-05-01Z')",
        "field_interval_by_field",
    ),
    (
        "SELECT key, sum(seconds) FROM field_interval WHERE field = 'status' GROUP BY key",
        "field_interval_by_field",
    ),
    (
        "SELECT * FROM field_interval WHERE field = 'status' AND key = '3'",
        "field_interval_by_",
    ),
    (
        "SELECT * FROM completeness WHERE state <> 'consistent'",
        "entry_in_doubt",
    ),
    // An instant computed from a column serves no index: all of the tenant is read, and no more.
    (
        "SELECT * FROM change WHERE occurred_at >= '2025-05-01Z'",
        "change_",
    ),
    // Postgres takes a reader for one of ten tenants, which may be half of a table: the name helps where nothing else does.
    (
        "SELECT count(*) FROM change WHERE tenant = 'Cust7'",
        "change_",
    ),
];

/// The same with the time that they ask for.
fn queries() -> impl Iterator<Item = (String, &'static str)> {
    let queries = QUERIES.into_iter();
    queries.map(|(sql, index)| (sql.replace("{may}", MAY), index))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sql_user_asks_is_served_by_indexes_and_stays_in_its_tenant() {
    let app = TestApp::start_with(TestDb::create().await, false).await;
    ask(&app.db.url(), ROWS).unwrap();
    let url = create(&app, &unique(&app, "plans"), &["Cust7"]);
    for (sql, index) in queries() {
        let plan = ask(&url, &format!("EXPLAIN (COSTS OFF) {sql}")).unwrap();
        assert!(
            plan.contains(&format!(" {index}")),
            "{sql}: not by {index}: {plan}"
        );
        for table in LARGE {
            // Perhaps under another name in the query.
            let all = |line: &str| format!("{line} ").contains(&format!("Seq Scan on {table} "));
            assert!(!plan.lines().any(all), "{sql}: {plan}");
        }
        let looks = plan.lines().filter(|line| line.contains("Index Cond"));
        // Those of the fence itself ask who is logged in.
        let looks: Vec<&str> = looks
            .filter(|line| !line.contains("SESSION_USER") && !line.contains("(oid = "))
            .collect();
        assert!(!looks.is_empty(), "{sql}: {plan}");
        for look in looks {
            assert!(look.contains("tenant = "), "{sql}: {plan}");
        }
    } // And a label by its list: else all names of all lists are read for each row.
    for sql in [
        "SELECT from_label, to_label_now FROM change WHERE ticket = 45",
        "SELECT label, label_now FROM field_interval WHERE ticket = 45",
    ] {
        let plan = ask(&url, &format!("EXPLAIN (COSTS OFF) {sql}")).unwrap();
        let by_list = |line: &&str| line.contains("Index Cond") && line.contains(".field)");
        assert_eq!(plan.lines().filter(by_list).count(), 2, "{sql}: {plan}");
    }
}
