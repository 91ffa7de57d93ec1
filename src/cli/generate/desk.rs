//! The desk of one tenant: its tickets side by side, event after event in the order of time.

use std::collections::BTreeMap;

use uuid::{Builder, Uuid};

use super::{
    body::{self, Happening},
    busy::{self, SECOND},
    chance,
    ticket::{Staff, Ticket},
};
use crate::domain::ids::Tenant;

/// How long tickets stay open, in busy seconds: from an hour to two months.
const LIVES: [i64; 9] = [
    3_600, 14_400, 86_400, 172_800, 345_600, 604_800, 1_209_600, 2_592_000, 5_184_000,
];

/// One event in so many is never sent: what really happens to a feed, so that some of it looks lost.
const LOSSES: u16 = 500;

/// What a desk is to be.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) tenant: Tenant,
    pub(super) tickets: i64,
    /// At least one a ticket.
    pub(super) events: i64,
    /// In ticks since 1970.
    pub(super) since: i64,
    pub(super) until: i64,
    pub(super) actors: i64,
    pub(super) seed: u64,
}

/// See [`Plan`]: exactly its events, one a turn. Holds the tickets that are open, not those that were.
#[derive(Debug)]
pub(super) struct Desk {
    plan: Plan,
    staff: Staff,
    rng: fastrand::Rng,
    /// Open tickets by busy time of their next event, then by id.
    open: BTreeMap<(i64, i64), Open>,
    /// Ticket that is created next, at this busy time.
    next_id: i64,
    next_birth: i64,
    /// Last busy time at which a ticket may be created.
    last_birth: i64,
    /// Events not yet given to a ticket.
    events_left: i64,
}

#[derive(Debug)]
struct Open {
    ticket: Ticket,
    events_left: i64,
    /// Busy time by which it has had them.
    end: i64,
}

impl Desk {
    pub(super) fn new(plan: Plan) -> Self {
        let since = busy::of_instant(plan.since) + SECOND;
        let until = busy::of_instant(plan.until) - SECOND;
        Self {
            staff: Staff {
                actors: plan.actors,
            },
            rng: fastrand::Rng::with_seed(plan.seed),
            open: BTreeMap::new(),
            next_id: 1,
            next_birth: since,
            // The last ones have time for their events, too.
            last_birth: until - (until - since) / 20,
            events_left: plan.events,
            plan,
        }
    }

    /// A random id that is no part of the desk's state.
    pub(super) fn id(&mut self) -> Uuid {
        Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid()
    }

    fn birth(&mut self) -> Vec<u8> {
        let (id, born) = (self.next_id, self.next_birth);
        let tickets_left = self.plan.tickets - id + 1;
        self.next_id += 1;
        let pause = (self.last_birth - born) / tickets_left.max(1);
        self.next_birth = (born + chance::around(pause, &mut self.rng)).min(self.last_birth);
        let events = if tickets_left == 1 {
            self.events_left
        } else {
            let most = self.events_left - (tickets_left - 1);
            chance::events(self.events_left / tickets_left, &mut self.rng).clamp(1, most)
        };
        self.events_left -= events;
        let at = busy::to_instant(born);
        let ticket = Ticket::new(id, at, &mut self.rng);
        let body = self.tell("ticket.created", at, &ticket, &[]);
        let end = self.end_of_life(born, events);
        self.go_on(
            born,
            Open {
                ticket,
                events_left: events - 1,
                end,
            },
        );
        body
    }

    fn end_of_life(&mut self, born: i64, events: i64) -> i64 {
        let life = self.rng.choice(LIVES).unwrap_or(86_400) * self.rng.i64(50..150) / 100;
        // At most an event each half hour on average, so that a ticket with thousands is open for months.
        let life = life.max(events * 1800) * SECOND;
        let until = busy::of_instant(self.plan.until) - SECOND;
        born.saturating_add(life).min(until)
    }

    /// Puts a ticket in its place, unless all has happened to it.
    fn go_on(&mut self, now: i64, open: Open) {
        let events_left = open.events_left;
        if events_left == 0 {
            return;
        }
        let time_left = (open.end - now).max(0);
        let even = time_left / (events_left + 1);
        let pause = if self.rng.u8(0..10) < 3 {
            self.rng.i64(2..120) * SECOND + self.rng.i64(0..SECOND)
        } else {
            chance::around(even, &mut self.rng)
        };
        // Never so long that the rest would not fit, nor two on one tick.
        let least = SECOND.min(even).max(10);
        let most = (time_left - (events_left - 1) * least).max(least);
        let next = now + pause.clamp(least, most);
        self.open.insert((next, open.ticket.id), open);
    }

    fn change(&mut self, now: i64, mut open: Open) -> Vec<u8> {
        open.events_left -= 1;
        let at = busy::to_instant(now);
        let last = open.events_left == 0;
        if !last && self.rng.u16(0..LOSSES) == 0 {
            let before = at - 7 * SECOND;
            open.ticket.act(before, false, self.staff, &mut self.rng);
        }
        let declared = open.ticket.act(at, last, self.staff, &mut self.rng);
        let body = self.tell("ticket.changed", at, &open.ticket, &declared);
        self.go_on(now, open);
        body
    }

    fn tell(
        &mut self,
        name: &'static str,
        at: i64,
        ticket: &Ticket,
        declared: &[&'static str],
    ) -> Vec<u8> {
        let happening = Happening {
            name,
            at,
            actor: self.staff.actor(&mut self.rng),
            declared,
        };
        let id = self.id();
        body::write(id, self.plan.tenant.as_str(), ticket, &happening)
    }
}

impl Iterator for Desk {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        let born = (self.next_id <= self.plan.tickets).then_some(self.next_birth);
        let due = self.open.first_key_value().map(|((at, _), _)| *at);
        match (born, due) {
            (Some(born), Some(due)) if born <= due => Some(self.birth()),
            (Some(_), None) => Some(self.birth()),
            (_, Some(_)) => {
                let ((now, _), open) = self.open.pop_first()?;
                Some(self.change(now, open))
            }
            (None, None) => None,
        }
    }
}
