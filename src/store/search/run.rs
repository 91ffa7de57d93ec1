//! How a search is run.
//!
//! Postgres likes to walk in the order of a list to the end of the page, in the belief that what is looked for lies evenly. What
//! tickets held does not: of those that were open on a day long ago, newest first, nothing may come for millions of changes. Nor
//! can it tell how many tickets those are: that some held a value says nothing to it of others, or of another day. So where a
//! search says what was held, few tickets are found first and named; else a walk has a second.

use std::collections::BTreeSet;

use sqlx::{
    Acquire, Executor, FromRow, PgExecutor, Postgres, QueryBuilder, Transaction, postgres::PgRow,
};

use super::tickets::{Tickets, conjuncts};
use crate::{
    domain::{
        ids::Tenant,
        search::{Filter, Search},
    },
    store::{Store, StoreError, error::is_canceled},
};

/// Most tickets that are looked at one by one for a page, a tenth of a second for all their changes. Of a million tickets, with
/// five thousand that are meant, a page of a hundred changes is not found much sooner by trying all changes in order.
pub(in crate::store) const FEW: i64 = 5000;

/// Where all changes are needed, ten times as many: a second, and reading a table of forty million takes some.
const MORE: i64 = 10;

/// One state of the projections for several statements: which tickets there are, and their changes.
const ONE_STATE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

/// How the rows of a page are come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// However soonest, by Postgres' reckoning.
    Walked,
    /// All that a search selects, of which the first are taken then.
    Sorted,
}

impl Store {
    /// As this one, but a search looks at so many tickets one by one, not at [`FEW`]. For tests of each way with a few.
    #[must_use]
    pub fn with_few(mut self, few: i64) -> Self {
        self.few = few;
        self
    }

    /// The rows of a statement that gives the first of what a search selects.
    ///
    /// # Errors
    /// [`StoreError::TooBroad`] if it takes longer than 30 s, [`StoreError::Unavailable`].
    pub(super) async fn fetch_page<R: Row>(
        &self,
        tenant: &Tenant,
        search: &Search,
        statement: impl Fn(&Search, How) -> QueryBuilder<Postgres>,
    ) -> Result<Vec<R>, StoreError> {
        if !search.filter.says_what_was_held() {
            return fetch(&self.searches, statement(search, How::Walked)).await;
        }
        let mut session = self.searches.begin_with(ONE_STATE).await?;
        let mut named = name_tickets(&mut session, tenant, search, self.few).await?;
        if named.is_none() {
            let mut walk = statement(search, How::Walked);
            if let Some(rows) = fetch_in_short_time(&mut session, &mut walk).await? {
                return Ok(rows);
            }
            named = name_tickets(&mut session, tenant, search, MORE * self.few).await?;
        }
        let search = named.as_ref().unwrap_or(search);
        fetch(&mut *session, statement(search, How::Sorted)).await
    }

    /// The rows of a statement that needs all that a search selects.
    ///
    /// # Errors
    /// As [`Store::fetch_page`].
    pub(super) async fn fetch_of_all<R: Row>(
        &self,
        tenant: &Tenant,
        search: &Search,
        statement: impl Fn(&Search) -> QueryBuilder<Postgres>,
    ) -> Result<Vec<R>, StoreError> {
        if !search.filter.says_what_was_held() {
            return fetch(&self.searches, statement(search)).await;
        }
        let mut session = self.searches.begin_with(ONE_STATE).await?;
        let named = name_tickets(&mut session, tenant, search, MORE * self.few).await?;
        fetch(&mut *session, statement(named.as_ref().unwrap_or(search))).await
    }
}

/// What a row is read into.
pub(super) trait Row: for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<R: for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for R {}

async fn fetch<'e, R: Row>(
    executor: impl PgExecutor<'e>,
    mut sql: QueryBuilder<Postgres>,
) -> Result<Vec<R>, StoreError> {
    let rows = sql.build_query_as().fetch_all(executor).await;
    rows.map_err(StoreError::of_search)
}

/// A search that selects the same and names the tickets that are left by what is said of tickets alone; `None` if nothing is, if
/// they are more than so many, or if it takes more than a second to find them.
async fn name_tickets(
    session: &mut Transaction<'_, Postgres>,
    tenant: &Tenant,
    search: &Search,
    most: i64,
) -> Result<Option<Search>, sqlx::Error> {
    let (sets, rest) = Tickets::and_the_rest(conjuncts(&search.filter));
    if sets.is_empty() {
        return Ok(None);
    }
    let mut sql = QueryBuilder::new("");
    Tickets::All(sets).push_set(&mut sql, tenant, 0);
    sql.push(" LIMIT ").push_bind(most + 1);
    let found: Option<Vec<(i64,)>> = fetch_in_short_time(session, &mut sql).await?;
    let found = found.filter(|found| i64::try_from(found.len()).is_ok_and(|n| n <= most));
    Ok(found.map(|found| {
        // One that held it twice stands there twice.
        let once: BTreeSet<i64> = found.into_iter().map(|(ticket,)| ticket).collect();
        let mut parts = vec![Filter::Tickets(once.into_iter().collect())];
        parts.extend(rest.into_iter().cloned());
        Search {
            filter: Filter::All(parts),
            noise: search.noise.clone(),
        }
    }))
}

/// The rows of a statement; `None` if it takes more than a second, after which the session goes on as if it had not been run.
async fn fetch_in_short_time<R: Row>(
    session: &mut Transaction<'_, Postgres>,
    sql: &mut QueryBuilder<Postgres>,
) -> Result<Option<Vec<R>>, sqlx::Error> {
    let mut trial = session.begin().await?;
    trial.execute("SET LOCAL statement_timeout = '1s'").await?;
    let rows = sql.build_query_as().fetch_all(&mut *trial).await;
    // With it goes the time that was set.
    trial.rollback().await?;
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if is_canceled(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
