//! Searches that a form writes: clauses added to what was asked already.

use std::fmt::Write;

use jiff::civil::Date;

use super::{Expr, Field, Held, Holding, Move, Operand, Place, Predicate, Query, Span, When, Who};
use crate::domain::instant::OccurredAt;

/// What was filled in; what is empty asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The field that changed.
    pub field: String,
    /// The value that it came from: JSON, else a label or a text; `none` for none.
    pub from: String,
    /// The value that it went to, likewise.
    pub to: String,
    /// Who did it: a number, a label, or `none` for nobody named.
    pub actor: String,
    /// The day or the instant from which on it happened.
    pub since: String,
    /// The day or the instant before which it happened.
    pub until: String,
    /// The team that the ticket has now: a label or a number.
    pub team: String,
}

/// Why parts make no clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// A value without a field.
    #[error("a value is compared in the way of its field: say which field's values are meant")]
    NoField,
    /// Neither a day nor an instant.
    #[error("a time is a day like 2025-05-19 or an instant like 2025-05-19T11:56:33+02:00")]
    NoTime,
}

/// The field that a ticket's team is in.
const TEAM: &str = "project_id";

impl Parts {
    /// A search that selects what another one does, as far as it is as was filled in. What the other one's text is
    /// stays as it is written, whether or not it can be read.
    ///
    /// # Errors
    /// [`PartsError`] if something that was filled in cannot be meant.
    pub fn join(&self, text: &str) -> Result<String, PartsError> {
        let mut all = Vec::new();
        let [from, to] = [&self.from, &self.to].map(|value| some(value).map(operand));
        match some(&self.field) {
            Some(name) => all.push(Predicate::Move(Move {
                field: Field::written(name),
                changed: true,
                from: from.into_iter().collect(),
                to: to.into_iter().collect(),
            })),
            None if from.is_some() || to.is_some() => return Err(PartsError::NoField),
            None => {}
        }
        if let Some(actor) = some(&self.actor) {
            all.push(Predicate::Actor(vec![who(actor)]));
        }
        if let Some(since) = some(&self.since) {
            all.push(Predicate::Time(Span::Since(when(since)?)));
        }
        if let Some(until) = some(&self.until) {
            all.push(Predicate::Time(Span::Before(when(until)?)));
        }
        if let Some(team) = some(&self.team) {
            all.push(Predicate::Held(Held {
                field: Field::written(TEAM),
                values: vec![operand(team)],
                when: Holding::Now,
            }));
        }
        Ok(Narrowed::new(text).by(&all))
    }
}

/// The text of a search, to which more can be added.
#[derive(Debug, Clone)]
pub struct Narrowed(String);

impl Narrowed {
    /// Of a search, whether or not it can be read.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        let query = Query::parse(text);
        Self(match query.map(|query| query.expr) {
            // What is added is to be true of all of them.
            Ok(Expr::Any(_)) => format!("({text})"),
            _ => text.to_owned(),
        })
    }

    /// The text of the search that selects what this one does, as far as all of these are true.
    pub fn by(&self, predicates: &[Predicate]) -> String {
        let mut text = self.0.clone();
        for (nth, predicate) in predicates.iter().enumerate() {
            let joint = match predicate {
                _ if text.is_empty() => "",
                // What qualifies a statement follows it.
                Predicate::Actor(_)
                | Predicate::Ticket(_)
                | Predicate::Kind(_)
                | Predicate::Time(_)
                    if nth > 0 =>
                {
                    " "
                }
                _ => " and ",
            };
            // Writing into a string cannot fail.
            let _ = write!(text, "{joint}{predicate}");
        }
        text
    }
}

impl Field {
    /// A field as somebody writes it: one that has to be known, unless its name takes back-quotes.
    pub fn written(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            bare: Place::new(0, 0),
        }
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn operand(text: &str) -> Operand {
    if text.eq_ignore_ascii_case("none") {
        return Operand::Nothing;
    }
    Operand::read(text)
}

fn who(text: &str) -> Who {
    match operand(text) {
        Operand::Nothing => Who::Nobody,
        Operand::Text(text) => Who::Named(text),
        Operand::Json(json) => match json.parse() {
            Ok(id) => Who::Id(id),
            Err(_) => match Operand::text(json) {
                Operand::Text(text) => Who::Named(text),
                Operand::Nothing | Operand::Json(_) => Who::Nobody,
            },
        },
    }
}

fn when(text: &str) -> Result<When, PartsError> {
    if let Ok(day) = text.parse::<Date>()
        && text.len() == 10
    {
        return Ok(When::Day(day));
    }
    let at = OccurredAt::parse_zoned(text).ok_or(PartsError::NoTime)?;
    Ok(When::Instant(at.ticks()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(filled: &[(&str, &str)]) -> Parts {
        let mut parts = Parts::default();
        for (name, value) in filled {
            let part = match *name {
                "field" => &mut parts.field,
                "from" => &mut parts.from,
                "to" => &mut parts.to,
                "actor" => &mut parts.actor,
                "since" => &mut parts.since,
                "until" => &mut parts.until,
                _ => &mut parts.team,
            };
            (*value).clone_into(part);
        }
        parts
    }

    #[test]
    fn what_was_filled_in_becomes_a_search_that_can_be_read() {
        for (text, filled, joined) in [
            ("", &[][..], ""),
            ("", &[("field", "status")], "status changed"),
            (
                " priority changed ",
                &[
                    ("field", "status"),
                    ("from", "1"),
                    ("to", "Solved "),
                    ("actor", "19"),
                ],
                "priority changed and status changed from 1 to \"Solved\" by 19",
            ),
            ("", &[("actor", "Kari \"K\" N")], r#"by "Kari \"K\" N""#),
            (
                "",
                &[("actor", "none"), ("until", "2025-06-01")],
                "by none before 2025-06-01",
            ),
            (
                "by 1 or by 2",
                &[("since", "2025-05-19T11:56:33+02:00")],
                "(by 1 or by 2) and since 2025-05-19T09:56:33.0000000Z",
            ),
            (
                "",
                &[("field", "to"), ("to", "none")],
                "`to` changed to none",
            ),
            (
                "by 7",
                &[("team", "Desk")],
                "by 7 and project_id = \"Desk\"",
            ),
            (
                "",
                &[("field", "tags"), ("to", "[1, 2]")],
                "tags changed to [1, 2]",
            ),
        ] {
            let text = parts(filled).join(text).unwrap();
            assert_eq!(text, joined);
            assert!(Query::parse(&text).is_ok(), "{text}");
        }
        // What cannot be read stays, for the error to point at.
        let joined = parts(&[("actor", "19")]).join("status form 1").unwrap();
        assert_eq!(joined, "status form 1 and by 19");
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (name, value, error) in [
            ("from", "1", PartsError::NoField),
            ("to", "1", PartsError::NoField),
            ("since", "yesterday", PartsError::NoTime),
            ("until", "2025-13-01", PartsError::NoTime),
        ] {
            assert_eq!(parts(&[(name, value)]).join(""), Err(error));
        }
    }
}
