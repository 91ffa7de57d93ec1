//! What was lost, and what of it can be seen.

use std::{collections::BTreeMap, ops::AddAssign};

use ticketlog::domain::{
    completeness::{Completeness, Confidence},
    feed::Outages,
    history::{self, TicketEvent},
};

use super::{Source, Told, drops::Loss};

/// Losses by the state of the interval that spans them now.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Losses {
    pub(super) suspect: u64,
    pub(super) unproven: u64,
    pub(super) no_trace: u64,
    /// Of those without a trace: of a ticket of which nothing arrived, so that there is no interval at all.
    pub(super) whole_tickets: u64,
    /// Of those without a trace: after all that arrived of the ticket.
    pub(super) at_end: u64,
}

/// Figures of some losses from some tickets.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) all: Losses,
    /// Of them, those that moved a field other than `last_changed`.
    pub(super) moved: Losses,
    /// Intervals between two events between which nothing was lost.
    pub(super) intact: u64,
    pub(super) intact_suspect: u64,
    pub(super) intact_unproven: u64,
    /// Losses by the reasons that their intervals bear.
    pub(super) reasons: BTreeMap<&'static str, u64>,
}

impl Losses {
    pub(super) fn total(&self) -> u64 {
        self.suspect + self.unproven + self.no_trace
    }

    fn of(confidence: Confidence) -> Self {
        let counted = |state| u64::from(confidence == state);
        Self {
            suspect: counted(Confidence::Suspect),
            unproven: counted(Confidence::Unproven),
            no_trace: counted(Confidence::Consistent),
            ..Self::default()
        }
    }
}

impl AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.suspect += other.suspect;
        self.unproven += other.unproven;
        self.no_trace += other.no_trace;
        self.whole_tickets += other.whole_tickets;
        self.at_end += other.at_end;
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.all += other.all;
        self.moved += other.moved;
        self.intact += other.intact;
        self.intact_suspect += other.intact_suspect;
        self.intact_unproven += other.intact_unproven;
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
    }
}

/// Loses events and looks at the histories of what arrives.
pub(super) fn measure(source: &Source, loss: Loss, seed: u64) -> Tally {
    let (arrived, outages) = loss.strike(source, seed);
    let outages = Outages::new(outages);
    let mut tally = Tally::default();
    for (ticket, arrived) in source.tickets.iter().zip(arrived) {
        tally.add_ticket(ticket, &arrived, &outages);
    }
    tally
}

impl Tally {
    fn add_ticket(&mut self, ticket: &[Told], arrived: &[bool], outages: &Outages) {
        let places: Vec<usize> = (0..ticket.len()).filter(|at| arrived[*at]).collect();
        let events: Vec<TicketEvent> = places.iter().map(|at| ticket[*at].event.clone()).collect();
        let history = history::fold(events, outages);
        assert!(
            history
                .entries
                .iter()
                .map(|e| e.event_id)
                .eq(places.iter().map(|at| ticket[*at].event.event_id)),
            "a true history stands in the order of the fold"
        );
        for lost in (0..ticket.len()).filter(|at| !arrived[*at]) {
            let next = places.partition_point(|place| *place < lost);
            let entry = history.entries.get(next);
            let interval = entry.map_or(&history.open, |entry| &entry.completeness);
            let mut loss = Losses::of(interval.confidence());
            if loss.no_trace > 0 {
                loss.whole_tickets = u64::from(places.is_empty());
                loss.at_end = u64::from(entry.is_none() && !places.is_empty());
            }
            self.add_loss(&ticket[lost], loss, interval);
        }
        for (entry, pair) in history.entries.iter().skip(1).zip(places.windows(2)) {
            if pair[0] + 1 == pair[1] {
                self.intact += 1;
                match entry.completeness.confidence() {
                    Confidence::Suspect => self.intact_suspect += 1,
                    Confidence::Unproven => self.intact_unproven += 1,
                    Confidence::Consistent => {}
                }
            }
        }
    }

    fn add_loss(&mut self, told: &Told, loss: Losses, interval: &Completeness) {
        self.all += loss;
        if told.moved {
            self.moved += loss;
        }
        for reason in &interval.reasons {
            *self.reasons.entry(reason.as_str()).or_default() += 1;
        }
    }
}
