//! The claim to a tenant's projection, and where that stands.

use sqlx::PgConnection;

use super::{Projector, Store, StoreError, TicketRow};
use crate::domain::{
    feed::{Outage, Outages},
    ids::{Position, Tenant, TicketId},
    instant::OccurredAt,
};

/// Where a tenant's projection stands, and what it took into account.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Greatest position that is projected; 0 if none.
    pub position: i64,
    /// Tickets that have an event.
    pub tickets: i64,
    /// Ticket events without a readable Timestamp.
    pub undated: i64,
    /// The earliest Timestamp of all events.
    pub first_at: Option<OccurredAt>,
    /// The latest Timestamp of all events.
    pub last_at: Option<OccurredAt>,
    /// How much was known that has no position when `outages` were made.
    pub known: Known,
    /// The outages that the intervals were held against.
    pub outages: Outages,
    /// True if only another fact or sign can change the outages.
    pub settled: bool,
    /// What its tickets come to.
    pub sums: Sums,
}

/// What all tickets of a tenant come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Tickets that have a dated event.
    pub dated: i64,
    /// Intervals between two events that nothing speaks against.
    pub consistent: i64,
    /// Those that are unproven.
    pub unproven: i64,
    /// Those that are suspect.
    pub suspect: i64,
}

impl Sums {
    /// Puts a ticket's new row in the place of the one before.
    pub fn replace(&mut self, before: Option<&TicketRow>, after: &TicketRow) {
        self.add(after, 1);
        if let Some(before) = before {
            self.add(before, -1);
        }
    }

    fn add(&mut self, row: &TicketRow, times: i64) {
        self.dated += times * i64::from(row.last_ticks.is_some());
        self.consistent += times * row.consistent;
        self.unproven += times * row.unproven;
        self.suspect += times * row.suspect;
    }
}

/// How much is known of a tenant that completeness depends on and the position does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Conflicts.
    pub conflicts: i64,
    /// Facts about its feed.
    pub facts: i64,
    /// Events about its webhooks.
    pub signs: i64,
}

/// A tenant's projection, claimed: until it is committed or dropped, no other instance changes it.
pub struct Claim {
    pub(super) connection: PgConnection,
    pub(super) tenant: Tenant,
    /// True if it is to tables beside the live ones.
    pub(super) beside: bool,
    /// Where it stood when it was claimed.
    pub standing: Standing,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Projector {
    /// Claims a tenant's projection; `None` if another instance has it, which nobody waits for.
    ///
    /// Dropped without a commit, the claim ends with its session and nothing of the step remains.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn claim(&mut self, tenant: &Tenant) -> Result<Option<Claim>, StoreError> {
        let mut connection = self.begin().await?;
        let mut standing = lock(&mut connection, tenant).await?;
        if standing.is_none() {
            // There is no row yet, or another instance holds it. A new one is committed at once: whoever
            // meets one that is not would wait for it.
            self.end(connection, "ROLLBACK").await?;
            connection = self.connect().await?;
            insert(&mut connection, tenant).await?;
            self.connection = Some(connection);
            connection = self.begin().await?;
            standing = lock(&mut connection, tenant).await?;
        }
        let Some(standing) = standing else {
            self.end(connection, "ROLLBACK").await?;
            return Ok(None);
        };
        Ok(Some(Claim {
            connection,
            tenant: tenant.clone(),
            beside: self.beside,
            standing,
        }))
    }

    /// Commits a step, after which the projection stands here.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then nothing of it is there, unless the answer was lost.
    pub async fn commit(
        &mut self,
        mut claim: Claim,
        standing: &Standing,
    ) -> Result<(), StoreError> {
        claim.write_standing(standing).await?;
        self.end(claim.connection, "COMMIT").await
    }

    /// Gives a claim back without having changed anything.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn release(&mut self, claim: Claim) -> Result<(), StoreError> {
        self.end(claim.connection, "ROLLBACK").await
    }

    pub(super) async fn end(
        &mut self,
        mut connection: PgConnection,
        how: &'static str,
    ) -> Result<(), StoreError> {
        sqlx::raw_sql(how).execute(&mut connection).await?;
        self.connection = Some(connection);
        Ok(())
    }
}

