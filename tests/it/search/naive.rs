//! A deliberately naive second reading of docs/search.md: every change of every ticket, one by one.
//!
//! It knows histories from the naive model alone, and has no keys, no SQL, no windows of ticks.

use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use ticketlog::domain::search::{
    Expr, Field, Held, Holding, Move, Operand, Predicate, Query, Span, When, Who,
};
use uuid::Uuid;

use crate::model::{
    fold::{self, Stored},
    reading::{self, normal},
};

/// Everything that there is to find.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// By (instant, event id, place in the event).
    pub(crate) changes: Vec<Change>,
    /// By ticket.
    stories: BTreeMap<i64, Vec<Interval>>,
    /// By list and label.
    pub(crate) labels: BTreeMap<(String, String), Vec<i64>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) ticket: i64,
    pub(crate) event_id: Uuid,
    pub(crate) nth: i32,
    pub(crate) position: i64,
    pub(crate) ticks: i128,
    pub(crate) utc: String,
    pub(crate) actor: Option<i64>,
    pub(crate) field: String,
    pub(crate) kind: String,
    pub(crate) declared: bool,
    pub(crate) from: Option<Value>,
    pub(crate) to: Option<Value>,
}

/// "An interval: from the event from which the value is known until the one from which it is another or
/// unknown."
#[derive(Debug)]
struct Interval {
    field: String,
    value: Value,
    from: i128,
    until: Option<i128>,
}

impl World {
    /// Adds the history of one ticket.
    pub(crate) fn add(&mut self, ticket: i64, stored: &[Stored]) {
        let events = reading::history(stored);
        let entries = fold::timeline(stored, true);
        for (event, entry) in events.iter().zip(entries.as_array().unwrap()) {
            let changes = entry["changes"].as_array().unwrap();
            assert_eq!(entry["event_id"], json!(event.stored.event_id));
            for (nth, change) in (0..).zip(changes) {
                self.changes.push(Change {
                    ticket,
                    event_id: event.stored.event_id,
                    nth,
                    position: event.stored.position,
                    ticks: event.at.ticks,
                    utc: event.at.utc.clone(),
                    actor: entry["actor"]["id"].as_i64(),
                    field: change["field"].as_str().unwrap().to_owned(),
                    kind: change["kind"].as_str().unwrap().to_owned(),
                    declared: change["declared"].as_bool().unwrap(),
                    from: change.get("from").cloned(),
                    to: change.get("to").cloned(),
                });
            }
        }
        self.changes.sort_by_key(|c| (c.ticks, c.event_id, c.nth));
        let ordered: Vec<Stored> = events.iter().map(|event| event.stored.clone()).collect();
        let ticks: Vec<i128> = events.iter().map(|event| event.at.ticks).collect();
        self.stories.insert(ticket, intervals(&ordered, &ticks));
    }

    /// The changes that a query selects, in order.
    pub(crate) fn scan(&self, query: &Query, zone: &TimeZone) -> Vec<&Change> {
        let named = Named::of(&query.expr);
        let scan = Scan {
            world: self,
            zone,
            held: RefCell::default(),
        };
        let changes = self.changes.iter();
        changes
            .filter(|change| (query.noise || named.lets_in(change)) && scan.is(&query.expr, change))
            .collect()
    }
}

/// One question.
struct Scan<'a> {
    world: &'a World,
    zone: &'a TimeZone,
    /// What was found out of tickets, so that it is done once a ticket and not once a change.
    held: RefCell<BTreeMap<(*const Held, i64), bool>>,
}

