//! Which changes a query brings in that are otherwise left out.

use std::collections::BTreeSet;

use super::{Expr, Field, Predicate};
use crate::domain::{fields::is_bookkeeping, history::Kind};

/// What of the noise counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noise {
    /// All of it.
    pub all: bool,
    /// Changes of kind touched.
    pub touched: bool,
    /// Those of these bookkeeping fields.
    pub fields: BTreeSet<String>,
}

impl Noise {
    /// What an expression names outside of every `not`: a bookkeeping field of a change brings in its
    /// changes, the kind touched those of that kind. With `all` everything counts.
    pub(super) fn of(expr: &Expr, all: bool) -> Self {
        let mut noise = Self {
            all,
            ..Self::default()
        };
        noise.add(expr);
        noise
    }

    fn add(&mut self, expr: &Expr) {
        match expr {
            Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| self.add(part)),
            Expr::Not(_) => {}
            Expr::Is(predicate) => self.add_named(predicate),
        }
    }

    fn add_named(&mut self, predicate: &Predicate) {
        match predicate {
            Predicate::Field(fields) => fields.iter().for_each(|field| self.add_field(field)),
            Predicate::Move(moved) => self.add_field(&moved.field),
            Predicate::Declared(field) | Predicate::Undeclared(field) => {
                if let Some(field) = field {
                    self.add_field(field);
                }
            }
            Predicate::Kind(kinds) => self.touched |= kinds.contains(&Kind::Touched),
            // These say nothing of the change's field.
            Predicate::Actor(_)
            | Predicate::Ticket(_)
            | Predicate::Time(_)
            | Predicate::Held(_) => {}
        }
    }

    fn add_field(&mut self, field: &Field) {
        if is_bookkeeping(&field.name) {
            self.fields.insert(field.name.clone());
        }
    }
}
