//! The only place that reads the clock; everything else takes `now` as an argument.

use jiff::Timestamp;

/// The present instant, cut to the microseconds that Postgres keeps, so that what is answered now and
/// what is read back later are the same.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    let below_microsecond = i64::from(now.subsec_nanosecond() % 1_000);
    now.checked_sub(jiff::SignedDuration::from_nanos(below_microsecond))
        .unwrap_or(now)
}
