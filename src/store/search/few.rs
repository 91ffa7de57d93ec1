//! Searches of which few tickets are left by what they say of tickets alone.

use std::collections::BTreeSet;

use sqlx::{Acquire, Executor, FromRow, Postgres, QueryBuilder, Transaction, postgres::PgRow};

use super::tickets::Tickets;
use crate::{
    domain::{
        ids::Tenant,
        search::{Filter, Search},
    },
    store::{Store, StoreError, error::is_canceled},
};

/// Most tickets that are looked at one by one, a tenth of a second for all their changes. Of a million tickets, with two thousand
/// that are meant, a page of a hundred changes is found as fast by trying all changes in order.
pub(in crate::store) const FEW: i64 = 2000;

/// One state of the projections for several statements: which tickets there are, and their changes.
const ONE_STATE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

impl Store {
    /// As this one, but a search looks at so many tickets one by one, not at two thousand. For tests of both ways with a few.
    #[must_use]
    pub fn with_few(mut self, few: i64) -> Self {
        self.few = few;
        self
    }

    /// A session in which a search is to be run, and a search that selects the same there and names the tickets, if few are
    /// left. Postgres cannot tell how many they are: that some held a value says nothing to it of others, or of another day.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub(super) async fn begin_search(
        &self,
        tenant: &Tenant,
        search: &Search,
    ) -> Result<(Transaction<'static, Postgres>, Option<Search>), StoreError> {
        let mut session = self.searches.begin_with(ONE_STATE).await?;
        let Some((tickets, rest)) = Tickets::and_the_rest(&search.filter) else {
            return Ok((session, None));
        };
        let mut sql = QueryBuilder::new("");
        tickets.push_set(&mut sql, tenant, 0);
        sql.push(" LIMIT ").push_bind(self.few + 1);
        let found: Option<Vec<(i64,)>> = fetch_in_short_time(&mut session, &mut sql).await?;
        let few = found.filter(|found| i64::try_from(found.len()).is_ok_and(|n| n <= self.few));
        let narrowed = few.map(|few| {
            // One that held it twice stands there twice.
            let once: BTreeSet<i64> = few.into_iter().map(|(ticket,)| ticket).collect();
            let mut parts = vec![Filter::Tickets(once.into_iter().collect())];
            parts.extend(rest.into_iter().cloned());
            Search {
                filter: Filter::All(parts),
                noise: search.noise.clone(),
            }
        });
        Ok((session, narrowed))
    }
}

/// The rows of a statement; `None` if it takes more than a second, after which the session goes on as if it had not been run.
pub(super) async fn fetch_in_short_time<R>(
    session: &mut Transaction<'_, Postgres>,
    sql: &mut QueryBuilder<Postgres>,
) -> Result<Option<Vec<R>>, sqlx::Error>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let mut trial = session.begin().await?;
    trial.execute("SET LOCAL statement_timeout = '1s'").await?;
    let rows = sql.build_query_as().fetch_all(&mut *trial).await;
    // The time for statements is that of before again.
    trial.rollback().await?;
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if is_canceled(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