impl Scan<'_> {
    fn is(&self, expr: &Expr, change: &Change) -> bool {
        match expr {
            Expr::All(parts) => parts.iter().all(|part| self.is(part, change)),
            Expr::Any(parts) => parts.iter().any(|part| self.is(part, change)),
            Expr::Not(part) => !self.is(part, change),
            Expr::Is(predicate) => self.holds(predicate, change),
        }
    }

    fn holds(&self, predicate: &Predicate, change: &Change) -> bool {
        let of = |field: &Option<Field>| field.as_ref().is_none_or(|f| f.name == change.field);
        match predicate {
            Predicate::Field(fields) => fields.iter().any(|field| field.name == change.field),
            Predicate::Move(moved) => self.moved(moved, change),
            Predicate::Declared(field) => change.declared && of(field),
            Predicate::Undeclared(field) => {
                !change.declared && change.kind != "initial" && of(field)
            }
            Predicate::Actor(actors) => actors.iter().any(|who| match who {
                Who::Id(id) => change.actor == Some(*id),
                Who::Nobody => change.actor.is_none(),
                Who::Named(text) => {
                    let bearers = self
                        .world
                        .labels
                        .get(&("actor".to_owned(), text.text.clone()));
                    bearers.unwrap().iter().any(|id| change.actor == Some(*id))
                }
            }),
            Predicate::Ticket(tickets) => tickets.contains(&change.ticket),
            Predicate::Kind(kinds) => kinds.iter().any(|kind| kind.as_str() == change.kind),
            Predicate::Time(span) => compare(change.ticks, span, self.zone) == Ordering::Equal,
            Predicate::Held(held) => {
                let known = self
                    .held
                    .borrow()
                    .get(&(&raw const *held, change.ticket))
                    .copied();
                known.unwrap_or_else(|| {
                    let holds = self.held(held, change.ticket);
                    self.held
                        .borrow_mut()
                        .insert((&raw const *held, change.ticket), holds);
                    holds
                })
            }
        }
    }

    fn moved(&self, moved: &Move, change: &Change) -> bool {
        let one_of = |values: &[Operand], value: &Option<Value>| {
            values.is_empty()
                || value
                    .as_ref()
                    .is_some_and(|value| self.equals_any(&moved.field.name, value, values))
        };
        moved.field.name == change.field
            && !(moved.changed && matches!(change.kind.as_str(), "initial" | "touched"))
            && one_of(&moved.from, &change.from)
            && one_of(&moved.to, &change.to)
    }

    fn held(&self, held: &Held, ticket: i64) -> bool {
        self.world.stories[&ticket].iter().any(|interval| {
            interval.field == held.field.name
                && self.equals_any(&interval.field, &interval.value, &held.values)
                && match &held.when {
                    Holding::Ever => true,
                    Holding::Now => interval.until.is_none(),
                    Holding::During(span) => interval.meets(span, self.zone),
                }
        })
    }

    fn equals_any(&self, field: &str, value: &Value, operands: &[Operand]) -> bool {
        let same = |other: &Value| normal(field, other) == normal(field, value);
        operands.iter().any(|operand| match operand {
            Operand::Nothing => normal(field, value) == reading::Normal::NoneValue,
            Operand::Json(json) => same(&serde_json::from_str(json).unwrap()),
            Operand::Text(text) => match self
                .world
                .labels
                .get(&(field.to_owned(), text.text.clone()))
            {
                Some(ids) => ids.iter().any(|id| same(&json!(id))),
                None => same(&json!(text.text)),
            },
        })
    }
}

/// What each field held, from event to event.
fn intervals(ordered: &[Stored], ticks: &[i128]) -> Vec<Interval> {
    let mut all: Vec<Interval> = Vec::new();
    let mut open: BTreeMap<String, Interval> = BTreeMap::new();
    for (count, at) in (1..).zip(ticks) {
        let state = fold::state(&ordered[..count]);
        let state = state.as_object().unwrap();
        let ended: Vec<String> = open
            .values()
            .filter(|interval| {
                let now = state.get(&interval.field);
                now.is_none_or(|now| {
                    normal(&interval.field, now) != normal(&interval.field, &interval.value)
                })
            })
            .map(|interval| interval.field.clone())
            .collect();
        for field in ended {
            let interval = open.remove(&field).unwrap();
            let until = Some(*at);
            all.push(Interval { until, ..interval });
        }
        for (field, value) in state {
            open.entry(field.clone()).or_insert_with(|| Interval {
                field: field.clone(),
                value: value.clone(),
                from: *at,
                until: None,
            });
        }
    }
    all.extend(open.into_values());
    all
}

