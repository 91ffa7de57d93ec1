//! The projections are what the log says: after every step as if they had been built from nothing, and the
//! same as what is folded from the log for one ticket.

mod known;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::{Executor, Row};
use ticketlog::{
    clock,
    domain::{
        feed::{FactKind, FeedFact},
        fields,
        history::Entry,
        ids::{Position, Tenant, TicketId},
    },
    project::{self, Step, Stride},
    store::{
        Appender,
        projection::{Differences, Projector},
    },
};
use uuid::Uuid;

use crate::{
    model::histories,
    support::{
        app::TestApp,
        cluster::TestDb,
        delivery::delivery,
        payload,
        program::{printed, ticketlog},
    },
};

const TENANTS: [&str; 2] = ["Cust1", "Cust2"];
const TICKETS: [i64; 4] = [1, 2, 76, 9_000_000_000];

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

/// What may come next.
enum Act {
    Deliver(Vec<u8>),
    Fact(FactKind, Option<Tenant>),
}

/// Histories of several tickets of tenants, with all the trouble that the generator knows, doubled,
/// disputed, and shuffled as far as `disorder` says; signs and facts about the feed in between.
fn acts(random: &mut fastrand::Rng, disorder: usize, tenants: &[&str]) -> Vec<Act> {
    let mut bodies = Vec::new();
    for name in tenants {
        for ticket in TICKETS {
            let events = random.usize(0..12);
            for made in histories::sample_of(random.u64(..), events, name, ticket) {
                if random.u8(0..8) == 0 {
                    bodies.push(made.body.clone());
                }
                bodies.push(made.body);
                bodies.extend(made.other);
            }
        }
        let stopped = json!({
            "EventId": Uuid::from_u128(random.u128(..)), "Timestamp": "2025-10-26T00:30:00Z",
            "Event": "webhook.stopped", "PrimaryKey": 3, "ContextIdentifier": name
        });
        bodies.push(stopped.to_string().into_bytes());
    }
    // By how much each falls behind its turn.
    let mut turns: Vec<(usize, Vec<u8>)> = (0..)
        .zip(bodies)
        .map(|(turn, body)| (turn + random.usize(0..=disorder), body))
        .collect();
    turns.sort_by_key(|(turn, _)| *turn);
    let mut acts = Vec::new();
    for (_, body) in turns {
        if random.u8(0..12) == 0 {
            let of = [None, Some(tenant("Cust1"))][random.usize(0..2)].clone();
            let kind = [FactKind::Downtime, FactKind::WrongSignatures][random.usize(0..2)];
            acts.push(Act::Fact(kind, of));
        }
        acts.push(Act::Deliver(body));
    }
    acts
}

async fn act(db: &TestDb, appender: &mut Appender, act: Act) {
    match act {
        Act::Deliver(body) => {
            appender.append(&[delivery(body)]).await.unwrap();
        }
        Act::Fact(kind, tenant) => {
            let now = clock::now();
            let fact = FeedFact {
                fact_id: Uuid::now_v7(),
                kind,
                hook: Some("default".to_owned()),
                tenant,
                started_at: now,
                ended_at: now,
                occurrences: 1,
            };
            db.store.append_feed_facts(&[fact], now).await.unwrap();
        }
    }
}

/// Projects what is not projected yet, as the follower does: tenants take turns.
async fn project(db: &TestDb, projector: &mut Projector) {
    loop {
        let behind = db.store.list_behind().await.unwrap();
        if behind.is_empty() {
            return;
        }
        for behind in behind {
            let step = project::step(
                &db.store,
                projector,
                &behind.tenant,
                behind.head,
                Stride::Short,
                &|_| (),
            );
            assert!(matches!(step.await.unwrap(), Step::Moved(_)));
        }
    }
}

async fn rebuild(db: &TestDb, beside: &mut Projector, name: &str) -> Differences {
    project::rebuild(&db.store, beside, &tenant(name), &|_| ())
        .await
        .unwrap()
}

