//! A 200 is a promise: a sender like SuperOffice, a fault, and the account afterwards.
//!
//! Each scenario runs small with all other tests, and at full size with
//! `cargo test --release -- --ignored durability --test-threads 1 --nocapture`, which prints the figures of
//! `docs/reliability.md`.

mod disk;
mod floods;
mod kills;
mod outages;
mod place;
mod postgres;
mod sender;

use std::time::{Duration, Instant};

use self::sender::Run;

/// How hard a scenario tries.
#[derive(Clone, Copy)]
struct Scale {
    /// Events a second.
    rate: u32,
    /// How long Postgres is away.
    outage: Duration,
    /// Kills of the program.
    kills: u32,
    /// Bound of the 99th percentile while Postgres is away.
    p99: Duration,
}

/// With all other tests, on the same cores, without optimisation.
const SMALL: Scale = Scale {
    rate: 100,
    outage: Duration::from_secs(5),
    kills: 4,
    p99: Duration::from_secs(4),
};

/// Alone.
const FULL: Scale = Scale {
    rate: 2000,
    outage: Duration::from_mins(1),
    kills: 50,
    p99: Duration::from_millis(1500),
};

#[expect(
    clippy::print_stderr,
    reason = "the figures are what a full run is for"
)]
fn report(scenario: &str, run: &Run, from: Instant, until: Instant) {
    let taken = run.taken().len();
    let seconds = (until - from).as_secs_f64();
    let during = run.answers.iter().filter(|a| a.at >= from && a.at <= until);
    eprintln!(
        "{scenario}: {taken} events taken, {} of them spooled, {} answers not 200, in the fault ({seconds:.1} s) \
         {:.0} requests/s with p99 {:.0} ms",
        run.spooled(),
        run.not_200(),
        f64::from(u32::try_from(during.count()).unwrap()) / seconds,
        run.p99(from, until).as_secs_f64() * 1000.0,
    );
}
