//! The sum rule: of every ticket and every field, closed visits, the age of the open one and the time in which no value
//! was known are the time since the first event. Found from the events and the intervals, without any report; then
//! held against the report, and of generated histories against the model's states.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::faces::over_rest;
use crate::{
    history::deliver_all,
    model::{fold, fold::Stored, histories, reading},
    real_data::import,
    support::{app::TestApp, cluster::TestDb},
};

/// Ticks of a field over all tickets of a tenant, up to an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, FromRow)]
struct Sums {
    closed: f64,
    open: f64,
    unknown: f64,
    /// All of the tickets' lives.
    lives: f64,
    /// Tickets of which the sum rule does not hold.
    wrong: i64,
}

/// Cuts every life at its events. Within such a piece nothing happens: it lies in one interval of a field, or in none.
/// What the intervals last by their own ends must be what their pieces last, and the pieces all of the life.
const PIECES: &str = "
WITH turn AS (
    SELECT ticket, occurred_ticks AS from_ticks,
           LEAST(lead(occurred_ticks, 1, $2) OVER (PARTITION BY ticket
                                                  ORDER BY occurred_ticks, NOT creates, event_id), $2) AS until_ticks
    FROM report.entry WHERE tenant = $1 AND repeats IS NULL AND occurred_ticks < $2
), life AS (
    SELECT ticket, $2 - min(from_ticks) AS ticks FROM turn GROUP BY ticket
), run AS (
    SELECT ticket, field, from_ticks, LEAST(COALESCE(until_ticks, $2), $2) AS until_ticks, open
    FROM report.field_interval WHERE tenant = $1 AND from_ticks < $2
), field AS (
    SELECT DISTINCT field FROM report.field_interval WHERE tenant = $1
), piece AS (
    SELECT turn.ticket, field.field, turn.until_ticks - turn.from_ticks AS ticks, count(run.ticket) AS runs,
           bool_or(run.open) AS open
    FROM turn CROSS JOIN field
    LEFT JOIN run ON run.ticket = turn.ticket AND run.field = field.field
        AND run.from_ticks <= turn.from_ticks AND run.until_ticks >= turn.until_ticks
    WHERE turn.until_ticks > turn.from_ticks
    GROUP BY turn.ticket, field.field, turn.from_ticks, turn.until_ticks
), by_piece AS (
    SELECT ticket, field, max(runs) AS runs, COALESCE(sum(ticks) FILTER (WHERE NOT open), 0) AS closed,
           COALESCE(sum(ticks) FILTER (WHERE open), 0) AS open,
           COALESCE(sum(ticks) FILTER (WHERE runs = 0), 0) AS unknown
    FROM piece GROUP BY ticket, field
), by_run AS (
    SELECT ticket, field, sum(until_ticks - from_ticks) FILTER (WHERE NOT open) AS closed,
           sum(until_ticks - from_ticks) FILTER (WHERE open) AS open
    FROM run GROUP BY ticket, field
)
SELECT field.field, sum(COALESCE(by_piece.closed, 0))::float8 AS closed, sum(COALESCE(by_piece.open, 0))::float8 AS open,
       sum(COALESCE(by_piece.unknown, 0))::float8 AS unknown, sum(life.ticks)::float8 AS lives,
       count(*) FILTER (WHERE by_piece.runs > 1 OR COALESCE(by_piece.closed, 0) <> COALESCE(by_run.closed, 0)
           OR COALESCE(by_piece.open, 0) <> COALESCE(by_run.open, 0)
           OR COALESCE(by_run.closed, 0) + COALESCE(by_run.open, 0) + COALESCE(by_piece.unknown, 0) <> life.ticks)
           AS wrong
FROM life CROSS JOIN field
LEFT JOIN by_piece ON by_piece.ticket = life.ticket AND by_piece.field = field.field
LEFT JOIN by_run ON by_run.ticket = life.ticket AND by_run.field = field.field
GROUP BY field.field";

async fn sums(app: &TestApp, tenant: &str, until: &str) -> BTreeMap<String, Sums> {
    #[derive(FromRow)]
    struct Row {
        field: String,
        #[sqlx(flatten)]
        sums: Sums,
    }
    let rows: Vec<Row> = sqlx::query_as(PIECES)
        .bind(tenant)
        .bind(ticks(until))
        .fetch_all(&mut app.db.connect().await)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.field, row.sums)).collect()
}

fn ticks(instant: &str) -> i64 {
    let at: jiff::Timestamp = instant.parse().unwrap();
    i64::try_from(at.as_nanosecond() / 100).unwrap()
}

