//! What the program measures: every metric's name, description and labels, and how it is recorded.
//!
//! The values of labels are configured hooks and fixed words, so that strangers cannot make series.
//! Before [`start`], and in commands that measure nothing, recording does nothing.

use std::{sync::OnceLock, time::Duration};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const DELIVERIES: &str = "ticketlog_deliveries_total";
const REJECTED: &str = "ticketlog_rejected_total";
const ANSWER: &str = "ticketlog_webhook_answer_seconds";
const BATCH: &str = "ticketlog_batch_events";
const APPEND: &str = "ticketlog_append_seconds";
const HOOK_STATE: &str = "ticketlog_hook_state";
const AWAY: &str = "ticketlog_postgres_away";
const SPOOL_BYTES: &str = "ticketlog_spool_bytes";
const SPOOL_REFUSING: &str = "ticketlog_spool_refusing";
const ASIDE: &str = "ticketlog_spool_aside_total";
const UNPROJECTED: &str = "ticketlog_unprojected_events";

/// Why requests to a webhook are not answered 200: the last words of the types of their problems.
const REASONS: [&str; 10] = [
    "bad-signature",
    "body-cut",
    "body-slow",
    "busy",
    "internal",
    "not-found",
    "not-stored",
    "too-large",
    "too-many-rejected",
    "wrong-method",
];

/// Seconds: from a commit on a fast disk, by way of the second after which SuperOffice tries again, to
/// what is not an answer any more.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Events in a transaction: up to the largest batch.
const EVENTS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 250.0, 512.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts measuring; a second call changes nothing.
///
/// # Errors
/// If something else in this process measures already.
pub fn start() -> Result<(), BuildError> {
    if HANDLE.get().is_some() {
        return Ok(());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_events".to_owned()), &EVENTS)?
        .build_recorder();
    let handle = recorder.handle();
    // Two callers at a time: the second recorder is refused, and its handle not kept.
    let installed = metrics::set_global_recorder(recorder);
    if installed.is_ok() {
        HANDLE.get_or_init(|| handle);
        describe();
        begin();
    }
    Ok(())
}

/// Lets counters be there from the start: Prometheus sees no increase in one that comes into being with its first.
fn begin() {
    counter!(ASIDE).increment(0);
    for reason in REASONS {
        counter!(REJECTED, "reason" => reason).increment(0);
    }
}

fn describe() {
    describe_counter!(DELIVERIES, "Believed deliveries by hook and outcome");
    describe_counter!(
        REJECTED,
        "Requests to a webhook that were not answered 200, by reason"
    );
    describe_histogram!(
        ANSWER,
        Unit::Seconds,
        "Time to the answer of a request to a webhook"
    );
    describe_histogram!(BATCH, Unit::Count, "Deliveries in one transaction");
    describe_histogram!(
        APPEND,
        Unit::Seconds,
        "Time to commit one transaction, or to fail"
    );
    describe_gauge!(
        HOOK_STATE,
        "1 for the state that the feed of a hook is in, 0 for the others"
    );
    describe_gauge!(AWAY, "1 while Postgres does not take deliveries");
    describe_gauge!(SPOOL_BYTES, Unit::Bytes, "Bytes that wait in the spool");
    describe_gauge!(
        SPOOL_REFUSING,
        "1 if the spool was full or could not be written when it was last tried"
    );
    describe_gauge!(
        UNPROJECTED,
        "Events of all tenants that answers across tickets do not know yet"
    );
    describe_counter!(
        ASIDE,
        "Damaged stretches of the spool and refused deliveries that were kept aside"
    );
}

/// All metrics as Prometheus reads them; empty before [`start`].
pub fn render() -> String {
    HANDLE
        .get()
        .map_or_else(String::new, PrometheusHandle::render)
}

/// Call it every few seconds: samples of histograms wait in memory for it.
pub fn keep_up() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

/// A hook is configured, and may have deliveries with these outcomes.
pub fn hook(hook: &str, outcomes: &[&'static str]) {
    for outcome in outcomes {
        counter!(DELIVERIES, "hook" => hook.to_owned(), "outcome" => *outcome).increment(0);
    }
}

/// A believed delivery and what became of it.
pub fn delivery(hook: &str, outcome: &'static str) {
    counter!(DELIVERIES, "hook" => hook.to_owned(), "outcome" => outcome).increment(1);
}

/// A request to a webhook that was not answered 200.
pub fn rejected(reason: &'static str) {
    counter!(REJECTED, "reason" => reason).increment(1);
}

/// A request to a webhook was answered.
pub fn answered(elapsed: Duration) {
    histogram!(ANSWER).record(elapsed);
}

/// A transaction of so many deliveries ended.
pub fn appended(deliveries: usize, elapsed: Duration) {
    // A batch has hundreds at most.
    histogram!(BATCH).record(f64::from(u32::try_from(deliveries).unwrap_or(u32::MAX)));
    histogram!(APPEND).record(elapsed);
}

/// A hook is in a state or not.
pub fn hook_state(hook: &str, state: &'static str, holds: bool) {
    gauge!(HOOK_STATE, "hook" => hook.to_owned(), "state" => state).set(flag(holds));
}

/// Whether Postgres takes deliveries.
pub fn postgres_away(away: bool) {
    gauge!(AWAY).set(flag(away));
}

/// How full the spool is, and whether it took the last it was given.
pub fn spool(bytes: u64, refusing: bool) {
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "exact up to 8 PiB"
    )]
    gauge!(SPOOL_BYTES).set(bytes as f64);
    gauge!(SPOOL_REFUSING).set(flag(refusing));
}

/// How many events are not projected yet.
pub fn unprojected(events: i64) {
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "exact up to 9e15"
    )]
    gauge!(UNPROJECTED).set(events as f64);
}

/// Something of the spool was kept aside.
pub fn set_aside() {
    counter!(ASIDE).increment(1);
}

fn flag(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_there_before_it_counts() {
        start().unwrap();
        hook("untouched", &["parked"]);
        let text = render();
        for series in [
            "ticketlog_spool_aside_total 0",
            "ticketlog_rejected_total{reason=\"not-stored\"} 0",
            "ticketlog_deliveries_total{hook=\"untouched\",outcome=\"parked\"} 0",
        ] {
            assert!(text.lines().any(|line| line == series), "{series}: {text}");
        }
    }
}
