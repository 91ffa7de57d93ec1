//! A search that is understood, and pages of what it finds.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{ChangesParams, zone};
use crate::{
    domain::{
        ids::{Actor, EventId, Tenant, TicketId},
        page::{cut, encode_cursor, find_cursor},
        search::{After, FoundChange, FoundCount, FoundTicket, Search},
    },
    http::{AppState, error::ApiError, extract::limit, timeline::Order},
    store::Store,
};

/// A search that is understood.
#[derive(Debug)]
pub(in crate::http) struct AskedChanges {
    store: Store,
    tenant: Tenant,
    search: Search,
    /// What a cursor is good for.
    query: String,
    cursor: Option<String>,
    descending: bool,
    limit: u16,
}

/// Where a page of changes ends.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    ticks: i64,
    event: Uuid,
    nth: i32,
}

/// Where a page of counts ends.
#[derive(Debug, Serialize, Deserialize)]
struct AtCount {
    actor: Option<i64>,
    field: String,
}

impl AskedChanges {
    /// Understands the parameters, and waits for the projections unless they say otherwise.
    ///
    /// # Errors
    /// 400 for parameters and searches that are none, 404 if the tenant has no log, 503.
    pub(in crate::http) async fn read(
        state: &AppState,
        tenant: &Tenant,
        params: &ChangesParams,
    ) -> Result<Self, ApiError> {
        let limit = limit(params.limit)?;
        let query = params.query()?;
        let store = state.store().await?;
        state.projected(&store, tenant, params.stale).await?;
        let (zone_name, zone) = match (&params.q, &params.zone) {
            // Only the search language has days.
            (None, None) => ("UTC".to_owned(), TimeZone::UTC),
            (_, named) => zone(&store, tenant, named.as_deref()).await?,
        };
        let known = store.find_known(tenant, &query.wanted()).await?;
        let search = query.resolve(&known, &zone)?;
        Ok(Self {
            store,
            tenant: tenant.clone(),
            search,
            query: params.describe(tenant, &zone_name),
            cursor: params.cursor.clone(),
            descending: params.order == Order::Desc,
            limit,
        })
    }

    /// A page of the changes, and the cursor of the next.
    ///
    /// # Errors
    /// 400 for a cursor that is none and for a search that takes too long, 503.
    pub(in crate::http) async fn find_changes(
        &self,
    ) -> Result<(Vec<FoundChange>, Option<String>), ApiError> {
        let after = self.after()?.map(|at: At| After {
            ticks: at.ticks,
            event_id: EventId(at.event),
            nth: at.nth,
        });
        // One more than asked for tells whether another page follows.
        let most = self.limit.saturating_add(1);
        let found =
            self.store
                .search_changes(&self.tenant, &self.search, self.descending, after, most);
        let mut found = found.await?;
        let next = cut(&mut found, self.limit).map(|last| self.cursor_after(last));
        Ok((found, next))
    }

    /// The cursor of the page that begins after a change.
    pub(in crate::http) fn cursor_after(&self, last: &FoundChange) -> String {
        let After {
            ticks,
            event_id,
            nth,
        } = last.place();
        let event = event_id.0;
        encode_cursor(&self.query, &At { ticks, event, nth })
    }

    /// A page of the tickets, and the cursor of the next.
    ///
    /// # Errors
    /// As [`AskedChanges::find_changes`].
    pub(in crate::http) async fn find_tickets(
        &self,
    ) -> Result<(Vec<FoundTicket>, Option<String>), ApiError> {
        let after = self.after()?.and_then(TicketId::new);
        let most = self.limit.saturating_add(1);
        let found =
            self.store
                .search_tickets(&self.tenant, &self.search, self.descending, after, most);
        let mut found = found.await?;
        let last = cut(&mut found, self.limit).map(|last| last.ticket.number());
        Ok((found, last.map(|last| encode_cursor(&self.query, &last))))
    }

    /// A page of the counts by actor and field, and the cursor of the next.
    ///
    /// # Errors
    /// As [`AskedChanges::find_changes`].
    pub(in crate::http) async fn find_counts(
        &self,
    ) -> Result<(Vec<FoundCount>, Option<String>), ApiError> {
        let after = self.after()?;
        let after = after.map(|at: AtCount| (at.actor.map(Actor), at.field));
        let most = u32::from(self.limit).saturating_add(1);
        let found =
            self.store
                .search_counts(&self.tenant, &self.search, self.descending, after, most);
        let mut found = found.await?;
        let last = cut(&mut found, self.limit).map(|last| AtCount {
            actor: last.actor.map(|actor| actor.0),
            field: last.field.clone(),
        });
        Ok((found, last.map(|last| encode_cursor(&self.query, &last))))
    }

    /// The first of all counts, so many at most.
    ///
    /// # Errors
    /// 400 for a search that takes too long, 503.
    pub(in crate::http) async fn all_counts(&self, most: u32) -> Result<Vec<FoundCount>, ApiError> {
        let found = self
            .store
            .search_counts(&self.tenant, &self.search, false, None, most);
        Ok(found.await?)
    }

    /// How many changes they are.
    ///
    /// # Errors
    /// 400 for a search that takes too long, 503.
    pub(in crate::http) async fn count(&self) -> Result<i64, ApiError> {
        Ok(self.store.search_count(&self.tenant, &self.search).await?)
    }

    fn after<T: DeserializeOwned + Serialize>(&self) -> Result<Option<T>, ApiError> {
        Ok(find_cursor(&self.query, self.cursor.as_deref())?)
    }
}
