//! Nobody alters the log: not the service, not its owner after a re-grant, not a superuser by accident.

use sqlx::{Executor, PgConnection};

use crate::support::{app::TestApp, payload};

const TABLES: [&str; 3] = ["event", "delivery", "parked"];

async fn refused(session: &mut PgConnection, who: &str) {
    for table in TABLES {
        for statement in [
            format!("UPDATE {table} SET body = ''"),
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
    refused(&mut service, "the service, which owns the tables").await;
    for table in TABLES {
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
    ] {
        assert_eq!(app.count(count).await, 1, "{count}");
    }
}
