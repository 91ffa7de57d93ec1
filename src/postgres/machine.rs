//! What the server takes of the machine: how much memory it keeps pages in, and how many processes make an index.

use std::{fs, num::NonZero, thread::available_parallelism};

const MIB: u64 = 1 << 20;

/// Room for pages, in MiB: an eighth of the memory, within bounds.
///
/// Ids of events are random, so each insert goes to another page of their index. While all of that index fits it costs
/// little: at three million events deliveries were 27 to 31 % slower than into an empty log with 256 MB, 11 to 20 % with
/// 2 GB (docs/performance.md).
///
/// What is not used is not taken from the machine. PostgreSQL's own advice is a quarter, for a machine that does
/// nothing else.
pub(super) fn shared_buffers_mib() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| total_bytes(&text));
    // A container's own limit; the word `max` if it has none.
    let own = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let own = own.and_then(|text| text.trim().parse().ok());
    room(machine.into_iter().chain(own).min())
}

fn room(memory: Option<u64>) -> u64 {
    const UNKNOWN: u64 = 256;
    memory.map_or(UNKNOWN, |bytes| (bytes / 8 / MIB).clamp(128, 2048))
}

/// Processes beside its own that a session lets make an index: one for each other processor, four at most. Each sorts a
/// part, and parts have to be merged: more of them than processors take longer (docs/performance.md).
pub(super) fn maintenance_workers() -> usize {
    workers(available_parallelism().map_or(1, NonZero::get))
}

fn workers(processors: usize) -> usize {
    processors.clamp(1, 5) - 1
}

/// `MemTotal` of `/proc/meminfo`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_of_the_memory_within_bounds() {
        const GIB: u64 = 1 << 30;
        for (memory, mib) in [
            (Some(GIB / 2), 128),
            (Some(GIB), 128),
            (Some(4 * GIB), 512),
            (Some(16 * GIB), 2048),
            (Some(u64::MAX), 2048),
            (None, 256),
        ] {
            assert_eq!(room(memory), mib, "{memory:?}");
        }
    }

    #[test]
    fn a_process_for_each_other_processor_four_at_most() {
        for (processors, beside) in [(0, 0), (1, 0), (2, 1), (5, 4), (64, 4)] {
            assert_eq!(workers(processors), beside, "{processors}");
        }
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let meminfo = "MemTotal:       24683548 kB\nMemFree:        1 kB\n";
        assert_eq!(total_bytes(meminfo), Some(24_683_548 << 10));
        for nothing in ["", "MemFree: 1 kB", "MemTotal: much", "MemTotal: 1 MB"] {
            assert_eq!(total_bytes(nothing), None, "{nothing:?}");
        }
    }
}
