//! Answers to searches, from the projected changes.
//!
//! The statements are composed, because no two searches ask alike; all that comes from outside is bound.

mod by_position;
mod compose;
mod counts;
mod known;
mod row;
mod run;
mod tickets;

use sqlx::{Postgres, QueryBuilder};

pub(super) use self::run::FEW;
use self::{
    compose::{Order, push_where},
    row::{ChangeRow, TicketRow},
    run::How,
};
use super::{Store, StoreError};
use crate::domain::{
    ids::{Tenant, TicketId},
    search::{After, FoundChange, FoundTicket, Search},
};

impl Store {
    /// At most `limit` changes that a search selects, by (instant, event id, place in the event).
    ///
    /// # Errors
    /// [`StoreError::TooBroad`] if it takes longer than 30 s, [`StoreError::Unavailable`],
    /// [`StoreError::Corrupt`].
    pub async fn search_changes(
        &self,
        tenant: &Tenant,
        search: &Search,
        newest_first: bool,
        after: Option<After>,
        limit: u16,
    ) -> Result<Vec<FoundChange>, StoreError> {
        let list = List {
            newest_first,
            after,
            limit,
        };
        let rows: Vec<ChangeRow> = self
            .fetch_page(tenant, search, |search, how| {
                changes("", tenant, search, list, how)
            })
            .await?;
        rows.into_iter().map(FoundChange::try_from).collect()
    }

    /// At most `limit` tickets that have changes which a search selects, by number.
    ///
    /// # Errors
    /// As [`Store::search_changes`].
    pub async fn search_tickets(
        &self,
        tenant: &Tenant,
        search: &Search,
        greatest_first: bool,
        after: Option<TicketId>,
        limit: u16,
    ) -> Result<Vec<FoundTicket>, StoreError> {
        let rows: Vec<TicketRow> = self
            .fetch_page(tenant, search, |search, how| {
                tickets(tenant, search, (greatest_first, after, limit), how)
            })
            .await?;
        rows.into_iter().map(FoundTicket::try_from).collect()
    }

    /// How many changes a search selects.
    ///
    /// # Errors
    /// [`StoreError::TooBroad`] if it takes longer than 30 s, [`StoreError::Unavailable`].
    pub async fn search_count(&self, tenant: &Tenant, search: &Search) -> Result<i64, StoreError> {
        let counted: Vec<(i64,)> = self
            .fetch_of_all(tenant, search, |search| {
                let mut sql = QueryBuilder::new("SELECT count(*) FROM change AS c WHERE ");
                push_where(&mut sql, tenant, search);
                sql
            })
            .await?;
        Ok(counted.into_iter().map(|(count,)| count).sum())
    }

    /// How Postgres would list the first changes that a search selects, were its tickets not few, line by line.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn explain_search(
        &self,
        tenant: &Tenant,
        search: &Search,
        newest_first: bool,
        limit: u16,
    ) -> Result<Vec<String>, StoreError> {
        let list = List {
            newest_first,
            after: None,
            limit,
        };
        let mut sql = changes("EXPLAIN ", tenant, search, list, How::Walked);
        let plan = sql.build_query_scalar().fetch_all(&self.searches).await?;
        Ok(plan)
    }
}

/// Which part of a list of changes.
#[derive(Debug, Clone, Copy)]
struct List {
    newest_first: bool,
    after: Option<After>,
    limit: u16,
}

