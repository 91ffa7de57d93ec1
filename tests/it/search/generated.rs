//! Thousands of generated queries over generated histories, against the naive scan.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};
use ticketlog::{
    domain::{
        ids::{EventId, Tenant, TicketId},
        search::{After, FoundChange, Query, Search},
    },
    store::Store,
};
use uuid::Uuid;

use super::{
    naive::{Change, World},
    queries::{self, LABELS, TICKETS},
};
use crate::{
    history::deliver_all,
    model::{
        fold::Stored,
        histories::{self, Made},
    },
    support::app::TestApp,
};

const TENANT: &str = "Cust1";

/// Events of each ticket.
const EVENTS: usize = 24;

/// Asked of the store, and of the service.
const OF_THE_STORE: usize = 3000;
const OVER_HTTP: usize = 80;

const ZONES: [&str; 4] = [
    "UTC",
    "Europe/Oslo",
    "America/St_Johns",
    "Pacific/Kiritimati",
];

/// Delivers the histories of all tickets, and one of another tenant.
async fn deliver(app: &TestApp) -> World {
    let made: Vec<(i64, Made)> = (1..=TICKETS)
        .flat_map(|ticket| {
            let made = histories::sample_of(11, EVENTS, TENANT, ticket);
            made.into_iter().map(move |made| (ticket, made))
        })
        .collect();
    let of_another = histories::sample_of(11, EVENTS, "Cust2", 1);
    let bodies = made.iter().map(|(_, made)| made).chain(&of_another);
    deliver_all(
        app,
        bodies.map(|made| made.body.clone().into()).collect(),
        32,
    )
    .await;
    let positions = positions(app).await;
    let mut stored: BTreeMap<i64, Vec<Stored>> = BTreeMap::new();
    for (ticket, made) in made {
        stored.entry(ticket).or_default().push(Stored {
            position: positions[&made.event_id],
            event_id: made.event_id,
            body: made.body,
            received_at: made.received_at,
            conflict: false,
        });
    }
    let mut world = World::default();
    for (list, id, label) in LABELS {
        let place = (list.to_owned(), label.to_owned());
        world.labels.entry(place).or_default().push(id);
    }
    let recorded: Vec<Value> = LABELS
        .iter()
        .filter(|(list, ..)| !matches!(*list, "status" | "slevel"))
        .map(|(list, id, label)| json!({"list": list, "id": id, "label": label}))
        .collect();
    let body = json!({"labels": recorded}).to_string();
    app.put(&format!("/v1/tenants/{TENANT}/labels"), body)
        .await
        .assert(200);
    for (ticket, stored) in &stored {
        world.add(*ticket, stored);
    }
    world
}

/// Where each event came to stand, which is a matter of the race.
async fn positions(app: &TestApp) -> BTreeMap<Uuid, i64> {
    let mut session = app.db.connect().await;
    let rows: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT event_id, position FROM event WHERE tenant = $1")
            .bind(TENANT)
            .fetch_all(&mut session)
            .await
            .unwrap();
    rows.into_iter().collect()
}

#[tokio::test]
async fn thousands_of_generated_queries_equal_a_naive_scan() {
    let app = TestApp::start().await;
    let world = deliver(&app).await;
    assert!(world.changes.len() > 2000, "{}", world.changes.len());
    // Waits for the projections.
    let path = format!("/v1/tenants/{TENANT}/changes?include=noise&return=count");
    assert_eq!(app.read(&path).await, json!({"count": world.changes.len()}));
    let instants = world
        .changes
        .iter()
        .map(|c| i64::try_from(c.ticks).unwrap());
    let queries = queries::query(&instants.collect::<Vec<_>>());
    let mut runner = TestRunner::new(Config::default());
    let mut found = 0;
    for turn in 0..OF_THE_STORE {
        let strategy = (
            &queries,
            prop::sample::select(&ZONES[..]),
            1..40_u16,
            any::<usize>(),
        );
        let (query, zone, limit, choice) = strategy.new_tree(&mut runner).unwrap().current();
        let asked = Asked::new(&app, &world, (query, zone), limit, choice).await;
        found += asked.expected.len().min(1);
        if turn < OVER_HTTP {
            asked.compare_over_http(&app).await;
        } else {
            asked.compare_with_store(&app).await;
        }
    }
    // Most queries find something, or this shows nothing.
    assert!(found * 2 > OF_THE_STORE, "{found}");
}

