//! What a SQL user cannot find out either: whether another tenant has such a row.

use super::{ask, create, start, unique};
use crate::support::payload::{changed, created};

/// Without the scans that an index bounds to the reader's tenants.
const BARE: &str =
    "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off";

/// What Cust2 alone has, and what nobody has.
const CONDITIONS: [(&str, &str, &str, &str); 17] = [
    ("change", "ticket = ?", "640077", "640078"),
    ("change", "to_key = ?", "'640011'", "'640012'"),
    ("change_all", "ticket = ? AND noise", "640077", "640078"),
    (
        "change_all",
        "event_id IS NOT NULL AND ticket = ?",
        "640077",
        "640078",
    ),
    ("field_interval", "ticket = ?", "640077", "640078"),
    (
        "field_interval_all",
        "key = ? AND until_ticks IS NULL",
        "'640011'",
        "'640012'",
    ),
    ("entry", "ticket = ?", "640077", "640078"),
    ("event", "ticket = ?", "640077", "640078"),
    ("event", "tenant = ?", "'Cust2'", "'Cust8'"),
    ("completeness", "ticket = ?", "640077", "640078"),
    ("ticket", "ticket = ?", "640077", "640078"),
    ("ticket", "tenant = ?", "'Cust2'", "'Cust8'"),
    ("label", "label = ?", "'only in Cust2'", "'only in Cust8'"),
    ("label", "id = ? AND list = 'actor'", "640077", "640078"),
    ("label", "id = ? AND list = 'owned_by'", "640088", "640089"),
    ("tenant", "tenant = ?", "'Cust2'", "'Cust8'"),
    ("tenant", "head > 0 AND tenant = ?", "'Cust2'", "'Cust8'"),
];

/// Not only that no row comes out: the plan with what was read and what was run is the same, whatever it costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_does_not_tell_whether_another_tenant_has_such_a_row() {
    let app = start().await;
    for body in [created(640_077), changed(640_077).set("priority", 640_011)] {
        app.deliver(body.tenant("Cust2")).await.assert(200);
    }
    app.settle().await;
    let theirs = "INSERT INTO label (tenant, list, id, valid_ticks, label, source, recorded_at)
                  VALUES ('Cust2', 'actor', 640077, -9223372036854775808, 'theirs', 'api', now());
                  INSERT INTO label_bridge VALUES ('Cust2', 640088, 640077, 'api', now());
                  INSERT INTO tenant_setting VALUES ('Cust2', 'Europe/Oslo')";
    ask(&app.db.url(), theirs).unwrap();
    let url = create(&app, &unique(&app, "plan"), &["Cust1"]);
    for (view, condition, theirs, nobodys) in CONDITIONS {
        let plan = |value: &str| {
            let condition = condition.replace('?', value);
            let sql = format!(
                "{BARE}; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM {view} WHERE {condition}"
            );
            ask(&url, &sql).unwrap().replace(value, "?")
        };
        // The service sees the difference, so that there is one to be told.
        let count = |value: &str| {
            let condition = condition.replace('?', value);
            let sql = format!("SELECT count(*) > 0 FROM report.{view} WHERE {condition}");
            ask(&app.db.url(), &sql).unwrap()
        };
        if !condition.contains("noise") {
            assert_eq!(count(theirs), "t\n", "{view}: {condition}");
        }
        assert_eq!(count(nobodys), "f\n", "{view}: {condition}");
        assert_eq!(plan(theirs), plan(nobodys), "{view}: {condition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_in_the_schema_report_says_what_it_is() {
    let app = start().await;
    let url = create(&app, &unique(&app, "reader"), &["Cust1"]);
    let silent = "
        SELECT view.relname || COALESCE('.' || attname, '') FROM pg_class AS view
        LEFT JOIN LATERAL (SELECT NULL AS attname, 0 AS attnum UNION ALL
                           SELECT attname, attnum FROM pg_attribute WHERE attrelid = view.oid AND attnum > 0) AS part ON true
        WHERE view.relnamespace = 'report'::regnamespace
          AND COALESCE(CASE attnum WHEN 0 THEN obj_description(view.oid, 'pg_class')
                                   ELSE col_description(view.oid, attnum) END, '') = ''
        UNION ALL
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = 'report'::regnamespace AND COALESCE(obj_description(oid, 'pg_proc'), '') = ''";
    assert_eq!(ask(&url, silent).unwrap(), "");
    let all = "SELECT count(*) > 150 FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
               WHERE relnamespace = 'report'::regnamespace";
    assert_eq!(ask(&url, all).unwrap(), "t\n");
}
