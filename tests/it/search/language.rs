//! The language: what is printed reads back as itself, and whatever is read gives an answer.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use ticketlog::domain::search::{Known, MAX_DEPTH, MAX_PREDICATES, MAX_QUERY_BYTES, Query};

use super::queries;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_printed_reads_back_as_itself(query in queries::query(&[0, 17_476_485_931_554_128, -1])) {
        let text = query.to_string();
        let read = Query::parse(&text).unwrap();
        prop_assert_eq!(&read.expr, &query.expr, "{}", text);
        // Keywords in any case, blanks of any kind, plain fields without their back-quotes.
        let bare = text.replace(' ', "\n\t").replace("`status`", "status").replace("`x.y`", "x.y");
        let loud = bare.replace("changed", "CHANGED").replace("not", "Not").replace("ever", "eVER");
        prop_assert_eq!(Query::parse(&loud).map(|query| query.to_string().len()).ok(), {
            Query::parse(&bare).map(|query| query.to_string().len()).ok()
        });
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place(text in "\\PC{0,80}") {
        check(&text);
    }

    #[test]
    fn pieces_in_any_order_are_read_or_refused_at_a_place(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24),
        blank in prop::sample::select(&["", " ", "\u{a0}"][..]),
    ) {
        check(&pieces.join(blank));
    }
}

const PIECES: &[&str] = &[
    "status",
    "`a",
    "`",
    "(",
    ")",
    ",",
    "=",
    "!=",
    "and",
    "or",
    "not",
    "changed",
    "from",
    "to",
    "by",
    "in",
    "is",
    "was",
    "ever",
    "on",
    "at",
    "between",
    "2025-06-30",
    "2025-02-30",
    "9999-12-31",
    "2025-06-30T12:00:00.1Z",
    "2025-06-30T12:00:00",
    "-1",
    "1e5",
    "1.",
    "--",
    "\"",
    "\"a\"",
    "\"\\ud800\"",
    "'",
    "'b'",
    "[",
    "[1]",
    "{",
    "{}",
    "none",
    "null",
    "kind",
    "set",
    "declared",
    "ticket",
    "99999999999999999999",
    "ø",
    "\0",
    "\u{202e}",
    "é`",
];

/// It gives an answer, and a mistake has a place inside the text.
fn check(text: &str) {
    let read = Query::parse(text).and_then(|query| {
        query.wanted();
        query.resolve(&Known::default(), &TimeZone::UTC)
    });
    if let Err(error) = read {
        let chars = text.chars().count();
        assert!(
            error.at().is_none_or(|at| at <= chars),
            "{text:?} {error:?}"
        );
        let shown = error.to_string();
        assert!(
            !shown.chars().any(|c| c.is_control() && c != '\n'),
            "{shown:?}"
        );
    }
}

#[test]
fn a_query_is_bounded_in_length_depth_and_number() {
    let long = format!("status changed {}", "x".repeat(MAX_QUERY_BYTES));
    let deep = format!(
        "{}status changed{}",
        "(".repeat(MAX_DEPTH + 1),
        ")".repeat(MAX_DEPTH + 1)
    );
    let nots = format!("{}status changed", "not ".repeat(MAX_DEPTH + 1));
    let many = vec!["by 1"; MAX_PREDICATES + 1].join(" or ");
    let values = format!("ticket {}", vec!["1"; 1001].join(","));
    for text in [
        long,
        deep,
        nots,
        many,
        values,
        "(".repeat(4000),
        "[".repeat(4000),
        "not ".repeat(1000),
    ] {
        assert!(Query::parse(&text).is_err(), "{text}");
    }
    let fine = [
        format!(
            "{}status changed{}",
            "(".repeat(MAX_DEPTH),
            ")".repeat(MAX_DEPTH)
        ),
        format!("{}status changed", "not ".repeat(MAX_DEPTH)),
        vec!["by 1"; MAX_PREDICATES].join(" or "),
    ];
    for text in fine {
        Query::parse(&text).unwrap();
    }
}
