//! The log in Postgres. The only place that names sqlx and that holds SQL.

mod activity;
mod actor_days;
mod appender;
mod arrival;
mod bulk;
mod conflict;
mod content;
mod daily;
mod delivery;
mod desk;
mod doubt;
mod error;
mod event;
mod feed;
mod follow;
mod header_set;
mod history;
mod label;
mod log;
mod lookups;
mod origin;
mod outage;
mod own_report;
mod parked;
pub mod projection;
mod provision;
mod quote;
mod read;
mod report;
mod reprocess;
mod search;
mod session;
mod setting;
mod sql_user;
mod statistics;
mod tenant;
mod ticket_events;
mod token;

use std::{collections::BTreeMap, fmt, path::Path, str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{sync::watch, time::timeout};

pub use self::{
    actor_days::{ByField, COUNTED_CHANGES},
    appender::Appender,
    bulk::{Bulk, Rows},
    desk::{Desk, DeskPage},
    error::StoreError,
    feed::{HookHour, SeenSign},
    follow::{FollowError, Follower, LogEnd, PageSize, Replaced},
    history::{TicketDiff, TicketEvents, TicketHistory},
    label::{LabelFilter, LabelVersion},
    parked::ParkedFilter,
    provision::{READERS, provision},
    read::{EventDetail, SeenDelivery},
    report::{ReportAnswer, ReportRows, built_in_reports},
    sql_user::{NewSqlUser, Opening, Overdue, SqlUserError},
    tenant::TenantSummary,
};

use self::{
    label::KeptLabels, lookups::Lookups, outage::KeptOutages, own_report::ReportLogins, search::FEW,
};
use crate::domain::ids::{Position, Tenant};

static MIGRATOR: Migrator = sqlx::migrate!();

/// Connections for reads: what a pool of this size cannot serve, two cores could not either.
const READ_CONNECTIONS: u32 = 10;

/// For sessions that read. Statements are planned for the table and the page that they meet: a plan kept from when
/// the table was small, or made for a page of any length, walks and sorts a whole tenant. And compiling takes
/// half a second for what takes a millisecond. Only a projection that is built from nothing keeps anybody from reading
/// (see [`Claim::strip`](projection::Claim::strip)), and whoever waited for that would keep sessions from others.
const READING: &str =
    "SET plan_cache_mode = force_custom_plan; SET jit = off; SET lock_timeout = '2s'";

/// For searches, which people may make as broad as they like. Longest that one may take: enough to count a hundred
/// million changes, and short enough that one which reads everything cannot keep others from reading for long. A row looked up
/// costs twice as much as one read in turn, not four times: those of a ticket stand near each other, or in memory.
const SEARCHING: &str = "SET plan_cache_mode = force_custom_plan; SET jit = off; SET statement_timeout = '30s'; \
     SET lock_timeout = '2s'; SET random_page_cost = 2; \
     SET default_transaction_read_only = on";

/// Rest after which a connection is tried before it is used. To try it before each statement, as the pool would, is
/// a tenth of the time of a short one; and one that breaks in between is told of by its statement.
const TRIED_AFTER: Duration = Duration::from_secs(1);

/// Longest wait for a connection: beyond it the sender would give up anyway.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Key of the transaction lock under which one process at a time migrates; any constant will do.
const MIGRATION_LOCK: i64 = 0x7469_636b_6574;

/// The name of the role and of the database that a private cluster gives the service. Not a superuser:
/// those are above the privileges that keep the log append-only.
pub const SERVICE: &str = "ticketlog";

/// Where a database is and as whom to log in. Its Debug shows nothing, for it may hold a password.
#[derive(Clone)]
pub struct Address(PgConnectOptions);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

impl Address {
    /// Reads a `postgres://` URL.
    ///
    /// # Errors
    /// [`StoreError::Address`] if it is none.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            let other = sqlx::Error::Configuration("it does not start with postgres://".into());
            return Err(StoreError::Address(other));
        }
        PgConnectOptions::from_str(url)
            .map(Self)
            .map_err(StoreError::Address)
    }

    /// A database behind a Unix socket, as this role.
    pub fn of_socket(socket_dir: &Path, port: u16, role: &str, database: &str) -> Self {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(socket_dir)
            .port(port)
            .username(role)
            .database(database);
        Self(options)
    }
}

