//! What processes use, from /proc. Where there is none (not Linux) everything is 0 and shown as unknown.

use std::{collections::BTreeMap, fs, time::Duration};

/// Linux counts CPU time for programs in hundredths of a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process and of all below it: those that live, and those that their parents have buried.
pub(crate) fn of_tree(root: u32) -> Duration {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut used = BTreeMap::new();
    for pid in pids() {
        if let Some(stat) = Stat::read(pid) {
            children.entry(stat.parent).or_default().push(pid);
            used.insert(pid, stat.own + stat.buried);
        }
    }
    let mut sum = Duration::ZERO;
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        sum += used.get(&pid).copied().unwrap_or_default();
        open.extend(children.remove(&pid).unwrap_or_default());
    }
    sum
}

/// CPU time of this process, without its children.
pub(crate) fn of_this() -> Duration {
    Stat::read(std::process::id()).map_or(Duration::ZERO, |stat| stat.own)
}

/// CPU time of the commands that this process has run to their end.
pub(crate) fn of_commands() -> Duration {
    Stat::read(std::process::id()).map_or(Duration::ZERO, |stat| stat.buried)
}

/// Memory that a process has in RAM now, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// The most that it ever had, in bytes.
pub(crate) fn peak(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

struct Stat {
    parent: u32,
    own: Duration,
    buried: Duration,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before may hold anything, blanks and parentheses too.
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |nth: usize| -> Option<u32> { fields.get(nth)?.parse().ok() };
        Some(Self {
            parent: ticks(1)?,
            own: TICK * (ticks(11)? + ticks(12)?),
            buried: TICK * (ticks(13)? + ticks(14)?),
        })
    }
}

fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).collect()
}

/// A line of `status` in kB, as bytes.
fn status(pid: u32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kb.unwrap_or(0) * 1024
}
