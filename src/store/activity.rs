//! Who changed how much, from the projections.

use super::{Store, StoreError};
use crate::domain::{
    activity::{Activity, Moment},
    ids::{Actor, Tenant},
    instant::OccurredAt,
};

/// From when until when, in ticks of 100 ns: the first is in it, the last is not.
type Window = (i64, i64);

struct ActivityRow {
    actor: Option<i64>,
    created: i64,
    events: i64,
    changes: i64,
    first_text: Option<String>,
    last_text: Option<String>,
}

/// What the actors of a source, which has the column `actor`, did in a window; `$is_theirs` says which rows
/// are an actor's. Served by `entry_by_actor`, of which no row is read, and `change_by_actor`.
macro_rules! activities {
    ($source:literal, $is_theirs:literal, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            ActivityRow,
            r#"SELECT who.actor AS "actor?", did.created AS "created!", did.events AS "events!",
                      changed.changes AS "changes!",
                      first.occurred_text AS "first_text?", last.occurred_text AS "last_text?"
               FROM "# + $source + r#" AS who
               CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE creates) AS created, count(*) AS events,
                          min(ticks) AS first_ticks, max(ticks) AS last_ticks
                   FROM entry
                   WHERE tenant = $1 AND "# + $is_theirs + r#" AND repeats IS NULL
                     AND ticks >= $2 AND ticks < $3) AS did
               CROSS JOIN LATERAL (
                   SELECT count(*) AS changes FROM change
                   WHERE tenant = $1 AND "# + $is_theirs + r#" AND NOT noise AND kind = 'changed'
                     AND ticks >= $2 AND ticks < $3) AS changed
               LEFT JOIN LATERAL (
                   SELECT event.occurred_text FROM (
                       SELECT event_id FROM entry
                       WHERE tenant = $1 AND "# + $is_theirs + r#" AND ticks >= did.first_ticks
                         AND ticks < did.first_ticks + 1 AND repeats IS NULL
                       ORDER BY event_id LIMIT 1) AS entry
                   CROSS JOIN LATERAL (
                       SELECT occurred_text FROM event
                       WHERE tenant = $1 AND event_id = entry.event_id LIMIT 1) AS event) AS first ON true
               LEFT JOIN LATERAL (
                   SELECT event.occurred_text FROM (
                       SELECT event_id FROM entry
                       WHERE tenant = $1 AND "# + $is_theirs + r#" AND ticks >= did.last_ticks
                         AND ticks < did.last_ticks + 1 AND repeats IS NULL
                       ORDER BY event_id DESC LIMIT 1) AS entry
                   CROSS JOIN LATERAL (
                       SELECT occurred_text FROM event
                       WHERE tenant = $1 AND event_id = entry.event_id LIMIT 1) AS event) AS last ON true
               WHERE did.events > 0 OR $4
               LIMIT $5"#,
            $($argument),*
        )
    };
}

