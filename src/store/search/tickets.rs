//! From what a search says of tickets alone to one condition.
//!
//! Such statements are true of all changes of a ticket or of none. Asked of each change, Postgres would answer every one of
//! them by itself, forty times a ticket, and could not begin with the tickets of which all are true. So all that stand together
//! are one set of tickets, which it may make first, or look into for each change, whichever takes less.

use sqlx::{Postgres, QueryBuilder};

use super::compose::push_in;
use crate::domain::{
    ids::Tenant,
    search::{Filter, HeldWhen},
};

type Sql = QueryBuilder<Postgres>;

/// Some tickets.
pub(super) enum Tickets<'a> {
    /// Those that held one of some keys.
    Held {
        field: &'a str,
        keys: &'a [String],
        when: HeldWhen,
    },
    /// Those that are in all of these.
    All(Vec<Tickets<'a>>),
    /// Those that are in any of these.
    Any(Vec<Tickets<'a>>),
    /// Those that are not in this.
    Not(Box<Tickets<'a>>),
}

impl<'a> Tickets<'a> {
    /// Of which a filter is true; `None` if it says anything of changes, or nothing at all.
    pub(super) fn of(filter: &'a Filter) -> Option<Self> {
        let each = |parts: &'a [Filter]| {
            let parts: Option<Vec<_>> = parts.iter().map(Self::of).collect();
            parts.filter(|parts| !parts.is_empty())
        };
        match filter {
            Filter::Held { field, keys, when } => Some(Self::Held {
                field,
                keys,
                when: *when,
            }),
            Filter::All(parts) => each(parts).map(Self::All),
            Filter::Any(parts) => each(parts).map(Self::Any),
            Filter::Not(part) => Some(Self::Not(Box::new(Self::of(part)?))),
            _ => None,
        }
    }

    /// What some filters say of tickets alone, a set each, and the others.
    pub(super) fn and_the_rest(
        filters: impl IntoIterator<Item = &'a Filter>,
    ) -> (Vec<Self>, Vec<&'a Filter>) {
        let mut rest = Vec::new();
        let sets = filters.into_iter().filter_map(|filter| {
            let set = Self::of(filter);
            if set.is_none() {
                rest.push(filter);
            }
            set
        });
        (sets.collect(), rest)
    }

    /// That a ticket is one of these: `EXISTS`, and not `IN`, for under an OR Postgres would look for each ticket among all of
    /// them. Names of sets are counted from `depth`, so that none hides one that it stands in.
    pub(super) fn push_has(&self, sql: &mut Sql, tenant: &Tenant, ticket: &str, depth: usize) {
        if let Self::Not(others) = self {
            sql.push("NOT ");
            return others.push_has(sql, tenant, ticket, depth);
        }
        sql.push("EXISTS (SELECT FROM (");
        self.push_set(sql, tenant, depth + 1);
        sql.push(format_args!(
            ") AS s{depth} WHERE s{depth}.ticket = {ticket})"
        ));
    }

    /// A statement that gives their numbers, some of them twice.
    pub(super) fn push_set(&self, sql: &mut Sql, tenant: &Tenant, depth: usize) {
        match self {
            Self::Held { field, keys, when } => push_holders(sql, tenant, field, keys, *when),
            Self::Any(sets) => {
                for (at, set) in sets.iter().enumerate() {
                    sql.push(if at == 0 { "(" } else { " UNION ALL (" });
                    set.push_set(sql, tenant, depth);
                    sql.push(")");
                }
            }
            Self::All(sets) => {
                // First one that says which tickets, not which others.
                let (others, which): (Vec<_>, Vec<_>) =
                    sets.iter().partition(|set| matches!(set, Self::Not(_)));
                let rest = which.iter().skip(1).chain(&others).copied();
                push_intersection(sql, tenant, which.first().copied(), rest, depth);
            }
            Self::Not(_) => push_intersection(sql, tenant, None, [self], depth),
        }
    }
}

/// The parts of a filter that have to be true together, however they stand within each other.
pub(super) fn conjuncts(filter: &Filter) -> Vec<&Filter> {
    match filter {
        Filter::All(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The tickets of a set, all that there are if none is given, that are in each of others too.
fn push_intersection<'a>(
    sql: &mut Sql,
    tenant: &Tenant,
    first: Option<&Tickets<'_>>,
    others: impl IntoIterator<Item = &'a Tickets<'a>>,
    depth: usize,
) {
    sql.push(format_args!("SELECT s{depth}.ticket FROM ("));
    match first {
        Some(first) => first.push_set(sql, tenant, depth + 1),
        None => {
            sql.push("SELECT ticket FROM ticket WHERE tenant = ")
                .push_bind(tenant.as_str().to_owned());
        }
    }
    sql.push(format_args!(") AS s{depth}"));
    for (at, other) in others.into_iter().enumerate() {
        sql.push(if at == 0 { " WHERE " } else { " AND " });
        other.push_has(sql, tenant, &format!("s{depth}.ticket"), depth + 1);
    }
}

/// The tickets that have an interval of one of these keys.
fn push_holders(sql: &mut Sql, tenant: &Tenant, field: &str, keys: &[String], when: HeldWhen) {
    sql.push("SELECT h.ticket FROM field_interval AS h WHERE h.tenant = ");
    sql.push_bind(tenant.as_str().to_owned());
    sql.push(" AND h.field = ").push_bind(field.to_owned());
    sql.push(" AND ");
    push_in(sql, "h.key", keys);
    match when {
        HeldWhen::Ever => {}
        HeldWhen::Now => {
            sql.push(" AND h.until_ticks IS NULL");
        }
        HeldWhen::During(window) => {
            // An interval between two events on one tick is over before it begins: no instant lies in it.
            sql.push(" AND (h.until_ticks IS NULL OR (h.until_ticks > h.from_ticks");
            if let Some(from) = window.from {
                sql.push(" AND h.until_ticks > ").push_bind(from);
            }
            sql.push("))");
            if let Some(until) = window.until {
                sql.push(" AND h.from_ticks < ").push_bind(until);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_tickets_is_found_in_all_that_is_true_together() {
        let held = |field: &str| Filter::Held {
            field: field.to_owned(),
            keys: vec!["1".to_owned()],
            when: HeldWhen::Ever,
        };
        let search = Filter::All(vec![
            Filter::Actors {
                ids: vec![19],
                nobody: false,
            },
            Filter::All(vec![
                held("priority"),
                Filter::Declared(true),
                Filter::Not(Box::new(held("status"))),
            ]),
            Filter::Any(vec![held("slevel"), Filter::Declared(false)]),
        ]);
        let (sets, rest) = Tickets::and_the_rest(conjuncts(&search));
        assert_eq!((sets.len(), rest.len()), (2, 3));
    }
}
