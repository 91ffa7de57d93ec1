use jiff::tz::TimeZone;

use super::{Known, Query, QueryError};

#[test]
fn demo() {
    for text in [
        "status changed form 1",
        "statsu changed",
        "evre priority = 1",
        "status chnged to 2",
        "status changed to Solved",
        "priority was 8",
        "status > 3",
        "by",
        "(status changed",
        "status changed)",
        "status changed from 1 too 2",
        "status changed and",
        "on 2025-02-30",
        "after 2025-06-30T12:00:00",
        "ticket_status changed to \"Solvd\"",
        "ever priority (1,2)",
        "kind chagned",
        "status",
        "12abc",
        "`x",
        "ticket_status changed to \"Solved\" and ownd_by is 8",
        "between 2025-01-01 or 2025-02-02",
        "aftr 2025-01-01",
    ] {
        let mut known = Known::default();
        known
            .texts
            .insert("ticket_status".into(), vec!["Solved".into(), "Open".into()]);
        known
            .ids
            .insert(("ticket_status".into(), "Solved".into()), vec![3]);
        let read: Result<_, QueryError> =
            Query::parse(text).and_then(|q| q.resolve(&known, &TimeZone::UTC));
        match read {
            Ok(s) => println!("{text} => OK {s:?}"),
            Err(e) => println!("--- {text}\n{e}"),
        }
    }
    for text in [
        "status changed from 1 to 2 by 19 after 2025-05-01",
        "ever priority in (1, 2)",
        "owned_by was 8 on 2025-06-30",
        "declared replied_at",
        "status changed and not actor 19",
        "NOT (status IS NOT 2, 3 or by none) ticket 45",
        "x.y was none between 2025-05-01 and 2025-05-01T00:00:00.0000001Z",
        "kind set, changed and `a``b` to [1, {\"a\": 2}]",
        "title to 'it''s'",
    ] {
        let q = Query::parse(text).unwrap();
        println!("{text} => {q}");
        assert_eq!(Query::parse(&q.to_string()).unwrap().expr, q.expr);
    }
}