impl Interval {
    /// "At any time": some instant lies both in the interval and in the time.
    fn meets(&self, span: &Span, zone: &TimeZone) -> bool {
        let begins_in_time = compare(self.from, span, zone) != Ordering::Greater;
        match self.until {
            // It is over before it begins.
            Some(until) if until == self.from => false,
            Some(until) => begins_in_time && compare(until - 1, span, zone) != Ordering::Less,
            // It never ends, so it is not over before any time, be that after the last day there is.
            None => begins_in_time,
        }
    }
}

/// Whether an instant is before, in or after a stretch of time.
fn compare(ticks: i128, span: &Span, zone: &TimeZone) -> Ordering {
    let at = |when: &When| compare_one(ticks, when, zone);
    match span {
        Span::Before(when) => match at(when) {
            Ordering::Less => Ordering::Equal,
            _ => Ordering::Greater,
        },
        Span::After(when) => match at(when) {
            Ordering::Greater => Ordering::Equal,
            _ => Ordering::Less,
        },
        Span::Since(when) => match at(when) {
            Ordering::Less => Ordering::Less,
            _ => Ordering::Equal,
        },
        Span::On(when) => at(when),
        Span::Between(first, last) => match (at(first), at(last)) {
            (Ordering::Less, _) => Ordering::Less,
            (_, Ordering::Greater) => Ordering::Greater,
            _ => Ordering::Equal,
        },
    }
}

/// "Each instant is before, on or after a day": the day that it is there.
fn compare_one(ticks: i128, when: &When, zone: &TimeZone) -> Ordering {
    match when {
        When::Instant(other) => ticks.cmp(&i128::from(*other)),
        When::Day(day) => day_of(ticks, zone).cmp(day),
    }
}

fn day_of(ticks: i128, zone: &TimeZone) -> Date {
    let at = Timestamp::from_nanosecond(ticks * 100).unwrap();
    at.to_zoned(zone.clone()).date()
}

/// "What stands outside of every `not` brings it in."
#[derive(Debug, Default)]
struct Named {
    fields: BTreeSet<String>,
    touched: bool,
}

impl Named {
    fn of(expr: &Expr) -> Self {
        let mut named = Self::default();
        named.add(expr);
        named
    }

    fn add(&mut self, expr: &Expr) {
        let mut field = |field: &Field| {
            self.fields.insert(field.name.clone());
        };
        match expr {
            Expr::All(parts) | Expr::Any(parts) => {
                for part in parts {
                    self.add(part);
                }
            }
            Expr::Is(Predicate::Field(fields)) => fields.iter().for_each(field),
            Expr::Is(Predicate::Move(moved)) => field(&moved.field),
            Expr::Is(Predicate::Declared(Some(named)) | Predicate::Undeclared(Some(named))) => {
                field(named);
            }
            Expr::Is(Predicate::Kind(kinds)) => {
                self.touched |= kinds.iter().any(|kind| kind.as_str() == "touched");
            }
            Expr::Not(_) | Expr::Is(_) => {}
        }
    }

    fn lets_in(&self, change: &Change) -> bool {
        let field = !is_bookkeeping(&change.field) || self.fields.contains(&change.field);
        field && (change.kind != "touched" || self.touched)
    }
}

/// "`id`, `last_changed`, `read_*`, `first_read_*`, `time_spent_*`, `real_time_*`, `dbi_*` are bookkeeping."
fn is_bookkeeping(field: &str) -> bool {
    let starts = ["read_", "first_read_", "time_spent_", "real_time_", "dbi_"];
    field == "id" || field == "last_changed" || starts.iter().any(|s| field.starts_with(s))
}
