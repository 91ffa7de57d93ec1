//! On 200,000 events no question walks a table: told by the tables' own statistics, so that it holds for the
//! statements the program really sends.

use sqlx::Row;
use ticketlog::project;

use crate::support::{
    app::TestApp,
    cluster::TestDb,
    program::{printed, ticketlog},
};

/// Rows that a question may read of a table: a page and what is looked up for it, not a part of the whole.
const MOST_ROWS: i64 = 40_000;

/// What is asked, and a word for it. The tenant has 20,000 tickets.
const QUESTIONS: [&str; 21] = [
    "/v1/tenants/Big/tickets",
    "/v1/tenants/Big/tickets?order=-last",
    "/v1/tenants/Big/tickets?status=1",
    "/v1/tenants/Big/tickets?status=1&priority=2",
    "/v1/tenants/Big/tickets?as_of=2023-06-30T12:00:00Z",
    "/v1/tenants/Big/tickets?status=2&as_of=2024-06-30T12:00:00Z",
    "/v1/tenants/Big/tickets/777",
    "/v1/tenants/Big/tickets/777/timeline",
    "/v1/tenants/Big/tickets/777?as_of=2024-01-01T00:00:00Z",
    "/v1/tenants/Big/changes?actor=19&since=2024-03-04T00:00:00Z&until=2024-03-05T00:00:00Z",
    "/v1/tenants/Big/changes?field=owned_by&since=2024-03-04T00:00:00Z&until=2024-03-05T00:00:00Z",
    "/v1/tenants/Big/changes?q=owned_by+changed+to+7+after+2024-03-01&order=desc",
    "/v1/tenants/Big/completeness?limit=100",
    "/v1/tenants/Big/actors/19?since=2024-03-04T00:00:00Z&until=2024-03-05T00:00:00Z",
    "/v1/tenants/Big/events?after=123456",
    "/v1/tenants/Big/changes?return=matrix&q=by+19+on+2024-03-04",
    "/v1/tenants/Big/actors/19/days?days=366",
    "/t/Big/audit",
    "/t/Big/audit?q=owned_by+changed+on+2024-03-04&as=tickets",
    "/t/Big/audit?q=on+2024-03-04&as=counts",
    "/t/Big/actors/19",
];

#[tokio::test]
async fn no_question_walks_a_table() {
    let db = TestDb::create().await;
    let mut command = ticketlog(["generate", "--tenant", "Big", "--events", "200000"]);
    command
        .args(["--tickets", "20000", "--database-url"])
        .arg(db.url());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{:?}", printed(&output));
    project::catch_up_all(&db.store).await.unwrap();
    // As autovacuum does within a minute. Before that Postgres may walk and sort what is small yet.
    let mut session = db.connect().await;
    sqlx::raw_sql("VACUUM ANALYZE")
        .execute(&mut session)
        .await
        .unwrap();
    let mut wrong = Vec::new();
    for question in QUESTIONS {
        // A service of its own: its statistics are told when its sessions end.
        let before = read(&db).await;
        let app = TestApp::start_with(db.again().await, false).await;
        let answer = app.get(question).await;
        assert_eq!(answer.status, 200, "{question}: {answer:?}");
        app.db.store.close().await;
        let after = read(&db).await;
        for (before, after) in before.iter().zip(&after) {
            let (table, walks, rows) = (&after.0, after.1 - before.1, after.2 - before.2);
            if walks > 0 || rows > MOST_ROWS {
                wrong.push(format!(
                    "{question} walks {table} {walks} times, reads {rows} rows"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Of each large table its name, how often it was walked, and how many rows were read through its indexes.
async fn read(db: &TestDb) -> Vec<(String, i64, i64)> {
    let statement = "
        SELECT relname::text, seq_scan, COALESCE(idx_tup_fetch, 0)
        FROM pg_stat_user_tables
        WHERE relname IN ('event', 'ticket', 'entry', 'change', 'field_interval') ORDER BY relname";
    let mut session = db.connect().await;
    let rows = sqlx::query(statement)
        .fetch_all(&mut session)
        .await
        .unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}
