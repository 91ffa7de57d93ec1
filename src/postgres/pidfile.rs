//! The server's own record, `postmaster.pid`: who it is, where it listens, how far it is.

use std::fs;
use std::path::{Path, PathBuf};

/// What a server says of its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Starting or recovering; also what is said before anything is.
    Starting,
    /// Takes connections.
    Ready,
    /// Shutting down: takes no new connections.
    Stopping,
}

/// The parts of `postmaster.pid` that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    pub(super) port: Option<u16>,
    pub(super) socket_dir: Option<PathBuf>,
    pub(super) status: Status,
}

/// Path of the record in a cluster.
pub(super) fn path(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

/// Reads the record of a cluster; `None` if there is none or it names no process.
///
/// It proves nothing: a killed server leaves it behind, with the status it had.
pub(super) fn read(cluster: &Path) -> Option<PidFile> {
    parse(&fs::read_to_string(path(cluster)).ok()?)
}

/// The process a lock file of PostgreSQL names: its first line, negative for a server
/// without a postmaster.
pub(super) fn pid_in(text: &str) -> Option<u32> {
    let first = text.lines().next()?.trim();
    let pid = first.strip_prefix('-').unwrap_or(first).parse().ok()?;
    (pid > 0).then_some(pid)
}

/// Lines: pid, data folder, start, port, socket folder, address, shared memory, status.
fn parse(text: &str) -> Option<PidFile> {
    let line = |index: usize| text.lines().nth(index).map(str::trim);
    Some(PidFile {
        pid: pid_in(text)?,
        port: line(3).and_then(|port| port.parse().ok()),
        socket_dir: line(4).filter(|dir| !dir.is_empty()).map(PathBuf::from),
        status: match line(7) {
            Some("ready") => Status::Ready,
            Some("stopping") => Status::Stopping,
            _ => Status::Starting,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "812\n/srv/Log Bok/cluster\n1700000000\n5432\n/srv/Log Bok/socket\n\n  123456         7\nready   \n";

    #[test]
    fn a_ready_server_says_where_it_listens() {
        let expected = PidFile {
            pid: 812,
            port: Some(5432),
            socket_dir: Some(PathBuf::from("/srv/Log Bok/socket")),
            status: Status::Ready,
        };
        assert_eq!(parse(READY), Some(expected));
    }

    #[test]
    fn the_status_follows_the_last_line() {
        let status = |text: &str| parse(text).unwrap().status;
        assert_eq!(
            status(&READY.replace("ready   ", "stopping")),
            Status::Stopping
        );
        assert_eq!(
            status(&READY.replace("ready   ", "starting")),
            Status::Starting
        );
        assert_eq!(status("812\n"), Status::Starting);
    }

    #[test]
    fn a_half_written_record_names_no_process() {
        for text in ["", "\n", "x\n/srv\n", "0\n", "-\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
