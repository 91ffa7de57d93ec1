//! A run of deliveries of one kind, until it is a fact.

use jiff::{SignedDuration, Timestamp};

/// Quiet after which a run is over: a cycle of three tries takes five seconds, and the next event of a
/// busy tenant comes within the minute. Also the shortest time between two facts of one kind, so that
/// strangers who look like SuperOffice cannot fill the disk.
const QUIET: SignedDuration = SignedDuration::from_mins(1);

/// Longest piece of a run: what a crash can lose.
const PIECE: SignedDuration = SignedDuration::from_mins(10);

/// Deliveries of one kind, close together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first_at: Timestamp,
    /// The last so far.
    pub last_at: Timestamp,
    /// How many.
    pub count: u64,
    /// True once a delivery of the opposite kind came.
    ended: bool,
}

impl Run {
    /// Adds a delivery to a run, or starts one.
    pub fn add(run: &mut Option<Self>, at: Timestamp) {
        let run = run.get_or_insert(Self {
            first_at: at,
            last_at: at,
            count: 0,
            ended: false,
        });
        // Handlers race each other, so instants may come out of order.
        run.first_at = run.first_at.min(at);
        run.last_at = run.last_at.max(at);
        run.count += 1;
        run.ended = false;
    }

    /// Notes that a delivery of the opposite kind came.
    pub fn end(run: &mut Option<Self>) {
        if let Some(run) = run {
            run.ended = true;
        }
    }

    /// Takes a run that is over, or long enough to be written in pieces.
    pub fn take_due(run: &mut Option<Self>, now: Timestamp) -> Option<Self> {
        let quiet = |run: &Self| run.last_at.duration_until(now) >= QUIET;
        let long = |run: &Self| run.first_at.duration_until(now) >= PIECE;
        let ended = |run: &Self| run.ended && run.first_at.duration_until(now) >= QUIET;
        run.take_if(|run| quiet(run) || long(run) || ended(run))
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::Run;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    /// When the pieces of these deliveries were taken, by a look a second, and how many each held.
    fn pieces(added: &[i64], ended: &[i64]) -> Vec<(i64, u64)> {
        let mut run = None;
        let mut pieces = Vec::new();
        for second in 0..2000 {
            if added.contains(&second) {
                Run::add(&mut run, at(second));
            }
            if ended.contains(&second) {
                Run::end(&mut run);
            }
            pieces.extend(Run::take_due(&mut run, at(second)).map(|run| (second, run.count)));
        }
        pieces
    }

    #[test]
    fn a_run_is_over_after_a_minute_of_quiet() {
        assert_eq!(pieces(&[10, 11, 14, 70], &[]), [(130, 4)]);
        assert_eq!(pieces(&[10, 71], &[]), [(70, 1), (131, 1)]);
    }

    #[test]
    fn the_opposite_ends_a_run_but_never_makes_more_than_a_fact_a_minute() {
        let all: Vec<i64> = (10..=180).collect();
        assert_eq!(pieces(&all, &all), [(70, 61), (131, 61), (192, 49)]);
        assert_eq!(pieces(&[10, 60], &[65]), [(70, 2)]);
    }

    #[test]
    fn a_long_run_is_written_in_pieces() {
        let all: Vec<i64> = (0..1000).collect();
        assert_eq!(pieces(&all, &[]), [(600, 601), (1059, 399)]);
    }
}
