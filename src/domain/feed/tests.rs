//! The rules of the states, each reached and left.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::{FactKind, FeedState, Signals, hour_of};
use crate::domain::{
    delivery::{Arrival, Delivery, RETRY_HEADER},
    hook::TenantRule,
    ids::Tenant,
    log::Origin,
};

fn noon() -> Timestamp {
    "2025-05-19T12:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

/// An event of a tenant that happened so many seconds after noon.
fn event(tenant: &str, name: &str, happened: i64) -> Delivery {
    delivery(
        &format!(
            r#"{{"Event":"{name}","ContextIdentifier":"{tenant}","Timestamp":"{}"}}"#,
            at(happened)
        ),
        "0",
    )
}

fn delivery(body: &str, retry: &str) -> Delivery {
    let arrival = Arrival {
        arrival_id: Uuid::nil(),
        received_at: noon(),
        origin: Origin::Unsigned {
            hook: "default".to_owned(),
        },
        headers: BTreeMap::from([(RETRY_HEADER.to_owned(), retry.to_owned())]),
    };
    Delivery::read(Bytes::from(body.to_owned()), &TenantRule::Any, arrival)
}

fn state(signals: &Signals, seconds: i64) -> (FeedState, Option<Timestamp>) {
    let verdict = signals.assess(at(seconds));
    (verdict.state, verdict.since)
}

const OK: (FeedState, Option<Timestamp>) = (FeedState::Ok, None);

#[test]
fn a_hook_without_signals_is_ok() {
    assert_eq!(state(&Signals::default(), 0), OK);
}

#[test]
fn three_wrong_signatures_in_a_row_are_a_wrong_secret_until_a_good_one() {
    let mut signals = Signals::default();
    for second in [1, 2] {
        signals.rejected(at(second));
    }
    assert_eq!(state(&signals, 2), OK);
    signals.believed(&event("A", "ticket.changed", 3), at(3));
    for second in [4, 5] {
        signals.rejected(at(second));
    }
    assert_eq!(state(&signals, 5), OK);
    signals.rejected(at(6));
    assert_eq!(state(&signals, 6), (FeedState::WrongSecret, Some(at(4))));
    // Quiet does not mend it: SuperOffice may have given up.
    assert_eq!(
        state(&signals, 86_400),
        (FeedState::WrongSecret, Some(at(4)))
    );
    assert!(signals.assess(at(6)).advice().starts_with("The last 3 "));
    // Even a body that is no event shows that the secret is right.
    signals.believed(&delivery("{}", "0"), at(7));
    assert_eq!(state(&signals, 7), OK);
}

#[test]
fn what_superoffice_says_of_its_webhook_counts_until_the_tenant_sends_again() {
    for stop in ["webhook.stopped", "webhook.errors"] {
        let mut signals = Signals::default();
        signals.believed(&event("A", "ticket.changed", 0), at(1));
        signals.believed(&event("A", stop, 10), at(11));
        let stopped = (FeedState::Stopped, Some(at(10)));
        assert_eq!(state(&signals, 11), stopped);
        // Neither another tenant nor a late event says that this webhook sends.
        signals.believed(&event("B", "ticket.changed", 20), at(21));
        signals.believed(&event("A", "ticket.changed", 9), at(22));
        signals.believed(&event("A", "webhook.changed", 12), at(23));
        signals.believed(&delivery(r#"{"Event":"test"}"#, "0"), at(24));
        assert_eq!(state(&signals, 24), stopped);
        assert_eq!(signals.assess(at(24)).stopped_tenants, ["A"]);
        for sign in ["webhook.started", "ticket.changed"] {
            let mut signals = signals.clone();
            signals.believed(&event("A", sign, 30), at(31));
            assert_eq!(state(&signals, 31), OK);
        }
    }
}

#[test]
fn a_stop_without_a_timestamp_counts_from_its_arrival() {
    let mut signals = Signals::default();
    let stop = r#"{"Event":"webhook.stopped","ContextIdentifier":"A"}"#;
    signals.believed(&delivery(stop, "0"), at(5));
    assert_eq!(state(&signals, 5), (FeedState::Stopped, Some(at(5))));
}

#[test]
fn an_event_from_the_future_hides_no_stop() {
    let mut signals = Signals::default();
    signals.believed(&event("A", "ticket.changed", 1_000_000), at(1));
    signals.believed(&event("A", "webhook.stopped", 10), at(11));
    assert_eq!(state(&signals, 11).0, FeedState::Stopped);
}

#[test]
fn a_retry_makes_a_hook_retrying_for_ten_minutes() {
    let mut signals = Signals::default();
    let retry = delivery(r#"{"Event":"e","ContextIdentifier":"A"}"#, "1");
    signals.believed(&retry, at(0));
    signals.believed(&retry, at(300));
    signals.believed(&event("A", "ticket.changed", 301), at(301));
    assert_eq!(state(&signals, 899), (FeedState::Retrying, Some(at(0))));
    assert_eq!(state(&signals, 900), OK);
    signals.believed(&retry, at(1000));
    assert_eq!(state(&signals, 1001), (FeedState::Retrying, Some(at(1000))));
}

/// Signals of two tenants that sent five times an hour for five weeks up to noon.
fn busy() -> Signals {
    let mut signals = Signals::default();
    for tenant in ["A", "B"] {
        for hour in 1..=5 * 7 * 24 {
            signals.learn_hour(tenant, hour_of(noon()) - hour, 5);
        }
    }
    signals
}

#[test]
fn one_silent_tenant_among_others_makes_a_hook_silent_and_is_named() {
    let mut signals = busy();
    signals.believed(&event("B", "ticket.changed", 3700), at(3700));
    assert_eq!(state(&signals, 3719), OK);
    assert_eq!(state(&signals, 3720), (FeedState::Silent, Some(noon())));
    let verdict = signals.assess(at(3720));
    assert_eq!(verdict.silent_tenants, ["A"]);
    assert!(verdict.advice().starts_with("Nothing came from A although"));
    signals.believed(&event("A", "ticket.changed", 3730), at(3730));
    assert_eq!(state(&signals, 3730), OK);
}

#[test]
fn the_worst_that_fits_is_the_state() {
    let mut signals = busy();
    let retry = delivery(r#"{"Event":"e","ContextIdentifier":"C"}"#, "2");
    signals.believed(&retry, at(4000));
    assert_eq!(state(&signals, 4000).0, FeedState::Silent);
    signals.believed(&event("C", "webhook.errors", 4001), at(4001));
    assert_eq!(state(&signals, 4001).0, FeedState::Stopped);
    for _ in 0..3 {
        signals.rejected(at(4002));
    }
    assert_eq!(state(&signals, 4002).0, FeedState::WrongSecret);
}

#[test]
fn runs_become_facts_of_their_hook_or_tenant() {
    let mut signals = Signals::default();
    signals.rejected(at(0));
    signals.rejected(at(4));
    let retry = delivery(r#"{"Event":"e","ContextIdentifier":"A"}"#, "1");
    signals.believed(&retry, at(30));
    assert_eq!(signals.take_due(at(59)), []);
    let wrong = signals.take_due(at(60));
    assert_eq!((wrong.len(), wrong[0].kind), (1, FactKind::WrongSignatures));
    assert_eq!((wrong[0].run.first_at, wrong[0].run.count), (at(0), 2));
    let retries = signals.take_all();
    assert_eq!((retries.len(), retries[0].kind), (1, FactKind::Retries));
    assert_eq!(retries[0].tenant, Tenant::parse("A"));
    assert_eq!(signals.take_all(), []);
}

#[test]
fn tenants_past_the_thousandth_are_counted_together() {
    let mut signals = Signals::default();
    for number in 0..1200 {
        let name = format!("T{number}");
        let counted = signals.believed(&event(&name, "ticket.changed", 0), at(0));
        let expected = if number < 1000 { &*name } else { "*" };
        assert_eq!(counted.as_deref(), Some(expected));
    }
    signals.believed(&event("T1100", "webhook.stopped", 1), at(1));
    assert_eq!(signals.assess(at(1)).stopped_tenants, ["*"]);
}

proptest! {
    #[test]
    fn whether_a_webhook_stopped_does_not_depend_on_the_order_of_arrival(
        (events, shuffled) in prop::collection::vec((0..3_usize, 0..20_i64), 0..12)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
    ) {
        let after = |events: &[(usize, i64)]| {
            let mut signals = Signals::default();
            for &(name, happened) in events {
                let name = ["webhook.stopped", "webhook.started", "ticket.changed"][name];
                signals.believed(&event("A", name, happened), at(100));
            }
            state(&signals, 100)
        };
        let last = |of: &[usize]| {
            let of = events.iter().filter(|(name, _)| of.contains(name));
            of.map(|(_, happened)| *happened).max()
        };
        let stopped = last(&[0]).filter(|stop| last(&[1, 2]).is_none_or(|sent| sent <= *stop));
        let expected = stopped.map_or(OK, |stop| (FeedState::Stopped, Some(at(stop))));
        prop_assert_eq!(after(&events), expected);
        prop_assert_eq!(after(&shuffled), expected);
    }
}
