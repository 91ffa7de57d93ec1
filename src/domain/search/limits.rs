//! How much a query may ask, so that none costs more than it is worth.

use super::{Expr, Place, Predicate, QueryError};

/// Longest text of a query, in bytes: forty lines, and short enough for a path.
pub const MAX_QUERY_BYTES: usize = 4096;

/// Most parentheses and `not`s within each other: reading and planning recurse so deep.
pub const MAX_DEPTH: usize = 32;

/// Most statements: each about a ticket is a sub-query for Postgres to plan.
pub const MAX_PREDICATES: usize = 50;

/// Most values, actors, tickets, kinds and fields together.
pub const MAX_VALUES: usize = 1000;

/// Refuses what asks too much.
pub(super) fn check(expr: &Expr, text: &str) -> Result<(), QueryError> {
    let (predicates, values) = count(expr);
    let too_many = |what: &str, most: usize| {
        let what = format!("the query has more than {most} {what}");
        Err(QueryError::new(text, Place::NONE, &what, None))
    };
    if predicates > MAX_PREDICATES {
        return too_many("statements", MAX_PREDICATES);
    }
    if values > MAX_VALUES {
        return too_many("values", MAX_VALUES);
    }
    Ok(())
}

fn count(expr: &Expr) -> (usize, usize) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts
            .iter()
            .map(count)
            .fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1)),
        Expr::Not(part) => count(part),
        Expr::Is(predicate) => {
            let values = match predicate {
                Predicate::Field(fields) => fields.len(),
                Predicate::Move(moved) => moved.from.len() + moved.to.len(),
                Predicate::Declared(_) | Predicate::Undeclared(_) | Predicate::Time(_) => 0,
                Predicate::Actor(actors) => actors.len(),
                Predicate::Ticket(tickets) => tickets.len(),
                Predicate::Kind(kinds) => kinds.len(),
                Predicate::Held(held) => held.values.len(),
            };
            (1, values)
        }
    }
}