/// The statement that lists changes.
fn changes(
    start: &'static str,
    tenant: &Tenant,
    search: &Search,
    list: List,
    how: How,
) -> QueryBuilder<Postgres> {
    let order = Order::new(list.newest_first);
    let mut sql = QueryBuilder::new(start);
    sql.push(
        "WITH page AS MATERIALIZED (
             SELECT c.ticket, c.event_id, c.nth, c.position, c.ticks, c.actor, c.field, c.kind,
                    c.declared, c.from_value, c.to_value, c.occurred_text AS text
             FROM ",
    );
    push_selected(&mut sql, tenant, search, how, |sql| {
        let Some(after) = list.after else {
            return;
        };
        sql.push(" AND (c.ticks, c.event_id, c.nth) ")
            .push(order.beyond);
        sql.push(" (").push_bind(after.ticks);
        sql.push(", ").push_bind(after.event_id.0);
        sql.push(", ").push_bind(after.nth).push(")");
    });
    order.push_by(&mut sql, " ORDER BY ", ["c.ticks", "c.event_id", "c.nth"]);
    sql.push(" LIMIT ").push_bind(i64::from(list.limit));
    // A look-up in the log for each row that an earlier version projected, and for no other.
    sql.push(
        ") SELECT page.*, COALESCE(text, (SELECT e.occurred_text FROM event AS e WHERE e.tenant = ",
    );
    sql.push_bind(tenant.as_str().to_owned());
    sql.push(" AND e.position = page.position)) AS occurred_text FROM page");
    order.push_by(
        &mut sql,
        " ORDER BY ",
        ["page.ticks", "page.event_id", "page.nth"],
    );
    sql
}

/// The statement that lists tickets: which way, after which, and how many.
fn tickets(
    tenant: &Tenant,
    search: &Search,
    (greatest_first, after, limit): (bool, Option<TicketId>, u16),
    how: How,
) -> QueryBuilder<Postgres> {
    let order = Order::new(greatest_first);
    let mut sql = QueryBuilder::new(
        "SELECT page.ticket, page.changes, first.occurred_text AS first_text, last.occurred_text AS last_text
         FROM (
             SELECT c.ticket, count(*) AS changes,
                    (array_agg(c.position ORDER BY c.ticks, c.event_id))[1] AS first,
                    (array_agg(c.position ORDER BY c.ticks DESC, c.event_id DESC))[1] AS last
             FROM ",
    );
    push_selected(&mut sql, tenant, search, how, |sql| {
        if let Some(after) = after {
            sql.push(" AND c.ticket ").push(order.beyond).push(" ");
            sql.push_bind(after.number());
        }
    });
    sql.push(" GROUP BY c.ticket");
    order.push_by(&mut sql, " ORDER BY ", ["c.ticket"]);
    sql.push(" LIMIT ").push_bind(i64::from(limit));
    sql.push(") AS page");
    push_instant(&mut sql, tenant, "page.first", "first");
    push_instant(&mut sql, tenant, "page.last", "last");
    order.push_by(&mut sql, " ORDER BY ", ["page.ticket"]);
    sql
}

/// Changes `c` that a search selects, beyond those of the pages before.
fn push_selected(
    sql: &mut QueryBuilder<Postgres>,
    tenant: &Tenant,
    search: &Search,
    how: How,
    push_beyond: impl FnOnce(&mut QueryBuilder<Postgres>),
) {
    // OFFSET keeps Postgres from thinking of the end of the page.
    let (start, end) = match how {
        How::Walked => ("change AS c WHERE ", ""),
        How::Sorted => ("(SELECT c.* FROM change AS c WHERE ", " OFFSET 0) AS c"),
    };
    sql.push(start);
    push_where(sql, tenant, search);
    push_beyond(sql);
    sql.push(end);
}

/// Joins the Timestamp, as sent, of the event at a position. One look-up a row: joined freely, Postgres may
/// read the whole log.
fn push_instant(
    sql: &mut QueryBuilder<Postgres>,
    tenant: &Tenant,
    position: &'static str,
    name: &'static str,
) {
    sql.push(" CROSS JOIN LATERAL (SELECT e.occurred_text FROM event AS e WHERE e.tenant = ");
    sql.push_bind(tenant.as_str().to_owned());
    sql.push(" AND e.position = ").push(position);
    sql.push(" LIMIT 1) AS ").push(name);
}
