//! Folding tickets again from their first event, and writing what comes out otherwise.

use super::{
    rows::{Added, count},
    step::{length, write_fold},
};
use crate::{
    domain::{
        feed::Outages,
        history::{Entry, Fold},
        ids::{Position, Tenant, TicketId},
    },
    store::{
        Store, StoreError, TicketEvents,
        projection::{Claim, Standing, TicketRow},
    },
};

/// Tickets that are read at once.
const CHUNK: usize = 200;

/// Folds tickets again, from what the log holds of them up to a position.
pub(super) async fn refold(
    store: &Store,
    tenant: &Tenant,
    claim: &mut Claim,
    standing: &mut Standing,
    end: Position,
    tickets: &[TicketId],
) -> Result<(), StoreError> {
    for tickets in tickets.chunks(CHUNK) {
        refold_chunk(store, tenant, claim, standing, end, tickets).await?;
    }
    Ok(())
}

/// A ticket's row and its entries, from all its events.
pub(super) fn fold_whole(found: TicketEvents, outages: &Outages) -> (TicketRow, Vec<Entry>) {
    let mut row = TicketRow::default();
    row.undated = length(found.undated);
    row.events = length(found.dated.len()) + row.undated;
    let mut fold = Fold::default();
    let entries = fold.extend(found.dated, outages);
    count(&mut row, &entries);
    row.fold = write_fold(&fold);
    (row, entries)
}

async fn refold_chunk(
    store: &Store,
    tenant: &Tenant,
    claim: &mut Claim,
    standing: &mut Standing,
    end: Position,
    tickets: &[TicketId],
) -> Result<(), StoreError> {
    let numbers: Vec<i64> = tickets.iter().map(|ticket| ticket.number()).collect();
    let before = claim.find_tickets(&numbers).await?;
    let old = claim.find_rows(&numbers).await?;
    let mut new = Added::default();
    let mut rows: Vec<(TicketId, TicketRow)> = Vec::new();
    for found in store.list_histories(tenant, tickets, end).await? {
        let ticket = found.ticket;
        let (row, entries) = fold_whole(found, &standing.outages);
        new.add(ticket, &entries);
        let before = before.get(&ticket);
        if before != Some(&row) {
            standing.sums.replace(before, &row);
            rows.push((ticket, row));
        }
    }
    claim.delete_rows(&old.without(&new.rows)).await?;
    claim.insert_rows(&new.rows.without(&old)).await?;
    claim.write_tickets(&rows).await
}