/// One query, with what it has to find.
struct Asked<'a> {
    query: Query,
    zone: &'static str,
    search: Search,
    expected: Vec<&'a Change>,
    limit: u16,
    choice: usize,
}

impl<'a> Asked<'a> {
    async fn new(
        app: &TestApp,
        world: &'a World,
        (query, zone): (Query, &'static str),
        limit: u16,
        choice: usize,
    ) -> Self {
        let text = query.to_string();
        let read = Query::parse(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.expr, query.expr, "{text}");
        let time_zone = TimeZone::get(zone).unwrap();
        let tenant = Tenant::parse(TENANT).unwrap();
        let known = app
            .db
            .store
            .find_known(&tenant, &query.wanted())
            .await
            .unwrap();
        let search = query.resolve(&known, &time_zone).unwrap();
        let expected = world.scan(&query, &time_zone);
        Self {
            query,
            zone,
            search,
            expected,
            limit,
            choice,
        }
    }

    /// One that looks at no tickets one by one, or at all of them.
    fn store(&self, app: &TestApp) -> Store {
        let few = [0, 1000][self.choice / 4 % 2];
        app.db.store.clone().with_few(few)
    }

    /// The count; a page from anywhere, in either order; the tickets.
    async fn compare_with_store(&self, app: &TestApp) {
        let store = &self.store(app);
        let tenant = Tenant::parse(TENANT).unwrap();
        let text = format!(
            "{} in {}, noise {}",
            self.query, self.zone, self.query.noise
        );
        let count = store.search_count(&tenant, &self.search).await.unwrap();
        assert_eq!(
            usize::try_from(count).unwrap(),
            self.expected.len(),
            "{text}"
        );
        let descending = self.choice.is_multiple_of(2);
        let mut expected = self.expected.clone();
        if descending {
            expected.reverse();
        }
        let start = self.choice / 2 % (expected.len() + 1);
        let after = start.checked_sub(1).map(|last| After {
            ticks: i64::try_from(expected[last].ticks).unwrap(),
            event_id: EventId(expected[last].event_id),
            nth: expected[last].nth,
        });
        let page = store.search_changes(&tenant, &self.search, descending, after, self.limit);
        let page = page.await.unwrap();
        let expected: Vec<Place> = expected[start..].iter().map(|c| Place::of(c)).collect();
        let expected = &expected[..expected.len().min(self.limit.into())];
        assert_eq!(
            page.iter().map(Place::found).collect::<Vec<_>>(),
            expected,
            "{text}"
        );
        if self.choice.is_multiple_of(3) {
            self.compare_tickets(app, &tenant, descending, &text).await;
        }
    }

    async fn compare_tickets(&self, app: &TestApp, tenant: &Tenant, descending: bool, text: &str) {
        let mut expected = self.tickets();
        if descending {
            expected.reverse();
        }
        let store = self.store(app);
        let mut found = Vec::new();
        let mut after: Option<TicketId> = None;
        loop {
            let page = store.search_tickets(tenant, &self.search, descending, after, self.limit);
            let page = page.await.unwrap();
            found.extend(page.iter().map(|t| {
                json!({
                    "ticket": t.ticket, "changes": t.changes, "first_at": t.first_at.as_utc(),
                    "last_at": t.last_at.as_utc(),
                })
            }));
            if page.len() < self.limit.into() {
                break;
            }
            after = page.last().map(|t| t.ticket);
        }
        assert_same(&found, &expected, text);
    }

    /// The distinct tickets as the API gives them.
    fn tickets(&self) -> Vec<Value> {
        let mut by_ticket: BTreeMap<i64, Vec<&Change>> = BTreeMap::new();
        for change in &self.expected {
            by_ticket.entry(change.ticket).or_default().push(change);
        }
        by_ticket
            .iter()
            .map(|(ticket, changes)| {
                json!({
                    "ticket": ticket, "changes": changes.len(),
                    "first_at": changes[0].utc, "last_at": changes[changes.len() - 1].utc,
                })
            })
            .collect()
    }

    /// All pages of changes and of tickets, whole items, as text in the path.
    async fn compare_over_http(&self, app: &TestApp) {
        let order = if self.choice.is_multiple_of(2) {
            "asc"
        } else {
            "desc"
        };
        let noise = if self.query.noise {
            "&include=noise"
        } else {
            ""
        };
        let text = self.query.to_string();
        let query: String = serde_html_form::to_string([("q", &text)]).unwrap();
        let path = format!(
            "/v1/tenants/{TENANT}/changes?{query}&zone={}&order={order}{noise}&limit={}",
            self.zone,
            // Few pages, or many.
            self.limit
                .max(u16::try_from(self.expected.len() / 3).unwrap() + 1)
        );
        let mut changes: Vec<Value> = self.expected.iter().map(|c| c.json()).collect();
        let mut tickets = self.tickets();
        if order == "desc" {
            changes.reverse();
            tickets.reverse();
        }
        let found = pages(app, &path).await;
        let found: Vec<Value> = found.into_iter().map(without_labels).collect();
        assert_same(&found, &changes, &path);
        assert_eq!(
            pages(app, &format!("{path}&return=tickets")).await,
            tickets,
            "{path}"
        );
        let count = app.read(&format!("{path}&return=count")).await;
        assert_eq!(count, json!({"count": changes.len()}), "{path}");
    }
}

/// Says where two lists part, not all that is in them.
#[track_caller]
fn assert_same<T: PartialEq + std::fmt::Debug>(found: &[T], expected: &[T], query: &str) {
    let parts = found
        .iter()
        .zip(expected)
        .position(|(found, expected)| found != expected);
    if let Some(at) = parts {
        panic!(
            "{query}: at {at}\n{:?}\nshould be\n{:?}",
            found[at], expected[at]
        );
    }
    assert_eq!(found.len(), expected.len(), "{query}");
}

async fn pages(app: &TestApp, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let mut page = app.read(&format!("{path}{next}")).await;
        items.append(page["items"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return items,
        }
    }
}

fn without_labels(mut item: Value) -> Value {
    let object: &mut Map<String, Value> = item.as_object_mut().unwrap();
    object.retain(|key, _| !key.ends_with("_label"));
    object
        .get_mut("actor")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("label");
    item
}

impl Change {
    fn json(&self) -> Value {
        let mut item = json!({
            "ticket": self.ticket, "event_id": self.event_id, "position": self.position,
            "occurred_at": self.utc, "actor": {"id": self.actor}, "field": self.field,
            "kind": self.kind, "declared": self.declared,
        });
        let object = item.as_object_mut().unwrap();
        object.extend(self.from.clone().map(|from| ("from".to_owned(), from)));
        object.extend(self.to.clone().map(|to| ("to".to_owned(), to)));
        item
    }
}

/// What tells changes apart.
#[derive(Debug, PartialEq, Eq)]
struct Place(i64, i128, Uuid, i32, String);

impl Place {
    fn of(c: &Change) -> Self {
        Self(c.ticket, c.ticks, c.event_id, c.nth, c.field.clone())
    }

    fn found(found: &FoundChange) -> Self {
        Self(
            found.ticket.number(),
            found.occurred_at.ticks().into(),
            found.event_id.0,
            found.nth,
            found.change.field.clone(),
        )
    }
}
