//! Made-up histories stand in the log as if they had been imported.

use std::{collections::BTreeSet, process::Output};

use bytes::Bytes;
use serde_json::Value;
use sqlx::{PgConnection, Row};
use ticketlog::{
    domain::{
        delivery::{Arrival, Delivery, KeptHeaders},
        hook::TenantRule,
        log::Origin,
    },
    ingest,
    store::Store,
};
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    cluster::TestDb,
    payload,
    program::{printed, ticketlog},
};

fn generate(db: &TestDb, arguments: &[&str]) -> Output {
    let mut command = ticketlog(["generate", "--database-url"]);
    command.arg(db.url()).args(arguments).output().unwrap()
}

/// What it said at its end.
fn generated(db: &TestDb, arguments: &[&str]) -> String {
    let output = generate(db, arguments);
    assert!(output.status.success(), "{output:?}");
    printed(&output).0
}

/// What the statement gives, a text a row.
async fn texts(session: &mut PgConnection, statement: &'static str) -> Vec<String> {
    let rows = sqlx::query(statement).fetch_all(session).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn bodies(db: &TestDb) -> Vec<Vec<u8>> {
    let all = "SELECT body FROM event ORDER BY tenant, position";
    let mut session = db.connect().await;
    let rows = sqlx::query(all).fetch_all(&mut session).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Everything of the log but what every arrival has of its own.
async fn log(db: &TestDb) -> Vec<String> {
    let statement = "SELECT (to_jsonb(event) - 'arrival_id' - 'received_at' - 'stored_at')::text
        FROM event ORDER BY tenant, position";
    let mut session = db.connect().await;
    let mut log = texts(&mut session, statement).await;
    let heads = "SELECT (to_jsonb(head) - 'log_id' - 'stored_at')::text FROM head ORDER BY tenant";
    log.extend(texts(&mut session, heads).await);
    log
}

/// Takes bodies the ordinary way, one after the other.
async fn import(store: &Store, bodies: Vec<Vec<u8>>) {
    let (ingest, writer) = ingest::channel(store.clone());
    let submitting = async {
        let mut outcomes = Vec::new();
        for body in bodies {
            let arrival = Arrival {
                arrival_id: Uuid::now_v7(),
                received_at: ticketlog::clock::now(),
                origin: Origin::Import {
                    source: "generate".to_owned(),
                },
                headers: KeptHeaders::new(),
            };
            let delivery = Delivery::read(Bytes::from(body), &TenantRule::Any, arrival);
            outcomes.push(ingest.submit(delivery).await.unwrap());
        }
        drop(ingest);
        for outcome in outcomes {
            assert_eq!(outcome.await.unwrap().unwrap().as_str(), "stored");
        }
    };
    tokio::join!(submitting, writer.run());
}

#[tokio::test]
async fn a_made_up_log_is_what_an_import_of_its_bodies_stores() {
    let made = TestDb::create().await;
    let said = generated(&made, &["--tenant=Big", "--events=6001", "--tickets=601"]);
    assert!(
        said.starts_with("6001 events of 601 tickets of 1 tenant in "),
        "{said}"
    );
    let imported = TestDb::create().await;
    import(&imported.store, bodies(&made).await).await;
    assert_eq!(log(&made).await, log(&imported).await);
    assert_log_is_sound(&made).await;
}

async fn assert_log_is_sound(db: &TestDb) {
    let mut session = db.connect().await;
    let mut count = async |statement| {
        let row = sqlx::query(statement).fetch_one(&mut session).await;
        row.unwrap().get::<i64, _>(0)
    };
    let tickets = "SELECT count(DISTINCT (tenant, ticket)) FROM event";
    assert_eq!(count(tickets).await, 601);
    let created =
        "SELECT count(DISTINCT (tenant, ticket)) FROM event WHERE name = 'ticket.created'";
    assert_eq!(count(created).await, 601);
    let holes = "SELECT count(*) FROM (SELECT position - lag(position, 1, 0::bigint)
        OVER (PARTITION BY tenant ORDER BY position) AS step FROM event) AS steps WHERE step <> 1";
    assert_eq!(count(holes).await, 0);
    let wrong_heads = "SELECT count(*) FROM head WHERE (position, stored_at) <>
        (SELECT max(position), max(stored_at) FROM event WHERE event.tenant = head.tenant)";
    assert_eq!(count(wrong_heads).await, 0);
    let shrinking = "SELECT count(*) FROM (SELECT stored_at < lag(stored_at)
        OVER (PARTITION BY tenant ORDER BY position) AS back FROM event) AS steps WHERE back";
    assert_eq!(count(shrinking).await, 0);
    let before_arrival = "SELECT count(*) FROM event WHERE stored_at < received_at";
    assert_eq!(count(before_arrival).await, 0);
    let hashes = "SELECT count(*) FROM event WHERE body_sha256 <> sha256(body)";
    assert_eq!(count(hashes).await, 0);
    let arrivals = "SELECT count(DISTINCT arrival_id) FROM event
        WHERE substr(arrival_id::text, 15, 1) = '7'";
    assert_eq!(count(arrivals).await, 6001);
    let sizes = "SELECT count(*) FROM event WHERE length(body) NOT BETWEEN 600 AND 950";
    assert_eq!(count(sizes).await, 0);
    let outside =
        "SELECT count(*) FROM event WHERE occurred_text NOT BETWEEN '2023-01-01' AND '2025-01-01'";
    assert_eq!(count(outside).await, 0);
    // A little disorder: some events are stored after later ones.
    let late = "SELECT count(*) FROM (SELECT occurred_ticks < max(occurred_ticks)
        OVER (PARTITION BY tenant ORDER BY position) AS late FROM event) AS events WHERE late";
    assert!((60..800).contains(&count(late).await));
    let busiest = "SELECT count(*) FROM event GROUP BY tenant, ticket ORDER BY 1 DESC";
    assert!(count(busiest).await > 30);
}

