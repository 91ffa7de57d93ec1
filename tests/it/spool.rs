//! The spool gives back every readable delivery, and names what it cannot read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use jiff::Timestamp;
use ticketlog::{
    domain::{
        delivery::{Arrival, Delivery, KeptHeaders},
        event::{ParkReason, Reading},
        hook::TenantRule,
        ids::Tenant,
        log::Origin,
    },
    ingest::{Spool, SpoolError},
};
use uuid::Uuid;

use crate::support::payload;

/// A delivery through a hook that speaks for tenant `Acme`, whatever the body says.
fn delivery(body: impl Into<Bytes>) -> Delivery {
    let arrival = Arrival {
        arrival_id: Uuid::now_v7(),
        received_at: "2025-05-19T09:56:34.020113Z".parse::<Timestamp>().unwrap(),
        origin: Origin::Webhook {
            hook: "acme".to_owned(),
            signature: [7; 32],
        },
        headers: KeptHeaders::from([("x-superoffice-retry".to_owned(), "1".to_owned())]),
    };
    let acme = Tenant::parse("Acme").unwrap();
    Delivery::read(body.into(), &TenantRule::Override(acme), arrival)
}

fn bodies(count: usize) -> Vec<Delivery> {
    (0..count).map(|_| delivery(payload::created(1))).collect()
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("spool")
    }

    fn open(&self) -> Spool {
        Spool::open(self.dir(), 1 << 20).unwrap()
    }

    /// Pushes each delivery for itself; gives the file they are in and where each ends.
    fn filled(&self, deliveries: &[Delivery]) -> (PathBuf, Vec<usize>) {
        let spool = self.open();
        let mut ends = Vec::new();
        for delivery in deliveries {
            spool.push(&[delivery]).unwrap();
            ends.push(usize::try_from(spool.status().borrow().bytes).unwrap());
        }
        let files = files(&self.dir());
        assert_eq!(files.len(), 1);
        (files[0].clone(), ends)
    }

    fn aside(&self) -> Vec<PathBuf> {
        files(&self.dir().join("aside"))
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn ids(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|d| d.arrival.arrival_id).collect()
}

#[test]
fn a_delivery_comes_back_as_it_was() {
    let place = Place::new();
    let spooled = [
        delivery(payload::created(1)),
        delivery(payload::changed(2).with("Event", "test")),
        delivery("not json \u{0}"),
        Delivery {
            reading: Reading::Parked(ParkReason::ForeignTenant),
            ..delivery(payload::created(3))
        },
    ];
    let spool = place.open();
    spool.push(&spooled.iter().collect::<Vec<_>>()).unwrap();
    // Another process finds it.
    drop(spool);
    let read = place.open().oldest().unwrap().unwrap();
    assert_eq!(read.len(), spooled.len());
    for (read, spooled) in read.iter().zip(&spooled) {
        assert_eq!(read.arrival.arrival_id, spooled.arrival.arrival_id);
        assert_eq!(read.arrival.received_at, spooled.arrival.received_at);
        assert_eq!(read.arrival.origin, spooled.arrival.origin);
        assert_eq!(read.arrival.headers, spooled.arrival.headers);
        assert_eq!(read.body, spooled.body);
        assert_eq!(read.sha256, spooled.sha256);
        assert_eq!(
            format!("{:?}", read.reading),
            format!("{:?}", spooled.reading)
        );
    }
}

#[test]
fn a_file_cut_at_any_byte_gives_back_all_that_is_whole() {
    let place = Place::new();
    let spooled = bodies(3);
    let (file, ends) = place.filled(&spooled);
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let read = place.open().oldest().unwrap().unwrap();
        let complete = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(ids(&read), ids(&spooled)[..complete], "cut at {length}");
        let aside = place.aside();
        let cut_between = length == 0 || ends.contains(&length);
        assert_eq!(aside.is_empty(), cut_between, "cut at {length}");
        for file in aside {
            let start = ends[..complete].last().copied().unwrap_or(0);
            assert_eq!(fs::read(&file).unwrap(), &whole[start..length]);
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn a_byte_changed_anywhere_costs_no_more_than_its_record() {
    let place = Place::new();
    let spooled = bodies(3);
    let (file, ends) = place.filled(&spooled);
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        fs::write(&file, &changed).unwrap();
        let read = place.open().oldest().unwrap().unwrap();
        let damaged = ends.iter().filter(|end| **end <= at).count();
        let mut expected = ids(&spooled);
        expected.remove(damaged);
        assert_eq!(ids(&read), expected, "byte {at}");
        let aside = place.aside();
        assert_eq!(aside.len(), 1, "byte {at}");
        let start = if damaged == 0 { 0 } else { ends[damaged - 1] };
        assert_eq!(fs::read(&aside[0]).unwrap(), &changed[start..ends[damaged]]);
        fs::remove_file(&aside[0]).unwrap();
    }
}

#[test]
fn a_body_cannot_smuggle_a_record_into_a_damaged_file() {
    let place = Place::new();
    // A whole file of records as a body, as one could copy it out of another spool.
    let other = Place::new();
    let (copied, _) = other.filled(&bodies(2));
    let smuggler = delivery(fs::read(copied).unwrap());
    let (file, _) = place.filled(std::slice::from_ref(&smuggler));
    let mut bytes = fs::read(&file).unwrap();
    bytes[0] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(place.open().oldest().unwrap().unwrap().is_empty());
}

#[test]
fn at_its_bound_it_refuses_and_keeps_what_it_has() {
    let place = Place::new();
    let spool = Spool::open(place.dir(), 10_000).unwrap();
    let mut taken = Vec::new();
    let refused = loop {
        let next = delivery(payload::created(1));
        match spool.push(&[&next]) {
            Ok(()) => taken.push(next),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SpoolError::Full { max_bytes: 10_000 }));
    assert!(spool.status().borrow().refusing);
    assert!(spool.status().borrow().bytes <= 10_000);
    assert!(taken.len() > 5);
    assert_eq!(ids(&spool.oldest().unwrap().unwrap()), ids(&taken));
    spool.remove_oldest().unwrap();
    assert_eq!(spool.status().borrow().bytes, 0);
    assert!(!spool.status().borrow().refusing);
    spool.push(&[&taken[0]]).unwrap();
}

#[test]
fn files_are_read_in_the_order_of_arrival_and_only_by_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let spooled = bodies(4);
    for pair in spooled.chunks(2) {
        // Each opening begins a file of its own.
        place.open().push(&[&pair[0], &pair[1]]).unwrap();
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.dir()), 0o700);
    for file in files(&place.dir()) {
        assert_eq!(mode(&file), 0o600);
    }
    let spool = place.open();
    let mut read = Vec::new();
    while let Some(deliveries) = spool.oldest().unwrap() {
        read.extend(ids(&deliveries));
        spool.remove_oldest().unwrap();
    }
    assert_eq!(read, ids(&spooled));
    assert_eq!(files(&place.dir()), Vec::<PathBuf>::new());
}
