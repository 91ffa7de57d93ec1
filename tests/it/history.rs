//! The real history against the naive model: the same events, in any order and through any door, give
//! the same timeline.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use ticketlog::{
    domain::{
        event::{self, Reading},
        feed::{Outage, Outages},
        history::{self, History, TicketEvent},
        hook::TenantRule,
        ids::Position,
        label::Labels,
        log::{Origin, StoredEvent},
    },
    render::json::EntryJson,
};
use tokio::task::JoinSet;

use crate::{
    model::{
        fold::{self, Stored},
        histories::{self, Made},
    },
    support::app::TestApp,
};

fn model_input(made: &[Made]) -> Vec<Stored> {
    (1..)
        .zip(made)
        .map(|(position, made)| Stored {
            position,
            event_id: made.event_id,
            body: made.body.clone(),
            received_at: made.received_at,
            conflict: made.other.is_some(),
        })
        .collect()
}

pub(crate) fn ticket_event(position: i64, made: &Made) -> Option<TicketEvent> {
    let Reading::Event(event) = event::read(&made.body, &TenantRule::Any) else {
        panic!("no event: {:?}", String::from_utf8_lossy(&made.body));
    };
    assert_eq!(event.event_id.0, made.event_id);
    let received_at = jiff::Timestamp::from_nanosecond(made.received_at).unwrap();
    let stored = StoredEvent {
        position: Position(position),
        event: *event,
        received_at,
        stored_at: received_at,
        origin: Origin::Import {
            source: String::new(),
        },
        body: made.body.clone(),
    };
    TicketEvent::read(stored, made.other.is_some())
}

/// Outages that begin and end at, right before or right after some of these events; the last is open.
fn outages(events: &[TicketEvent], edges: &[(usize, i64, usize, i64)]) -> Vec<Outage> {
    if events.is_empty() {
        return Vec::new();
    }
    let ticks = |at: usize, off: i64| events[at % events.len()].occurred_at.ticks() + off;
    let outage = |(at, &(from, before, to, after)): (usize, &(usize, i64, usize, i64))| Outage {
        from_ticks: ticks(from, before),
        to_ticks: (at < 2).then(|| ticks(to, after)),
    };
    edges.iter().enumerate().map(outage).collect()
}

/// The entries as the API shows them, less what the model does not know.
fn shown(history: History, noise: bool) -> Value {
    let entries = history.entries.into_iter();
    let entries = entries.filter_map(|entry| {
        if noise {
            Some(entry)
        } else {
            entry.without_noise()
        }
    });
    entries
        .map(|entry| {
            stripped(
                serde_json::to_value(EntryJson::new(entry, &Labels::default())).unwrap(),
                &["received_at"],
            )
        })
        .collect()
}

