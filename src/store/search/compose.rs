//! From a search to the condition of a statement.
//!
//! Postgres' logic has three values, a search's two: a column is null where there is no actor or no value.
//! Null stands for false here. It does so through AND, OR and WHERE of themselves; so it is enough that a
//! negation is `IS NOT TRUE`.

use sqlx::{Postgres, QueryBuilder};

use super::tickets::{Tickets, conjuncts};
use crate::domain::{
    fields::{BOOKKEEPING, BOOKKEEPING_PREFIXES},
    history::Kind,
    ids::Tenant,
    search::{Filter, Noise, Search, Window},
};

type Sql = QueryBuilder<Postgres>;

/// Of a list, and of where it goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    /// What the next page's rows are, compared with the last of this one.
    pub(super) beyond: &'static str,
    direction: &'static str,
}

impl Order {
    pub(super) fn new(descending: bool) -> Self {
        let (beyond, direction) = if descending {
            ("<", " DESC")
        } else {
            (">", "")
        };
        Self { beyond, direction }
    }

    pub(super) fn push_by<const N: usize>(
        self,
        sql: &mut Sql,
        before: &'static str,
        columns: [&'static str; N],
    ) {
        for (at, column) in columns.into_iter().enumerate() {
            sql.push(if at == 0 { before } else { ", " });
            sql.push(column).push(self.direction);
        }
    }
}

/// What has to be true of a row `c` of `change`: the tenant first.
pub(super) fn push_where(sql: &mut Sql, tenant: &Tenant, search: &Search) {
    sql.push("c.tenant = ")
        .push_bind(tenant.as_str().to_owned());
    push_noise(sql, &search.noise);
    sql.push(" AND ");
    push_filter(sql, tenant, &search.filter);
}

/// `NOT c.noise` by itself is what the partial indexes serve.
fn push_noise(sql: &mut Sql, noise: &Noise) {
    if noise.all {
        return;
    }
    sql.push(" AND ");
    if !noise.touched && noise.fields.is_empty() {
        sql.push("NOT c.noise");
        return;
    }
    sql.push("(NOT c.noise OR (");
    if !noise.touched {
        sql.push("c.kind <> 'touched' AND ");
    }
    sql.push("(");
    push_in(
        sql,
        "c.field",
        &noise.fields.iter().cloned().collect::<Vec<_>>(),
    );
    if noise.touched {
        sql.push(" OR NOT (");
        push_bookkeeping(sql);
        sql.push(")");
    }
    sql.push(")))");
}

/// That the field is one that moves by itself.
fn push_bookkeeping(sql: &mut Sql) {
    push_in(sql, "c.field", &BOOKKEEPING.map(str::to_owned));
    for prefix in BOOKKEEPING_PREFIXES {
        sql.push(" OR starts_with(c.field, ")
            .push_bind(prefix)
            .push(")");
    }
}

/// `column = value` or `column = ANY (values)`; false without values.
pub(super) fn push_in<'a, T>(sql: &mut Sql, column: &'static str, values: &[T])
where
    T: Clone + Send + 'static + sqlx::Type<Postgres> + for<'q> sqlx::Encode<'q, Postgres>,
    Vec<T>: sqlx::Type<Postgres> + for<'q> sqlx::Encode<'q, Postgres>,
{
    match values {
        [] => sql.push("FALSE"),
        [only] => sql.push(column).push(" = ").push_bind(only.clone()),
        _ => sql
            .push(column)
            .push(" = ANY (")
            .push_bind(values.to_vec())
            .push(")"),
    };
}

fn push_filter(sql: &mut Sql, tenant: &Tenant, filter: &Filter) {
    match filter {
        Filter::All(_) => {
            let parts = conjuncts(filter);
            push_joined(sql, tenant, parts, Tickets::All, (" AND ", "TRUE"));
        }
        Filter::Any(parts) => push_joined(sql, tenant, parts, Tickets::Any, (" OR ", "FALSE")),
        Filter::Not(part) => push_not(sql, tenant, part),
        Filter::Fields(fields) => push_in(sql, "c.field", fields),
        Filter::Move {
            field,
            changed,
            from,
            to,
        } => push_move(sql, field, *changed, from.as_deref(), to.as_deref()),
        Filter::Declared(true) => {
            sql.push("c.declared");
        }
        Filter::Declared(false) => {
            sql.push("NOT c.declared");
        }
        Filter::Actors { ids, nobody: false } => push_in(sql, "c.actor", ids),
        Filter::Actors { ids, nobody: true } => {
            sql.push("(c.actor IS NULL OR ");
            push_in(sql, "c.actor", ids);
            sql.push(")");
        }
        Filter::Tickets(tickets) => push_in(sql, "c.ticket", tickets),
        Filter::Kinds(kinds) => {
            let words: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
            push_in(sql, "c.kind", &words);
        }
        Filter::Time(window) => push_time(sql, *window),
        Filter::Held { field, keys, when } => {
            let when = *when;
            push_tickets(sql, tenant, &Tickets::Held { field, keys, when });
        }
    }
}

/// Parts that are to be true together or of which any is to be, those that say something of tickets alone as one.
fn push_joined<'a>(
    sql: &mut Sql,
    tenant: &Tenant,
    parts: impl IntoIterator<Item = &'a Filter>,
    together: fn(Vec<Tickets<'a>>) -> Tickets<'a>,
    (between, without): (&'static str, &'static str),
) {
    let (tickets, of_changes) = Tickets::and_the_rest(parts);
    if tickets.is_empty() && of_changes.is_empty() {
        sql.push(without);
        return;
    }
    let mut before = "(";
    for part in of_changes {
        sql.push(before);
        push_filter(sql, tenant, part);
        before = between;
    }
    if !tickets.is_empty() {
        sql.push(before);
        push_tickets(sql, tenant, &together(tickets));
    }
    sql.push(")");
}

fn push_not(sql: &mut Sql, tenant: &Tenant, part: &Filter) {
    if let Some(tickets) = Tickets::of(part) {
        let others = Tickets::Not(Box::new(tickets));
        return push_tickets(sql, tenant, &others);
    }
    sql.push("(");
    push_filter(sql, tenant, part);
    sql.push(") IS NOT TRUE");
}

/// That the change's ticket is one of these.
fn push_tickets(sql: &mut Sql, tenant: &Tenant, tickets: &Tickets<'_>) {
    tickets.push_has(sql, tenant, "c.ticket", 0);
}

fn push_move(
    sql: &mut Sql,
    field: &str,
    changed: bool,
    from: Option<&[String]>,
    to: Option<&[String]>,
) {
    sql.push("(c.field = ").push_bind(field.to_owned());
    if changed {
        sql.push(" AND c.kind <> '").push(Kind::Initial.as_str());
        sql.push("' AND c.kind <> '")
            .push(Kind::Touched.as_str())
            .push("'");
    }
    for (column, keys) in [("c.from_key", from), ("c.to_key", to)] {
        if let Some(keys) = keys {
            sql.push(" AND ");
            push_in(sql, column, keys);
        }
    }
    sql.push(")");
}

fn push_time(sql: &mut Sql, window: Window) {
    sql.push("(TRUE");
    if let Some(from) = window.from {
        sql.push(" AND c.ticks >= ").push_bind(from);
    }
    if let Some(until) = window.until {
        sql.push(" AND c.ticks < ").push_bind(until);
    }
    sql.push(")");
}
