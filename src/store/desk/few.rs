//! The tickets that one part of a filter leaves, where those are few.

use std::collections::BTreeSet;

use super::candidates::indexed;
use crate::{
    domain::{
        desk::{Filter, Order},
        ids::Tenant,
    },
    store::{Store, StoreError},
};

/// Most tickets that a page starts from instead of walking an index: half a percent of a million, beyond
/// which a walk along whichever index finds a page of a hundred as fast.
const FEW: i64 = 5000;

impl Store {
    /// The tickets that one part of a filter leaves, if those are few and no walk finds them as cheaply.
    pub(super) async fn find_few(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        order: Order,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let is_walk = filter.fields.len() == 1 && filter.since_ticks.is_none();
        if is_walk && !order.is_by_last() {
            return Ok(None);
        }
        let mut fewest: Option<Vec<i64>> = None;
        let mut consider = |few: Vec<i64>| {
            let most = fewest
                .as_ref()
                .map_or(FEW, |fewest| i64::try_from(fewest.len()).unwrap_or(FEW));
            if i64::try_from(few.len()).is_ok_and(|few| few <= most) {
                fewest = Some(few);
            }
        };
        for (field, keys) in indexed(filter) {
            consider(self.list_holders(tenant, field, keys).await?);
        }
        if let Some(since) = filter.since_ticks {
            consider(self.list_moved(tenant, since).await?);
        }
        if let (Some(at), true) = (filter.as_of_ticks, filter.fields.is_empty()) {
            consider(self.list_born(tenant, at).await?);
        }
        Ok(fewest)
    }

    /// Tickets that ever held one of a field's values, a few more than [`FEW`] at most. Served by
    /// `field_interval_by_value`.
    async fn list_holders(
        &self,
        tenant: &Tenant,
        field: &str,
        keys: &BTreeSet<String>,
    ) -> Result<Vec<i64>, StoreError> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let tickets = sqlx::query_scalar!(
            r#"SELECT held.ticket AS "ticket!" FROM UNNEST($3::text[]) AS wanted (key)
               CROSS JOIN LATERAL (
                   SELECT ticket FROM field_interval
                   WHERE tenant = $1 AND field = $2 AND key = wanted.key
                   ORDER BY ticket, from_ticks LIMIT $4) AS held
               LIMIT $4"#,
            tenant.as_str(),
            field,
            &keys as _,
            FEW + 1,
        )
        .fetch_all(&self.reads)
        .await?;
        // One that held it twice stands there twice.
        if tickets.len() > usize::try_from(FEW).unwrap_or(usize::MAX) {
            return Ok(tickets);
        }
        let once: BTreeSet<i64> = tickets.into_iter().collect();
        Ok(once.into_iter().collect())
    }

    /// Tickets with a last event at an instant or later. Served by `ticket_by_last`.
    async fn list_moved(&self, tenant: &Tenant, since: i64) -> Result<Vec<i64>, StoreError> {
        let tickets = sqlx::query_scalar!(
            "SELECT ticket FROM ticket WHERE tenant = $1 AND last_ticks >= $2
             ORDER BY last_ticks, ticket LIMIT $3",
            tenant.as_str(),
            since,
            FEW + 1,
        );
        Ok(tickets.fetch_all(&self.reads).await?)
    }

    /// Tickets with a first event by an instant. Served by `ticket_by_first`.
    async fn list_born(&self, tenant: &Tenant, by: i64) -> Result<Vec<i64>, StoreError> {
        let tickets = sqlx::query_scalar!(
            "SELECT ticket FROM ticket WHERE tenant = $1 AND first_ticks <= $2
             ORDER BY first_ticks, ticket LIMIT $3",
            tenant.as_str(),
            by,
            FEW + 1,
        );
        Ok(tickets.fetch_all(&self.reads).await?)
    }
}