#[tokio::test]
async fn after_every_step_it_is_what_a_rebuild_gives() {
    for seed in 0..3 {
        let db = TestDb::create().await;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut appender = db.store.appender();
        let mut projector = db.store.projector();
        let mut beside = db.store.projector_beside();
        let disorder = [0, 5, 200][usize::try_from(seed).unwrap() % 3];
        let mut acts = acts(&mut random, disorder, &TENANTS).into_iter().peekable();
        while acts.peek().is_some() {
            for _ in 0..random.usize(1..9) {
                if let Some(next) = acts.next() {
                    act(&db, &mut appender, next).await;
                }
            }
            project(&db, &mut projector).await;
            for name in TENANTS {
                kept_counts_agree(&db, name).await;
                if db.store.find_head(&tenant(name)).await.unwrap().is_some() {
                    let differences = rebuild(&db, &mut beside, name).await;
                    assert_eq!(differences, Differences::default(), "seed {seed}, {name}");
                }
            }
        }
        for name in TENANTS {
            agrees_with_single_tickets(&db, name, seed).await;
        }
    }
}

/// Holds the counts of the row of `projection` against the tickets.
async fn kept_counts_agree(db: &TestDb, name: &str) {
    let all = "SELECT dated, consistent, unproven, suspect, counted_for = ARRAY[position, conflicts, facts, signs]
        FROM projection WHERE tenant = $1";
    let sums = "SELECT count(last_ticks), sum(consistent)::bigint, sum(unproven)::bigint, sum(suspect)::bigint, true
        FROM ticket WHERE tenant = $1 GROUP BY tenant";
    let mut session = db.connect().await;
    let mut found = Vec::new();
    for statement in [all, sums] {
        let row = sqlx::query_as::<_, (i64, i64, i64, i64, bool)>(statement).bind(name);
        found.push(row.fetch_optional(&mut session).await.unwrap());
    }
    assert_eq!(
        found[0].unwrap_or((0, 0, 0, 0, true)),
        found[1].unwrap_or((0, 0, 0, 0, true)),
        "{name}"
    );
}

/// Holds the rows against what the log gives for each ticket on its own.
async fn agrees_with_single_tickets(db: &TestDb, name: &str, seed: u64) {
    let tenant = tenant(name);
    let head = db.store.find_head(&tenant).await.unwrap();
    let head = head.unwrap_or(Position(0));
    let mut found = 0;
    for number in TICKETS {
        let ticket = TicketId::new(number).unwrap();
        let history = db
            .store
            .find_history(&tenant, ticket, Some(head), None, None);
        let Some(history) = history.await.unwrap() else {
            continue;
        };
        found += 1;
        let at = format!("seed {seed}, {name}/{number}");
        let entries = history.history.entries;
        let rows = texts(db, name, number, ENTRIES).await;
        assert_eq!(rows, entries.iter().map(entry_texts).collect(), "{at}");
        let rows = texts(db, name, number, CHANGES).await;
        assert_eq!(
            rows,
            entries.iter().flat_map(change_texts).collect(),
            "{at}"
        );
        for instant in entries.iter().map(|entry| entry.occurred_at.ticks()) {
            for ticks in [instant - 1, instant, instant + 1] {
                states_agree(db, name, ticket, head, ticks).await;
            }
        }
    }
    let tickets = count(db, "SELECT tickets FROM projection WHERE tenant = $1", name);
    assert_eq!(tickets.await, found, "seed {seed}, {name}");
}

const ENTRIES: &str = "
    SELECT event_id::text, confidence, array_to_string(reasons, ','), COALESCE(lifecycle, ''),
           COALESCE(repeats::text, '')
    FROM entry WHERE tenant = $1 AND ticket = $2";

