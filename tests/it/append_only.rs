//! Nobody alters the log: not the service, not its owner after a re-grant, not a superuser by accident.

use sqlx::{Executor, PgConnection};

use crate::support::{
    app::TestApp,
    payload::{self, Payload},
};

/// Each table of the log with one of its columns.
const TABLES: [(&str, &str); 6] = [
    ("event", "body"),
    ("delivery", "headers"),
    ("parked", "body"),
    ("reprocessed", "tenant"),
    ("feed_fact", "hook"),
    ("header_set", "headers"),
];

/// The log with a row in each of its tables, one of `header_set` because the same headers came again; gives the event.
async fn filled() -> (TestApp, Payload) {
    let app = TestApp::start().await;
    let payload = payload::created(1);
    for body in [
        (&payload).into(),
        (&payload).into(),
        bytes::Bytes::from("parked"),
    ] {
        app.deliver(body).await.assert(200);
    }
    let mut service = app.db.connect().await;
    let reprocessed = "INSERT INTO reprocessed
        SELECT parked_id, received_at, 'stored', 'Cust1', gen_random_uuid() FROM parked";
    service.execute(reprocessed).await.unwrap();
    let fact = "INSERT INTO feed_fact
        SELECT gen_random_uuid(), 'downtime', NULL, NULL, now(), now(), 1, now()";
    service.execute(fact).await.unwrap();
    (app, payload)
}

async fn refused(session: &mut PgConnection, who: &str) {
    for (table, column) in TABLES {
        for statement in [
            format!("UPDATE {table} SET {column} = ''"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let done = session
                .execute(sqlx::AssertSqlSafe(statement.clone()))
                .await;
            let Err(error) = done else {
                panic!("{who}: {statement} was carried out")
            };
            let code = error
                .as_database_error()
                .unwrap()
                .code()
                .unwrap()
                .into_owned();
            assert_eq!(code, "42501", "{who}: {statement}: {error}");
        }
    }
}

#[tokio::test]
async fn the_log_is_append_only() {
    let (app, _) = filled().await;
    let mut service = app.db.connect().await;
    refused(&mut service, "the service, which owns the tables").await;
    for (table, _) in TABLES {
        let grant = format!("GRANT UPDATE, DELETE, TRUNCATE ON {table} TO ticketlog");
        service.execute(sqlx::AssertSqlSafe(grant)).await.unwrap();
    }
    refused(&mut service, "the owner, after a re-grant").await;
    let mut superuser = app.db.connect_as_superuser().await;
    refused(&mut superuser, "a superuser").await;
    superuser
        .execute("SET session_replication_role = replica")
        .await
        .unwrap();
    refused(&mut superuser, "a superuser who plays a replica").await;
    for count in [
        "SELECT count(*) FROM event WHERE length(body) > 0",
        "SELECT count(*) FROM delivery",
        "SELECT count(*) FROM parked WHERE length(body) > 0",
        "SELECT count(*) FROM reprocessed WHERE tenant = 'Cust1'",
        "SELECT count(*) FROM feed_fact WHERE hook IS NULL",
        "SELECT count(*) FROM header_set WHERE headers <> ''",
    ] {
        assert_eq!(app.count(count).await, 1, "{count}");
    }
}

/// One text for all that the log holds.
async fn digest(session: &mut PgConnection) -> String {
    let rows = "SELECT string_agg(row, E'\\n' ORDER BY row) FROM (
            SELECT event::text AS row FROM event
            UNION ALL SELECT delivery::text FROM delivery
            UNION ALL SELECT parked::text FROM parked
            UNION ALL SELECT reprocessed::text FROM reprocessed
            UNION ALL SELECT feed_fact::text FROM feed_fact
            UNION ALL SELECT header_set::text FROM header_set) AS rows";
    sqlx::query_scalar(rows).fetch_one(session).await.unwrap()
}

/// Ways to alter a table, each with the operation that is refused.
fn alterations(table: &str, column: &str) -> [(&'static str, String); 6] {
    [
        ("UPDATE", format!("UPDATE {table} SET {column} = ''")),
        // Refused whether or not there is such a row.
        (
            "UPDATE",
            format!("UPDATE {table} SET {column} = '' WHERE false"),
        ),
        ("DELETE", format!("DELETE FROM {table} WHERE false")),
        (
            "DELETE",
            format!("WITH gone AS (DELETE FROM {table} RETURNING *) SELECT * FROM gone"),
        ),
        (
            "UPDATE",
            format!(
                "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ON CONSTRAINT {table}_pkey DO UPDATE SET {column} = ''"
            ),
        ),
        ("TRUNCATE", format!("TRUNCATE {table}, head CASCADE")),
    ]
}

/// Executes what must be refused; gives what Postgres says.
async fn refusal(session: &mut PgConnection, statement: &str) -> String {
    let done = session
        .execute(sqlx::AssertSqlSafe(statement.to_owned()))
        .await;
    let Err(error) = done else {
        panic!("{statement} was carried out")
    };
    error.as_database_error().unwrap().message().to_owned()
}

#[tokio::test]
async fn privileges_and_trigger_refuse_each_on_its_own_and_every_row_stays_as_it_was() {
    let (app, payload) = filled().await;
    let mut service = app.db.connect().await;
    let mut superuser = app.db.connect_as_superuser().await;
    let before = digest(&mut superuser).await;
    assert_eq!(before.lines().count(), TABLES.len());
    let owner: String =
        sqlx::query_scalar("SELECT tableowner FROM pg_tables WHERE tablename = 'event'")
            .fetch_one(&mut service)
            .await
            .unwrap();
    assert_eq!(owner, "ticketlog");
    for (table, column) in TABLES {
        let statements = alterations(table, column);
        for (_, statement) in &statements {
            let said = refusal(&mut service, statement).await;
            assert_eq!(
                said,
                format!("permission denied for table {table}"),
                "{statement}"
            );
        }
        let grant = format!("GRANT ALL ON {table} TO ticketlog");
        service.execute(sqlx::AssertSqlSafe(grant)).await.unwrap();
        for role in ["origin", "replica", "local"] {
            let play = format!("SET session_replication_role = {role}");
            superuser.execute(sqlx::AssertSqlSafe(play)).await.unwrap();
            for (operation, statement) in &statements {
                let expected = format!("table \"{table}\" is append-only: {operation} is refused");
                assert_eq!(
                    refusal(&mut service, statement).await,
                    expected,
                    "{statement}"
                );
                assert_eq!(
                    refusal(&mut superuser, statement).await,
                    expected,
                    "{role}: {statement}"
                );
            }
        }
    }
    assert_eq!(digest(&mut superuser).await, before);
    // And it still takes what is new.
    app.deliver(&payload).await.assert(200);
    app.deliver(payload::changed(1)).await.assert(200);
}
