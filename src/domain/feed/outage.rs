//! Stretches of a tenant's time in which events may have been missed.

/// From the last event before a trouble to the first later one after it, in ticks of 100 ns; both were
/// received, what lies between them may not have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outage {
    /// Timestamp of the last event stored before.
    pub from_ticks: i64,
    /// Timestamp of the first later one stored after; `None` while there is none.
    pub to_ticks: Option<i64>,
}

/// A tenant's outages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outages(Vec<(i64, i64)>);

impl Outages {
    /// Puts outages together, in any order; those that overlap become one.
    pub fn new(mut outages: Vec<Outage>) -> Self {
        outages.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(outages.len());
        for outage in outages {
            let to = outage.to_ticks.unwrap_or(i64::MAX);
            match merged.last_mut() {
                Some((_, last_to)) if outage.from_ticks < *last_to => *last_to = to.max(*last_to),
                _ if outage.from_ticks < to => merged.push((outage.from_ticks, to)),
                _ => {}
            }
        }
        Self(merged)
    }

    /// The outages up to an instant (inclusive), in ticks of 100 ns.
    #[must_use]
    pub fn up_to(mut self, ticks: i64) -> Self {
        self.0.retain(|(from, _)| *from < ticks);
        for (_, to) in &mut self.0 {
            *to = ticks.min(*to);
        }
        self
    }

    /// From when until when each lasts, in order, in ticks; an open one until the greatest [`i64`].
    pub fn spans(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// The stretches, in order, that are an outage here or in `other` but not in both.
    pub fn differences(&self, other: &Self) -> Vec<(i64, i64)> {
        let spans = || self.0.iter().chain(&other.0);
        let mut edges: Vec<i64> = spans().flat_map(|&(from, to)| [from, to]).collect();
        edges.sort_unstable();
        edges.dedup();
        let stretches = edges.iter().zip(edges.iter().skip(1));
        stretches
            .map(|(from, to)| (*from, *to))
            .filter(|&(from, to)| self.meet(from, to) != other.meet(from, to))
            .collect()
    }

    /// True if an interval between two instants meets an outage; to touch its end is not to meet it.
    pub fn meet(&self, after_ticks: i64, before_ticks: i64) -> bool {
        let next = self.0.partition_point(|(_, to)| *to <= after_ticks);
        after_ticks < before_ticks
            && (self.0.get(next)).is_some_and(|(from, _)| *from < before_ticks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Outage, Outages};

    fn outages(pairs: &[(i64, Option<i64>)]) -> Outages {
        let outage = |&(from_ticks, to_ticks)| Outage {
            from_ticks,
            to_ticks,
        };
        Outages::new(pairs.iter().map(outage).collect())
    }

    #[test]
    fn an_interval_meets_what_lies_inside_and_not_what_it_touches() {
        let outages = outages(&[(10, Some(20)), (40, None)]);
        assert!(!outages.meet(0, 10));
        assert!(outages.meet(0, 11));
        assert!(outages.meet(12, 13));
        assert!(outages.meet(19, 30));
        assert!(!outages.meet(20, 40));
        assert!(outages.meet(20, 41));
        assert!(outages.meet(50, 60));
        assert!(!outages.meet(15, 15));
        let outages = outages.up_to(15);
        assert!(outages.meet(14, i64::MAX));
        assert!(!outages.meet(15, i64::MAX));
    }

    proptest! {
        #[test]
        fn merging_changes_nothing(
            pairs in prop::collection::vec((0..50_i64, prop::option::weighted(0.9, 0..50_i64)), 0..8),
            after in 0..50_i64,
            length in 0..20_i64,
        ) {
            let before = after + length;
            let naive = pairs.iter().any(|&(from, to)| {
                from.max(after) < to.unwrap_or(i64::MAX).min(before)
            });
            prop_assert_eq!(outages(&pairs).meet(after, before), naive);
        }

        #[test]
        fn an_interval_that_meets_no_difference_is_judged_alike(
            ours in prop::collection::vec((0..50_i64, prop::option::weighted(0.9, 0..50_i64)), 0..6),
            theirs in prop::collection::vec((0..50_i64, prop::option::weighted(0.9, 0..50_i64)), 0..6),
            after in 0..50_i64,
            length in 0..20_i64,
        ) {
            let (ours, theirs) = (outages(&ours), outages(&theirs));
            let before = after + length;
            let differs = ours.differences(&theirs).iter().any(|&(from, to)| from.max(after) < to.min(before));
            prop_assert!(differs || ours.meet(after, before) == theirs.meet(after, before));
            prop_assert!(ours.differences(&ours).is_empty());
        }
    }
}
