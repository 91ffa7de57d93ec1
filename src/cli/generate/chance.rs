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

/// One of `1..=count`, the first far more often than the last: of 200 the first a thirtieth of the time, and a
/// fifth of them half of the time.
pub(super) fn favourite(count: i64, rng: &mut fastrand::Rng) -> i64 {
    let count = count.max(1);
    rng.i64(0..count) * rng.i64(0..count) / count + 1
}

#[cfg(test)]
mod tests {
    use super::{around, events, favourite};

    /// So many draws in order.
    fn draws(draw: fn(&mut fastrand::Rng) -> i64) -> Vec<i64> {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut all: Vec<i64> = (0..20_000).map(|_| draw(&mut rng)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn averages_are_kept() {
        for draw in [
            |rng: &mut _| around(1000, rng),
            |rng: &mut _| events(1000, rng),
        ] {
            let mean = draws(draw).iter().sum::<i64>() / 20_000;
            assert!((850..1150).contains(&mean), "{mean}");
        }
    }

    #[test]
    fn a_fifth_does_most_of_the_work() {
        let all = draws(|rng| favourite(200, rng));
        assert_eq!(all[0], 1);
        assert!(all[19_999] <= 200);
        let by_a_fifth = all.iter().filter(|one| **one <= 40).count();
        assert!((9_500..13_500).contains(&by_a_fifth), "{by_a_fifth}");
    }
}
