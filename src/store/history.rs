//! A ticket's history, from its events in the log.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::{
    LabelVersion, Store, StoreError,
    ticket_events::{Conflicts, EventsOfTickets},
};
use crate::domain::{
    feed::Outages,
    history::{self, Diff, History, Scope, TicketEvent},
    ids::{Position, Tenant, TicketId},
    token::TokenHash,
};

/// A ticket's history and what it was made from.
#[derive(Debug, Clone)]
pub struct TicketHistory {
    /// The ticket.
    pub ticket: TicketId,
    /// The history.
    pub history: History,
    /// Events of the ticket in the log, dated or not.
    pub events: usize,
    /// Those without a readable Timestamp, which are in no history.
    pub undated: usize,
    /// From what.
    pub source: Source,
}

/// What a history was made from, and is shown with.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The log up to this position.
    pub up_to: Position,
    /// Which labels there were when it was read.
    pub labels: LabelVersion,
    /// Whether the token of who asks was taken then, as [`Store::find_live_token`] has it; false if none was given.
    pub live_token: bool,
}

/// What a ticket's history is made from.
#[derive(Debug, Clone)]
pub struct TicketEvents {
    /// The ticket.
    pub ticket: TicketId,
    /// Its dated events, by position.
    pub dated: Vec<TicketEvent>,
    /// How many are not dated.
    pub undated: usize,
}

/// What became of a ticket between two instants.
#[derive(Debug, Clone)]
pub struct TicketDiff {
    /// The ticket.
    pub ticket: TicketId,
    /// What became of it.
    pub diff: Diff,
    /// Its history up to the later instant.
    pub history: History,
}

impl TicketEvents {
    pub(super) fn none(ticket: TicketId) -> Self {
        Self {
            ticket,
            dated: Vec::new(),
            undated: 0,
        }
    }

    /// Folds the events up to an instant (inclusive), in ticks of 100 ns.
    fn fold(self, as_of_ticks: i64, source: Source, outages: &Outages) -> TicketHistory {
        TicketHistory {
            ticket: self.ticket,
            events: self.dated.len() + self.undated,
            history: history::fold_until(self.dated, as_of_ticks, outages),
            undated: self.undated,
            source,
        }
    }
}

/// Events of tickets up to a position, and the outages that were known by then.
struct Found {
    tickets: Vec<TicketEvents>,
    source: Source,
    outages: Outages,
}

impl Found {
    fn fold(mut self, as_of_ticks: Option<i64>) -> Vec<TicketHistory> {
        if let Some(as_of) = as_of_ticks {
            self.outages = self.outages.up_to(as_of);
        }
        let as_of = as_of_ticks.unwrap_or(i64::MAX);
        let fold = |ticket: TicketEvents| ticket.fold(as_of, self.source, &self.outages);
        self.tickets.into_iter().map(fold).collect()
    }
}

impl Store {
    /// [`Store::find_histories`] of one ticket, and whether the token of who asks is taken; `None` if there are no
    /// events up to that position.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_history(
        &self,
        tenant: &Tenant,
        ticket: TicketId,
        up_to: Option<Position>,
        as_of_ticks: Option<i64>,
        caller: Option<&TokenHash>,
    ) -> Result<Option<TicketHistory>, StoreError> {
        let tickets = [ticket];
        let found = self.find_events_and_outages(tenant, &tickets, up_to, caller);
        let found = found.await?;
        Ok(found.and_then(|found| found.fold(as_of_ticks).pop()))
    }

    /// Folds the events of tickets: those up to a position in the log, else up to its head, and, if given, up to an
    /// instant in ticks of 100 ns (inclusive). In the order given, without those that have no event up to that
    /// position.
    ///
    /// Costs one statement, a read and a fold of all their events; and what [`Store::list_outages`] costs, unless
    /// there are none or the same were asked for lately.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_histories(
        &self,
        tenant: &Tenant,
        tickets: &[TicketId],
        up_to: Option<Position>,
        as_of_ticks: Option<i64>,
    ) -> Result<Vec<TicketHistory>, StoreError> {
        let found = self.find_events_and_outages(tenant, tickets, up_to, None);
        let found = found.await?;
        Ok(found.map_or_else(Vec::new, |found| found.fold(as_of_ticks)))
    }

    /// The differences of tickets between two instants in ticks of 100 ns, both inclusive, from their events
    /// up to a position in the log. In the order given, without tickets that have no event up to that
    /// position. Costs as much as [`Store::find_histories`], and a second fold.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_diffs(
        &self,
        tenant: &Tenant,
        tickets: &[TicketId],
        up_to: Position,
        (from_ticks, to_ticks): (i64, i64),
        scope: &Scope,
    ) -> Result<Vec<TicketDiff>, StoreError> {
        let found = self.find_events_and_outages(tenant, tickets, Some(up_to), None);
        let Some(found) = found.await? else {
            return Ok(Vec::new());
        };
        let outages = found.outages.up_to(to_ticks);
        let diffs = found.tickets.into_iter().map(|events| {
            let before = events.clone().fold(from_ticks, found.source, &outages);
            let after = events.fold(to_ticks, found.source, &outages);
            TicketDiff {
                ticket: after.ticket,
                diff: history::diff(&before.history, &after.history, scope),
                history: after.history,
            }
        });
        Ok(diffs.collect())
    }

    /// `None` if there is no event.
    async fn find_events_and_outages(
        &self,
        tenant: &Tenant,
        tickets: &[TicketId],
        up_to: Option<Position>,
        caller: Option<&TokenHash>,
    ) -> Result<Option<Found>, StoreError> {
        let read = self.list_events_of_tickets(tenant, tickets, up_to, Conflicts::OfTheLog, caller);
        let Some(EventsOfTickets {
            up_to,
            feed,
            labels,
            live_token,
            tickets,
        }) = read.await?
        else {
            return Ok(None);
        };
        Ok(Some(Found {
            tickets,
            source: Source {
                up_to,
                labels,
                live_token,
            },
            outages: self.list_outages_marked(tenant, up_to, &feed).await?,
        }))
    }

    /// All events of tickets up to a position, taken apart, with all conflicts that are known now; in the order given,
    /// without tickets that have none. No limit: a history needs them all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_histories(
        &self,
        tenant: &Tenant,
        tickets: &[TicketId],
        up_to: Position,
    ) -> Result<Vec<TicketEvents>, StoreError> {
        let known = Conflicts::AllKnown;
        let read = self.list_events_of_tickets(tenant, tickets, Some(up_to), known, None);
        Ok(read.await?.map_or_else(Vec::new, |read| read.tickets))
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
