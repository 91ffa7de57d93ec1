//! SQL users: analysts, who log in to Postgres and read the schema `report`. What they may be called, and what is
//! known of one.

mod password;

use std::{collections::BTreeSet, fmt};

use jiff::SignedDuration;
use serde::Serialize;

use super::ids::Tenant;

pub use self::password::Password;

/// Longest name of a role in Postgres, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// Names that stand for something else where a role is named, or are ours.
const TAKEN: [&str; 5] = [
    "public",
    "none",
    "postgres",
    "ticketlog",
    "ticketlog_reader",
];

/// The name of a SQL user, which is that of a role: a letter, then letters, digits and `_`, all of them small, 63 at
/// most, so that it needs no quoting wherever it is typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SqlUserName(String);

/// Not the name of a SQL user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlUserNameError {
    /// Characters or length.
    #[error(
        "a small letter and then small letters, digits and '_', 63 at most, like acme_bi: Postgres would want quotes \
         around anything else"
    )]
    Shape,
    /// It has a meaning already.
    #[error("Postgres or this program calls something else by that name")]
    Taken,
}

impl SqlUserName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`SqlUserNameError`], with what would be right.
    pub fn parse(name: &str) -> Result<Self, SqlUserNameError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let shape = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= MAX_NAME_BYTES
            && name.chars().all(plain);
        if !shape {
            return Err(SqlUserNameError::Shape);
        }
        if TAKEN.contains(&name) || name.starts_with("pg_") {
            return Err(SqlUserNameError::Taken);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SqlUserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of somebody who reads the schema `report`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlUser {
    /// The role, which need not be one of ours.
    pub name: String,
    /// The tenants that it sees.
    pub tenants: BTreeSet<Tenant>,
    /// Whether we made it, or somebody only gave tenants to a role of their own, or the role is gone.
    pub origin: SqlUserOrigin,
    /// What a statement of its may take if it asks for nothing else; `None` for what the database says.
    pub statement_timeout: Option<SignedDuration>,
    /// Its open connections.
    pub sessions: i64,
}

/// Where a SQL user comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlUserOrigin {
    /// Made by `sql-user create` for this database, which `sql-user drop` may undo.
    Ours,
    /// A role that somebody else made.
    Foreign,
    /// There is no such role (any more).
    Gone,
}

impl SqlUserOrigin {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Foreign => "foreign",
            Self::Gone => "gone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SqlUserName, SqlUserNameError};

    #[test]
    fn a_name_needs_no_quotes_and_means_nothing_else() {
        for good in ["a", "acme_bi", "kari2", &"a".repeat(63)] {
            assert_eq!(SqlUserName::parse(good).unwrap().as_str(), good);
        }
        for shape in [
            "",
            "_a",
            "2a",
            "Acme",
            "acme-bi",
            "acme bi",
            "a;b",
            "a\"b",
            "a'b",
            "a\\b",
            "å",
            &"a".repeat(64),
        ] {
            assert_eq!(
                SqlUserName::parse(shape),
                Err(SqlUserNameError::Shape),
                "{shape}"
            );
        }
        for taken in ["public", "none", "postgres", "ticketlog", "pg_monitor"] {
            assert_eq!(
                SqlUserName::parse(taken),
                Err(SqlUserNameError::Taken),
                "{taken}"
            );
        }
    }
}
