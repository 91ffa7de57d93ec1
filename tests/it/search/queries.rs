//! Queries that nobody would think of, over the values of the generated histories.

use jiff::civil::{Date, date};
use proptest::prelude::*;
use ticketlog::domain::{
    history::Kind,
    search::{
        Expr, Field, Held, Holding, Move, Operand, Place, Predicate, Query, Span, Text, When, Who,
    },
};

/// Labels of the tenant, as (list, id, label): one of two ids, one of none, and those built in.
pub(crate) const LABELS: [(&str, i64, &str); 12] = [
    ("ticket_status", 1, "Open"),
    ("ticket_status", 10, "Open"),
    ("ticket_status", 20, "it's \"so\""),
    ("owned_by", 8, "Kari"),
    ("owned_by", 1, "Nobody"),
    ("actor", 19, "Kari"),
    ("actor", 21, "Ola"),
    ("status", 1, "Active"),
    ("status", 2, "Closed"),
    ("status", 5, "Merged"),
    ("slevel", 1, "Internal"),
    ("slevel", 2, "External"),
];

/// Tickets of the histories: 1 to this.
pub(crate) const TICKETS: i64 = 48;

/// A query, around instants that are given.
pub(crate) fn query(instants: &[i64]) -> impl Strategy<Value = Query> + use<> {
    let leaf = predicate(instants).prop_map(Expr::Is);
    let expr = leaf.prop_recursive(3, 12, 4, |part| {
        prop_oneof![
            3 => prop::collection::vec(part.clone(), 2..4).prop_map(Expr::All),
            2 => prop::collection::vec(part.clone(), 2..4).prop_map(Expr::Any),
            1 => part.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    });
    let expr = prop_oneof![50 => expr, 1 => Just(Expr::All(Vec::new()))];
    (expr, prop::bool::weighted(0.2)).prop_map(|(expr, noise)| Query::new(expr, noise).unwrap())
}

fn predicate(instants: &[i64]) -> impl Strategy<Value = Predicate> + use<> {
    let span = span(instants);
    let optional = || prop::option::of(field());
    prop_oneof![
        1 => some(field()).prop_map(Predicate::Field),
        5 => moved().prop_map(Predicate::Move),
        1 => optional().prop_map(Predicate::Declared),
        1 => optional().prop_map(Predicate::Undeclared),
        2 => some(who()).prop_map(Predicate::Actor),
        1 => some(-1..=TICKETS + 1).prop_map(Predicate::Ticket),
        2 => some(prop::sample::select(&Kind::ALL[..])).prop_map(Predicate::Kind),
        3 => span.clone().prop_map(Predicate::Time),
        5 => held(span).prop_map(Predicate::Held),
    ]
}

/// One to three, mostly one.
fn some<T: std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    let count = prop_oneof![3 => Just(1_usize), 1 => 2..4_usize];
    // Drawn with three to choose from, so that the number can be any strategy.
    (prop::collection::vec(one, 3), count).prop_map(|(mut all, count)| {
        all.truncate(count);
        all
    })
}

fn field() -> impl Strategy<Value = Field> {
    let names = prop_oneof![
        12 => prop::sample::select(&[
            "category", "connect_id", "contact_id", "created_at", "cust_id", "has_attachment", "owned_by",
            "priority", "project_id", "sale_id", "slevel", "status", "ticket_status", "ticket_type", "x_foo",
        ][..]),
        3 => prop::sample::select(&["replied_at", "title", "extraField", "num_replies"][..]),
        2 => prop::sample::select(&["last_changed", "read_by_owner", "id", "time_spent_queue"][..]),
        1 => prop::sample::select(&["nowhere", "kind", "NOT", "a b", "x.y", "`", "\u{0}", "", "ø"][..]),
    ];
    names.prop_map(Field::new)
}

