//! Walks along all tickets, by number or by last event.

use super::page::{Asked, Row, page};
use crate::{
    domain::desk::{Order, Place},
    store::{Store, StoreError},
};

impl Store {
    /// By number, along all tickets: served by the primary key.
    pub(super) async fn walk_numbers(
        &self,
        asked: &Asked<'_>,
        order: Order,
        after: Option<Place>,
    ) -> Result<Vec<Row>, StoreError> {
        let after = after.map(|after| after.ticket.number());
        let rows = if order.is_down() {
            page!(
                "(SELECT ticket, first_ticks, last_ticks FROM ticket
                  WHERE tenant = $1 AND ticket < $10 ORDER BY ticket DESC OFFSET 0)",
                "($7::bigint IS NULL OR candidate.last_ticks >= $7) ORDER BY candidate.ticket DESC",
                asked,
                &[""],
                after.unwrap_or(i64::MAX),
            )
            .fetch_all(&self.reads)
            .await?
        } else {
            page!(
                "(SELECT ticket, first_ticks, last_ticks FROM ticket
                  WHERE tenant = $1 AND ticket > $10 ORDER BY ticket OFFSET 0)",
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
    pub(super) async fn walk_last(
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
                    AND last_ticks >= COALESCE($7, -9223372036854775808)
                  ORDER BY last_ticks DESC, ticket DESC OFFSET 0)",
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
                    AND last_ticks >= COALESCE($7, -9223372036854775808)
                  ORDER BY last_ticks, ticket OFFSET 0)",
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
                  WHERE tenant = $1 AND last_ticks IS NULL AND ticket < $10
                  ORDER BY last_ticks DESC, ticket DESC OFFSET 0)",
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
                  WHERE tenant = $1 AND last_ticks IS NULL AND ticket > $10
                  ORDER BY last_ticks, ticket OFFSET 0)",
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
