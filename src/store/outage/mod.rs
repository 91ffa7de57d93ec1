//! When a tenant's events may have been missed, from its log and the facts about its feed.
//!
//! Nothing here scans the log. An instant's place in it is found by bisection, since `stored_at` grows
//! with the position, and the events on both sides of a trouble by walking at most [`NEAR`] positions
//! along the primary key. So three things are approximate: a tenant without an event at the hook so near
//! to a trouble is taken not to have been concerned; a hook without one after it is taken to have been
//! replaced; and an event is before a trouble if it was stored before, which for one that waited in
//! the spool makes the outage longer than it was.

mod kept;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

pub(super) use self::kept::KeptOutages;

use super::{Store, StoreError};
use crate::domain::{
    feed::{Outage, Outages, WebhookSign},
    ids::{Position, Tenant},
    instant::ticks_of_timestamp,
};

/// Positions that are walked from a trouble, either way.
const NEAR: i64 = 1000;

/// Something that happened to a tenant's feed.
#[derive(Debug)]
struct Trouble {
    /// Of which hook; `None` for all.
    hook: Option<String>,
    /// True if it is known to be the tenant's, and not just its hook's.
    of_tenant: bool,
    /// The last position before it.
    before: i64,
    /// The last position that is not after it.
    after: i64,
    /// What comes after it was received from then on.
    ended_at: Option<Timestamp>,
    /// When SuperOffice says that it happened, in ticks.
    ticks: Option<i64>,
}

/// What was written down about the feed.
#[derive(Debug)]
struct Fact {
    hook: Option<String>,
    of_tenant: bool,
    started_at: Timestamp,
    ended_at: Timestamp,
}

/// Tells whether what is known of a tenant's feed is what was known before, without reading it. Both what it
/// counts is only ever added to, and what counts up to a later position is more at its end and never less in its
/// midst: the same number and the same end are the same.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Marks {
    /// Events about webhooks that came through a hook.
    pub(super) stops: i64,
    /// Facts.
    pub(super) facts: i64,
    /// When the last of them was written down.
    pub(super) last_fact: Option<Timestamp>,
}

