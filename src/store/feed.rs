//! What the watching of the feed keeps: facts, heartbeats, counts by the hour.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{
    feed::{FeedFact, WebhookSign, instant_of},
    ids::Tenant,
    instant::ticks_of_timestamp,
};

/// Deliveries of a tenant at a hook in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookHour {
    /// The hook.
    pub hook: String,
    /// The tenant, or `*` for those that are counted together.
    pub tenant: String,
    /// The hour's number since 1970.
    pub hour: i64,
    /// How many.
    pub deliveries: i64,
}

/// What the log says of a tenant's webhook at a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSign {
    /// The hook.
    pub hook: String,
    /// The tenant.
    pub tenant: Tenant,
    /// That it stopped, or that it sends.
    pub sign: WebhookSign,
    /// The latest Timestamp of that, in ticks of 100 ns, none later than its arrival.
    pub ticks: i64,
}

impl Store {
    /// Writes facts down; one that is there already is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Refused`]: then none was written.
    pub async fn append_feed_facts(
        &self,
        facts: &[FeedFact],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let count = |fact: &FeedFact| i64::try_from(fact.occurrences).unwrap_or(i64::MAX);
        sqlx::query!(
            "INSERT INTO feed_fact (
                 fact_id, kind, hook, tenant, started_at, ended_at, occurrences, recorded_at)
             SELECT fact_id, kind, hook, tenant, started_at, ended_at, occurrences, $8
             FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
                         $6::timestamptz[], $7::bigint[])
                 AS new (fact_id, kind, hook, tenant, started_at, ended_at, occurrences)
             ON CONFLICT (fact_id) DO NOTHING",
            &facts.iter().map(|fact| fact.fact_id).collect::<Vec<_>>(),
            &facts
                .iter()
                .map(|fact| fact.kind.as_str())
                .collect::<Vec<_>>() as _,
            &facts
                .iter()
                .map(|fact| fact.hook.as_deref())
                .collect::<Vec<_>>() as _,
            &facts
                .iter()
                .map(|fact| fact.tenant.as_ref().map(Tenant::as_str))
                .collect::<Vec<_>>() as _,
            &facts
                .iter()
                .map(|fact| fact.started_at.to_sqlx())
                .collect::<Vec<_>>() as _,
            &facts
                .iter()
                .map(|fact| fact.ended_at.to_sqlx())
                .collect::<Vec<_>>() as _,
            &facts.iter().map(count).collect::<Vec<_>>(),
            now.to_sqlx() as _,
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// Adds to the counts by the hour. Give them in one order, or two receivers lock each other out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then nothing was added, unless the answer was lost.
    pub async fn add_hook_hours(&self, hours: &[HookHour]) -> Result<(), StoreError> {
        let start = |hour: &HookHour| instant_of(hour.hour).to_sqlx();
        sqlx::query!(
            "INSERT INTO hook_hour (tenant, hook, hour, deliveries)
             SELECT tenant, hook, hour, deliveries
             FROM UNNEST($1::text[], $2::text[], $3::timestamptz[], $4::bigint[])
                 AS new (tenant, hook, hour, deliveries)
             ON CONFLICT (tenant, hook, hour)
                 DO UPDATE SET deliveries = hook_hour.deliveries + excluded.deliveries",
            &hours
                .iter()
                .map(|hour| hour.tenant.as_str())
                .collect::<Vec<_>>() as _,
            &hours
                .iter()
                .map(|hour| hour.hook.as_str())
                .collect::<Vec<_>>() as _,
            &hours.iter().map(start).collect::<Vec<_>>() as _,
            &hours.iter().map(|hour| hour.deliveries).collect::<Vec<_>>(),
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// The counts from an hour on, of two thousand tenants of hooks at most. Reads the whole table, which
    /// holds some weeks: a thousand rows a tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_hook_hours(&self, from_hour: i64) -> Result<Vec<HookHour>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT tenant, hook,
                      array_agg((extract(epoch FROM hour) / 3600)::bigint ORDER BY hour) AS "hours!",
                      array_agg(deliveries ORDER BY hour) AS "deliveries!"
               FROM hook_hour WHERE hour >= $1 GROUP BY tenant, hook ORDER BY tenant, hook LIMIT 2000"#,
            instant_of(from_hour).to_sqlx() as _,
        )
        .fetch_all(&self.reads)
        .await?;
        let hours = rows.into_iter().flat_map(|row| {
            let counts = row.hours.into_iter().zip(row.deliveries);
            counts.map(move |(hour, deliveries)| HookHour {
                hook: row.hook.clone(),
                tenant: row.tenant.clone(),
                hour,
                deliveries,
            })
        });
        Ok(hours.collect())
    }

