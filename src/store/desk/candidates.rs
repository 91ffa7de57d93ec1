//! Which tickets may be on a page of the desk, from the projections.
//!
//! Each statement is a walk along one index that ends where the page is full, or starts from a few tickets
//! that another index gave. What else has to be true of a ticket is looked up for each. Every shape is one
//! that only the index meant can serve: before a table is analysed Postgres would walk a whole tenant.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        desk::{Filter, Order, Place},
        ids::{Position, Tenant, TicketId},
    },
    store::{Store, StoreError},
};

/// Some tickets in order, and the position that the projection stood at when they were found.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) position: Position,
    pub(super) places: Vec<Place>,
}

struct Row {
    position: i64,
    ticket: Option<i64>,
    last_ticks: Option<i64>,
}

/// What the statements are told.
struct Asked<'a> {
    tenant: &'a str,
    /// The instant that is asked for, the greatest if it is now: what holds then holds still.
    at: i64,
    /// What is looked up for each ticket: the nth field, its name and a key, for each key.
    fields: Vec<&'a str>,
    keys: Vec<&'a str>,
    nths: Vec<i64>,
    /// How many fields that is.
    count: i64,
    since: Option<i64>,
    limit: i64,
}

/// A page from one source of candidates, which has the columns `ticket`, `first_ticks`, `last_ticks`, and in
/// one order. A source may depend on `wanted.key`, of which `$8` gives one or several, each a list of its own.
macro_rules! page {
    ($candidates:literal, $and_order:literal, $asked:expr, $wanted:expr, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT projection.position AS "position!", found.ticket AS "ticket?",
                      found.last_ticks AS "last_ticks?"
               FROM projection CROSS JOIN UNNEST($8::text[]) AS wanted (key)
               LEFT JOIN LATERAL (
                   SELECT candidate.ticket, candidate.last_ticks FROM "# + $candidates + r#" AS candidate
                   WHERE COALESCE(candidate.first_ticks <= $2, $2 = 9223372036854775807)
                     AND ($7::bigint IS NULL OR COALESCE(
                         (SELECT true FROM entry
                          WHERE entry.tenant = $1 AND entry.ticket = candidate.ticket
                            AND entry.ticks >= $7 AND entry.ticks <= $2
                          ORDER BY entry.event_id LIMIT 1), false))
                     AND $6 = (
                         SELECT count(DISTINCT asked.nth)
                         FROM UNNEST($3::text[], $4::text[], $5::bigint[]) AS asked (field, key, nth)
                         CROSS JOIN LATERAL (
                             SELECT 1 FROM field_interval AS held
                             WHERE held.tenant = $1 AND held.ticket = candidate.ticket
                               AND held.field = asked.field AND held.key = asked.key
                               AND held.from_ticks <= $2
                               AND (held.until_ticks IS NULL OR $2 < held.until_ticks)
                             LIMIT 1) AS holds)
                     AND "# + $and_order + r#" LIMIT $9) AS found ON true
               WHERE projection.tenant = $1"#,
            $asked.tenant,
            $asked.at,
            &$asked.fields as _,
            &$asked.keys as _,
            &$asked.nths,
            $asked.count,
            $asked.since,
            $wanted as _,
            $asked.limit,
            $($argument),*
        )
    };
}