#[tokio::test]
async fn a_seed_gives_the_same_bodies_again() {
    let mut made = Vec::new();
    for seed in ["--seed=7", "--seed=7", "--seed=8"] {
        let db = TestDb::create().await;
        let size = ["--tenants=2", "--events=401", "--tickets=40"];
        generated(&db, &[&["--tenant=T", seed], &size[..]].concat());
        let mut session = db.connect().await;
        let heads = "SELECT tenant || ' ' || position FROM head ORDER BY tenant";
        assert_eq!(texts(&mut session, heads).await, ["T-1 201", "T-2 200"]);
        made.push(bodies(&db).await);
    }
    assert_eq!(made[0], made[1]);
    assert_ne!(made[0], made[2]);
}

#[tokio::test]
async fn made_up_tickets_have_histories() {
    let db = TestDb::create().await;
    generated(&db, &["--tenant=T", "--events=5000", "--tickets=300"]);
    let app = TestApp::start_with(db, false).await;
    let mut kinds = BTreeSet::new();
    let mut lifecycles = BTreeSet::new();
    let (mut entries, mut repeats, mut suspect) = (0, 0, 0);
    for ticket in 1..=300 {
        let path = format!("/v1/tenants/T/tickets/{ticket}/timeline?include=noise");
        let timeline = app.read_all(&path).await;
        assert_eq!(timeline[0]["lifecycle"], "created", "ticket {ticket}");
        entries += timeline.len();
        for entry in &timeline {
            repeats += usize::from(entry["repeats"] != Value::Null);
            suspect += usize::from(entry["completeness"]["state"] == "suspect");
            lifecycles.insert(entry["lifecycle"].as_str().unwrap_or("none").to_owned());
            for change in entry["changes"].as_array().unwrap() {
                kinds.insert(change["kind"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!((entries, repeats), (5000, 4));
    // One event in 500 is not sent, and some of those show.
    assert!((1..=20).contains(&suspect), "{suspect}");
    let all = [
        "closed",
        "created",
        "merged",
        "none",
        "postponed",
        "reopened",
    ];
    assert!(
        all.iter().all(|lifecycle| lifecycles.contains(*lifecycle)),
        "{lifecycles:?}"
    );
    assert!(kinds.is_superset(&["changed", "initial", "not_sent"].map(str::to_owned).into()));
}

#[tokio::test]
async fn a_tenant_that_has_events_is_left_alone() {
    let app = TestApp::start().await;
    app.deliver(payload::created(1).tenant("T-2"))
        .await
        .assert(200);
    let arguments = ["--tenant=T", "--tenants=2", "--events=100"];
    let output = generate(&app.db, &arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the tenant \"T-2\" has events already"),
        "{said}"
    );
    assert_eq!(app.count("SELECT count(*) FROM event").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM head").await, 1);
}

#[tokio::test]
async fn what_cannot_be_made_is_refused() {
    let db = TestDb::create().await;
    for (argument, why) in [
        ("--tenants=1001", "1001 is not in 1..=1000"),
        ("--tickets=200000", "each ticket has an event at least"),
        (
            "--until=2023-01-01T01:00:00Z",
            "--until must be a day after",
        ),
        ("--events=0", "0 is not in 1.."),
    ] {
        let output = generate(&db, &["--tenant=T", argument]);
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(why), "{said}");
    }
    let output = ticketlog(["generate", "--tenant=T"]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("say into which log"), "{said}");
}
