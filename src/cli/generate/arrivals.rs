//! What SuperOffice makes of the order of time on its way here: late ones, and repeats under other ids.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::{
    body,
    desk::{Desk, Plan},
};

/// One event in so many is told again under another id.
const REPEATS: i64 = 1000;

/// Of a thousand events, how many come after some dozens of later ones, and after some thousands.
const OVERTAKEN: u16 = 20;
const LATE: u16 = 1;

/// A tenant's bodies in the order of their arrival: exactly as many as planned. Holds the few thousand that are
/// late.
#[derive(Debug)]
pub(super) struct Arrivals {
    desk: Desk,
    rng: fastrand::Rng,
    /// Bodies so far taken from the desk, repeats among them.
    taken: u64,
    /// Those on their way, by the turn in which they arrive; then as they were sent.
    under_way: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>,
    /// Repeats that remain, and the desk's events that remain to be repeated.
    repeats_left: i64,
    events_left: i64,
    again: VecDeque<Vec<u8>>,
}

impl Arrivals {
    pub(super) fn new(mut plan: Plan) -> Self {
        let repeats = ((plan.events - plan.tickets) / REPEATS).max(0);
        plan.events -= repeats;
        Self {
            rng: fastrand::Rng::with_seed(plan.seed.wrapping_add(1)),
            taken: 0,
            under_way: BinaryHeap::new(),
            repeats_left: repeats,
            events_left: plan.events,
            again: VecDeque::new(),
            desk: Desk::new(plan),
        }
    }

    /// Takes the next body that was sent; false if there is none.
    fn take(&mut self) -> bool {
        let next = match self.again.pop_front() {
            Some(body) => Some(body),
            None => self.desk.next().inspect(|body| self.send_again(body)),
        };
        let Some(body) = next else { return false };
        let delay = match self.rng.u16(0..1000) {
            dice if dice < LATE => self.rng.u64(100..5000),
            dice if dice < LATE + OVERTAKEN => self.rng.u64(1..40),
            _ => 0,
        };
        self.under_way
            .push(Reverse((self.taken + delay, self.taken, body)));
        self.taken += 1;
        true
    }

    /// Says so many of the desk's events again as there are repeats, evenly spread.
    fn send_again(&mut self, body: &[u8]) {
        if self.events_left > 0 && self.rng.i64(0..self.events_left) < self.repeats_left {
            self.repeats_left -= 1;
            let id = self.desk.id();
            self.again.push_back(body::under_another_id(body, id));
        }
        self.events_left -= 1;
    }
}

impl Iterator for Arrivals {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        // What is sent from here on arrives after the first on its way.
        while self
            .under_way
            .peek()
            .is_none_or(|Reverse((turn, ..))| *turn >= self.taken)
            && self.take()
        {}
        let Reverse((_, _, body)) = self.under_way.pop()?;
        Some(body)
    }
}