impl Claim {
    /// Whose projection it is.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    async fn write_standing(&mut self, standing: &Standing) -> Result<(), StoreError> {
        let spans = standing.outages.spans();
        sqlx::query!(
            "UPDATE projection
             SET position = $2, tickets = $3, undated = $4, first_ticks = $5, first_text = $6,
                 last_ticks = $7, last_text = $8, conflicts = $9, facts = $10, signs = $11,
                 settled = $12, outage_from = $13, outage_to = $14, dated = $15, consistent = $16, unproven = $17,
                 suspect = $18, counted_for = ARRAY[$2, $9, $10, $11]::bigint[]
             WHERE tenant = $1",
            self.tenant.as_str(),
            standing.position,
            standing.tickets,
            standing.undated,
            standing.first_at.as_ref().map(OccurredAt::ticks),
            standing.first_at.as_ref().map(OccurredAt::as_sent),
            standing.last_at.as_ref().map(OccurredAt::ticks),
            standing.last_at.as_ref().map(OccurredAt::as_sent),
            standing.known.conflicts,
            standing.known.facts,
            standing.known.signs,
            standing.settled,
            &spans.iter().map(|(from, _)| *from).collect::<Vec<_>>(),
            &spans.iter().map(|(_, to)| *to).collect::<Vec<_>>(),
            standing.sums.dated,
            standing.sums.consistent,
            standing.sums.unproven,
            standing.sums.suspect,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// The tickets with a projected event whose id also came with other content, and whose entry does not
    /// say so yet. Costs a look-up for each such event of the tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_unmarked_conflicts(&mut self) -> Result<Vec<TicketId>, StoreError> {
        let tickets = sqlx::query_scalar!(
            r#"SELECT DISTINCT event.ticket AS "ticket!"
               FROM (SELECT DISTINCT event_id FROM delivery
                     WHERE tenant = $1 AND outcome = 'conflict') AS disputed
               CROSS JOIN LATERAL (
                   SELECT ticket, event_id FROM event
                   WHERE tenant = $1 AND event_id = disputed.event_id AND position <= $2
                     AND ticket IS NOT NULL
                   LIMIT 1) AS event
               WHERE NOT EXISTS (
                   SELECT 1 FROM entry
                   WHERE tenant = $1 AND ticket = event.ticket AND event_id = event.event_id
                     AND 'conflict' = ANY(reasons))
               ORDER BY 1"#,
            self.tenant.as_str(),
            self.standing.position,
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(tickets.into_iter().filter_map(TicketId::new).collect())
    }

    /// The tickets of which an interval between two events meets a stretch of time, in ticks. Served by
    /// `entry_by_time`: reads every entry after the stretch's start.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_meeting(&mut self, from: i64, to: i64) -> Result<Vec<TicketId>, StoreError> {
        let tickets = sqlx::query_scalar!(
            "SELECT DISTINCT ticket FROM entry
             WHERE tenant = $1 AND ticks > $2 AND after_ticks < $3 ORDER BY ticket",
            self.tenant.as_str(),
            from,
            to,
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(tickets.into_iter().filter_map(TicketId::new).collect())
    }
}

/// Takes the claim's row if nobody holds it.
async fn lock(
    connection: &mut PgConnection,
    tenant: &Tenant,
) -> Result<Option<Standing>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT position, tickets, undated, first_text, last_text, conflicts, facts, signs, settled,
                  outage_from, outage_to, COALESCE(dated, 0) AS "dated!", COALESCE(consistent, 0) AS "consistent!",
                  COALESCE(unproven, 0) AS "unproven!", COALESCE(suspect, 0) AS "suspect!",
                  counted_for = ARRAY[position, conflicts, facts, signs] AS counted
           FROM projection WHERE tenant = $1 FOR UPDATE SKIP LOCKED"#,
        tenant.as_str(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let sums = if row.counted == Some(true) {
        Sums {
            dated: row.dated,
            consistent: row.consistent,
            unproven: row.unproven,
            suspect: row.suspect,
        }
    } else {
        sum_tickets(connection, tenant).await?
    };
    let at = |text: Option<String>, column| match text {
        None => Ok(None),
        Some(text) => OccurredAt::parse(&text)
            .map(Some)
            .ok_or_else(|| StoreError::Corrupt {
                table: "projection",
                column,
                row: tenant.to_string(),
            }),
    };
    let spans = row.outage_from.into_iter().zip(row.outage_to);
    let outages = spans.map(|(from_ticks, to)| Outage {
        from_ticks,
        to_ticks: Some(to),
    });
    Ok(Some(Standing {
        position: row.position,
        tickets: row.tickets,
        undated: row.undated,
        first_at: at(row.first_text, "first_text")?,
        last_at: at(row.last_text, "last_text")?,
        known: Known {
            conflicts: row.conflicts,
            facts: row.facts,
            signs: row.signs,
        },
        outages: Outages::new(outages.collect()),
        settled: row.settled,
        sums,
    }))
}

/// Reads every ticket of the tenant.
async fn sum_tickets(connection: &mut PgConnection, tenant: &Tenant) -> Result<Sums, StoreError> {
    let sums = sqlx::query_as!(
        Sums,
        r#"SELECT count(last_ticks) AS "dated!", COALESCE(sum(consistent), 0)::bigint AS "consistent!",
                  COALESCE(sum(unproven), 0)::bigint AS "unproven!",
                  COALESCE(sum(suspect), 0)::bigint AS "suspect!"
           FROM ticket WHERE tenant = $1"#,
        tenant.as_str(),
    );
    Ok(sums.fetch_one(connection).await?)
}

/// Makes the claim's row, unless it is there.
async fn insert(connection: &mut PgConnection, tenant: &Tenant) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO projection (
             tenant, position, tickets, undated, conflicts, facts, signs, settled, outage_from, outage_to)
         VALUES ($1, 0, 0, 0, 0, 0, 0, true, '{}', '{}')
         ON CONFLICT (tenant) DO NOTHING",
        tenant.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// How much is known now of a tenant that the position does not count: of its feed what
    /// [`Store::list_outages`] takes at that position, so that what it leaves out is seen to be new later.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_known(&self, tenant: &Tenant, up_to: Position) -> Result<Known, StoreError> {
        let row = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM delivery WHERE tenant = $1 AND outcome = 'conflict')
                          AS "conflicts!",
                      (SELECT count(*) FROM feed_fact
                       WHERE (tenant = $1 OR tenant IS NULL)
                         AND recorded_at < COALESCE(
                             (SELECT stored_at FROM event
                              WHERE tenant = $1 AND position > $2 AND position < $2 + 2::bigint
                              ORDER BY position LIMIT 1), 'infinity')) AS "facts!",
                      (SELECT count(*) FROM event
                       WHERE tenant = $1 AND position <= $2 AND name LIKE 'webhook.%') AS "signs!""#,
            tenant.as_str(),
            up_to.0,
        )
        .fetch_one(&self.reads)
        .await?;
        Ok(Known {
            conflicts: row.conflicts,
            facts: row.facts,
            signs: row.signs,
        })
    }
}
