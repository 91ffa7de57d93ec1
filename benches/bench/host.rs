//! Where and of what the figures are.

use std::{fs, process::Command, thread};

use serde::Serialize;

use super::plan::Plan;

/// The machine, the program and the plan.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Host {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) memory_mb: u64,
    pub(crate) system: String,
    /// Of the sources; `+` behind it if they were changed since.
    pub(crate) commit: String,
    pub(crate) profile: &'static str,
    pub(crate) plan: Plan,
    pub(crate) slice_ms: u128,
}

/// What can be found out.
pub(crate) fn describe(plan: &Plan) -> Host {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
    };
    let memory = value(&read("/proc/meminfo"), "MemTotal");
    let memory = memory.trim_end_matches(" kB").parse::<u64>();
    Host {
        cores: thread::available_parallelism().map_or(0, usize::from),
        processor: value(&read("/proc/cpuinfo"), "model name"),
        memory_mb: memory.map_or(0, |kb| kb / 1024),
        system: said("uname", &["-sr"]),
        commit: format!(
            "{}{}",
            said("git", &["rev-parse", "--short", "HEAD"]),
            match said("git", &["status", "--porcelain", "-uno"]).as_str() {
                "" => "",
                _ => "+",
            }
        ),
        profile: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
        plan: *plan,
        slice_ms: plan.slice.as_millis(),
    }
}

/// What a program prints; nothing if it is not there.
fn said(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().map(|output| output.stdout);
    String::from_utf8_lossy(&output.unwrap_or_default())
        .trim()
        .to_owned()
}