impl Store {
    /// The tickets after a place that are as a filter asks, in order, `limit` at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub(super) async fn list_candidates(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        order: Order,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Candidates, StoreError> {
        let few = self.find_few(tenant, filter, order).await?;
        let driver = filter.fields.iter().next().filter(|_| !order.is_by_last());
        let rest = filter
            .fields
            .iter()
            .skip(usize::from(few.is_none() && driver.is_some()));
        let asked = Asked::new(tenant, filter, rest, limit);
        let rows = match (few, driver) {
            (Some(few), _) => self.list_of_few(&asked, &few, order, after).await?,
            (None, Some(driver)) => self.walk_values(&asked, driver, order, after).await?,
            (None, None) if order.is_by_last() => self.walk_last(&asked, order, after).await?,
            (None, None) => self.walk_numbers(&asked, order, after).await?,
        };
        Ok(Candidates::new(rows, order, limit))
    }

    /// In a given order, from some tickets.
    async fn list_of_few(
        &self,
        asked: &Asked<'_>,
        few: &[i64],
        order: Order,
        after: Option<Place>,
    ) -> Result<Vec<Row>, StoreError> {
        // Both numbers turned round for a list that goes down; tickets without a dated event come last.
        let sign = if order.is_down() { -1 } else { 1 };
        let (last, number) = after.map_or((i64::MIN, i64::MIN), |after| order.rank(after));
        let rows = page!(
            "UNNEST($10::bigint[]) AS few (ticket)
             CROSS JOIN LATERAL (
                 SELECT ticket, first_ticks, last_ticks,
                        CASE WHEN $12 THEN COALESCE($11 * last_ticks, 9223372036854775807) ELSE 0 END
                            AS last_key
                 FROM ticket WHERE tenant = $1 AND ticket = few.ticket LIMIT 1)",
            "(candidate.last_key, $11 * candidate.ticket) > ($13::bigint, $14::bigint)
             ORDER BY candidate.last_key, $11 * candidate.ticket",
            asked,
            &[""],
            few,
            sign,
            order.is_by_last(),
            last,
            number,
        );
        Ok(rows.fetch_all(&self.reads).await?)
    }

    /// By number, along the tickets that hold one of a field's values: served by
    /// `field_interval_by_value`, a walk a value.
    async fn walk_values(
        &self,
        asked: &Asked<'_>,
        (field, keys): (&String, &BTreeSet<String>),
        order: Order,
        after: Option<Place>,
    ) -> Result<Vec<Row>, StoreError> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let after = after.map(|after| after.ticket.number());
        let rows = if order.is_down() {
            page!(
                "(SELECT ticket, from_ticks, until_ticks, from_ticks AS first_ticks, NULL::bigint AS last_ticks
                  FROM field_interval
                  WHERE tenant = $1 AND field = $10 AND key = wanted.key AND ticket < $11)",
                "(candidate.until_ticks IS NULL OR $2 < candidate.until_ticks)
                 ORDER BY candidate.ticket DESC, candidate.from_ticks DESC",
                asked,
                &keys,
                field,
                after.unwrap_or(i64::MAX),
            )
            .fetch_all(&self.reads)
            .await?
        } else {
            page!(
                "(SELECT ticket, from_ticks, until_ticks, from_ticks AS first_ticks, NULL::bigint AS last_ticks
                  FROM field_interval
                  WHERE tenant = $1 AND field = $10 AND key = wanted.key AND ticket > $11)",
                "(candidate.until_ticks IS NULL OR $2 < candidate.until_ticks)
                 ORDER BY candidate.ticket, candidate.from_ticks",
                asked,
                &keys,
                field,
                after.unwrap_or(0),
            )
            .fetch_all(&self.reads)
            .await?
        };
        Ok(rows)
    }

    /// By number, along all tickets: served by the primary key.
    async fn walk_numbers(
        &self,
        asked: &Asked<'_>,
        order: Order,
        after: Option<Place>,
    ) -> Result<Vec<Row>, StoreError> {
        let after = after.map(|after| after.ticket.number());
        let rows = if order.is_down() {
            page!(
                "(SELECT ticket, first_ticks, last_ticks FROM ticket WHERE tenant = $1 AND ticket < $10)",
                "($7::bigint IS NULL OR candidate.last_ticks >= $7) ORDER BY candidate.ticket DESC",
                asked,
                &[""],
                after.unwrap_or(i64::MAX),
            )
            .fetch_all(&self.reads)
            .await?
        } else {
            page!(
                "(SELECT ticket, first_ticks, last_ticks FROM ticket WHERE tenant = $1 AND ticket > $10)",
                "($7::bigint IS NULL OR candidate.last_ticks >= $7) ORDER BY candidate.ticket",
                asked,
                &[""],
                after.unwrap_or(0),
            )
            .fetch_all(&self.reads)
            .await?
        };
        Ok(rows)
    }

    /// By last event, along all tickets: served by `ticket_by_last`, in which those without a dated event
    /// are a part of their own.
    async fn walk_last(
        &self,
        asked: &Asked<'_>,
        order: Order,
        after: Option<Place>,
    ) -> Result<Vec<Row>, StoreError> {
        let start = if order.is_down() { i64::MAX } else { i64::MIN };
        let number = after.map_or(start, |after| after.ticket.number());
        let dated = match after {
            None => Some(start),
            Some(after) => after.last_ticks,
        };
        let mut rows = Vec::new();
        if let Some(last) = dated {
            rows = self.walk_dated(asked, order, (last, number)).await?;
        }
        if i64::try_from(rows.len()).is_ok_and(|rows| rows < asked.limit) {
            let after = if dated.is_some() { start } else { number };
            rows.extend(self.walk_undated(asked, order, after).await?);
        }
        Ok(rows)
    }

    async fn walk_dated(
        &self,
        asked: &Asked<'_>,
        order: Order,
        (last, number): (i64, i64),
    ) -> Result<Vec<Row>, StoreError> {
        let rows = if order.is_down() {
            page!(
                "(SELECT ticket, 0::bigint AS first_ticks, last_ticks FROM ticket
                  WHERE tenant = $1 AND (last_ticks, ticket) < ($10, $11::bigint)
                    AND last_ticks >= COALESCE($7, -9223372036854775808))",
                "true ORDER BY candidate.last_ticks DESC, candidate.ticket DESC",
                asked,
                &[""],
                last,
                number,
            )
            .fetch_all(&self.reads)
            .await?
        } else {
            page!(
                "(SELECT ticket, 0::bigint AS first_ticks, last_ticks FROM ticket
                  WHERE tenant = $1 AND (last_ticks, ticket) > ($10, $11::bigint)
                    AND last_ticks >= COALESCE($7, -9223372036854775808))",
                "true ORDER BY candidate.last_ticks, candidate.ticket",
                asked,
                &[""],
                last,
                number,
            )
            .fetch_all(&self.reads)
            .await?
        };
        Ok(rows)
    }

    async fn walk_undated(
        &self,
        asked: &Asked<'_>,
        order: Order,
        number: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = if order.is_down() {
            page!(
                "(SELECT ticket, 0::bigint AS first_ticks, last_ticks FROM ticket
                  WHERE tenant = $1 AND last_ticks IS NULL AND ticket < $10)",
                "true ORDER BY candidate.last_ticks DESC, candidate.ticket DESC",
                asked,
                &[""],
                number,
            )
            .fetch_all(&self.reads)
            .await?
        } else {
            page!(
                "(SELECT ticket, 0::bigint AS first_ticks, last_ticks FROM ticket
                  WHERE tenant = $1 AND last_ticks IS NULL AND ticket > $10)",
                "true ORDER BY candidate.last_ticks, candidate.ticket",
                asked,
                &[""],
                number,
            )
            .fetch_all(&self.reads)
            .await?
        };
        Ok(rows)
    }
}

