//! Writing rows of the projections.

use super::{ChangeRow, Claim, EntryRow, IntervalRow, Rows, StoreError, TicketRow};
use crate::domain::{history::Moment, ids::TicketId};

/// Rows in one statement: beyond some hundreds a row costs no less, and arrays of this many stay small.
const CHUNK: usize = 4096;

/// A column of rows.
macro_rules! column {
    ($rows:expr, $column:ident) => {
        $rows.iter().map(|row| row.$column).collect::<Vec<_>>()
    };
    ($rows:expr, text $column:ident) => {
        $rows
            .iter()
            .map(|row| row.$column.as_str())
            .collect::<Vec<_>>()
    };
    ($rows:expr, text? $column:ident) => {
        $rows
            .iter()
            .map(|row| row.$column.as_deref())
            .collect::<Vec<_>>()
    };
}

impl Claim {
    /// Inserts rows that are not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Refused`] if one is there.
    pub async fn insert_rows(&mut self, rows: &Rows) -> Result<(), StoreError> {
        for chunk in rows.entries.chunks(CHUNK) {
            self.insert_entries(chunk).await?;
        }
        for chunk in rows.changes.chunks(CHUNK) {
            self.insert_changes(chunk).await?;
        }
        for chunk in rows.intervals.chunks(CHUNK) {
            self.insert_intervals(chunk).await?;
        }
        Ok(())
    }

