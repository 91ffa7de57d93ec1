//! What can be seen of losses: from true histories, real and made up, events are dropped, and what the
//! history says of what is left is held against what is known to be missing.
//!
//! Small with all other tests. The tables of `docs/completeness.md` are printed by
//! `cargo test --release --test it -- --ignored losses --nocapture`.

mod desk;
mod drops;
mod rules;
mod sender;
mod table;
mod tally;

use std::{collections::BTreeMap, io::Read, path::Path};

use flate2::read::GzDecoder;
use ticketlog::domain::{
    completeness::Confidence,
    feed::Outages,
    history::{self, TicketEvent},
};

use self::{
    drops::Loss,
    sender::{SENDERS, ticket_event},
    tally::{Tally, measure},
};

/// One event of a true history.
#[derive(Debug)]
struct Told {
    event: TicketEvent,
    /// True if it moved a field other than `last_changed`, or created the ticket.
    moved: bool,
}

impl Told {
    fn ticks(&self) -> i64 {
        self.event.occurred_at.ticks()
    }
}

/// Histories in which nothing is missing, each in order.
#[derive(Debug)]
struct Source {
    name: &'static str,
    tickets: Vec<Vec<Told>>,
}

const LOSSES: [Loss; 5] = [
    Loss::Scattered(1),
    Loss::Scattered(5),
    Loss::Scattered(20),
    Loss::Burst,
    Loss::Outage,
];

/// The real histories of the first so many tickets.
fn real(tickets: usize) -> Source {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/uci_incidents_3500.ndjson.gz");
    let mut text = String::new();
    let mut file = GzDecoder::new(std::fs::File::open(file).unwrap());
    file.read_to_string(&mut text).unwrap();
    let mut by_ticket: BTreeMap<&str, Vec<TicketEvent>> = BTreeMap::new();
    for line in text.lines() {
        let (_, ticket) = line.split_once("\"PrimaryKey\":").unwrap();
        let (ticket, _) = ticket.split_once(',').unwrap();
        if by_ticket.len() < tickets || by_ticket.contains_key(ticket) {
            let events = by_ticket.entry(ticket).or_default();
            events.push(ticket_event(line.as_bytes()));
        }
    }
    Source {
        name: "real incidents",
        tickets: by_ticket.into_values().map(in_order).collect(),
    }
}

/// Puts a ticket's events in order and finds out which of them moved something.
fn in_order(mut events: Vec<TicketEvent>) -> Vec<Told> {
    events.sort_by_key(|e| (e.occurred_at.ticks(), !e.is_created(), e.event_id));
    let image = |event: &TicketEvent| -> Vec<_> {
        let fields = event
            .carried
            .iter()
            .filter(|(name, _)| *name != "last_changed");
        fields
            .map(|(name, value)| (name.clone(), value.normal(name)))
            .collect()
    };
    let mut last = Vec::new();
    let told = events.into_iter().map(|event| {
        let now = image(&event);
        let moved = now != last;
        last = now;
        Told { event, moved }
    });
    told.collect()
}

/// All the made-up senders.
fn made_up(tickets: i64) -> impl Iterator<Item = (sender::Sender, Source)> {
    (1..)
        .zip(SENDERS)
        .map(move |(seed, sender)| (sender, sender.source(tickets, seed)))
}

fn measure_often(source: &Source, loss: Loss, seeds: u64) -> Tally {
    let mut sum = Tally::default();
    for seed in 1..=seeds {
        sum += measure(source, loss, seed);
    }
    sum
}

/// Holds every interval of what arrives against the rules as they are written a second time.
fn assert_as_the_rules_say(source: &Source, loss: Loss, seed: u64) {
    let (arrived, outages) = loss.strike(source, seed);
    for (ticket, arrived) in source.tickets.iter().zip(arrived) {
        let kept = ticket.iter().zip(arrived).filter(|(_, arrived)| *arrived);
        let events: Vec<TicketEvent> = kept.map(|(told, _)| told.event.clone()).collect();
        let history = history::fold(events.clone(), &Outages::new(outages.clone()));
        assert_eq!(history.entries.len(), events.len());
        for (at, entry) in history.entries.iter().enumerate() {
            let by_rules = rules::reasons(&events, at, &outages);
            let place = || format!("{}, {loss:?}: {}", source.name, entry.event_id);
            let consistent = entry.completeness.confidence() == Confidence::Consistent;
            assert_eq!(consistent, by_rules.is_empty(), "{}: {by_rules:?}", place());
            assert_eq!(entry.completeness.reasons, by_rules, "{}", place());
        }
    }
}