impl Store {
    /// A tenant's outages, from what was in the log up to a position and was written down about its feed
    /// by the time the next one was stored. Of the ten thousand newest facts and the thousand newest
    /// events about webhooks.
    ///
    /// Costs two look-ups if there are none or the same were asked for lately, else some fifty a trouble.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_outages(
        &self,
        tenant: &Tenant,
        up_to: Position,
    ) -> Result<Outages, StoreError> {
        let (outages, _) = self.list_outages_and_whether_settled(tenant, up_to).await?;
        Ok(outages)
    }

    /// [`Store::list_outages`], for whoever has read the marks of the feed at that position: costs nothing if there are
    /// no outages or the same were asked for lately.
    pub(super) async fn list_outages_marked(
        &self,
        tenant: &Tenant,
        up_to: Position,
        marks: &Marks,
    ) -> Result<Outages, StoreError> {
        if *marks == Marks::default() {
            return Ok(Outages::default());
        }
        match self.outages.find(tenant, up_to, marks) {
            Some((outages, _)) => Ok(outages),
            None => self.list_outages(tenant, up_to).await,
        }
    }

    /// [`Store::list_outages`], and whether no later event can change them: only another fact, or another
    /// event about a webhook.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_outages_and_whether_settled(
        &self,
        tenant: &Tenant,
        up_to: Position,
    ) -> Result<(Outages, bool), StoreError> {
        let mut marks = Marks::default();
        let stops = self.list_stops(tenant, up_to, &mut marks).await?;
        let facts = self.list_feed_facts(tenant, up_to, &mut marks).await?;
        if marks == Marks::default() {
            return Ok((Outages::default(), true));
        }
        if let Some(kept) = self.outages.find(tenant, up_to, &marks) {
            return Ok(kept);
        }
        let found = self.place_outages(tenant, up_to, stops, &facts).await?;
        self.outages.keep(tenant, up_to, marks, &found);
        Ok(found)
    }

    async fn place_outages(
        &self,
        tenant: &Tenant,
        up_to: Position,
        stops: Vec<Trouble>,
        facts: &[Fact],
    ) -> Result<(Outages, bool), StoreError> {
        let mut troubles = stops;
        if !facts.is_empty() {
            troubles.extend(self.place_facts(tenant, up_to, facts).await?);
        }
        let settled = troubles
            .iter()
            .all(|trouble| up_to.0 - trouble.after > NEAR);
        let outages = self.list_edges(tenant, up_to, &troubles).await?;
        Ok((Outages::new(outages), settled))
    }

    /// What SuperOffice said of the tenant's webhooks. Served by `event_about_webhook`.
    async fn list_stops(
        &self,
        tenant: &Tenant,
        up_to: Position,
        marks: &mut Marks,
    ) -> Result<Vec<Trouble>, StoreError> {
        let question = sqlx::query!(
            r#"SELECT position, hook AS "hook!", name, occurred_ticks,
                      received_at AS "received_at: jiff_sqlx::Timestamp", count(*) OVER () AS "all!"
               FROM event
               WHERE tenant = $1 AND position <= $2 AND name LIKE 'webhook.%' AND hook IS NOT NULL
               ORDER BY position DESC LIMIT 1000"#,
            tenant.as_str(),
            up_to.0,
        );
        let rows = self.lookups.fetch_all(question).await?;
        marks.stops = rows.first().map_or(0, |row| row.all);
        let stops = rows
            .into_iter()
            .filter(|row| WebhookSign::of(&row.name) == Some(WebhookSign::Stops));
        let troubles = stops.map(|row| Trouble {
            hook: Some(row.hook),
            of_tenant: true,
            before: row.position - 1,
            after: row.position,
            ended_at: None,
            ticks: row
                .occurred_ticks
                .or_else(|| Some(ticks_of_timestamp(row.received_at.to_jiff()))),
        });
        Ok(troubles.collect())
    }

    /// What was written down about the tenant's feed, newest first. Served by
    /// `feed_fact_by_tenant`.
    async fn list_feed_facts(
        &self,
        tenant: &Tenant,
        up_to: Position,
        marks: &mut Marks,
    ) -> Result<Vec<Fact>, StoreError> {
        let question = sqlx::query!(
            r#"SELECT hook, tenant IS NOT NULL AS "of_tenant!",
                      started_at AS "started_at: jiff_sqlx::Timestamp",
                      ended_at AS "ended_at: jiff_sqlx::Timestamp", count(*) OVER () AS "all!",
                      max(recorded_at) OVER () AS "last!: jiff_sqlx::Timestamp"
               FROM feed_fact
               WHERE (tenant = $1 OR tenant IS NULL)
                 AND recorded_at < COALESCE(
                     (SELECT stored_at FROM event
                      WHERE tenant = $1 AND position > $2 AND position < $2 + 2::bigint
                      ORDER BY position LIMIT 1), 'infinity')
               ORDER BY started_at DESC, fact_id LIMIT 10000"#,
            tenant.as_str(),
            up_to.0,
        );
        let rows = self.lookups.fetch_all(question).await?;
        if let Some(row) = rows.first() {
            marks.facts = row.all;
            marks.last_fact = Some(row.last.to_jiff());
        }
        let facts = rows.into_iter().map(|row| Fact {
            hook: row.hook,
            of_tenant: row.of_tenant,
            started_at: row.started_at.to_jiff(),
            ended_at: row.ended_at.to_jiff(),
        });
        Ok(facts.collect())
    }

    /// Finds the facts' places in the log.
    async fn place_facts(
        &self,
        tenant: &Tenant,
        up_to: Position,
        facts: &[Fact],
    ) -> Result<Vec<Trouble>, StoreError> {
        let starts = facts.iter().map(|fact| fact.started_at);
        let ends = facts.iter().map(|fact| fact.ended_at);
        let instants: Vec<Timestamp> = starts.chain(ends).collect();
        let mut places = self.list_positions_at(tenant, up_to, &instants).await?;
        let after = places.split_off(places.len().min(facts.len()));
        let troubles = facts.iter().zip(places.into_iter().zip(after));
        Ok(troubles
            .map(|(fact, (before, after))| Trouble {
                hook: fact.hook.clone(),
                of_tenant: fact.of_tenant,
                before,
                after,
                ended_at: Some(fact.ended_at),
                ticks: None,
            })
            .collect())
    }

    /// For each instant the last position stored by then (inclusive), 0 if none was: all bisected
    /// together, one look-up in the primary key a step. Written as a range in an order that only that key has: for
    /// `position = …` on a table that was empty when it was planned, Postgres took the other index and
    /// read the whole tenant at each step.
    async fn list_positions_at(
        &self,
        tenant: &Tenant,
        up_to: Position,
        instants: &[Timestamp],
    ) -> Result<Vec<i64>, StoreError> {
        let question = sqlx::query!(
            r#"WITH RECURSIVE search AS (
                   SELECT nth, at, 0::bigint AS low, $3::bigint AS high
                   FROM UNNEST($2::timestamptz[]) WITH ORDINALITY AS wanted (at, nth)
                   UNION ALL
                   SELECT nth, at,
                          CASE WHEN middle.stored_at <= at THEN middle.position ELSE low END,
                          CASE WHEN middle.stored_at <= at THEN high ELSE middle.position - 1 END
                   FROM search CROSS JOIN LATERAL (
                       SELECT position, stored_at FROM event
                       WHERE tenant = $1
                         AND position >= (low + high + 1) / 2 AND position < (low + high + 1) / 2 + 1
                       ORDER BY position LIMIT 1) AS middle
                   WHERE low < high)
               SELECT low AS "position!" FROM search WHERE low = high ORDER BY nth"#,
            tenant.as_str(),
            &instants.iter().map(|at| at.to_sqlx()).collect::<Vec<_>>() as _,
            up_to.0,
        );
        let rows = self.lookups.fetch_all(question).await?;
        Ok(rows.into_iter().map(|row| row.position).collect())
    }

    /// The events on both sides of each trouble: of its hook, else of the tenant through any hook.
    async fn list_edges(
        &self,
        tenant: &Tenant,
        up_to: Position,
        troubles: &[Trouble],
    ) -> Result<Vec<Outage>, StoreError> {
        let question = sqlx::query_file!(
            "src/store/outage/edges.sql",
            tenant.as_str(),
            &troubles
                .iter()
                .map(|trouble| trouble.before)
                .collect::<Vec<_>>(),
            &troubles
                .iter()
                .map(|trouble| trouble.after)
                .collect::<Vec<_>>(),
            &troubles
                .iter()
                .map(|trouble| trouble.hook.as_deref())
                .collect::<Vec<_>>() as _,
            &troubles
                .iter()
                .map(|trouble| trouble.ended_at.map(ToSqlx::to_sqlx))
                .collect::<Vec<_>>() as _,
            &troubles
                .iter()
                .map(|trouble| trouble.ticks)
                .collect::<Vec<_>>() as _,
            up_to.0,
            NEAR,
        );
        let rows = self.lookups.fetch_all(question).await?;
        let outages = troubles.iter().zip(rows).filter_map(|(trouble, edge)| {
            let concerned = trouble.of_tenant
                || trouble.hook.is_none()
                || edge.hook_before.is_some()
                || edge.hook_after.is_some();
            let from_ticks = edge.hook_before.or(edge.any_before).filter(|_| concerned)?;
            let is_replaced = edge.hook_before.is_none() || up_to.0 - trouble.after > NEAR;
            let of_any = edge.any_after.filter(|_| is_replaced);
            Some(Outage {
                from_ticks,
                to_ticks: edge.hook_after.or(of_any),
            })
        });
        Ok(outages.collect())
    }
}
