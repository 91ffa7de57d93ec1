//! One statement for all sources of tickets that may be on a page: what has to be true of a ticket beside that
//! it stands in the source is looked up for each.

use std::collections::BTreeSet;

use crate::domain::{desk::Filter, ids::Tenant};

pub(super) struct Row {
    pub(super) position: i64,
    pub(super) ticket: Option<i64>,
    pub(super) last_ticks: Option<i64>,
}

/// What the statements are told.
pub(super) struct Asked<'a> {
    pub(super) tenant: &'a str,
    /// The instant that is asked for, the greatest if it is now: what holds then holds still.
    pub(super) at: i64,
    /// What is looked up for each ticket: the nth field, its name and a key, for each key.
    pub(super) fields: Vec<&'a str>,
    pub(super) keys: Vec<&'a str>,
    pub(super) nths: Vec<i64>,
    /// How many fields that is.
    pub(super) count: i64,
    pub(super) since: Option<i64>,
    pub(super) limit: i64,
}

/// A page from one source of candidates, which has the columns `ticket`, `first_ticks`, `last_ticks`, and in
/// one order. `OFFSET 0` keeps a source a walk: the planner, which thinks that hardly a ticket passes what is
/// looked up, would else sort all of a tenant's. A source may depend on `wanted.key`, of which `$8` gives one or several, each a list of its own.
macro_rules! page {
    ($candidates:literal, $and_order:literal, $asked:expr, $wanted:expr, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT projection.position AS "position!", found.ticket AS "ticket?",
                      found.last_ticks AS "last_ticks?"
               FROM projection CROSS JOIN UNNEST($8::text[]) AS wanted (key)
               LEFT JOIN LATERAL (
                   SELECT candidate.ticket, candidate.last_ticks FROM "# + $candidates + r#" AS candidate
                   WHERE COALESCE(candidate.first_ticks <= $2, $2 = 9223372036854775807)
                     AND ($7::bigint IS NULL OR COALESCE(
                         (SELECT true FROM entry
                          WHERE entry.tenant = $1 AND entry.ticket = candidate.ticket
                            AND entry.ticks >= $7 AND entry.ticks <= $2
                          ORDER BY entry.event_id LIMIT 1), false))
                     AND $6 = (
                         SELECT count(DISTINCT asked.nth)
                         FROM UNNEST($3::text[], $4::text[], $5::bigint[]) AS asked (field, key, nth)
                         CROSS JOIN LATERAL (
                             SELECT 1 FROM field_interval AS held
                             WHERE held.tenant = $1 AND held.ticket = candidate.ticket
                               AND held.field = asked.field AND held.key = asked.key
                               AND held.from_ticks <= $2
                               AND (held.until_ticks IS NULL OR $2 < held.until_ticks)
                             LIMIT 1) AS holds)
                     AND "# + $and_order + r#" LIMIT $9) AS found ON true
               WHERE projection.tenant = $1"#,
            $asked.tenant,
            $asked.at,
            &$asked.fields as _,
            &$asked.keys as _,
            &$asked.nths,
            $asked.count,
            $asked.since,
            $wanted as _,
            $asked.limit,
            $($argument),*
        )
    };
}

pub(super) use page;

impl<'a> Asked<'a> {
    pub(super) fn new(
        tenant: &'a Tenant,
        filter: &Filter,
        fields: impl Iterator<Item = (&'a String, &'a BTreeSet<String>)>,
        limit: usize,
    ) -> Self {
        let mut asked = Self {
            tenant: tenant.as_str(),
            at: filter.as_of_ticks.unwrap_or(i64::MAX),
            fields: Vec::new(),
            keys: Vec::new(),
            nths: Vec::new(),
            count: 0,
            since: filter.since_ticks,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        };
        for (field, keys) in fields {
            for key in keys {
                asked.fields.push(field);
                asked.keys.push(key);
                asked.nths.push(asked.count);
            }
            asked.count += 1;
        }
        asked
    }
}
