//! Which tickets may be on a page of the desk, from the projections.
//!
//! Each statement is a walk along one index that ends where the page is full, or starts from a few tickets
//! that another index gave. What else has to be true of a ticket is looked up for each. Every shape is one
//! that only the index meant can serve: before a table is analysed Postgres would walk a whole tenant.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Asked, Row, page};
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

/// The fields of a filter by whose values tickets are found. `last_changed` is in no index by value: nearly a third of all
/// intervals are of it.
pub(super) fn indexed(filter: &Filter) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
    let fields = filter.fields.iter();
    fields.filter(|(field, _)| *field != "last_changed")
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
        let driver = indexed(filter).next();
        let driver = driver.filter(|_| few.is_none() && !order.is_by_last());
        let rest = filter.fields.iter();
        let rest = rest.filter(|(field, _)| driver.is_none_or(|(driver, _)| driver != *field));
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
                  WHERE tenant = $1 AND field = $10 AND key = wanted.key AND ticket < $11
                  ORDER BY ticket DESC, from_ticks DESC OFFSET 0)",
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
                  WHERE tenant = $1 AND field = $10 AND key = wanted.key AND ticket > $11
                  ORDER BY ticket, from_ticks OFFSET 0)",
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