fn entry_texts(entry: &Entry) -> Vec<String> {
    let reasons = entry.completeness.reasons.iter();
    let reasons: Vec<&str> = reasons.map(|reason| reason.as_str()).collect();
    vec![
        entry.event_id.to_string(),
        entry.completeness.confidence().as_str().to_owned(),
        reasons.join(","),
        entry.lifecycle.map_or("", |word| word.as_str()).to_owned(),
        entry.repeats.map_or(String::new(), |id| id.to_string()),
    ]
}

const CHANGES: &str = "
    SELECT event_id::text, nth::text, field, kind, declared::text, noise::text, COALESCE(from_value, ''),
           COALESCE(to_value, '')
    FROM change WHERE tenant = $1 AND ticket = $2";

fn change_texts(entry: &Entry) -> Vec<Vec<String>> {
    let json = |value: &Option<fields::Value>| {
        let json = value.as_ref().map(fields::Value::as_json);
        json.unwrap_or_default().to_owned()
    };
    let changes = entry.changes.iter().enumerate();
    let texts = changes.map(|(nth, change)| {
        vec![
            entry.event_id.to_string(),
            nth.to_string(),
            change.field.clone(),
            change.kind.as_str().to_owned(),
            change.declared.to_string(),
            change.is_noise().to_string(),
            json(&change.from),
            json(&change.to),
        ]
    });
    texts.collect()
}

/// The state at an instant is what the intervals that hold it say.
async fn states_agree(db: &TestDb, name: &str, ticket: TicketId, head: Position, ticks: i64) {
    let tenant = tenant(name);
    let history = db
        .store
        .find_history(&tenant, ticket, Some(head), Some(ticks), None);
    let state = history.await.unwrap().unwrap().history.state;
    let expected: BTreeMap<String, String> = state
        .iter()
        .map(|(field, value)| (field.clone(), value.normal(field).key()))
        .collect();
    let mut session = db.connect().await;
    let rows = sqlx::query(
        "SELECT field, key FROM field_interval
         WHERE tenant = $1 AND ticket = $2 AND from_ticks <= $3
           AND (until_ticks IS NULL OR until_ticks > $3)",
    )
    .bind(name)
    .bind(ticket.number())
    .bind(ticks)
    .fetch_all(&mut session)
    .await
    .unwrap();
    let intervals: Vec<(String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        intervals.len(),
        expected.len(),
        "{name}/{ticket} at {ticks}"
    );
    assert_eq!(
        intervals.into_iter().collect::<BTreeMap<_, _>>(),
        expected,
        "{name}/{ticket} at {ticks}"
    );
}

async fn texts(
    db: &TestDb,
    name: &str,
    ticket: i64,
    statement: &'static str,
) -> BTreeSet<Vec<String>> {
    let mut session = db.connect().await;
    let rows = sqlx::query(statement).bind(name).bind(ticket);
    let rows = rows.fetch_all(&mut session).await.unwrap();
    let read = |row: &sqlx::postgres::PgRow| (0..row.len()).map(|at| row.get(at)).collect();
    rows.iter().map(read).collect()
}

async fn count(db: &TestDb, statement: &'static str, name: &str) -> i64 {
    let mut session = db.connect().await;
    let row = sqlx::query_scalar(statement).bind(name);
    row.fetch_optional(&mut session).await.unwrap().unwrap_or(0)
}

#[tokio::test]
async fn two_projectors_share_the_work_and_never_tread_on_each_other() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let mut random = fastrand::Rng::with_seed(7);
    let mut one = db.store.projector();
    let claim = one.claim(&tenant("Cust1")).await.unwrap().unwrap();
    for next in acts(&mut random, 20, &TENANTS) {
        act(&db, &mut appender, next).await;
    }
    let head = db.store.find_head(&tenant("Cust1")).await.unwrap().unwrap();
    let mut two = db.store.projector();
    let cust1 = tenant("Cust1");
    let step = project::step(&db.store, &mut two, &cust1, head, Stride::Long, &|_| ());
    assert_eq!(step.await.unwrap(), Step::Busy);
    one.release(claim).await.unwrap();
    let (first, second) = tokio::join!(
        project::catch_up(&db.store, &cust1, head),
        project::catch_up(&db.store, &cust1, head),
    );
    first.unwrap();
    second.unwrap();
    let mut beside = db.store.projector_beside();
    assert_eq!(
        rebuild(&db, &mut beside, "Cust1").await,
        Differences::default()
    );
}

