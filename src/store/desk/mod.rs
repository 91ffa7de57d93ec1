//! Tickets by their state, now or then.
//!
//! The projections say which tickets may be meant; what is listed of each is folded from the log, as one
//! ticket's answer is, at the position that the projections stood at. So a list and a ticket agree, and what
//! was known at an earlier position, of which no projection is kept, is found by folding ticket after ticket.

mod candidates;
mod few;
mod page;
mod walks;

use super::{Store, StoreError, TicketDiff, TicketHistory};
use crate::domain::{
    desk::{Filter, Order, Place},
    history::Scope,
    ids::{Position, Tenant, TicketId},
};

/// Most tickets that one page folds to find those that are meant, some seconds' work: the page then ends
/// there, full or not, and the next goes on.
const MAX_FOLDED: usize = 10_000;

/// Tickets folded together where not all of them may be meant.
const CHUNK: usize = 250;

/// Which tickets, and from what is known of them.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// Which.
    pub filter: Filter,
    /// In which order; by number, if `known_at` is given.
    pub order: Order,
    /// From what was in the log up to this position; all of it if there is none.
    pub known_at: Option<Position>,
}

/// Some tickets in order.
#[derive(Debug)]
pub struct DeskPage<T> {
    /// What was asked for of each.
    pub items: Vec<T>,
    /// The place after which to go on; `None` at the end.
    pub next: Option<Place>,
}

impl Store {
    /// The histories of the tickets after a place that are as the desk's filter asks, folded up to its
    /// instant, `limit` at most.
    ///
    /// Where an index leads to them it costs a look-up or two for each and the fold of those listed. Else,
    /// and always for a `known_at` before what is projected, it folds every ticket in order: ten thousand at
    /// most for one page, which then ends short.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_desk(
        &self,
        tenant: &Tenant,
        desk: &Desk,
        after: Option<Place>,
        limit: usize,
    ) -> Result<DeskPage<TicketHistory>, StoreError> {
        let mut walk = Walk::new(desk, after, limit.saturating_add(1));
        let mut page = Filling::new(limit);
        while let Some(chunk) = walk.next(self, tenant).await? {
            let at = desk.filter.as_of_ticks;
            let tickets = chunk.tickets();
            let found = self.find_histories(tenant, &tickets, Some(chunk.up_to), at);
            let mut found = found.await?.into_iter().peekable();
            for place in chunk.places {
                let ticket = found.next_if(|found| found.ticket == place.ticket);
                page.take(
                    place,
                    ticket.filter(|found| desk.filter.admits(&found.history)),
                );
            }
            if page.is_full {
                break;
            }
        }
        Ok(page.finish(&walk))
    }

    /// The differences between an instant, in ticks of 100 ns, and that of the desk's filter, of the tickets
    /// after a place that are as the filter asks and were changed in between; `limit` at most.
    ///
    /// Folds every ticket with an event in between, ten thousand at most for one page, which then ends short.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_diffs(
        &self,
        tenant: &Tenant,
        desk: &Desk,
        (from_ticks, to_ticks): (i64, i64),
        scope: &Scope,
        after: Option<Place>,
        limit: usize,
    ) -> Result<DeskPage<TicketDiff>, StoreError> {
        let mut desk = desk.clone();
        desk.filter.as_of_ticks = Some(to_ticks);
        desk.filter.since_ticks = Some(from_ticks.saturating_add(1));
        let mut walk = Walk::new(&desk, after, CHUNK);
        let mut page = Filling::new(limit);
        while let Some(chunk) = walk.next(self, tenant).await? {
            let span = (from_ticks, to_ticks);
            let tickets = chunk.tickets();
            let found = self.find_diffs(tenant, &tickets, chunk.up_to, span, scope);
            let mut found = found.await?.into_iter().peekable();
            for place in chunk.places {
                let ticket = found.next_if(|found| found.ticket == place.ticket);
                let meant = ticket.filter(|found| {
                    desk.filter.admits(&found.history)
                        && found.diff.fields.iter().any(|f| f.steps > 0)
                });
                page.take(place, meant);
            }
            if page.is_full {
                break;
            }
        }
        Ok(page.finish(&walk))
    }
}

/// Goes through the tickets that may be meant.
struct Walk<'a> {
    desk: &'a Desk,
    after: Option<Place>,
    chunk: usize,
    left: usize,
    /// True if the projections have gone on since what is asked for was known.
    is_past: bool,
    is_over: bool,
}

/// Some tickets, and the position up to which their events count.
struct Chunk {
    places: Vec<Place>,
    up_to: Position,
}

impl Chunk {
    fn tickets(&self) -> Vec<TicketId> {
        self.places.iter().map(|place| place.ticket).collect()
    }
}

impl<'a> Walk<'a> {
    fn new(desk: &'a Desk, after: Option<Place>, chunk: usize) -> Self {
        Self {
            desk,
            after,
            chunk,
            left: MAX_FOLDED,
            is_past: false,
            is_over: false,
        }
    }

    /// The next tickets; `None` at the end, or if enough were gone through.
    async fn next(&mut self, store: &Store, tenant: &Tenant) -> Result<Option<Chunk>, StoreError> {
        if self.is_over || self.left == 0 {
            return Ok(None);
        }
        let all = Filter::default();
        let (position, places) = loop {
            let filter = if self.is_past {
                &all
            } else {
                &self.desk.filter
            };
            let chunk = if self.is_past { CHUNK } else { self.chunk };
            let (order, after) = (self.desk.order, self.after);
            let found = store
                .list_candidates(tenant, filter, order, after, chunk)
                .await?;
            let known_at = self.desk.known_at.unwrap_or(found.position);
            if self.is_past || known_at >= found.position {
                self.is_over = found.places.len() < chunk;
                break (known_at.min(found.position), found.places);
            }
            self.is_past = true;
        };
        self.left = self.left.saturating_sub(places.len());
        self.after = places.last().copied().or(self.after);
        Ok(Some(Chunk {
            places,
            up_to: position,
        }))
    }
}

/// A page being filled.
struct Filling<T> {
    items: Vec<T>,
    limit: usize,
    /// The place of the last item.
    last: Option<Place>,
    /// True if there is more than the page holds.
    is_full: bool,
}

impl<T> Filling<T> {
    fn new(limit: usize) -> Self {
        Self {
            items: Vec::new(),
            limit,
            last: None,
            is_full: false,
        }
    }

    /// Takes what was found at a place, if it is meant.
    fn take(&mut self, place: Place, item: Option<T>) {
        let Some(item) = item.filter(|_| !self.is_full) else {
            return;
        };
        if self.items.len() == self.limit {
            self.is_full = true;
            return;
        }
        self.items.push(item);
        self.last = Some(place);
    }

    /// The page, after a walk that ended or was left off.
    fn finish(self, walk: &Walk<'_>) -> DeskPage<T> {
        let next = match (self.is_full, walk.is_over) {
            (true, _) => self.last,
            (false, true) => None,
            (false, false) => walk.after,
        };
        DeskPage {
            items: self.items,
            next,
        }
    }
}
