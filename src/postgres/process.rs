//! Processes that are not our children: is it a server of this cluster, and is it gone?
//!
//! A process id alone proves nothing, since the system uses it again. What proves it is
//! the working folder, which for every process of a server is its cluster. Where the
//! system does not show that, the command line has to do.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use super::error::ClusterError;
use super::pidfile;

/// Pause between two looks at a process that is not ours to wait for.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// Orphaned backends get this long to notice that their server was killed.
const ORPHAN_GRACE: Duration = Duration::from_millis(500);

/// A process that was told to stop at once gets this long before it is killed.
pub(super) const IMMEDIATE: Duration = Duration::from_secs(10);

/// Sends a signal; a process that is gone already is no error.
pub(super) fn send(pid: u32, what: Signal) {
    let Ok(raw) = i32::try_from(pid) else { return };
    if let Err(error) = signal::kill(Pid::from_raw(raw), what)
        && error != Errno::ESRCH
    {
        tracing::warn!(pid, signal = %what, %error, "Could not signal a process");
    }
}

/// Whether a process with this id exists that we, or PostgreSQL in our place, may signal.
pub(super) fn exists(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|raw| signal::kill(Pid::from_raw(raw), None).is_ok())
}

/// Whether a process with this id exists, be it ours or not.
pub(super) fn lives(pid: u32) -> bool {
    let Ok(raw) = i32::try_from(pid) else {
        return false;
    };
    signal::kill(Pid::from_raw(raw), None) != Err(Errno::ESRCH)
}

/// Whether the process is a PostgreSQL server, or part of one, on this very cluster.
///
/// `tag` is the `cluster_name` our servers carry in their titles.
pub(super) fn is_server(pid: u32, cluster: &Path, tag: &str) -> bool {
    if has_proc() {
        return works_in(pid, cluster);
    }
    let listed = ps(&["-ww", "-p", &pid.to_string(), "-o", "pid=,command="]);
    !parse_ps(&listed, cluster, tag).is_empty()
}

/// All processes of servers on this cluster, also of one whose first process was killed.
pub(super) fn servers(cluster: &Path, tag: &str) -> Vec<u32> {
    if !has_proc() {
        let listed = ps(&["-axww", "-o", "pid=,command="]);
        return parse_ps(&listed, cluster, tag);
    }
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| works_in(*pid, cluster))
        .collect()
}

/// Whether this system shows processes as files.
fn has_proc() -> bool {
    fs::symlink_metadata("/proc/self/cwd").is_ok()
}

/// Whether it is a postgres whose working folder is the cluster; never true of a zombie.
fn works_in(pid: u32, cluster: &Path) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    if !matches!(name.trim(), "postgres" | "postmaster") {
        return false;
    }
    let here = fs::metadata(format!("/proc/{pid}/cwd"));
    let there = fs::metadata(cluster);
    here.is_ok_and(|here| {
        there.is_ok_and(|there| (here.dev(), here.ino()) == (there.dev(), there.ino()))
    })
}