fn operand() -> impl Strategy<Value = Operand> {
    const JSON: &[&str] = &[
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "10",
        "11",
        "20",
        "21",
        "30",
        "-1",
        "1.0",
        "4000000000",
        "true",
        "false",
        "null",
        "[1,null,\"ø\"]",
        "[ null , 1, \"ø\"]",
        "{\"a\":{\"c\":[]},\"b\":1}",
        "{}",
        "-0",
    ];
    const TEXTS: &[&str] = &[
        "a",
        "1",
        "",
        "[I:6]",
        "02",
        "\u{0}=1+1",
        "0001-01-01T00:00:00",
        "it's \"so\"",
        "\\",
        "none",
    ];
    prop_oneof![
        10 => prop::sample::select(JSON).prop_map(|json| Operand::Json(json.to_owned())),
        2 => Just(Operand::Nothing),
        3 => prop::sample::select(TEXTS).prop_map(|text| Operand::text(text.to_owned())),
    ]
}

fn moved() -> impl Strategy<Value = Move> {
    let values = || prop_oneof![1 => Just(Vec::new()), 1 => some((operand(), any::<usize>()))];
    (field(), any::<bool>(), values(), values()).prop_map(|(field, changed, from, to)| Move {
        // A field by itself says nothing.
        changed: changed || (from.is_empty() && to.is_empty()),
        from: labelled(&field, from),
        to: labelled(&field, to),
        field,
    })
}

/// The values; a text for a field with labels becomes one of them, for others there are none.
fn labelled(field: &Field, values: Vec<(Operand, usize)>) -> Vec<Operand> {
    let labels: Vec<&str> = LABELS
        .iter()
        .filter(|(list, ..)| *list == field.name)
        .map(|(.., label)| *label)
        .collect();
    let values = values.into_iter().map(|(value, choice)| match value {
        Operand::Text(text) if !labels.is_empty() && !matches!(text.text.as_str(), "1" | "02") => {
            Operand::text(labels[choice % labels.len()].to_owned())
        }
        value => value,
    });
    values.collect()
}

fn who() -> impl Strategy<Value = Who> {
    let ids = prop::sample::select(&[19, 0, 20, 21, -3, i64::MAX][..]);
    let names = prop::sample::select(&["Kari", "Ola"][..]).prop_map(|name| {
        let at = Place::NONE;
        let text = name.to_owned();
        Who::Named(Text { text, at })
    });
    prop_oneof![6 => ids.prop_map(Who::Id), 1 => Just(Who::Nobody), 1 => names]
}

fn held(span: impl Strategy<Value = Span>) -> impl Strategy<Value = Held> {
    let when = prop_oneof![
        Just(Holding::Ever),
        Just(Holding::Now),
        span.prop_map(Holding::During)
    ];
    let values = some((operand(), any::<usize>()));
    (field(), values, when).prop_map(|(field, values, when)| Held {
        values: labelled(&field, values),
        field,
        when,
    })
}

fn span(instants: &[i64]) -> BoxedStrategy<Span> {
    let instants = instants.to_vec();
    let when = || when(instants.clone());
    // In order, so that none is reversed whatever the zone.
    let between = || {
        let days = (day(), day()).prop_map(|(a, b)| (When::Day(a.min(b)), When::Day(a.max(b))));
        let instants = (instant(instants.clone()), instant(instants.clone()));
        let instants =
            instants.prop_map(|(a, b)| (When::Instant(a.min(b)), When::Instant(a.max(b))));
        prop_oneof![days, instants].prop_map(|(first, last)| Span::Between(first, last))
    };
    prop_oneof![
        when().prop_map(Span::Before),
        when().prop_map(Span::After),
        when().prop_map(Span::Since),
        when().prop_map(Span::On),
        between(),
    ]
    .boxed()
}

fn when(instants: Vec<i64>) -> impl Strategy<Value = When> {
    prop_oneof![
        day().prop_map(When::Day),
        instant(instants).prop_map(When::Instant)
    ]
}

/// Around the night in which the histories begin, and in which Europe leaves summer time.
fn day() -> impl Strategy<Value = Date> {
    prop_oneof![
        8 => (24..=31_i8).prop_map(|day| date(2025, 10, day)),
        4 => (1..=12_i8).prop_map(|day| date(2025, 11, day)),
        1 => prop::sample::select(vec![date(1, 1, 1), date(2225, 11, 1), date(9999, 12, 31), date(0, 1, 1)]),
    ]
}

/// At an event, a tick before, a tick after.
fn instant(instants: Vec<i64>) -> impl Strategy<Value = i64> {
    (prop::sample::select(instants), -1..=1_i64).prop_map(|(at, off)| at + off)
}