impl Store {
    /// What each actor did in a window, of those from a number on, `limit` at most; by number, then of the
    /// events that do not say who it was. Those who did nothing in it are left out.
    ///
    /// Counts every event and reads every change of these actors in the window.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_activities(
        &self,
        tenant: &Tenant,
        (since, until): Window,
        from: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Activity>, StoreError> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        // From one actor the next is looked up, so that no event in between is read. The limit ends the
        // recursion, which goes up.
        let rows = activities!(
            "(WITH RECURSIVE known AS (
                  (SELECT actor FROM entry
                   WHERE tenant = $1 AND actor >= $6 AND repeats IS NULL ORDER BY actor, ticks LIMIT 1)
                  UNION ALL
                  SELECT next.actor FROM known CROSS JOIN LATERAL (
                      SELECT actor FROM entry
                      WHERE tenant = $1 AND actor > known.actor AND repeats IS NULL
                      ORDER BY actor, ticks LIMIT 1) AS next)
              SELECT actor FROM known)",
            "actor = who.actor",
            tenant.as_str(),
            since,
            until,
            false,
            most,
            from.unwrap_or(i64::MIN),
        )
        .fetch_all(&self.reads)
        .await?;
        let mut found: Vec<Activity> = rows.into_iter().map(Activity::from).collect();
        found.sort_by_key(|activity| activity.actor);
        if found.len() < limit {
            let nobody = self.find_activity(tenant, None, (since, until)).await?;
            found.extend(Some(nobody).filter(|nobody| nobody.events > 0));
        }
        Ok(found)
    }

    /// What one actor did in a window, which may be nothing; `None` for the events that do not say who it
    /// was.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_activity(
        &self,
        tenant: &Tenant,
        actor: Option<Actor>,
        (since, until): Window,
    ) -> Result<Activity, StoreError> {
        let row = match actor {
            Some(actor) => {
                activities!(
                    "(SELECT $6::bigint AS actor)",
                    "actor = $6",
                    tenant.as_str(),
                    since,
                    until,
                    true,
                    1,
                    actor.0,
                )
                .fetch_one(&self.reads)
                .await?
            }
            None => {
                activities!(
                    "(SELECT NULL::bigint AS actor)",
                    "actor IS NULL",
                    tenant.as_str(),
                    since,
                    until,
                    true,
                    1,
                )
                .fetch_one(&self.reads)
                .await?
            }
        };
        Ok(row.into())
    }

    /// Changes of an actor in a window by field, most first: those that [`Activity::changes`] counts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_changes_by_field(
        &self,
        tenant: &Tenant,
        actor: Option<Actor>,
        (since, until): Window,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        macro_rules! counts {
            ($is_theirs:literal, $actor:expr) => {
                sqlx::query!(
                    r#"SELECT field, count(*) AS "changes!" FROM change
                       WHERE tenant = $1 AND "# + $is_theirs + r#"
                         AND NOT noise AND kind = 'changed' AND ticks >= $2 AND ticks < $3
                       GROUP BY field ORDER BY count(*) DESC, field"#,
                    tenant.as_str(),
                    since,
                    until,
                    $actor,
                )
                .fetch_all(&self.reads)
                .await?
                .into_iter()
                .map(|row| (row.field, row.changes))
                .collect()
            };
        }
        Ok(match actor {
            Some(actor) => counts!("actor = $4", actor.0),
            None => counts!("actor IS NULL AND $4", true),
        })
    }

    /// When an actor did what in a window: by minutes, and to the tick before 1973, when days of some zones
    /// began within a minute.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_moments(
        &self,
        tenant: &Tenant,
        actor: Option<Actor>,
        (since, until): Window,
    ) -> Result<Vec<Moment>, StoreError> {
        macro_rules! moments {
            ($is_theirs:literal, $actor:expr) => {
                sqlx::query_as!(
                    Moment,
                    r#"SELECT CASE WHEN ticks < 946080000000000 THEN ticks ELSE ticks - ticks % 600000000 END
                                  AS "ticks!",
                              count(*) FILTER (WHERE NOT is_change) AS "events!",
                              count(*) FILTER (WHERE is_change) AS "changes!"
                       FROM (
                           SELECT ticks, false AS is_change FROM entry
                           WHERE tenant = $1 AND "# + $is_theirs + r#" AND repeats IS NULL
                             AND ticks >= $2 AND ticks < $3
                           UNION ALL
                           SELECT ticks, true FROM change
                           WHERE tenant = $1 AND "# + $is_theirs + r#" AND NOT noise AND kind = 'changed'
                             AND ticks >= $2 AND ticks < $3) AS done
                       GROUP BY 1"#,
                    tenant.as_str(),
                    since,
                    until,
                    $actor,
                )
                .fetch_all(&self.reads)
                .await?
            };
        }
        Ok(match actor {
            Some(actor) => moments!("actor = $4", actor.0),
            None => moments!("actor IS NULL AND $4", true),
        })
    }
}

impl From<ActivityRow> for Activity {
    fn from(row: ActivityRow) -> Self {
        let at = |text: Option<String>| text.as_deref().and_then(OccurredAt::parse);
        Self {
            actor: row.actor.map(Actor),
            created: row.created,
            events: row.events,
            changes: row.changes,
            first_at: at(row.first_text),
            last_at: at(row.last_text),
        }
    }
}
