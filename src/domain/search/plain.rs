//! Questions put as plain parameters, without the language.

use super::{Expr, Field, Move, Operand, Predicate, Span, When, Who};
use crate::domain::{fields::TICKET_FIELDS, history::Kind, ids::Actor};

/// What has to be true of a change, each of these by itself; empty ones ask nothing.
#[derive(Debug, Clone, Default)]
pub struct Plain {
    /// Of any of these fields.
    pub fields: Vec<String>,
    /// Of any of these kinds.
    pub kinds: Vec<Kind>,
    /// From any of these values, each JSON or else a string; of a ticket field `none` is any of its none-values.
    pub from_values: Vec<String>,
    /// To any of these values, likewise.
    pub to_values: Vec<String>,
    /// By any of these actors, of which none is nobody whom the sender named.
    pub actors: Vec<Option<Actor>>,
    /// Of any of these tickets.
    pub tickets: Vec<i64>,
    /// Not before this instant, in ticks of 100 ns.
    pub since_ticks: Option<i64>,
    /// Before this instant, likewise.
    pub until_ticks: Option<i64>,
    /// Declared, or not.
    pub declared: Option<bool>,
}

/// A value was given without a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value is compared in the way of its field: say which field's values are meant")]
pub struct NoField;

impl Plain {
    /// The same as expressions that all have to be true.
    ///
    /// # Errors
    /// [`NoField`] if there are values but no field.
    pub fn into_exprs(self) -> Result<Vec<Expr>, NoField> {
        let mut all = Vec::new();
        let mut add = |predicate| all.push(Expr::Is(predicate));
        if !self.kinds.is_empty() {
            add(Predicate::Kind(self.kinds));
        }
        if !self.actors.is_empty() {
            let who = |actor: Option<Actor>| actor.map_or(Who::Nobody, |Actor(id)| Who::Id(id));
            add(Predicate::Actor(self.actors.into_iter().map(who).collect()));
        }
        if !self.tickets.is_empty() {
            add(Predicate::Ticket(self.tickets));
        }
        if let Some(since) = self.since_ticks {
            add(Predicate::Time(Span::Since(When::Instant(since))));
        }
        if let Some(until) = self.until_ticks {
            add(Predicate::Time(Span::Before(When::Instant(until))));
        }
        match self.declared {
            None => {}
            Some(true) => add(Predicate::Declared(None)),
            Some(false) => all.push(Expr::Not(Box::new(Expr::Is(Predicate::Declared(None))))),
        }
        all.extend(of_fields(self.fields, &self.from_values, &self.to_values)?);
        Ok(all)
    }
}

fn of_fields(fields: Vec<String>, from: &[String], to: &[String]) -> Result<Option<Expr>, NoField> {
    match (fields.is_empty(), from.is_empty() && to.is_empty()) {
        (true, true) => Ok(None),
        (true, false) => Err(NoField),
        (false, true) => {
            let fields = fields.into_iter().map(Field::new).collect();
            Ok(Some(Expr::Is(Predicate::Field(fields))))
        }
        (false, false) => {
            let moves = fields.into_iter().map(|field| {
                Expr::Is(Predicate::Move(Move {
                    changed: false,
                    from: operands(&field, from),
                    to: operands(&field, to),
                    field: Field::new(field),
                }))
            });
            Ok(Some(Expr::Any(moves.collect())))
        }
    }
}

fn operands(field: &str, texts: &[String]) -> Vec<Operand> {
    let is_ticket_field = TICKET_FIELDS.contains(&field);
    let operand = |text: &String| match text.as_str() {
        "none" if is_ticket_field => Operand::Nothing,
        text => Operand::read(text),
    };
    texts.iter().map(operand).collect()
}
