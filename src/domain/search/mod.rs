//! Questions to the history: which changes, of which tickets, by whom, when.
//!
//! A [`Query`] is what was asked, as a tree: [`Query::parse`] reads the language of `docs/search.md`, the
//! plain parameters of the API make the same tree, and it prints as text that reads back as itself. What
//! it means in one tenant depends on its zone and its labels: [`Query::resolve`] makes a [`Search`] of it,
//! in which only instants, ids and keys are left.

mod error;
mod fields;
mod filter;
mod found;
mod lex;
mod limits;
mod noise;
mod parse;
mod parts;
mod plain;
mod print;
mod resolve;
#[cfg(test)]
mod tests;
mod time;
mod wanted;

use jiff::civil::Date;

pub use self::{
    error::{Place, QueryError},
    fields::{is_ticket_column, ticket_columns},
    filter::{Filter, HeldWhen, Search},
    found::{After, FoundChange, FoundCount, FoundTicket},
    limits::{MAX_DEPTH, MAX_PREDICATES, MAX_QUERY_BYTES, MAX_VALUES},
    noise::Noise,
    parts::{Narrowed, Parts, PartsError},
    plain::{NoField, Plain},
    time::Window,
    wanted::{Known, Wanted},
};
use crate::domain::history::Kind;

/// What was asked. Selects the changes for which the whole expression is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What has to be true of a change and its ticket.
    pub expr: Expr,
    /// With noise.
    pub noise: bool,
    /// The text that it was read from, for errors to point at.
    text: String,
}

/// Something that is true of a change and its ticket, or not: there is no third.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// True if all of these are; so it is without any.
    All(Vec<Expr>),
    /// True if one of these is; without any it is not.
    Any(Vec<Expr>),
    /// True if this is not.
    Not(Box<Expr>),
    /// One statement.
    Is(Predicate),
}

/// One statement about a change, or about its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// The change is of one of these fields.
    Field(Vec<Field>),
    /// The change is of a field, and goes from one of some values to one of others.
    Move(Move),
    /// The sender's `Changes` names the field: any, or this one.
    Declared(Option<Field>),
    /// It does not, and the ticket was not created by it.
    Undeclared(Option<Field>),
    /// One of these did it.
    Actor(Vec<Who>),
    /// The change is of one of these tickets.
    Ticket(Vec<i64>),
    /// It is of one of these kinds.
    Kind(Vec<Kind>),
    /// It happened then.
    Time(Span),
    /// Its ticket held one of some values.
    Held(Held),
}

/// A field by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// Where it stands, if it stands there without quotes: then it has to be a field that is known, so
    /// that a slip of the pen is no empty answer.
    pub bare: Place,
}

/// A field's way from value to value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The field.
    pub field: Field,
    /// Only what moved: neither a first value by the created event nor one that stayed.
    pub changed: bool,
    /// From any of these; from whatever it was, if empty.
    pub from: Vec<Operand>,
    /// To any of these; to whatever it is, if empty.
    pub to: Vec<Operand>,
}

/// A value that a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Any of the field's none-values.
    Nothing,
    /// This JSON, which is no string.
    Json(String),
    /// A label of the field's list; this string, if the field has no list.
    Text(Text),
}

/// A text, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Without its quotes.
    pub text: String,
    /// Where it stands.
    pub at: Place,
}

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// This associate.
    Id(i64),
    /// Those who ever bore this label.
    Named(Text),
    /// The sender named nobody.
    Nobody,
}

/// That a ticket held a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The field.
    pub field: Field,
    /// Any of these; never empty.
    pub values: Vec<Operand>,
    /// When.
    pub when: Holding,
}

/// When a ticket held a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// Between some two of its events, or since one.
    Ever,
    /// Since one of its events until now.
    Now,
    /// At any time in it.
    During(Span),
}

/// A stretch of time. Each instant is before, on or after a day, or an instant: one of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Before the day begins; before the instant.
    Before(When),
    /// Once the day is over; after the instant.
    After(When),
    /// Not before.
    Since(When),
    /// On that day; at that instant.
    On(When),
    /// Not before the one and not after the other.
    Between(When, When),
}

/// A day, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A day in the query's zone.
    Day(Date),
    /// An instant, in ticks of 100 ns since 1970.
    Instant(i64),
}

impl Query {
    /// A query that was not read from text.
    ///
    /// # Errors
    /// A [`QueryError`] without a place if there are more than [`MAX_PREDICATES`] statements or
    /// [`MAX_VALUES`] values in it.
    pub fn new(expr: Expr, noise: bool) -> Result<Self, QueryError> {
        limits::check(&expr, "")?;
        let text = String::new();
        Ok(Self { expr, noise, text })
    }

    /// Reads a query; an empty one asks for everything.
    ///
    /// # Errors
    /// A [`QueryError`] that points at the place, also for one of more than [`MAX_QUERY_BYTES`],
    /// [`MAX_DEPTH`], [`MAX_PREDICATES`] or [`MAX_VALUES`].
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let expr = parse::parse(text)?;
        limits::check(&expr, text)?;
        Ok(Self {
            expr,
            noise: false,
            text: text.to_owned(),
        })
    }

    /// This query, and that something else is true as well.
    ///
    /// # Errors
    /// As [`Query::new`].
    pub fn and(self, other: Vec<Expr>, noise: bool) -> Result<Self, QueryError> {
        let mut all = other;
        if self.expr != Expr::All(Vec::new()) {
            all.push(self.expr);
        }
        let expr = match <[Expr; 1]>::try_from(all) {
            Ok([only]) => only,
            Err(all) => Expr::All(all),
        };
        limits::check(&expr, "")?;
        Ok(Self {
            expr,
            noise: self.noise || noise,
            text: self.text,
        })
    }
}

impl Field {
    /// A field that need not be known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            bare: Place::NONE,
        }
    }
}

impl Operand {
    /// Reads a value as JSON if it is JSON, else as a string.
    pub fn read(text: &str) -> Self {
        let json: Result<&serde_json::value::RawValue, _> = serde_json::from_str(text);
        match json {
            Ok(json) if !json.get().starts_with('"') => Self::Json(json.get().to_owned()),
            _ => Self::text(serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())),
        }
    }

    /// A text that stands nowhere.
    pub fn text(text: String) -> Self {
        let at = Place::NONE;
        Self::Text(Text { text, at })
    }
}
