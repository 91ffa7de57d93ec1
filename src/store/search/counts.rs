//! Who changed which field how often.

use sqlx::{FromRow, Postgres, QueryBuilder};

use super::compose::{Order, push_where};
use crate::{
    domain::{
        ids::{Actor, Tenant},
        search::{FoundCount, Search},
    },
    store::{Store, StoreError},
};

/// In which order; whoever is nobody comes last.
const BY: [&str; 3] = ["c.actor IS NULL", "COALESCE(c.actor, 0)", "c.field"];

#[derive(FromRow)]
struct CountRow {
    actor: Option<i64>,
    field: String,
    changes: i64,
}

impl Store {
    /// How many of the changes that a search selects each actor made to each field, by actor, nobody last, and
    /// field; `limit` at most, after an actor and a field. Counts all of them for every page.
    ///
    /// # Errors
    /// [`StoreError::TooBroad`] if it takes longer than 30 s, [`StoreError::Unavailable`].
    pub async fn search_counts(
        &self,
        tenant: &Tenant,
        search: &Search,
        descending: bool,
        after: Option<(Option<Actor>, String)>,
        limit: u32,
    ) -> Result<Vec<FoundCount>, StoreError> {
        let rows: Vec<CountRow> = self
            .fetch_of_all(tenant, search, |search| {
                counts(tenant, search, descending, after.as_ref(), limit)
            })
            .await?;
        let counts = rows.into_iter().map(|row| FoundCount {
            actor: row.actor.map(Actor),
            field: row.field,
            changes: row.changes,
        });
        Ok(counts.collect())
    }
}

/// The statement.
fn counts(
    tenant: &Tenant,
    search: &Search,
    descending: bool,
    after: Option<&(Option<Actor>, String)>,
    limit: u32,
) -> QueryBuilder<Postgres> {
    let order = Order::new(descending);
    let mut sql =
        QueryBuilder::new("SELECT c.actor, c.field, count(*) AS changes FROM change AS c WHERE ");
    push_where(&mut sql, tenant, search);
    if let Some((actor, field)) = after {
        let [nobody, who, of] = BY;
        sql.push(" AND (").push(nobody).push(", ").push(who);
        sql.push(", ").push(of).push(") ").push(order.beyond);
        sql.push(" (").push_bind(actor.is_none());
        sql.push(", ").push_bind(actor.map_or(0, |actor| actor.0));
        sql.push(", ").push_bind(field.clone()).push(")");
    }
    sql.push(" GROUP BY c.actor, c.field");
    order.push_by(&mut sql, " ORDER BY ", BY);
    sql.push(" LIMIT ").push_bind(i64::from(limit));
    sql
}