/// The greatest position that this process has appended to each tenant's log.
pub type Appended = BTreeMap<Tenant, Position>;

/// A database that holds the log. Cloning shares its connections.
#[derive(Clone)]
pub struct Store {
    options: Arc<PgConnectOptions>,
    reads: PgPool,
    searches: PgPool,
    /// See [`FEW`].
    few: i64,
    lookups: Lookups,
    outages: KeptOutages,
    labels: KeptLabels,
    report_logins: ReportLogins,
    appended: watch::Sender<Appended>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Connects and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the database cannot be reached, [`StoreError::Migration`] if it
    /// holds a schema that this program does not know.
    pub async fn open(address: &Address) -> Result<Self, StoreError> {
        let options = address.0.clone().application_name("ticketlog");
        let store = Self {
            reads: pool(&options, READING),
            searches: pool(&options, SEARCHING),
            few: FEW,
            lookups: Lookups::new(&options)?,
            options: Arc::new(options),
            outages: KeptOutages::default(),
            labels: KeptLabels::default(),
            report_logins: ReportLogins::default(),
            appended: watch::Sender::default(),
        };
        store.migrate().await?;
        Ok(store)
    }

    /// Runs what migrations are missing, one process at a time.
    ///
    /// The lock belongs to a transaction, because a session's would not survive a pooler; so it takes
    /// a connection of its own.
    async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.connect().await?;
        let mut lock = connection.begin().await?;
        sqlx::query!("SELECT pg_advisory_xact_lock($1) AS _lock", MIGRATION_LOCK)
            .fetch_one(&mut *lock)
            .await?;
        let migrator = Migrator {
            migrations: MIGRATOR.migrations.clone(),
            locking: false,
            ..Migrator::DEFAULT
        };
        let mut session = self.connect().await?;
        migrator
            .run_direct(None, &mut session, false)
            .await
            .map_err(unmigrated)?;
        session.close().await?;
        lock.commit().await?;
        connection.close().await?;
        Ok(())
    }

    /// A connection outside the pool, which would try for its whole time-out before it says why it cannot
    /// connect.
    async fn connect(&self) -> Result<PgConnection, StoreError> {
        self.connect_with(&self.options).await
    }

    async fn connect_with(&self, options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
        if self.reads.is_closed() {
            return Err(sqlx::Error::PoolClosed.into());
        }
        let connecting = PgConnection::connect_with(options);
        match timeout(ACQUIRE_TIMEOUT, connecting).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// Answers if the database does.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query!("SELECT 1 AS one")
            .fetch_one(&self.reads)
            .await?;
        Ok(())
    }

    /// Changes each time this process has appended a batch, whether or not there was an event in it.
    ///
    /// A hint and no more: other processes append too, and a database restored from a backup goes back.
    /// So whoever waits for events also looks at the head from time to time.
    pub fn appended(&self) -> watch::Receiver<Appended> {
        self.appended.subscribe()
    }

    /// Returns when the store is closed.
    async fn closed(&self) {
        self.reads.close_event().await;
    }

    /// Closes the connections for reads, once what runs on them has ended. Appenders connect no more.
    pub async fn close(&self) {
        self.reads.close().await;
        self.searches.close().await;
        self.lookups.close();
    }
}

/// Connections that begin with some settings.
fn pool(options: &PgConnectOptions, settings: &'static str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(READ_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRIED_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(settings).execute(connection).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone())
}

/// A connection that broke in the middle is no fault of the schema.
fn unmigrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)
            if error.as_database_error().is_none() =>
        {
            error.into()
        }
        error => StoreError::Migration(error),
    }
}
