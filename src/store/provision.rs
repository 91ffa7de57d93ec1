//! What a private cluster needs before the service can use it: its role, its database, and a place for SQL users.

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{ACQUIRE_TIMEOUT, Address, SERVICE, StoreError, quote::identifier};

/// The group of all SQL users of a private cluster, by which it knows whom to let in from the network.
pub const READERS: &str = "ticketlog_reader";

/// Makes the service's role and database in a private cluster, and makes it ready for SQL users, where that is not
/// done yet. Several processes may do so at once: `serve` in its first second, and a command beside it.
///
/// # Errors
/// [`StoreError::Unavailable`] or [`StoreError::Refused`], as the superuser's session answers.
pub async fn provision(superuser: &Address, database: &str) -> Result<(), StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(superuser.0.clone());
    if !has_role(&pool, SERVICE).await? {
        let created = sqlx::query("CREATE ROLE ticketlog LOGIN")
            .execute(&pool)
            .await;
        unless_there(created, has_role(&pool, SERVICE).await?)?;
    }
    if !has_database(&pool, database).await? {
        let create = format!("CREATE DATABASE {} OWNER ticketlog", identifier(database));
        let created = sqlx::query(sqlx::AssertSqlSafe(create))
            .execute(&pool)
            .await;
        unless_there(created, has_database(&pool, database).await?)?;
    }
    if !has_role(&pool, READERS).await? {
        let opened = open_to_readers(&superuser.0.clone().database(database)).await;
        if !has_role(&pool, READERS).await? {
            opened?;
        }
    }
    pool.close().await;
    Ok(())
}

/// Lets the service make SQL users, and takes from them what only a superuser can take: to store large objects,
/// which would fill the disk, and to hold the locks under which one process at a time migrates. Makes the group last,
/// so that where it is, all is done.
async fn open_to_readers(superuser: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut session = PgConnection::connect_with(superuser).await?;
    sqlx::raw_sql(
        "DO $$
        DECLARE name regprocedure;
        BEGIN
            -- Several processes may be here at once; the others then find it done.
            PERFORM pg_advisory_xact_lock(x'7469636b6575'::bigint);
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ticketlog_reader') THEN
                RETURN;
            END IF;
            ALTER ROLE ticketlog CREATEROLE;
            -- In 14 the schema belongs to the superuser, and only its owner can close it.
            ALTER SCHEMA public OWNER TO pg_database_owner;
            FOR name IN
                SELECT oid FROM pg_proc
                WHERE pronamespace = 'pg_catalog'::regnamespace
                  AND (proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')
                       OR proname ~ '^pg_(try_)?advisory_(xact_)?lock')
            LOOP
                EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', name);
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ticketlog', name);
            END LOOP;
            CREATE ROLE ticketlog_reader NOLOGIN;
            GRANT ticketlog_reader TO ticketlog WITH ADMIN OPTION;
        END $$",
    )
    .execute(&mut session)
    .await?;
    session.close().await
}

/// That something could not be made is no error if another process made it meanwhile.
fn unless_there<T>(created: Result<T, sqlx::Error>, there: bool) -> Result<(), StoreError> {
    match created {
        Err(error) if !there => Err(error.into()),
        _ => Ok(()),
    }
}

async fn has_role(pool: &PgPool, role: &str) -> Result<bool, StoreError> {
    let found = sqlx::query!("SELECT 1 AS one FROM pg_roles WHERE rolname = $1", role)
        .fetch_optional(pool)
        .await?;
    Ok(found.is_some())
}

async fn has_database(pool: &PgPool, database: &str) -> Result<bool, StoreError> {
    let found = sqlx::query!(
        "SELECT 1 AS one FROM pg_database WHERE datname = $1",
        database
    )
    .fetch_optional(pool)
    .await?;
    Ok(found.is_some())
}