#[test]
fn an_interval_that_a_rule_can_see_is_never_consistent() {
    let real = real(150);
    for (seed, loss) in (1..).zip(LOSSES.into_iter().chain([Loss::Nothing])) {
        assert_as_the_rules_say(&real, loss, seed);
        for (_, source) in made_up(15) {
            assert_as_the_rules_say(&source, loss, seed);
        }
    }
}

#[test]
fn nothing_is_suspect_where_nothing_is_lost() {
    let untouched = measure(&real(usize::MAX), Loss::Nothing, 0);
    assert_eq!(
        (
            untouched.intact,
            untouched.intact_suspect,
            untouched.intact_unproven
        ),
        (21_514, 0, 0)
    );
    for (sender, source) in made_up(80) {
        let tally = measure(&source, Loss::Nothing, 0);
        assert!(tally.intact > 300, "{}", sender.name);
        if sender.allowed_for {
            assert_eq!(tally.intact_suspect, 0, "{}", sender.name);
        } else {
            assert_ne!(
                tally.intact_suspect, 0,
                "{} could be allowed for",
                sender.name
            );
        }
    }
}

#[test]
fn a_loss_in_a_known_outage_leaves_a_trace_unless_the_whole_ticket_is_lost() {
    for source in std::iter::once(real(150)).chain(made_up(40).map(|(_, source)| source)) {
        let tally = measure_often(&source, Loss::Outage, 3);
        assert!(tally.all.total() > 0, "{}", source.name);
        assert_eq!(
            tally.all.no_trace, tally.all.whole_tickets,
            "{}",
            source.name
        );
    }
}

/// Not the figures of the docs, which are of more histories: a change of the rules that moves them shows here.
#[test]
fn losses_are_seen_about_as_often_as_documented() {
    let (_, plain) = made_up(200).next().unwrap();
    for (source, suspect, no_trace) in [(real(400), 560, 280), (plain, 745, 220)] {
        let tally = measure_often(&source, Loss::Scattered(5), 3);
        let of_moved = |part| table::permille(part, tally.moved.total());
        let place = format!("{}: {tally:?}", source.name);
        assert!(
            of_moved(tally.moved.suspect).abs_diff(suspect) < 80,
            "{place}"
        );
        assert!(
            of_moved(tally.moved.no_trace).abs_diff(no_trace) < 80,
            "{place}"
        );
        assert_eq!(
            (tally.intact_suspect, tally.intact_unproven),
            (0, 0),
            "{place}"
        );
    }
}

#[test]
#[ignore = "prints the figures of docs/completeness.md"]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn losses_in_full() {
    const SEEDS: u64 = 5;
    let real = std::iter::once(real(usize::MAX));
    let all: Vec<Source> = real
        .chain(made_up(1500).map(|(_, source)| source))
        .collect();
    println!("{}", table::HEADER);
    let mut reasons = Vec::new();
    let mut untraced = Vec::new();
    for loss in std::iter::once(Loss::Nothing).chain(LOSSES) {
        for source in &all {
            let tally = measure_often(source, loss, if loss == Loss::Nothing { 1 } else { SEEDS });
            println!("{}", table::row(source.name, &loss.name(), &tally));
            if loss == Loss::Scattered(5) {
                let name = source.name;
                reasons.push(format!("| {name} | {} |", table::reasons(&tally)));
                untraced.push(table::untraced(name, &tally));
            }
        }
    }
    println!("\n{}\n\n{}\n", untraced.join("\n"), reasons.join("\n"));
    for source in &all {
        let events: usize = source.tickets.iter().map(Vec::len).sum();
        println!(
            "{}: {} tickets, {events} events",
            source.name,
            source.tickets.len()
        );
    }
}