#[tokio::test]
async fn a_rebuild_mends_what_somebody_changed_and_says_so() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let body = payload::created(76).set("status", 1);
    appender.append(&[delivery(body)]).await.unwrap();
    project(&db, &mut db.store.projector()).await;
    let mut session = db.connect().await;
    session
        .execute("UPDATE change SET to_value = '2' WHERE field = 'status'")
        .await
        .unwrap();
    session
        .execute("DELETE FROM field_interval WHERE field = 'priority'")
        .await
        .unwrap();
    let mut beside = db.store.projector_beside();
    let mended = Differences {
        deleted: 1,
        inserted: 2,
    };
    assert_eq!(rebuild(&db, &mut beside, "Cust1").await, mended);
    assert_eq!(
        rebuild(&db, &mut beside, "Cust1").await,
        Differences::default()
    );
}

#[tokio::test]
async fn a_row_that_comes_out_equal_is_not_written_again() {
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let mut projector = db.store.projector();
    let early = payload::changed(76)
        .at("2025-05-19T09:00:00Z")
        .set("priority", 3);
    for body in [
        payload::created(76).at("2025-05-19T08:00:00Z"),
        payload::changed(76)
            .at("2025-05-19T10:00:00Z")
            .set("priority", 3),
        payload::changed(76)
            .at("2025-05-19T11:00:00Z")
            .set("priority", 4),
    ] {
        appender.append(&[delivery(body)]).await.unwrap();
    }
    project(&db, &mut projector).await;
    let before = versions(&db).await;
    appender.append(&[delivery(early)]).await.unwrap();
    project(&db, &mut projector).await;
    let after = versions(&db).await;
    // The late event took the change of priority over, so that the one at ten only touches it.
    let written = before.difference(&after).count();
    assert_eq!(written, 1, "{before:?} {after:?}");
}

/// Each change with the transaction that wrote it.
async fn versions(db: &TestDb) -> BTreeSet<Vec<String>> {
    texts(
        db,
        "Cust1",
        76,
        "SELECT event_id::text, nth::text, xmin::text FROM change WHERE tenant = $1 AND ticket = $2",
    )
    .await
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_next_answer() {
    let app = TestApp::start().await;
    for ticket in 1..30 {
        app.deliver(payload::created(ticket)).await.assert(200);
        let newest = "/v1/tenants/Cust1/tickets?order=-ticket&limit=1";
        assert_eq!(app.read(newest).await["items"][0]["ticket"], ticket);
    }
}

#[tokio::test]
async fn who_asks_is_told_when_the_projections_do_not_come_after() {
    const TICKETS: &str = "/v1/tenants/Cust1/tickets";
    let app = TestApp::start().await;
    app.deliver(payload::created(1)).await.assert(200);
    assert_eq!(app.read_all(TICKETS).await.len(), 1);
    // As another instance holds it that hangs.
    let mut other = app.db.connect().await;
    other
        .execute("BEGIN; SELECT FROM projection FOR UPDATE")
        .await
        .unwrap();
    app.deliver(payload::created(2)).await.assert(200);
    let answer = app.get(TICKETS).await;
    assert!(answer.headers.contains_key("retry-after"));
    let problem = answer.assert(503);
    assert_eq!(problem["type"], "urn:ticketlog:behind");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("up to position 1, the log goes to 2"),
        "{detail}"
    );
    assert_eq!(
        app.read_all(&format!("{TICKETS}?stale=allow")).await.len(),
        1
    );
    let readiness: Value = app.read("/readyz").await;
    assert_eq!(
        readiness["projections"],
        json!({"state": "behind", "events_behind": 1})
    );
    let metrics = app.get("/metrics").await;
    let metrics = std::str::from_utf8(&metrics.body).unwrap();
    assert!(
        metrics.contains("\nticketlog_unprojected_events 1\n"),
        "{metrics}"
    );
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(app.read_all(TICKETS).await.len(), 2);
}

