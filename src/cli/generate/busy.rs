//! Busy time: an office's week, stretched so that a desk that works evenly in it works by day and hardly at
//! the weekend.

/// Ticks of 100 ns in a second.
pub(super) const SECOND: i64 = 10_000_000;

/// Ticks in a week.
const WEEK: i64 = 7 * 86_400 * SECOND;

/// 1970-01-05, a Monday, in ticks since 1970.
const MONDAY: i64 = 4 * 86_400 * SECOND;

/// Of a thousand parts of a week's work, those done before this hour of the week (from Monday 00:00 UTC).
const WORK: [(i64, i64); 22] = [
    (0, 0),
    (15, 6),
    (168, 16),
    (190, 30),
    (343, 40),
    (365, 54),
    (518, 64),
    (540, 78),
    (693, 88),
    (715, 102),
    (868, 112),
    (880, 120),
    (885, 126),
    (920, 136),
    (925, 144),
    (930, 148),
    (940, 152),
    (955, 156),
    (970, 160),
    (985, 163),
    (992, 165),
    (1000, 168),
];

/// The instant, in ticks since 1970, at which a desk that works since then has been busy for so long.
/// Grows with it.
pub(super) fn to_instant(busy: i64) -> i64 {
    let (week, within) = (busy.div_euclid(WEEK), busy.rem_euclid(WEEK));
    let points = WORK.map(|(work, hour)| (work * (WEEK / 1000), hour * 3600 * SECOND));
    MONDAY + week * WEEK + between(&points, within)
}

/// The busy time of an instant: the other way round, to a few ticks.
pub(super) fn of_instant(ticks: i64) -> i64 {
    let since_monday = ticks - MONDAY;
    let (week, within) = (since_monday.div_euclid(WEEK), since_monday.rem_euclid(WEEK));
    let points = WORK.map(|(work, hour)| (hour * 3600 * SECOND, work * (WEEK / 1000)));
    week * WEEK + between(&points, within)
}

/// Linear between two neighbours of growing points.
fn between(points: &[(i64, i64)], x: i64) -> i64 {
    let pairs = points.iter().zip(points.iter().skip(1));
    let pair = pairs.take_while(|((from, _), _)| *from <= x).last();
    pair.map_or(0, |((x1, y1), (x2, y2))| {
        // Ticks of a week squared are past 64 bits.
        let share = i128::from(x - x1) * i128::from(y2 - y1) / i128::from(x2 - x1);
        y1 + i64::try_from(share).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::{SECOND, WEEK, of_instant, to_instant};

    #[test]
    fn busy_time_runs_forward_and_can_be_turned_back() {
        let mut last = to_instant(-1);
        for step in 0..30_000 {
            let busy = step * (WEEK / 10_000);
            let instant = to_instant(busy);
            assert!(last < instant, "{busy}");
            assert!((of_instant(instant) - busy).abs() < SECOND, "{busy}");
            last = instant;
        }
    }

    #[test]
    fn most_work_is_done_by_day() {
        let day = (0..10_000_i64).filter(|part| {
            let hour = to_instant(part * (WEEK / 10_000)) / (3600 * SECOND) % 24;
            (6..16).contains(&hour)
        });
        assert!(day.count() > 7_500);
    }
}
