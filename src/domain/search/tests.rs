use jiff::tz::TimeZone;

use super::{Known, Query, QueryError};

fn read(text: &str) -> Result<(), QueryError> {
    let mut known = Known::default();
    let list = "ticket_status".to_owned();
    let texts = vec!["Open".to_owned(), "Solved".to_owned()];
    known
        .ids
        .insert((list.clone(), "Solved".to_owned()), vec![3]);
    known.texts.insert(list, texts);
    known.fields.insert("x_team".to_owned());
    let query = Query::parse(text)?;
    query.resolve(&known, &TimeZone::UTC).map(|_| ())
}

/// What is wrong, the place in characters, and what is suggested.
#[track_caller]
fn refused(text: &str, what: &str, at: Option<usize>, suggest: Option<&str>) {
    let error = read(text).unwrap_err();
    let first = error.to_string().lines().next().unwrap().to_owned();
    assert!(first.contains(what), "{text}: {first}");
    assert_eq!((error.at(), error.suggest()), (at, suggest), "{text}");
}

#[test]
fn a_mistake_is_shown_at_its_place_with_what_was_meant() {
    let error = read("status changed form 1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected from, to, by, ticket, kind, a time like after 2025-05-01, and, or or the end, not form\n  \
           status changed form 1\n  \
         \x20              ^^^^\n\
         did you mean: from"
    );
}

#[test]
fn a_misspelt_keyword_is_recognised() {
    refused("status chnged to 2", "not chnged", Some(7), Some("changed"));
    refused(
        "status changed from 1 too 2",
        "not too",
        Some(22),
        Some("to"),
    );
    refused(
        "evre priority = 1",
        "not priority",
        Some(5),
        Some("ever instead of evre"),
    );
    refused(
        "aftr 2025-01-01",
        "not 2025-01-01",
        Some(5),
        Some("after instead of aftr"),
    );
    refused("kind chagned", "not chagned", Some(5), Some("changed"));
    refused(
        "status changed andd by 1",
        "not andd",
        Some(15),
        Some("and"),
    );
}

#[test]
fn what_was_meant_stands_in_the_whole_query() {
    for (text, mended) in [
        ("status changed form 1", Some("status changed from 1")),
        ("æ or evre priority = 1", None),
        (
            "by 1 or evre priority = 1",
            Some("by 1 or ever priority = 1"),
        ),
        ("statsu changed by 19", Some("status changed by 19")),
        (
            "ticket_status changed to 'Solvd' by 19",
            Some("ticket_status changed to \"Solved\" by 19"),
        ),
        (
            "ticket_status to Solved",
            Some("ticket_status to \"Solved\""),
        ),
        (
            "status changed priority changed",
            Some("status changed and priority changed"),
        ),
        ("status", None),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.mended(), mended, "{text}");
        let parts = error.parts().unwrap();
        assert!(parts.concat().starts_with(text), "{parts:?}");
        if let Some(mended) = mended {
            read(mended).unwrap();
        }
    }
    let [before, wrong, after] = read("by 1\nor bye 2 or by 3").unwrap_err().parts().unwrap();
    assert_eq!(
        [&*before, &*wrong, &*after],
        ["by 1 or bye ", "2", " or by 3"]
    );
}

#[test]
fn a_field_that_nobody_knows_is_refused_unless_it_is_quoted() {
    refused(
        "statsu changed",
        "no event here ever named a field statsu",
        Some(0),
        Some("status"),
    );
    refused("æ = 1", "no part of the language", Some(0), None);
    refused("ever x_taem = 1", "a field x_taem", Some(5), Some("x_team"));
    for fine in [
        "x_team changed",
        "`statsu` changed",
        "read_by_owner changed",
        "extraField changed",
    ] {
        read(fine).unwrap();
    }
}

#[test]
fn a_label_that_nothing_bore_is_refused() {
    refused(
        "ticket_status changed to \"Solvd\"",
        "no ticket_status was ever called \"Solvd\"",
        Some(25),
        Some("\"Solved\""),
    );
    refused(
        "ticket_status changed to Solved",
        "not Solved",
        Some(25),
        Some("\"Solved\""),
    );
    // A number is no label; and a field without labels holds texts.
    for fine in [
        "ticket_status to \"Solved\"",
        "ticket_status to \"3\"",
        "title to \"Solvd\"",
    ] {
        read(fine).unwrap();
    }
}

#[test]
fn times_and_values_that_are_none_are_refused() {
    refused("on 2025-02-30", "no such day", Some(3), None);
    refused(
        "after 2025-06-30T12:00:00",
        "a Z or an offset",
        Some(6),
        None,
    );
    refused("at 2025-06-30T25:00:00Z", "no day", Some(3), None);
    refused("priority was 8", "ends too early", Some(14), None);
    refused(
        "between 2025-02-01 and 2025-01-01",
        "the first is after the second",
        None,
        None,
    );
    refused("status > 3", "no < or >", Some(7), None);
    refused("12abc", "neither a number nor a day", Some(0), None);
    refused("status = \"", "not closed", Some(9), None);
    refused("ticket 1.5", "not 1.5", Some(7), None);
    refused("status", "ends too early", Some(6), None);
    refused("(status changed", "ends too early", Some(15), None);
    refused("status changed)", "not )", Some(14), None);
}

#[test]
fn long_queries_are_shown_around_the_mistake() {
    let text = format!(
        "{} nd {}",
        vec!["by 1"; 20].join(" or "),
        vec!["by 1"; 20].join(" or ")
    );
    let error = read(&text).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert!(
        lines[1].starts_with("  …") && lines[1].ends_with('…'),
        "{error}"
    );
    let column = lines[2].chars().position(|c| c == '^').unwrap();
    let shown: String = lines[1].chars().skip(column).take(2).collect();
    assert_eq!(shown, "nd");
}
