//! What a query means in one tenant: ids for labels, keys for values, ticks for days.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::{
    Expr, Field, Filter, Held, HeldWhen, Holding, Known, Move, Noise, Operand, Place, Predicate,
    Query, QueryError, Search, Span, Text, Who, Window,
    error::{nearest, short},
    fields::{TICKET_COLUMNS, is_ticket_column},
};
use crate::domain::{
    fields::{Normal, Value},
    history::Kind,
    label::ACTORS,
};

impl Query {
    /// What it means in a tenant of which this is known, with days of this zone.
    ///
    /// # Errors
    /// A [`QueryError`] at a field or a label that there is not.
    pub fn resolve(&self, known: &Known, zone: &TimeZone) -> Result<Search, QueryError> {
        let resolver = Resolver {
            known,
            zone,
            text: &self.text,
        };
        Ok(Search {
            filter: resolver.expr(&self.expr)?,
            noise: Noise::of(&self.expr, self.noise),
        })
    }
}

struct Resolver<'a> {
    known: &'a Known,
    zone: &'a TimeZone,
    /// Of the query, for errors.
    text: &'a str,
}

impl Resolver<'_> {
    fn expr(&self, expr: &Expr) -> Result<Filter, QueryError> {
        let all = |parts: &[Expr]| {
            let parts = parts.iter().map(|part| self.expr(part));
            parts.collect::<Result<Vec<Filter>, QueryError>>()
        };
        Ok(match expr {
            Expr::All(parts) => Filter::All(all(parts)?),
            Expr::Any(parts) => Filter::Any(all(parts)?),
            Expr::Not(part) => Filter::Not(Box::new(self.expr(part)?)),
            Expr::Is(predicate) => self.predicate(predicate)?,
        })
    }

    fn predicate(&self, predicate: &Predicate) -> Result<Filter, QueryError> {
        Ok(match predicate {
            Predicate::Field(fields) => Filter::Fields(self.fields(fields)?),
            Predicate::Move(moved) => self.moved(moved)?,
            Predicate::Declared(field) => self.declared(true, field.as_ref())?,
            Predicate::Undeclared(field) => {
                let created = Filter::Not(Box::new(Filter::Kinds(vec![Kind::Initial])));
                Filter::All(vec![self.declared(false, field.as_ref())?, created])
            }
            Predicate::Actor(actors) => self.actors(actors)?,
            Predicate::Ticket(tickets) => Filter::Tickets(tickets.clone()),
            Predicate::Kind(kinds) => Filter::Kinds(kinds.clone()),
            Predicate::Time(span) => Filter::Time(self.window(*span)?),
            Predicate::Held(held) => self.held(held)?,
        })
    }

    fn fields(&self, fields: &[Field]) -> Result<Vec<String>, QueryError> {
        fields.iter().map(|field| self.field(field)).collect()
    }

    fn declared(&self, declared: bool, field: Option<&Field>) -> Result<Filter, QueryError> {
        let declared = Filter::Declared(declared);
        Ok(match field {
            None => declared,
            Some(field) => Filter::All(vec![Filter::Fields(vec![self.field(field)?]), declared]),
        })
    }

    fn moved(&self, moved: &Move) -> Result<Filter, QueryError> {
        let keys = |values: &[Operand]| {
            let some = (!values.is_empty()).then(|| self.keys(&moved.field.name, values));
            some.transpose()
        };
        Ok(Filter::Move {
            field: self.field(&moved.field)?,
            changed: moved.changed,
            from: keys(&moved.from)?,
            to: keys(&moved.to)?,
        })
    }

    fn held(&self, held: &Held) -> Result<Filter, QueryError> {
        Ok(Filter::Held {
            field: self.field(&held.field)?,
            keys: self.keys(&held.field.name, &held.values)?,
            when: match held.when {
                Holding::Ever => HeldWhen::Ever,
                Holding::Now => HeldWhen::Now,
                Holding::During(span) => HeldWhen::During(self.window(span)?),
            },
        })
    }

    fn window(&self, span: Span) -> Result<Window, QueryError> {
        let window = span.window(self.zone);
        if window.is_reversed() {
            let what = format!("{span} is no time: the first is after the second");
            return Err(self.error(Place::NONE, &what, None));
        }
        Ok(window)
    }

    fn actors(&self, actors: &[Who]) -> Result<Filter, QueryError> {
        let (mut ids, mut nobody) = (Vec::new(), false);
        for who in actors {
            match who {
                Who::Id(id) => ids.push(*id),
                Who::Nobody => nobody = true,
                Who::Named(text) => match self.ids(ACTORS, text) {
                    Some(found) => ids.extend(found),
                    None => return Err(self.no_label(ACTORS, text)),
                },
            }
        }
        Ok(Filter::Actors { ids, nobody })
    }

    /// A field's name, if it need not be known or is.
    fn field(&self, field: &Field) -> Result<String, QueryError> {
        let Field { name, bare } = field;
        let fine =
            !bare.is_somewhere() || is_ticket_column(name) || self.known.fields.contains(name);
        if fine {
            // As the log reads what Postgres cannot hold.
            return Ok(name.replace('\0', "\u{FFFD}"));
        }
        let all = self.known.fields.iter().map(String::as_str);
        let near = nearest(name, TICKET_COLUMNS.into_iter().chain(all));
        let what = format!(
            "no event here ever named a field {0}; if it is right, write it in back-quotes: `{0}`",
            short(name)
        );
        Err(self.error(*bare, &what, near.map(str::to_owned)))
    }

    fn keys(&self, field: &str, values: &[Operand]) -> Result<Vec<String>, QueryError> {
        let mut keys = BTreeSet::new();
        for value in values {
            match value {
                Operand::Nothing => {
                    keys.insert(Normal::Nothing.key());
                }
                Operand::Json(json) => keys.extend(key(field, json)),
                Operand::Text(text) => keys.extend(self.text_keys(field, text)?),
            }
        }
        Ok(keys.into_iter().collect())
    }

    /// The keys of the ids that a label stands for, or of the text itself where the field has no labels, or
    /// none such and the text is a number.
    fn text_keys(&self, field: &str, text: &Text) -> Result<Vec<String>, QueryError> {
        if let Some(ids) = self.ids(field, text) {
            let keys = ids.iter().filter_map(|id| key(field, &id.to_string()));
            return Ok(keys.collect());
        }
        let json = serde_json::Value::from(text.text.as_str()).to_string();
        let is_number = normal(field, &json).is_some_and(|n| !matches!(n, Normal::Json(_)));
        if self.known.texts.contains_key(field) && !is_number {
            return Err(self.no_label(field, text));
        }
        Ok(key(field, &json).into_iter().collect())
    }

    fn ids(&self, list: &str, text: &Text) -> Option<&Vec<i64>> {
        let ids = self.known.ids.get(&(list.to_owned(), text.text.clone()));
        ids.filter(|ids| !ids.is_empty())
    }

    fn no_label(&self, list: &str, text: &Text) -> QueryError {
        let known = self.known.texts.get(list).into_iter().flatten();
        let near = nearest(&text.text, known.map(String::as_str));
        let what = format!("no {list} was ever called \"{}\"", short(&text.text));
        let near = near.map(|near| serde_json::Value::from(near).to_string());
        self.error(text.at, &what, near)
    }

    fn error(&self, place: Place, what: &str, suggest: Option<String>) -> QueryError {
        QueryError::new(self.text, place, what, suggest)
    }
}

fn key(field: &str, json: &str) -> Option<String> {
    normal(field, json).map(Normal::key)
}

/// `None` for what is no JSON.
fn normal(field: &str, json: &str) -> Option<Normal> {
    let json: &RawValue = serde_json::from_str(json).ok()?;
    Some(Value::new(json).normal(field))
}