    async fn insert_entries(&mut self, rows: &[EntryRow]) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO entry (
                 tenant, ticket, event_id, position, ticks, creates, actor, lifecycle, repeats,
                 after_ticks, confidence, reasons)
             SELECT $1, unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::bigint[]), unnest($5::bigint[]),
                 unnest($6::boolean[]), unnest($7::bigint[]), unnest($8::text[]), unnest($9::uuid[]),
                 unnest($10::bigint[]), unnest($11::text[]), string_to_array(unnest($12::text[]), ',')",
            self.tenant.as_str(),
            &column!(rows, ticket) as _,
            &column!(rows, event_id) as _,
            &column!(rows, position) as _,
            &column!(rows, ticks) as _,
            &column!(rows, creates) as _,
            &column!(rows, actor) as _,
            &column!(rows, text? lifecycle) as _,
            &column!(rows, repeats) as _,
            &column!(rows, after_ticks) as _,
            &column!(rows, text confidence) as _,
            &column!(rows, text reasons) as _,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    async fn insert_changes(&mut self, rows: &[ChangeRow]) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO change (
                 tenant, ticket, event_id, nth, position, ticks, actor, field, kind, declared, noise,
                 from_value, to_value, from_key, to_key, occurred_text)
             SELECT $1, unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::integer[]), unnest($5::bigint[]),
                 unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[]),
                 unnest($10::boolean[]), unnest($11::boolean[]), unnest($12::text[]), unnest($13::text[]),
                 unnest($14::text[]), unnest($15::text[]), unnest($16::text[])",
            self.tenant.as_str(),
            &column!(rows, ticket) as _,
            &column!(rows, event_id) as _,
            &column!(rows, nth) as _,
            &column!(rows, position) as _,
            &column!(rows, ticks) as _,
            &column!(rows, actor) as _,
            &column!(rows, text field) as _,
            &column!(rows, text kind) as _,
            &column!(rows, declared) as _,
            &column!(rows, noise) as _,
            &column!(rows, text? from_value) as _,
            &column!(rows, text? to_value) as _,
            &column!(rows, text? from_key) as _,
            &column!(rows, text? to_key) as _,
            &column!(rows, text? occurred_text) as _,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    async fn insert_intervals(&mut self, rows: &[IntervalRow]) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO field_interval (
                 tenant, ticket, field, from_event, from_ticks, until_event, until_ticks, value, key)
             SELECT $1, unnest($2::bigint[]), unnest($3::text[]), unnest($4::uuid[]), unnest($5::bigint[]),
                 unnest($6::uuid[]), unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[])",
            self.tenant.as_str(),
            &column!(rows, ticket) as _,
            &column!(rows, text field) as _,
            &column!(rows, from_event) as _,
            &column!(rows, from_ticks) as _,
            &column!(rows, until_event) as _,
            &column!(rows, until_ticks) as _,
            &column!(rows, text value) as _,
            &column!(rows, text key) as _,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Ends the intervals of these fields that are open, where one is: each at its moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn close_intervals(
        &mut self,
        ends: &[(TicketId, String, Moment)],
    ) -> Result<(), StoreError> {
        for ends in ends.chunks(CHUNK) {
            let moments = || ends.iter().map(|(_, _, moment)| moment);
            // Found one by one, and then by its place in the table: of a plain join on a table that is not analysed
            // Postgres walks all of the tenant's open intervals for each end.
            sqlx::query!(
                "UPDATE field_interval AS open
                 SET until_event = ended.until_event, until_ticks = ended.until_ticks
                 FROM UNNEST($2::bigint[], $3::text[], $4::uuid[], $5::bigint[])
                     AS ended (ticket, field, until_event, until_ticks)
                 CROSS JOIN LATERAL (
                     SELECT ctid FROM field_interval
                     WHERE tenant = $1 AND ticket = ended.ticket AND field = ended.field
                       AND until_event IS NULL
                     LIMIT 1) AS held
                 WHERE open.ctid = held.ctid",
                self.tenant.as_str(),
                &ends
                    .iter()
                    .map(|(ticket, ..)| ticket.number())
                    .collect::<Vec<_>>(),
                &ends
                    .iter()
                    .map(|(_, field, _)| field.as_str())
                    .collect::<Vec<_>>() as _,
                &moments()
                    .map(|moment| moment.event_id.0)
                    .collect::<Vec<_>>(),
                &moments().map(|moment| moment.ticks).collect::<Vec<_>>(),
            )
            .execute(&mut self.connection)
            .await?;
        }
        Ok(())
    }

    /// Deletes the rows with the keys of these.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_rows(&mut self, rows: &Rows) -> Result<(), StoreError> {
        for rows in rows.entries.chunks(CHUNK) {
            sqlx::query!(
                "DELETE FROM entry AS old USING UNNEST($2::bigint[], $3::uuid[]) AS gone (ticket, event_id)
                 WHERE old.tenant = $1 AND old.ticket = gone.ticket AND old.event_id = gone.event_id",
                self.tenant.as_str(),
                &column!(rows, ticket) as _,
                &column!(rows, event_id) as _,
            )
            .execute(&mut self.connection)
            .await?;
        }
        for rows in rows.changes.chunks(CHUNK) {
            sqlx::query!(
                "DELETE FROM change AS old
                 USING UNNEST($2::bigint[], $3::uuid[], $4::integer[]) AS gone (ticket, event_id, nth)
                 WHERE old.tenant = $1 AND old.ticket = gone.ticket AND old.event_id = gone.event_id
                   AND old.nth = gone.nth",
                self.tenant.as_str(),
                &column!(rows, ticket) as _,
                &column!(rows, event_id) as _,
                &column!(rows, nth) as _,
            )
            .execute(&mut self.connection)
            .await?;
        }
        for rows in rows.intervals.chunks(CHUNK) {
            sqlx::query!(
                "DELETE FROM field_interval AS old
                 USING UNNEST($2::bigint[], $3::text[], $4::uuid[]) AS gone (ticket, field, from_event)
                 WHERE old.tenant = $1 AND old.ticket = gone.ticket AND old.field = gone.field
                   AND old.from_event = gone.from_event",
                self.tenant.as_str(),
                &column!(rows, ticket) as _,
                &column!(rows, text field) as _,
                &column!(rows, from_event) as _,
            )
            .execute(&mut self.connection)
            .await?;
        }
        Ok(())
    }

    /// Writes rows of `ticket`, over those that are there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn write_tickets(
        &mut self,
        rows: &[(TicketId, TicketRow)],
    ) -> Result<(), StoreError> {
        for chunk in rows.chunks(CHUNK) {
            let rows: Vec<&TicketRow> = chunk.iter().map(|(_, row)| row).collect();
            sqlx::query!(
                "INSERT INTO ticket AS old (
                     tenant, ticket, events, undated, first_ticks, last_ticks, consistent, unproven, suspect,
                     fold)
                 SELECT $1, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[]),
                     unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]),
                     unnest($10::text[])
                 ON CONFLICT (tenant, ticket) DO UPDATE
                 SET events = excluded.events, undated = excluded.undated,
                     first_ticks = excluded.first_ticks, last_ticks = excluded.last_ticks,
                     consistent = excluded.consistent, unproven = excluded.unproven,
                     suspect = excluded.suspect, fold = excluded.fold",
                self.tenant.as_str(),
                &chunk.iter().map(|(ticket, _)| ticket.number()).collect::<Vec<_>>(),
                &column!(rows, events) as _,
                &column!(rows, undated) as _,
                &column!(rows, first_ticks) as _,
                &column!(rows, last_ticks) as _,
                &column!(rows, consistent) as _,
                &column!(rows, unproven) as _,
                &column!(rows, suspect) as _,
                &column!(rows, text? fold) as _,
            )
            .execute(&mut self.connection)
            .await?;
        }
        Ok(())
    }
}
