//! What can go wrong with the store, by what a caller would do about it.

/// Failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection, a time-out, a restart, a full disk: the same call may work later.
    #[error("the database cannot be reached")]
    Unavailable(#[source] sqlx::Error),
    /// Postgres understood and refused *these values*: other rows of the batch may be fine.
    #[error("the database refused the statement")]
    Refused(#[source] sqlx::Error),
    /// A search took longer than it may.
    #[error("the search takes longer than 30 s")]
    TooBroad,
    /// A report took longer than it may.
    #[error("the report takes longer than 60 s")]
    TooLong,
    /// A report of the operator's own cannot be run: why.
    #[error("the report cannot be run: {0}")]
    Report(String),
    /// What is stored is not what we store.
    #[error("a stored row cannot be read: {table}.{column} of {row}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Enough to find the row.
        row: String,
    },
    /// The schema could not be brought up to date.
    #[error("the database's schema cannot be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Not the address of a database.
    #[error("not a database URL like postgres://user:password@host:5432/database")]
    Address(#[source] sqlx::Error),
}

impl StoreError {
    /// Of a search: its own time-out is no failure of the database.
    pub(super) fn of_search(error: sqlx::Error) -> Self {
        if is_canceled(&error) {
            return Self::TooBroad;
        }
        error.into()
    }

    /// Of a report: so is its own.
    pub(super) fn of_report(error: sqlx::Error) -> Self {
        if is_canceled(&error) {
            return Self::TooLong;
        }
        error.into()
    }

    /// True if a table was locked for longer than whoever reads waits: a projection is built from nothing.
    pub fn is_locked_out(&self) -> bool {
        matches!(self, Self::Unavailable(error) if has_code(error, "55P03"))
    }

    /// What Postgres said of the values that it refused.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(sqlx::Error::Database(error)) => Some(error.message()),
            _ => None,
        }
    }
}

/// `query_canceled`: the statement's time-out, for nobody else cancels ours.
pub(super) fn is_canceled(error: &sqlx::Error) -> bool {
    has_code(error, "57014")
}

/// `feature_not_supported`.
pub(super) fn is_unsupported(error: &sqlx::Error) -> bool {
    has_code(error, "0A000")
}

/// `lock_not_available`, `insufficient_privilege`, `feature_not_supported`: not now, or not for us.
pub(super) fn is_denied(error: &sqlx::Error) -> bool {
    ["55P03", "42501", "0A000"]
        .iter()
        .any(|code| has_code(error, code))
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    let found = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    found.as_deref() == Some(code)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_about_values(&error) {
            Self::Refused(error)
        } else {
            Self::Unavailable(error)
        }
    }
}

/// True for the classes of SQLSTATE that blame the values: 22 data exception, 23 integrity constraint
/// violation, 54 program limit exceeded; P0, which a trigger of the operator's raises; and XX internal
/// error, which a damaged index page gives for the rows that belong there. All else (locks, shutdown,
/// privileges, disk) would meet every other row as well.
fn is_about_values(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else {
        return false;
    };
    database.code().is_some_and(|code| {
        ["22", "23", "54", "P0", "XX"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}