/// What `ps` prints; empty if it cannot be run.
fn ps(args: &[&str]) -> String {
    let output = std::process::Command::new("ps").args(args).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// Picks the servers of a cluster from lines of `pid command`: the first process by its
/// `-D` argument, the others by their title.
fn parse_ps(listed: &str, cluster: &Path, tag: &str) -> Vec<u32> {
    let argument = format!("-D {} ", cluster.display());
    let title = format!("postgres: {tag}: ");
    listed
        .lines()
        .filter_map(|line| line.trim_start().split_once(' '))
        .filter(|(_, command)| {
            let command = format!("{} ", command.trim());
            let (program, _) = command.split_once(" -D ").unwrap_or_default();
            command.starts_with(&title)
                || (program.ends_with("/postgres") && command.contains(&argument))
        })
        .filter_map(|(pid, _)| pid.parse().ok())
        .collect()
}

/// Polls until the condition holds; `false` if it does not within the time.
pub(super) async fn wait_until(within: Duration, mut holds: impl FnMut() -> bool + Send) -> bool {
    let end = Instant::now() + within;
    while !holds() {
        if Instant::now() >= end {
            return false;
        }
        sleep(POLL).await;
    }
    true
}

/// Stops a server that is not our child: fast, then at once, then by force.
///
/// # Errors
///
/// [`ClusterError::NotStopped`] if even that does not end it.
pub(super) async fn stop_stranger(
    pid: u32,
    cluster: &Path,
    tag: &str,
    fast: Duration,
) -> Result<(), ClusterError> {
    let steps = [
        (Signal::SIGINT, fast),
        (Signal::SIGQUIT, IMMEDIATE),
        (Signal::SIGKILL, IMMEDIATE),
    ];
    for (what, within) in steps {
        if is_server(pid, cluster, tag) {
            send(pid, what);
        }
        if wait_until(within, || !is_server(pid, cluster, tag)).await {
            return Ok(());
        }
    }
    Err(ClusterError::NotStopped { pid })
}

/// Ends what is left of a server whose first process is dead: its backends hold the shared
/// memory, and no new server starts while they do.
///
/// # Errors
///
/// [`ClusterError::NotStopped`] if one of them withstands.
pub(super) async fn end_orphans(cluster: &Path, tag: &str) -> Result<(), ClusterError> {
    let gone = || servers(cluster, tag).is_empty();
    // They notice by themselves; one in the middle of a commit may finish it.
    if wait_until(ORPHAN_GRACE, gone).await {
        return Ok(());
    }
    for what in [Signal::SIGQUIT, Signal::SIGKILL] {
        for pid in servers(cluster, tag) {
            send(pid, what);
        }
        if wait_until(IMMEDIATE, gone).await {
            return Ok(());
        }
    }
    let pid = servers(cluster, tag).first().copied();
    pid.map_or(Ok(()), |pid| Err(ClusterError::NotStopped { pid }))
}

/// Removes a lock file of PostgreSQL that names a living process which is no server here.
///
/// The system gave the id of a dead server to another process, and PostgreSQL would take
/// that one for a server and refuse to start. A dead id it handles itself. Call it only
/// after [`end_orphans`]: the file is how PostgreSQL finds them.
pub(super) fn remove_mistaken(file: &Path) -> Result<(), ClusterError> {
    let Some(pid) = fs::read_to_string(file)
        .ok()
        .as_deref()
        .and_then(pidfile::pid_in)
    else {
        return Ok(());
    };
    if !exists(pid) {
        return Ok(());
    }
    tracing::warn!(pid, file = %file.display(), "Removed a lock file that names an unrelated process");
    fs::remove_file(file).map_err(ClusterError::io("removing", file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_from_look_alikes_in_a_list_of_processes() {
        let listed = "\
  10 /opt/pg/bin/postgres -D /srv/my log/cluster -c jit=off
  11 postgres: ticketlog-0123: checkpointer
  12 postgres: ticketlog-4567: checkpointer
  13 /opt/pg/bin/postgres -D /srv/my log/cluster.new -c jit=off
  14 vi -D /srv/my log/cluster x
";
        let found = parse_ps(listed, Path::new("/srv/my log/cluster"), "ticketlog-0123");
        assert_eq!(found, [10, 11]);
    }

    #[test]
    fn this_process_is_no_server_of_its_working_folder() {
        let here = std::env::current_dir().unwrap();
        assert!(!is_server(std::process::id(), &here, "ticketlog-0"));
        assert!(exists(std::process::id()));
    }

    #[test]
    fn a_lock_file_that_names_a_stranger_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("postmaster.pid");
        fs::write(&file, format!("{}\n", std::process::id())).unwrap();
        remove_mistaken(&file).unwrap();
        assert!(!file.exists());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        fs::write(&file, format!("{}\n", child.id())).unwrap();
        remove_mistaken(&file).unwrap();
        assert!(file.exists(), "PostgreSQL sees by itself that it is stale");
    }
}
