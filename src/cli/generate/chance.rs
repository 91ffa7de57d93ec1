//! How unevenly the world shares things out, in whole numbers.

/// The deciles (their middles) of an exponential distribution, in hundredths of its mean.
const EXPONENTIAL: [i64; 10] = [5, 16, 29, 43, 60, 80, 105, 139, 190, 333];

/// So much on average, never below 0; most of the time less.
pub(super) fn around(mean: i64, rng: &mut fastrand::Rng) -> i64 {
    let decile = rng.choice(EXPONENTIAL).unwrap_or(100);
    // Not only ten values: between half and half more of it.
    let hundredths = decile * rng.i64(50..150) / 100;
    if mean < i64::MAX / 1000 {
        mean * hundredths / 100
    } else {
        mean / 100 * hundredths
    }
}

/// How many events a ticket has if they have so many on average: one of ten thousand has hundreds of times
/// as many. At least 1.
pub(super) fn events(mean: i64, rng: &mut fastrand::Rng) -> i64 {
    let times = |low, high, rng: &mut fastrand::Rng| mean * rng.i64(low..high) / 100;
    let count = match rng.u16(0..10_000) {
        0 => times(10_000, 60_000, rng),
        1..500 => times(200, 600, rng),
        500..3000 => times(100, 200, rng),
        _ => times(20, 90, rng),
    };
    count.max(1)
}

/// One of `1..=count`, the first far more often than the last.
pub(super) fn favourite(count: i64, rng: &mut fastrand::Rng) -> i64 {
    let one = |rng: &mut fastrand::Rng| rng.i64(0..count.max(1));
    // The least of three: a fifth of the people do half the work.
    one(rng).min(one(rng)).min(one(rng)) + 1
}