    /// Says that a receiver lives.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn beat(&self, instance: Uuid, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO heartbeat (instance, beat_at) VALUES ($1, $2)
             ON CONFLICT (instance) DO UPDATE SET beat_at = excluded.beat_at",
            instance,
            now.to_sqlx() as _,
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// When a receiver other than this one last said that it lives.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_last_beat(&self, except: Uuid) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT max(beat_at) AS "beat_at: jiff_sqlx::Timestamp" FROM heartbeat WHERE instance <> $1"#,
            except,
        )
        .fetch_one(&self.reads)
        .await?;
        Ok(row.beat_at.map(jiff_sqlx::Timestamp::to_jiff))
    }

    /// Removes heartbeats from before an instant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_beats(&self, before: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM heartbeat WHERE beat_at < $1",
            before.to_sqlx() as _
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// Removes counts from before an hour.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_hook_hours(&self, before_hour: i64) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM hook_hour WHERE hour < $1",
            instant_of(before_hour).to_sqlx() as _
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// What the log says of each tenant's webhook at each hook: the last ten events about webhooks of a
    /// tenant, served by `event_about_webhook`, and for those that stopped whether they sent later.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_webhook_signs(&self) -> Result<Vec<SeenSign>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT head.tenant, head.position AS head, about.position, about.hook AS "hook!", about.name,
                      about.occurred_ticks, about.received_at AS "received_at: jiff_sqlx::Timestamp"
               FROM (SELECT tenant, position FROM head ORDER BY tenant LIMIT 10000) AS head
               CROSS JOIN LATERAL (
                   SELECT position, hook, name, occurred_ticks, received_at FROM event
                   WHERE tenant = head.tenant AND name LIKE 'webhook.%'
                   ORDER BY position DESC LIMIT 10) AS about
               WHERE about.hook IS NOT NULL
               ORDER BY head.tenant, about.position"#
        )
        .fetch_all(&self.reads)
        .await?;
        let mut signs = Vec::new();
        for row in rows {
            let Some(sign) = WebhookSign::of(&row.name) else {
                continue;
            };
            let tenant = Tenant::parse(&row.tenant).ok_or_else(|| StoreError::Corrupt {
                table: "head",
                column: "tenant",
                row: row.tenant.clone(),
            })?;
            if sign == WebhookSign::Stops {
                let sent = self
                    .find_sent(&tenant, &row.hook, row.position, row.head)
                    .await?;
                signs.extend(sent.map(|ticks| SeenSign {
                    hook: row.hook.clone(),
                    tenant: tenant.clone(),
                    sign: WebhookSign::Sends,
                    ticks,
                }));
            }
            let arrival = ticks_of_timestamp(row.received_at.to_jiff());
            signs.push(SeenSign {
                hook: row.hook,
                tenant,
                sign,
                ticks: row
                    .occurred_ticks
                    .map_or(arrival, |ticks| ticks.min(arrival)),
            });
        }
        Ok(signs)
    }

    /// The latest Timestamp of a tenant's ordinary events at a hook, among the thousand after a position
    /// and the last thousand of the log: a busy neighbour hook must not make this a scan. Served by the
    /// primary key.
    async fn find_sent(
        &self,
        tenant: &Tenant,
        hook: &str,
        after: i64,
        head: i64,
    ) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT max(least(occurred_ticks, (extract(epoch FROM received_at) * 10000000)::bigint))
                   AS ticks
               FROM event
               WHERE tenant = $1
                 AND (position > $3 AND position <= $3 + 1000
                      OR position > $4::bigint - 1000 AND position <= $4)
                 AND hook = $2 AND name NOT LIKE 'webhook.%' AND occurred_ticks IS NOT NULL"#,
            tenant.as_str(),
            hook,
            after,
            head,
        )
        .fetch_one(&self.reads)
        .await?;
        Ok(row.ticks)
    }
}
