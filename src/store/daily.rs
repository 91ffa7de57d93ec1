//! What happened day by day, from the projections.

use super::{Store, StoreError};
use crate::domain::{
    daily::{Day, OfDay},
    ids::Tenant,
};

impl Store {
    /// What happened on each of these days, in the order given. Reads every entry of them; served by
    /// `entry_by_time`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_by_day(
        &self,
        tenant: &Tenant,
        days: &[Day],
    ) -> Result<Vec<OfDay>, StoreError> {
        let from: Vec<i64> = days.iter().map(|day| day.from_ticks).collect();
        let until: Vec<i64> = days.iter().map(|day| day.until_ticks).collect();
        let rows = sqlx::query!(
            r#"SELECT did.events AS "events!", did.tickets AS "tickets!", did.created AS "created!"
               FROM UNNEST($2::bigint[], $3::bigint[]) WITH ORDINALITY AS day (begins, ends, nth)
               CROSS JOIN LATERAL (
                   SELECT count(*) AS events, count(DISTINCT ticket) AS tickets,
                          count(*) FILTER (WHERE creates) AS created
                   FROM entry
                   WHERE tenant = $1 AND ticks >= day.begins AND ticks < day.ends AND repeats IS NULL) AS did
               ORDER BY day.nth"#,
            tenant.as_str(),
            &from,
            &until,
        )
        .fetch_all(&self.reads)
        .await?;
        let counted = days.iter().zip(rows).map(|(day, row)| OfDay {
            date: day.date,
            events: row.events,
            tickets: row.tickets,
            created: row.created,
        });
        Ok(counted.collect())
    }
}
