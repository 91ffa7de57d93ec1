//! A ticket's history, from its events in the log.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::{Store, StoreError};
use crate::domain::{
    history::{self, History, TicketEvent},
    ids::{Position, Tenant, TicketId},
};

/// A ticket's history and what it was made from.
#[derive(Debug, Clone)]
pub struct TicketHistory {
    /// The history.
    pub history: History,
    /// Events of the ticket in the log, dated or not.
    pub events: usize,
    /// Those without a readable Timestamp, which are in no history.
    pub undated: usize,
}

impl Store {
    /// Folds a ticket's events: those up to a position in the log and, if given, up to an instant in
    /// ticks of 100 ns (inclusive). `None` if there are none up to that position.
    ///
    /// Costs a read and a fold of all its events, and what [`Store::list_outages`] costs.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_history(
        &self,
        tenant: &Tenant,
        ticket: TicketId,
        up_to: Position,
        as_of_ticks: Option<i64>,
    ) -> Result<Option<TicketHistory>, StoreError> {
        let stored = self.list_ticket_history(tenant, ticket, up_to).await?;
        if stored.is_empty() {
            return Ok(None);
        }
        let conflicts = self.list_conflicts(tenant, ticket).await?;
        let events = stored.len();
        let mut dated: Vec<TicketEvent> = stored
            .into_iter()
            .filter_map(|event| {
                let conflict = conflicts.contains(&event.event.event_id);
                TicketEvent::read(event, conflict)
            })
            .collect();
        let undated = events - dated.len();
        let mut outages = self.list_outages(tenant, up_to).await?;
        if let Some(as_of) = as_of_ticks {
            outages = outages.up_to(as_of);
        }
        dated.retain(|event| as_of_ticks.is_none_or(|as_of| event.occurred_at.ticks() <= as_of));
        Ok(Some(TicketHistory {
            history: history::fold(dated, &outages),
            events,
            undated,
        }))
    }

    /// The last position of a tenant's log that was stored by an instant (inclusive); 0 if none was.
    /// Walks back from the end of the log.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_position_at(
        &self,
        tenant: &Tenant,
        at: Timestamp,
    ) -> Result<Position, StoreError> {
        let row = sqlx::query!(
            "SELECT position FROM event
             WHERE tenant = $1 AND stored_at <= $2 ORDER BY position DESC LIMIT 1",
            tenant.as_str(),
            at.to_sqlx() as _,
        )
        .fetch_optional(&self.reads)
        .await?;
        Ok(Position(row.map_or(0, |row| row.position)))
    }
}
