//! How pieces make statements, and statements an expression: the railroad of docs/search.md.

use winnow::{
    Parser,
    combinator::{alt, delimited, opt, preceded, repeat, separated},
};

use super::{
    Parsed, Tokens,
    piece::{field, kind, list, number, piece, sign, value, when, who, word},
};
use crate::domain::search::{Expr, Held, Holding, Move, Operand, Predicate, Span, lex::backtrack};

pub(super) fn any_of(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let parts: Vec<Expr> = separated(1.., all_of, word("or")).parse_next(input)?;
    Ok(alone_or(parts, Expr::Any))
}

fn all_of(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let parts: Vec<Expr> = separated(1.., term, word("and")).parse_next(input)?;
    Ok(alone_or(parts, Expr::All))
}

/// One part is itself, several are joined.
fn alone_or(parts: Vec<Expr>, join: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    match <[Expr; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => join(parts),
    }
}

fn term(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let not = preceded(word("not"), term).map(|term| Expr::Not(Box::new(term)));
    alt((not, clause)).parse_next(input)
}

/// A statement or a group, and what narrows it without an `and`.
fn clause(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let group = delimited(sign("("), any_of, sign(")"));
    let first = alt((group, of_ticket_or_field, qualifier)).parse_next(input)?;
    let more: Vec<Expr> = repeat(0.., qualifier).parse_next(input)?;
    let parts = [first].into_iter().chain(more).collect();
    Ok(alone_or(parts, Expr::All))
}

/// `by 19`, `ticket 45`, `kind set`, `after 2025-05-01`
fn qualifier(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let by = preceded(alt((word("by"), word("actor"))), list(who)).map(Predicate::Actor);
    let ticket = preceded(word("ticket"), list(ticket)).map(Predicate::Ticket);
    let kind = preceded(word("kind"), list(kind)).map(Predicate::Kind);
    let time = span.map(Predicate::Time);
    alt((by, ticket, kind, time))
        .map(Expr::Is)
        .parse_next(input)
}

fn ticket(input: &mut Tokens<'_>) -> Parsed<i64> {
    piece("a ticket's number", number).parse_next(input)
}

fn of_ticket_or_field(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let declared = preceded(word("declared"), opt(field)).map(Predicate::Declared);
    let undeclared = preceded(word("undeclared"), opt(field)).map(Predicate::Undeclared);
    let of_field = preceded(word("field"), list(field)).map(Predicate::Field);
    let plain = alt((ever, declared, undeclared, of_field)).map(Expr::Is);
    alt((plain, field_clause)).parse_next(input)
}

/// `ever priority in (1, 2)`
fn ever(input: &mut Tokens<'_>) -> Parsed<Predicate> {
    let (field, values) = preceded(word("ever"), (field, equal_to)).parse_next(input)?;
    let when = Holding::Ever;
    Ok(Predicate::Held(Held {
        field,
        values,
        when,
    }))
}

/// `= 1`, `is 1`, `was 1`, `in (1, 2)`
fn equal_to(input: &mut Tokens<'_>) -> Parsed<Vec<Operand>> {
    let equal = alt((word("is"), word("was"), sign("=")));
    alt((preceded(equal, list(value)), in_list)).parse_next(input)
}

fn in_list(input: &mut Tokens<'_>) -> Parsed<Vec<Operand>> {
    let several = separated(1.., value, sign(","));
    preceded(word("in"), delimited(sign("("), several, sign(")"))).parse_next(input)
}

/// What begins with a field.
fn field_clause(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let field = field.parse_next(input)?;
    let held = |values, when| {
        Expr::Is(Predicate::Held(Held {
            field: field.clone(),
            values,
            when,
        }))
    };
    let is_not = preceded(
        alt(((word("is"), word("not")).void(), sign("!="))),
        list(value),
    )
    .map(|values| Expr::Not(Box::new(held(values, Holding::Now))));
    let is = preceded(alt((word("is"), sign("="))), list(value));
    let is = alt((is, in_list)).map(|values| held(values, Holding::Now));
    let was = preceded(word("was"), (list(value), span));
    let was = was.map(|(values, span)| held(values, Holding::During(span)));
    let moved = moved.map(|(changed, from, to)| {
        let field = field.clone();
        Expr::Is(Predicate::Move(Move {
            field,
            changed,
            from,
            to,
        }))
    });
    alt((is_not, is, was, moved)).parse_next(input)
}

/// `changed`, `changed from 1 to 2`, `to 2`
fn moved(input: &mut Tokens<'_>) -> Parsed<(bool, Vec<Operand>, Vec<Operand>)> {
    let changed = opt(word("changed")).parse_next(input)?.is_some();
    let from = opt(preceded(word("from"), list(value))).parse_next(input)?;
    let to = opt(preceded(word("to"), list(value))).parse_next(input)?;
    if !changed && from.is_none() && to.is_none() {
        return Err(backtrack());
    }
    Ok((changed, from.unwrap_or_default(), to.unwrap_or_default()))
}

fn span(input: &mut Tokens<'_>) -> Parsed<Span> {
    alt((
        preceded(alt((word("before"), word("until"))), when).map(Span::Before),
        preceded(word("after"), when).map(Span::After),
        preceded(word("since"), when).map(Span::Since),
        preceded(alt((word("on"), word("at"))), when).map(Span::On),
        preceded(word("between"), (when, preceded(word("and"), when)))
            .map(|(first, last)| Span::Between(first, last)),
    ))
    .parse_next(input)
}