fn assert_near(found: f64, expected: f64, what: &str) {
    // A double has sixteen digits.
    let near = (found - expected).abs() <= 1e-12 * expected.abs() + 1.0;
    assert!(near, "{what}: {found}, expected {expected}");
}

/// That the rule holds of every ticket up to an instant, and that the report says the same, whole and in groups.
async fn assert_sums(app: &TestApp, tenant: &str, until: &str) -> BTreeMap<String, Sums> {
    let all = sums(app, tenant, until).await;
    for (field, sums) in &all {
        assert_eq!(sums.wrong, 0, "{field} until {until}");
        assert_near(sums.closed + sums.open + sums.unknown, sums.lives, field);
        let in_groups: &[&str] = match field.as_str() {
            "status" => &["", "priority", "month"],
            _ => &[""],
        };
        for group in in_groups {
            let given = [
                ("field", field.as_str()),
                ("until", until),
                ("group_by", group),
            ];
            let (mut closed, mut open, mut unknown) = (0.0, 0.0, 0.0);
            for row in over_rest(app, tenant, "time_in_field", &given).await {
                let total = row["total_seconds"].as_f64().unwrap() * 1e7;
                if row["known"] == true {
                    closed += total;
                } else {
                    unknown += total;
                }
                open += row["open_seconds"].as_f64().unwrap() * 1e7;
            }
            let what = format!("{field} until {until} by {group}");
            assert_near(closed, sums.closed, &what);
            assert_near(open, sums.open, &what);
            assert_near(unknown, sums.unknown, &what);
        }
    }
    all
}

#[tokio::test]
async fn of_every_real_ticket_and_field_the_parts_are_all_of_its_life() {
    let db = TestDb::create().await;
    import(&db);
    let app = TestApp::start_with(db, false).await;
    app.settle().await;
    let all = assert_sums(&app, "Cust10498", "2017-03-01T00:00:00Z").await;
    assert_eq!(all.len(), 14);
    for sums in all.values() {
        assert!(sums.lives > 0.0);
        // Every event of these carries every field.
        assert!(sums.unknown < 1.0, "{sums:?}");
    }
    // And in the middle of things.
    let all = sums(&app, "Cust10498", "2016-05-01T12:34:56.789Z").await;
    assert!(
        all.values().all(|sums| sums.wrong == 0 && sums.lives > 0.0),
        "{all:?}"
    );
}

#[tokio::test]
async fn of_histories_with_all_troubles_the_parts_are_all_of_their_lives() {
    const TICKETS: i64 = 40;
    let app = TestApp::start().await;
    let histories: BTreeMap<i64, _> = (1..=TICKETS)
        .map(|ticket| (ticket, histories::sample_of(23, 24, "Cust1", ticket)))
        .collect();
    let bodies = histories.values().flatten();
    deliver_all(
        &app,
        bodies.map(|made| made.body.clone().into()).collect(),
        16,
    )
    .await;
    app.settle().await;
    let histories = histories.into_values().map(|history| {
        let stored = (1..).zip(history).map(|(position, made)| Stored {
            position,
            event_id: made.event_id,
            body: made.body,
            received_at: made.received_at,
            conflict: false,
        });
        stored.collect::<Vec<_>>()
    });
    let histories: Vec<_> = histories.collect();
    // After all, also after clocks that are two centuries ahead; and in the middle of things.
    for until in ["2300-01-01T00:00:00Z", "2025-10-27T06:00:00Z"] {
        let all = assert_sums(&app, "Cust1", until).await;
        let unknown: f64 = all.values().map(|sums| sums.unknown).sum();
        assert!(unknown > 0.0);
        let known = known(&histories, i128::from(ticks(until)));
        for (field, sums) in &all {
            let expected = known.get(field).copied().unwrap_or_default();
            assert_near(sums.closed + sums.open, expected, field);
        }
    }
}

/// For how long each field's value was known, by the model: from event to event, whatever the value.
#[expect(clippy::as_conversions, reason = "i128 to f64 has no other way")]
#[expect(clippy::cast_precision_loss, reason = "compared to so many digits")]
fn known(histories: &[Vec<Stored>], until: i128) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    for stored in histories {
        let events = reading::history(stored);
        let ordered: Vec<Stored> = events.iter().map(|event| event.stored.clone()).collect();
        for (nth, event) in events.iter().enumerate() {
            let next = events.get(nth + 1).map_or(until, |next| next.at.ticks);
            let lasts = next.min(until) - event.at.ticks;
            if lasts <= 0 {
                continue;
            }
            let state = fold::state(&ordered[..=nth]);
            for field in state.as_object().unwrap().keys() {
                *all.entry(field.clone()).or_default() += lasts as f64;
            }
        }
    }
    all
}
