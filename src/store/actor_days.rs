//! What one actor did day by day, and lately, at a cost that no length of their history raises.

use super::{Store, StoreError};
use crate::domain::{
    daily::{Day, DoneOnDay},
    ids::{Actor, Tenant},
};

/// Changes that are counted by field: a tenth of a second, where the system itself may have made millions.
pub const COUNTED_CHANGES: u32 = 100_000;

/// Changes of an actor by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByField {
    /// Most changes first.
    pub fields: Vec<(String, i64)>,
    /// True if there are more than [`COUNTED_CHANGES`]: these are the latest.
    pub capped: bool,
}

struct SpanRow {
    first: Option<i64>,
    last: Option<i64>,
}

impl Store {
    /// The instants of the first and the last event of an actor, in ticks of 100 ns; `None` if there is none.
    /// `None` asks for the events that do not say who it was. Two look-ups in `entry_by_actor`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_actor_span(
        &self,
        tenant: &Tenant,
        actor: Option<Actor>,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        macro_rules! span {
            ($is_theirs:literal, $actor:expr) => {
                sqlx::query_as!(
                    SpanRow,
                    "SELECT min(ticks) AS first, max(ticks) AS last FROM entry
                     WHERE tenant = $1 AND "
                        + $is_theirs
                        + " AND repeats IS NULL",
                    tenant.as_str(),
                    $actor,
                )
                .fetch_one(&self.reads)
                .await?
            };
        }
        let row = match actor {
            Some(actor) => span!("actor = $2", actor.0),
            None => span!("actor IS NULL AND $2", true),
        };
        Ok(row.first.zip(row.last))
    }

    /// What an actor did on each of these days, in the order given. Served by `entry_by_actor`, of which no row is
    /// read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_actor_days(
        &self,
        tenant: &Tenant,
        actor: Option<Actor>,
        days: &[Day],
    ) -> Result<Vec<DoneOnDay>, StoreError> {
        let from: Vec<i64> = days.iter().map(|day| day.from_ticks).collect();
        let until: Vec<i64> = days.iter().map(|day| day.until_ticks).collect();
        macro_rules! counts {
            ($is_theirs:literal, $actor:expr) => {
                sqlx::query!(
                    r#"SELECT did.events AS "events!", did.created AS "created!"
                       FROM UNNEST($2::bigint[], $3::bigint[]) WITH ORDINALITY AS day (begins, ends, nth)
                       CROSS JOIN LATERAL (
                           SELECT count(*) AS events, count(*) FILTER (WHERE creates) AS created
                           FROM entry
                           WHERE tenant = $1 AND "# + $is_theirs + r#" AND repeats IS NULL
                             AND ticks >= day.begins AND ticks < day.ends) AS did
                       ORDER BY day.nth"#,
                    tenant.as_str(),
                    &from,
                    &until,
                    $actor,
                )
                .fetch_all(&self.reads)
                .await?
                .into_iter()
                .map(|row| (row.events, row.created))
                .collect()
            };
        }
        let counted: Vec<(i64, i64)> = match actor {
            Some(actor) => counts!("actor = $4", actor.0),
            None => counts!("actor IS NULL AND $4", true),
        };
        let done = days
            .iter()
            .zip(counted)
            .map(|(day, (events, created))| DoneOnDay {
                date: day.date,
                events,
                created,
            });
        Ok(done.collect())
    }

    /// Changes of kind `changed`, noise left out, of an actor's latest [`COUNTED_CHANGES`] in a window, by field.
    /// Served by `change_by_actor`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_latest_by_field(
        &self,
        tenant: &Tenant,
        actor: Option<Actor>,
        (since, until): (i64, i64),
    ) -> Result<ByField, StoreError> {
        macro_rules! counts {
            ($is_theirs:literal, $actor:expr) => {
                sqlx::query!(
                    r#"SELECT field, count(*) AS "all!", count(*) FILTER (WHERE kind = 'changed') AS "changes!"
                       FROM (SELECT field, kind FROM change
                             WHERE tenant = $1 AND "# + $is_theirs + r#" AND NOT noise
                               AND ticks >= $2 AND ticks < $3
                             ORDER BY ticks DESC, event_id DESC, nth DESC LIMIT $5) AS latest
                       GROUP BY field ORDER BY 3 DESC, field"#,
                    tenant.as_str(),
                    since,
                    until,
                    $actor,
                    i64::from(COUNTED_CHANGES),
                )
                .fetch_all(&self.reads)
                .await?
                .into_iter()
                .map(|row| (row.field, row.all, row.changes))
                .collect()
            };
        }
        let rows: Vec<(String, i64, i64)> = match actor {
            Some(actor) => counts!("actor = $4", actor.0),
            None => counts!("actor IS NULL AND $4", true),
        };
        let all: i64 = rows.iter().map(|(_, all, _)| all).sum();
        let changed = rows.into_iter().filter(|(_, _, changes)| *changes > 0);
        Ok(ByField {
            fields: changed
                .map(|(field, _, changes)| (field, changes))
                .collect(),
            capped: all >= i64::from(COUNTED_CHANGES),
        })
    }
}
