//! What a query names that only its tenant's log and labels know.

use std::collections::{BTreeMap, BTreeSet};

use super::{Expr, Field, Operand, Predicate, Query, Text, Who, fields::is_ticket_column};
use crate::domain::label::ACTORS;

/// What has to be known of the tenant before a query can be resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Fields of which it has to be told whether the tenant has them.
    pub fields: BTreeSet<String>,
    /// Texts that may be labels, by list.
    pub labels: BTreeSet<(String, String)>,
}

/// What is known of a tenant.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names of its fields.
    pub fields: BTreeSet<String>,
    /// By list and text the ids that ever bore it.
    pub ids: BTreeMap<(String, String), Vec<i64>>,
    /// Texts of its lists that have any: at least enough to suggest from.
    pub texts: BTreeMap<String, Vec<String>>,
}

impl Query {
    /// What it names that only the tenant's log and labels know.
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        self.expr.each(&mut |predicate| predicate.want(&mut wanted));
        wanted
    }
}

impl Expr {
    fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Predicate)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
            Self::Not(part) => part.each(visit),
            Self::Is(predicate) => visit(predicate),
        }
    }
}

impl Predicate {
    fn want(&self, wanted: &mut Wanted) {
        let mut want_field = |field: &Field| {
            if field.bare.is_somewhere() && !is_ticket_column(&field.name) {
                wanted.fields.insert(field.name.clone());
            }
        };
        let mut labels = BTreeSet::new();
        let mut want_label = |list: &str, text: &Text| {
            labels.insert((list.to_owned(), text.text.clone()));
        };
        let mut want_values = |field: &Field, values: &[Operand]| {
            for value in values {
                if let Operand::Text(text) = value {
                    want_label(&field.name, text);
                }
            }
        };
        match self {
            Self::Field(fields) => fields.iter().for_each(want_field),
            Self::Move(moved) => {
                want_field(&moved.field);
                want_values(&moved.field, &moved.from);
                want_values(&moved.field, &moved.to);
            }
            Self::Declared(field) | Self::Undeclared(field) => field.iter().for_each(want_field),
            Self::Held(held) => {
                want_field(&held.field);
                want_values(&held.field, &held.values);
            }
            Self::Actor(actors) => {
                for who in actors {
                    if let Who::Named(text) = who {
                        want_label(ACTORS, text);
                    }
                }
            }
            Self::Ticket(_) | Self::Kind(_) | Self::Time(_) => {}
        }
        wanted.labels.append(&mut labels);
    }
}
