//! Events on one tick: the created one comes first, whatever its id, then the ids decide. Ids are chosen so that it
//! differs from the order of ids alone.

use serde_json::{Value, json};

use super::faces::ask;
use crate::support::{
    app::TestApp,
    payload::{Payload, changed, created},
};

const AT: &str = "2025-05-01T08:00:00Z";

/// With an id that begins with these two digits.
fn id(payload: Payload, digits: &str) -> Payload {
    payload.with(
        "EventId",
        format!("{digits}000000-0000-4000-8000-000000000001"),
    )
}

/// Three events on one tick and one an hour later: the ticket is created with the first owner and the first status.
async fn four_events(
    app: &TestApp,
    tenant: &str,
    ids: [&str; 3],
    owners: [i64; 4],
    statuses: [i64; 4],
) {
    for nth in [3, 2, 0, 1] {
        let payload = match nth {
            0 => id(created(1), ids[0]).at(AT),
            3 => id(changed(1), "77").at("2025-05-01T09:00:00Z"),
            nth => id(changed(1), ids[nth]).at(AT),
        };
        let payload = payload
            .tenant(tenant)
            .set("owned_by", owners[nth])
            .set("status", statuses[nth])
            .with("Changes", json!(["owned_by", "status", "replied_at"]));
        app.deliver(payload).await.assert(200);
    }
}

/// The columns of the rows of a report.
async fn rows<const N: usize>(
    app: &TestApp,
    tenant: &str,
    report: &str,
    given: &[(&str, &str)],
    columns: [&str; N],
) -> Value {
    let rows = ask(app, tenant, report, given).await;
    let rows = rows
        .iter()
        .map(|row| columns.map(|column| row[column].clone()).to_vec());
    json!(rows.collect::<Vec<_>>())
}

#[tokio::test]
async fn on_one_tick_a_ticket_is_created_before_anything_happens_to_it() {
    let app = TestApp::start().await;
    // Both are 8, 9, 8 on the tick and then 9: whether the created event's id is the greatest or the smallest.
    let (owners, statuses) = ([8, 9, 8, 9], [2, 1, 2, 1]);
    four_events(&app, "Greatest", ["ff", "01", "02"], owners, statuses).await;
    four_events(&app, "Smallest", ["01", "02", "03"], owners, statuses).await;
    app.settle().await;
    for tenant in ["Greatest", "Smallest"] {
        let found = rows(&app, tenant, "handovers", &[], ["from", "to", "count"]).await;
        assert_eq!(found, json!([[8, 9, 2], [9, 8, 1]]), "{tenant}");
        let found = rows(&app, tenant, "ping_pong", &[], ["a", "b", "count"]).await;
        assert_eq!(found, json!([[8, 9, 2]]), "{tenant}");
        let columns = ["reassignments", "ping_pong_tickets", "ping_pong_bounces"];
        let found = rows(&app, tenant, "owner_changes", &[], columns).await;
        assert_eq!(found, json!([[3, 1, 2]]), "{tenant}");
        let given = [("field", "owned_by")];
        let found = rows(&app, tenant, "transitions", &given, ["from", "to", "count"]).await;
        assert_eq!(found, json!([[8, 9, 2], [9, 8, 1]]), "{tenant}");
        let found = rows(&app, tenant, "reopens", &[], ["reopens", "tickets"]).await;
        assert_eq!(found, json!([[2, 1]]), "{tenant}");
        // It waited no time for its response, which the event after its first gave.
        let found = rows(
            &app,
            tenant,
            "first_response",
            &[],
            ["tickets", "median_seconds"],
        )
        .await;
        assert_eq!(found.to_string().replace(".0", ""), "[[1,0]]", "{tenant}");
    }
    // What closed it first is what created it.
    for (tenant, event) in [("Greatest", "ff"), ("Smallest", "01")] {
        let given = [("drill", "all")];
        let found = rows(&app, tenant, "resolution", &given, ["closed_event_id"]).await;
        let expected = format!("{event}000000-0000-4000-8000-000000000001");
        assert_eq!(found, json!([[expected]]));
    }
}

#[tokio::test]
async fn on_one_tick_a_value_that_lasted_no_time_was_held_in_its_turn() {
    let app = TestApp::start().await;
    // By ids alone it would have been 9, 8, 7.
    four_events(
        &app,
        "Cust1",
        ["ff", "01", "02"],
        [8, 9, 7, 7],
        [1, 1, 2, 1],
    )
    .await;
    app.settle().await;
    let found = rows(&app, "Cust1", "handovers", &[], ["from", "to", "count"]).await;
    assert_eq!(found, json!([[8, 9, 1], [9, 7, 1]]));
    // Of a window that begins with the last change, what was before is known all the same.
    let given = [("since", AT), ("until", "2025-05-01T08:00:01Z")];
    let found = rows(&app, "Cust1", "handovers", &given, ["from", "to", "count"]).await;
    assert_eq!(found, json!([[8, 9, 1], [9, 7, 1]]));
    let found = rows(&app, "Cust1", "ping_pong", &[], ["count"]).await;
    assert_eq!(found, json!([]));
}
