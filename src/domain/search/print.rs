//! A query as text that reads back as itself.

use std::fmt;

use super::{
    Expr, Field, Held, Holding, Move, Operand, Predicate, Query, Span, When, Who, lex::keyword,
    time::instant_text,
};
use crate::domain::history::Kind;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => join(f, parts, " and "),
            Self::Any(parts) => join(f, parts, " or "),
            Self::Not(part) => {
                f.write_str("not ")?;
                nested(f, part)
            }
            Self::Is(predicate) => predicate.fmt(f),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Expr], between: &str) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        nested(f, part)?;
    }
    Ok(())
}

/// A part of another expression.
fn nested(f: &mut fmt::Formatter<'_>, part: &Expr) -> fmt::Result {
    match part {
        Expr::All(_) | Expr::Any(_) => write!(f, "({part})"),
        Expr::Not(_) | Expr::Is(_) => write!(f, "{part}"),
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(fields) => list(f, "field ", fields),
            Self::Move(moved) => moved.fmt(f),
            Self::Declared(None) => f.write_str("declared"),
            Self::Declared(Some(field)) => write!(f, "declared {field}"),
            Self::Undeclared(None) => f.write_str("undeclared"),
            Self::Undeclared(Some(field)) => write!(f, "undeclared {field}"),
            Self::Actor(actors) => list(f, "by ", actors),
            Self::Ticket(tickets) => list(f, "ticket ", tickets),
            Self::Kind(kinds) => {
                let words: Vec<&str> = kinds.iter().copied().map(Kind::as_str).collect();
                list(f, "kind ", &words)
            }
            Self::Time(span) => span.fmt(f),
            Self::Held(held) => held.fmt(f),
        }
    }
}

/// `before 1` or `before in (1, 2)`
fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, before: &str, items: &[T]) -> fmt::Result {
    f.write_str(before)?;
    if let [only] = items {
        return only.fmt(f);
    }
    for (at, item) in items.iter().enumerate() {
        f.write_str(if at == 0 { "in (" } else { ", " })?;
        item.fmt(f)?;
    }
    f.write_str(")")
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let other = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let plain = self.name.starts_with(first)
            && self.name.chars().all(other)
            && keyword(&self.name).is_none();
        if plain && self.bare.is_somewhere() {
            f.write_str(&self.name)
        } else {
            write!(f, "`{}`", self.name.replace('`', "``"))
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.field.fmt(f)?;
        if self.changed {
            f.write_str(" changed")?;
        }
        if !self.from.is_empty() {
            list(f, " from ", &self.from)?;
        }
        if !self.to.is_empty() {
            list(f, " to ", &self.to)?;
        }
        Ok(())
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            values,
            when,
        } = self;
        match when {
            Holding::Ever => equal(f, &format!("ever {field}"), values),
            Holding::Now => equal(f, &field.to_string(), values),
            Holding::During(span) => {
                list(f, &format!("{field} was "), values)?;
                write!(f, " {span}")
            }
        }
    }
}

/// `a = 1` or `a in (1, 2)`
fn equal(f: &mut fmt::Formatter<'_>, what: &str, values: &[Operand]) -> fmt::Result {
    let sign = if values.len() == 1 { "= " } else { "" };
    list(f, &format!("{what} {sign}"), values)
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("none"),
            Self::Json(json) => f.write_str(json),
            Self::Text(text) => quoted(f, &text.text),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Named(text) => quoted(f, &text.text),
            Self::Nobody => f.write_str("none"),
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "{}", serde_json::Value::from(text))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(when) => write!(f, "before {when}"),
            Self::After(when) => write!(f, "after {when}"),
            Self::Since(when) => write!(f, "since {when}"),
            Self::On(when @ When::Day(_)) => write!(f, "on {when}"),
            Self::On(when @ When::Instant(_)) => write!(f, "at {when}"),
            Self::Between(first, last) => write!(f, "between {first} and {last}"),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Instant(ticks) => f.write_str(&instant_text(*ticks)),
        }
    }
}
