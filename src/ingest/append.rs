//! Appending a batch so that no delivery in it can hold up its neighbours.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use crate::{
    domain::{
        delivery::{Delivery, Outcome},
        event::{ParkReason, Reading},
    },
    store::{Appender, StoreError},
};

/// Longest wait for one batch where nothing else takes it. The statements in it are bounded by the server;
/// this one is for a server that does not answer at all.
pub(super) const APPEND_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a batch, by place in it. What has no entry is not in the log, as far as is known.
pub(super) type Outcomes = BTreeMap<usize, Outcome>;

/// Appends a batch. Where Postgres refuses a value, bisects, so that one poisonous body costs its
/// neighbours nothing, and parks what is refused alone. What is refused even then gets no outcome.
///
/// Outcomes are filled in as parts become durable, so that giving up in the middle loses none.
///
/// # Errors
/// [`StoreError::Unavailable`] if Postgres does not take anything now.
pub(super) async fn append_all(
    appender: &mut Appender,
    deliveries: &mut [Delivery],
    outcomes: &mut Outcomes,
) -> Result<(), StoreError> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    ranges.push(0..deliveries.len());
    while let Some(range) = ranges.pop() {
        let batch = deliveries.get(range.clone()).unwrap_or_default();
        match appender.append(batch).await {
            Ok(done) => outcomes.extend(range.zip(done)),
            Err(StoreError::Refused(_)) if range.len() > 1 => {
                let middle = range.start.midpoint(range.end);
                // The first half is popped first: order of arrival is order of position.
                ranges.push(middle..range.end);
                ranges.push(range.start..middle);
            }
            Err(StoreError::Refused(error)) => {
                tracing::error!(%error, "The database refused a delivery");
                if park(deliveries, range.start) {
                    ranges.push(range);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Marks a delivery as parked; false if it already was.
fn park(deliveries: &mut [Delivery], at: usize) -> bool {
    match deliveries.get_mut(at) {
        Some(delivery) if !matches!(delivery.reading, Reading::Parked(_)) => {
            delivery.reading = Reading::Parked(ParkReason::Refused);
            true
        }
        _ => false,
    }
}

/// One line for each outcome that an operator should look into.
pub(super) fn raise_alarm(outcome: &Outcome, delivery: &Delivery) {
    let hook = delivery.arrival.origin.hook();
    match outcome {
        Outcome::Conflict(place) => tracing::warn!(
            tenant = %place.tenant, event.id = %place.event_id, event.position = place.position.0, hook,
            "An event id came again with other content; both bodies are kept, the first counts"
        ),
        Outcome::Parked(reason) => tracing::warn!(
            reason = reason.as_str(),
            hook,
            body.len = delivery.body.len(),
            "A body was parked: it {}",
            reason.explain()
        ),
        Outcome::Stored(_)
        | Outcome::Duplicate(_)
        | Outcome::Ignored { .. }
        | Outcome::Spooled { .. } => {}
    }
}

/// One line for a failure, with its cause.
pub(super) fn tell_failure(batch: usize, error: &dyn std::error::Error) {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(batch.len = batch, %error, cause, "Could not append a batch");
}