impl<'a> Asked<'a> {
    fn new(
        tenant: &'a Tenant,
        filter: &Filter,
        fields: impl Iterator<Item = (&'a String, &'a BTreeSet<String>)>,
        limit: usize,
    ) -> Self {
        let mut asked = Self {
            tenant: tenant.as_str(),
            at: filter.as_of_ticks.unwrap_or(i64::MAX),
            fields: Vec::new(),
            keys: Vec::new(),
            nths: Vec::new(),
            count: 0,
            since: filter.since_ticks,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        };
        for (field, keys) in fields {
            for key in keys {
                asked.fields.push(field);
                asked.keys.push(key);
                asked.nths.push(asked.count);
            }
            asked.count += 1;
        }
        asked
    }
}

impl Candidates {
    fn new(rows: Vec<Row>, order: Order, limit: usize) -> Self {
        let position = rows.iter().map(|row| row.position).max().unwrap_or(0);
        let places = rows.into_iter().filter_map(|row| {
            Some(Place {
                last_ticks: row.last_ticks.filter(|_| order.is_by_last()),
                ticket: TicketId::new(row.ticket?)?,
            })
        });
        // The lists of several values stand one after the other.
        let mut sorted: BTreeMap<_, Place> =
            places.map(|place| (order.rank(place), place)).collect();
        while sorted.len() > limit {
            sorted.pop_last();
        }
        Self {
            position: Position(position),
            places: sorted.into_values().collect(),
        }
    }
}