/// Fills the log of Cust1 with so many made-up events.
fn generate(db: &TestDb, events: &str) {
    let mut command = ticketlog(["generate", "--tenant", "Cust1", "--events", events]);
    let output = command.arg("--database-url").arg(db.url()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{:?}", printed(&output));
}

#[tokio::test]
async fn long_strides_come_to_what_a_rebuild_gives() {
    let db = TestDb::create().await;
    generate(&db, "3500");
    // All events in one stride, which is written in several parts.
    project::catch_up_all(&db.store).await.unwrap();
    let mut beside = db.store.projector_beside();
    let differences = rebuild(&db, &mut beside, "Cust1").await;
    assert_eq!(differences, Differences::default());
}

/// A service projects for months through one session.
#[tokio::test]
async fn whoever_has_rows_under_a_long_name_is_projected_anew() {
    const MIGRATION: &str = include_str!("../../../migrations/0024_long_names.sql");
    let db = TestDb::create().await;
    let mut appender = db.store.appender();
    let mut random = fastrand::Rng::with_seed(5);
    for next in acts(&mut random, 0, &TENANTS) {
        act(&db, &mut appender, next).await;
    }
    let mut projector = db.store.projector();
    project(&db, &mut projector).await;
    let [one, other] = TENANTS;
    let mut session = db.connect().await;
    // As an earlier version wrote them.
    let under_a_long_name =
        "UPDATE change SET field = repeat('x', 201) WHERE tenant = $1 AND field = 'priority'";
    let renamed = sqlx::query(under_a_long_name)
        .bind(one)
        .execute(&mut session)
        .await
        .unwrap();
    assert!(renamed.rows_affected() > 0);
    sqlx::raw_sql(MIGRATION)
        .execute(&mut session)
        .await
        .unwrap();
    for rows in [
        "SELECT count(*) FROM change WHERE tenant = $1",
        "SELECT count(*) FROM field_interval WHERE tenant = $1",
        "SELECT count(*) FROM entry WHERE tenant = $1",
        "SELECT count(*) FROM ticket WHERE tenant = $1",
        "SELECT count(*) FROM projection WHERE tenant = $1",
    ] {
        assert_eq!(count(&db, rows, one).await, 0, "{rows}");
        assert_ne!(count(&db, rows, other).await, 0, "{rows}");
    }
    project(&db, &mut projector).await;
    let mut beside = db.store.projector_beside();
    for name in TENANTS {
        assert_eq!(
            rebuild(&db, &mut beside, name).await,
            Differences::default()
        );
    }
}

#[tokio::test]
async fn a_session_that_projects_does_not_grow() {
    let db = TestDb::create().await;
    generate(&db, "300");
    let mut projector = db.store.projector();
    let mut sizes = Vec::new();
    for position in 1..=300 {
        let moved = project::step(
            &db.store,
            &mut projector,
            &tenant("Cust1"),
            Position(position),
            Stride::Short,
            &|_| (),
        )
        .await;
        assert_eq!(moved.unwrap(), Step::Moved(Position(position)));
        if position % 100 == 0 {
            sizes.push(largest_session(&db).await);
        }
    }
    let [_, warm, end] = sizes[..] else {
        panic!("{sizes:?}")
    };
    // It would by half a megabyte a step with statements that are prepared anew and never let go.
    assert!(end < warm + 8_192, "kB after each hundred steps: {sizes:?}");
}

/// Memory of its own of the largest of the sessions of a database, in kB.
async fn largest_session(db: &TestDb) -> u64 {
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .fetch_all(&mut db.connect().await)
    .await
    .unwrap();
    let sizes = pids.into_iter().map(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        line.unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    });
    sizes.max().unwrap()
}