/// An entry without these keys, and without labels.
fn stripped(mut entry: Value, keys: &[&str]) -> Value {
    let object = entry.as_object_mut().unwrap();
    for key in keys {
        object.remove(*key);
    }
    for change in object["changes"].as_array_mut().unwrap() {
        let change: &mut Map<String, Value> = change.as_object_mut().unwrap();
        change.retain(|key, _| !key.ends_with("_label"));
    }
    entry
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_history_is_the_models(
        (made, turn) in histories::history().prop_flat_map(|made| {
            let order: Vec<usize> = (0..made.len()).collect();
            (Just(made), Just(order).prop_shuffle())
        }),
        edges in prop::collection::vec((any::<usize>(), -1..=1_i64, any::<usize>(), -1..=1_i64), 0..3),
    ) {
        let events: Vec<TicketEvent> = turn.iter().filter_map(|&at| {
            ticket_event(i64::try_from(at).unwrap() + 1, &made[at])
        }).collect();
        let outages = outages(&events, &edges);
        let history = history::fold(events, &Outages::new(outages.clone()));
        let outages: Vec<(i128, i128)> = outages
            .iter()
            .map(|o| (o.from_ticks.into(), o.to_ticks.unwrap_or(i64::MAX).into()))
            .collect();
        let input = model_input(&made);
        let state: Value = serde_json::to_value(&history.state).unwrap();
        prop_assert_eq!(state, fold::state(&input));
        for noise in [true, false] {
            let expected = fold::timeline_with(&input, noise, &outages);
            prop_assert_eq!(shown(history.clone(), noise), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_said_of_an_event_does_not_hang_on_until_when_one_looks(
        made in histories::history(),
        at in any::<prop::sample::Index>(),
        edges in prop::collection::vec((any::<usize>(), -1..=1_i64, any::<usize>(), -1..=1_i64), 0..3),
    ) {
        let numbered = (1..).zip(&made);
        let events: Vec<TicketEvent> =
            numbered.filter_map(|(position, made)| ticket_event(position, made)).collect();
        prop_assume!(!events.is_empty());
        let outages = Outages::new(outages(&events, &edges));
        let until = at.get(&events).occurred_at.ticks();
        let is_by_then = |event: &TicketEvent| event.occurred_at.ticks() <= until;
        let by_then: Vec<TicketEvent> = events.iter().filter(|e| is_by_then(e)).cloned().collect();
        let mut whole = history::fold(events.clone(), &outages);
        whole.entries.retain(|entry| entry.occurred_at.ticks() <= until);
        let cut = history::fold_until(events, until, &outages);
        let state = history::fold(by_then, &outages).state;
        prop_assert_eq!(json!(cut.state), json!(state));
        prop_assert_eq!(shown(cut, true), shown(whole, true));
    }
}

/// Delivers bodies through this many connections at a time.
pub(crate) async fn deliver_all(app: &TestApp, bodies: Vec<Bytes>, connections: usize) {
    let mut waiting = bodies.into_iter();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < connections {
            let Some(body) = waiting.next() else { break };
            let (url, http) = (app.url.clone(), app.http.clone());
            let signature = crate::support::app::sign(crate::support::app::SECRET, &body);
            under_way.spawn(async move {
                let request = http.post(format!("{url}/webhook")).body(body);
                let response = request.header("X-SuperOffice-Signature", signature).send();
                assert_eq!(response.await.unwrap().status(), 200);
            });
        }
        match under_way.join_next().await {
            Some(joined) => joined.unwrap(),
            None => return,
        }
    }
}

#[tokio::test]
async fn any_order_with_repeats_over_32_connections_gives_the_models_timelines() {
    const TICKETS: i64 = 12;
    let histories: BTreeMap<i64, Vec<Made>> = (1..=TICKETS)
        .map(|ticket| (ticket, histories::sample_of(7, 40, "Cust1", ticket)))
        .collect();
    let all: Vec<Bytes> = (histories.values().flatten())
        .map(|made| made.body.clone().into())
        .collect();
    let orders: [fn(usize) -> usize; 3] = [
        |at| at,
        |at| usize::MAX - at,
        |at| at.wrapping_mul(0x9e37_79b9) % 1009,
    ];
    for order in orders {
        let app = TestApp::start().await;
        // Each body three times over, in another order each time.
        let mut doubled: Vec<(usize, Bytes)> =
            (0..3).flat_map(|_| all.clone()).enumerate().collect();
        doubled.sort_by_key(|(at, _)| order(*at));
        deliver_all(
            &app,
            doubled.into_iter().map(|(_, body)| body).collect(),
            32,
        )
        .await;
        let disputed = histories
            .values()
            .flatten()
            .filter_map(|made| made.other.clone());
        deliver_all(&app, disputed.map(Bytes::from).collect(), 32).await;
        for (ticket, made) in &histories {
            assert_same_as_model(&app, *ticket, made).await;
        }
    }
}

async fn assert_same_as_model(app: &TestApp, ticket: i64, made: &[Made]) {
    // clock_skew depends on the arrival, which is now; position and late on the race.
    const OF_ARRIVAL: [&str; 3] = ["received_at", "position", "late"];
    let path = format!("/v1/tenants/Cust1/tickets/{ticket}/timeline?include=noise");
    let now = ticketlog::clock::now().as_nanosecond();
    let mut input = model_input(made);
    for stored in &mut input {
        stored.received_at = now;
    }
    let expected = fold::timeline(&input, true);
    let expected = expected.as_array().unwrap().iter().cloned();
    let expected: Vec<Value> = expected.map(|entry| stripped(entry, &OF_ARRIVAL)).collect();
    let found = app.read_all(&path).await;
    let found: Vec<Value> = found
        .into_iter()
        .map(|entry| stripped(entry, &OF_ARRIVAL))
        .collect();
    assert_eq!(found, expected, "ticket {ticket}");
}
