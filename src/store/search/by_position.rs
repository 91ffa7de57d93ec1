//! All changes, in the order of the log.

use super::row::ChangeRow;
use crate::{
    domain::{
        ids::{Position, Tenant},
        search::FoundChange,
    },
    store::{PageSize, Store, StoreError},
};

impl Store {
    /// The changes of a tenant's events after a position and up to another, by position and by place in
    /// the event, and up to which position these are all: at least one event's, if there is one. Noise only
    /// if it is wanted. As they are projected now: an event that comes later may change them.
    ///
    /// Found through the events, for changes are not kept in the order of positions.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_changes(
        &self,
        tenant: &Tenant,
        after: Position,
        up_to: Position,
        size: PageSize,
        noise: bool,
    ) -> Result<(Vec<FoundChange>, Position), StoreError> {
        let Some(last) = self.find_page_end(tenant, after, up_to, size).await? else {
            return Ok((Vec::new(), after));
        };
        // Its order keeps the inner statement one of its own, a look-up by key for each event.
        let rows = sqlx::query_as!(
            ChangeRow,
            "SELECT change.ticket, change.event_id, change.nth, event.position, change.ticks, change.actor, change.field,
                    change.kind, change.declared, change.from_value, change.to_value, event.occurred_text
             FROM event CROSS JOIN LATERAL (
                 SELECT ticket, event_id, nth, ticks, actor, field, kind, declared, from_value, to_value
                 FROM change
                 WHERE tenant = $1 AND ticket = event.ticket AND event_id = event.event_id
                       AND ($4 OR NOT noise)
                 ORDER BY nth) AS change
             WHERE event.tenant = $1 AND event.position > $2 AND event.position <= $3
             ORDER BY event.position, change.nth",
            tenant.as_str(),
            after.0,
            last.0,
            noise,
        )
        .fetch_all(&self.reads)
        .await?;
        let found = rows.into_iter().map(FoundChange::try_from);
        Ok((found.collect::<Result<Vec<_>, _>>()?, last))
    }

    /// Up to which position the next events have this size; `None` if there are none.
    async fn find_page_end(
        &self,
        tenant: &Tenant,
        after: Position,
        up_to: Position,
        size: PageSize,
    ) -> Result<Option<Position>, StoreError> {
        let up_to = up_to.0.min(after.0.saturating_add(size.events.into()));
        let last = sqlx::query_scalar!(
            "SELECT max(position)
             FROM (SELECT position, sum(octet_length(body)) OVER (ORDER BY position)
                          - octet_length(body) AS bytes_before
                   FROM event WHERE tenant = $1 AND position > $2 AND position <= $3) AS sizes
             WHERE bytes_before < $4",
            tenant.as_str(),
            after.0,
            up_to,
            i64::from(size.bytes),
        )
        .fetch_one(&self.reads)
        .await?;
        Ok(last.map(Position))
    }
}
