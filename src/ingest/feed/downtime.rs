//! When this program did not live, as far as that can be told at its next start.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::beat::{Beat, Gap};
use crate::domain::feed::{FactKind, FeedFact};

/// What the start found, until the database has been asked about other receivers.
#[derive(Debug)]
pub(super) struct Downtime {
    started_at: Timestamp,
    down_after: SignedDuration,
    /// True if this folder has a beat, so that the database's is not the only word.
    has_own_beat: bool,
    /// Gaps that are long enough to be downtime, unless another receiver lived.
    gaps: Vec<Gap>,
}

impl Downtime {
    /// From what the local file holds at the start.
    pub(super) fn new(found: Beat, started_at: Timestamp, down_after: SignedDuration) -> Self {
        let mut gaps = found.gaps;
        gaps.extend(found.beat_at.map(|from| Gap {
            from,
            to: started_at,
        }));
        gaps.retain(|gap| gap.from.duration_until(gap.to) > down_after);
        Self {
            started_at,
            down_after,
            has_own_beat: found.beat_at.is_some(),
            gaps,
        }
    }

    /// True if the last run ended a moment ago, whatever other receivers did.
    pub(super) fn is_none(&self) -> bool {
        self.has_own_beat && self.gaps.is_empty()
    }

    /// What must not be forgotten until it is written down.
    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The downtimes, given when another receiver last lived: each from the later of the two beats. A gap
    /// of an earlier start, from before the database could be asked, counts only from that beat on too.
    pub(super) fn judge(&self, last_beat: Option<Timestamp>) -> Vec<FeedFact> {
        let of_others = last_beat.filter(|_| !self.has_own_beat).map(|from| Gap {
            from,
            to: self.started_at,
        });
        let gaps = self.gaps.iter().copied().chain(of_others);
        gaps.map(|gap| Gap {
            from: last_beat.map_or(gap.from, |beat| beat.max(gap.from)),
            to: gap.to,
        })
        .filter(|gap| gap.from.duration_until(gap.to) > self.down_after)
        .map(|gap| FeedFact {
            fact_id: Uuid::now_v7(),
            kind: FactKind::Downtime,
            hook: None,
            tenant: None,
            started_at: gap.from,
            ended_at: gap.to,
            occurrences: 1,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Beat, Downtime, Gap};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    /// From and to of the downtimes of a start at 1000.
    fn downtimes(own: Option<i64>, gaps: &[(i64, i64)], other: Option<i64>) -> Vec<(i64, i64)> {
        let gap = |&(from, to): &(i64, i64)| Gap {
            from: at(from),
            to: at(to),
        };
        let found = Beat {
            beat_at: own.map(at),
            gaps: gaps.iter().map(gap).collect(),
        };
        let downtime = Downtime::new(found, at(1000), SignedDuration::from_secs(15));
        let facts = downtime.judge(other.map(at)).into_iter();
        facts
            .map(|fact| (fact.started_at.as_second(), fact.ended_at.as_second()))
            .collect()
    }

    #[test]
    fn downtime_runs_from_the_later_of_the_two_beats_if_that_is_long_ago() {
        assert_eq!(downtimes(None, &[], None), []);
        assert_eq!(downtimes(Some(900), &[], None), [(900, 1000)]);
        assert_eq!(downtimes(None, &[], Some(900)), [(900, 1000)]);
        assert_eq!(downtimes(Some(900), &[], Some(950)), [(950, 1000)]);
        assert_eq!(downtimes(Some(950), &[], Some(900)), [(950, 1000)]);
        assert_eq!(downtimes(Some(985), &[], Some(100)), []);
        assert_eq!(downtimes(Some(100), &[], Some(999)), []);
        // Another receiver beats on while this one asks.
        assert_eq!(downtimes(Some(100), &[], Some(1005)), []);
    }

    #[test]
    fn a_gap_that_no_database_took_is_not_forgotten() {
        assert_eq!(
            downtimes(Some(990), &[(100, 200), (300, 310)], Some(90)),
            [(100, 200)]
        );
        assert_eq!(
            downtimes(Some(900), &[(100, 200)], None),
            [(100, 200), (900, 1000)]
        );
    }
}
