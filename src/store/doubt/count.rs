//! How many intervals are in each state.

use super::{Store, StoreError, numbers};
use crate::domain::{
    doubt::{Counts, Extent, OpenCounts},
    feed::Outages,
    ids::Tenant,
};

struct SumRow {
    consistent: i64,
    unproven: i64,
    suspect: i64,
    open: i64,
    doubted: i64,
}

impl Store {
    /// How many intervals between two events are in each state, and how many of those after the last event.
    /// The latter is `None` if there is an `until`, before which none of them ends.
    ///
    /// Kept by the projection, or a sum over some tickets; with a time a count of its events.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_intervals(
        &self,
        tenant: &Tenant,
        extent: &Extent,
        outages: &Outages,
    ) -> Result<(Counts, Option<OpenCounts>), StoreError> {
        let (all, open) = self.sum_tickets(tenant, extent, outages).await?;
        let counts = match (extent.since_ticks, extent.until_ticks) {
            (None, None) => all,
            _ if extent.tickets.is_empty() => self.count_entries(tenant, extent).await?,
            _ => self.count_entries_of_tickets(tenant, extent).await?,
        };
        Ok((counts, open.filter(|_| extent.until_ticks.is_none())))
    }

    async fn sum_tickets(
        &self,
        tenant: &Tenant,
        extent: &Extent,
        outages: &Outages,
    ) -> Result<(Counts, Option<OpenCounts>), StoreError> {
        // What comes after a ticket's last event meets an outage that ends later.
        let end = outages.spans().last().map(|(_, to)| *to);
        let row = if extent.tickets.is_empty() {
            match self.find_kept_sums(tenant, end).await? {
                Some(kept) => kept,
                None => self.sum_all_tickets(tenant, end).await?,
            }
        } else {
            self.sum_these_tickets(tenant, extent, end).await?
        };
        let open = OpenCounts {
            consistent: row.open - row.doubted,
            unproven: row.doubted,
        };
        let counts = Counts {
            consistent: row.consistent,
            unproven: row.unproven,
            suspect: row.suspect,
        };
        Ok((counts, Some(open)))
    }

    /// `None` if they do not hold. Of the tickets that have changed since the last outage it reads an entry of
    /// `ticket_by_last`, of no others anything.
    async fn find_kept_sums(
        &self,
        tenant: &Tenant,
        end: Option<i64>,
    ) -> Result<Option<SumRow>, StoreError> {
        let question = sqlx::query!(
            r#"SELECT consistent AS "consistent!", unproven AS "unproven!", suspect AS "suspect!", dated AS "dated!",
                      CASE WHEN $2::bigint IS NULL THEN dated ELSE (
                          SELECT count(*) FROM ticket WHERE tenant = $1 AND last_ticks >= $2) END AS "after!"
               FROM projection
               WHERE tenant = $1 AND counted_for = ARRAY[position, conflicts, facts, signs]"#,
            tenant.as_str(),
            end,
        );
        let row = self.lookups.fetch_optional(question).await?;
        Ok(row.map(|row| SumRow {
            consistent: row.consistent,
            unproven: row.unproven,
            suspect: row.suspect,
            open: row.dated,
            doubted: row.dated - row.after,
        }))
    }

    /// Reads every ticket of the tenant, by its key.
    async fn sum_all_tickets(
        &self,
        tenant: &Tenant,
        end: Option<i64>,
    ) -> Result<SumRow, StoreError> {
        let sums = sqlx::query_as!(
            SumRow,
            r#"SELECT COALESCE(sum(consistent), 0)::bigint AS "consistent!",
                      COALESCE(sum(unproven), 0)::bigint AS "unproven!",
                      COALESCE(sum(suspect), 0)::bigint AS "suspect!",
                      count(last_ticks) AS "open!",
                      count(*) FILTER (WHERE last_ticks < $2) AS "doubted!"
               FROM (SELECT consistent, unproven, suspect, last_ticks FROM ticket
                     WHERE tenant = $1 ORDER BY ticket OFFSET 0) AS ticket"#,
            tenant.as_str(),
            end,
        );
        Ok(sums.fetch_one(&self.reads).await?)
    }

    async fn sum_these_tickets(
        &self,
        tenant: &Tenant,
        extent: &Extent,
        end: Option<i64>,
    ) -> Result<SumRow, StoreError> {
        let sums = sqlx::query_as!(
            SumRow,
            r#"SELECT COALESCE(sum(ticket.consistent), 0)::bigint AS "consistent!",
                      COALESCE(sum(ticket.unproven), 0)::bigint AS "unproven!",
                      COALESCE(sum(ticket.suspect), 0)::bigint AS "suspect!",
                      count(ticket.last_ticks) AS "open!",
                      count(*) FILTER (WHERE ticket.last_ticks < $2) AS "doubted!"
               FROM UNNEST($3::bigint[]) AS wanted (ticket)
               CROSS JOIN LATERAL (
                   SELECT consistent, unproven, suspect, last_ticks FROM ticket
                   WHERE tenant = $1 AND ticket = wanted.ticket LIMIT 1) AS ticket"#,
            tenant.as_str(),
            end,
            &numbers(extent),
        );
        Ok(sums.fetch_one(&self.reads).await?)
    }

    /// Served by `entry_by_time`.
    async fn count_entries(&self, tenant: &Tenant, extent: &Extent) -> Result<Counts, StoreError> {
        let counts = sqlx::query_as!(
            Counts,
            r#"SELECT count(*) FILTER (WHERE confidence = 'consistent') AS "consistent!",
                      count(*) FILTER (WHERE confidence = 'unproven') AS "unproven!",
                      count(*) FILTER (WHERE confidence = 'suspect') AS "suspect!"
               FROM entry WHERE tenant = $1 AND ticks >= $2 AND ticks < $3 AND repeats IS NULL"#,
            tenant.as_str(),
            extent.since_ticks.unwrap_or(i64::MIN),
            extent.until_ticks.unwrap_or(i64::MAX),
        );
        Ok(counts.fetch_one(&self.reads).await?)
    }

    /// Served by the primary key.
    async fn count_entries_of_tickets(
        &self,
        tenant: &Tenant,
        extent: &Extent,
    ) -> Result<Counts, StoreError> {
        let counts = sqlx::query_as!(
            Counts,
            r#"SELECT count(*) FILTER (WHERE entry.confidence = 'consistent') AS "consistent!",
                      count(*) FILTER (WHERE entry.confidence = 'unproven') AS "unproven!",
                      count(*) FILTER (WHERE entry.confidence = 'suspect') AS "suspect!"
               FROM UNNEST($4::bigint[]) AS wanted (ticket)
               CROSS JOIN LATERAL (
                   SELECT confidence FROM entry
                   WHERE tenant = $1 AND ticket = wanted.ticket
                     AND ticks >= $2 AND ticks < $3 AND repeats IS NULL
                   ORDER BY event_id OFFSET 0) AS entry"#,
            tenant.as_str(),
            extent.since_ticks.unwrap_or(i64::MIN),
            extent.until_ticks.unwrap_or(i64::MAX),
            &numbers(extent),
        );
        Ok(counts.fetch_one(&self.reads).await?)
    }
}
