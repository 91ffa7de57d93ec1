//! Processes that the benchmark starts, and ends.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

/// For a server to listen; a new one of Python takes its time.
const READY: Duration = Duration::from_secs(30);

/// Between looks whether it does.
const POLL: Duration = Duration::from_millis(20);

/// A server in a process of its own, ended with all below it when dropped.
pub(crate) struct Process {
    child: Child,
    /// The first process.
    pub(crate) pid: u32,
    log: PathBuf,
}

impl Process {
    /// Starts it. What it says goes to a file in the folder.
    pub(crate) fn start(mut command: Command, name: &str, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            // A side of ours ends with its input.
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let pid = child.id().context("it ended at once")?;
        Ok(Self { child, pid, log })
    }

    /// Waits until it says where it listens.
    pub(crate) async fn said_address(&mut self) -> anyhow::Result<SocketAddr> {
        let said = async {
            loop {
                let text = fs::read_to_string(&self.log)?;
                let address = text.lines().find_map(|line| {
                    let (_, rest) = line.strip_prefix("Listening on")?.split_once("http://")?;
                    rest.split([';', ' ']).next()?.parse().ok()
                });
                if let Some(address) = address {
                    return anyhow::Ok(address);
                }
                if self.child.try_wait()?.is_some() {
                    bail!("it ended");
                }
                sleep(POLL).await;
            }
        };
        let said = timeout(READY, said).await;
        said.map_err(anyhow::Error::from)
            .flatten()
            .with_context(|| self.said())
    }

    /// Waits until it listens there.
    pub(crate) async fn listens(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                if self.child.try_wait()?.is_some() {
                    bail!("it ended");
                }
                sleep(POLL).await;
            }
            anyhow::Ok(())
        };
        let listens = timeout(READY, listens).await;
        listens
            .map_err(anyhow::Error::from)
            .flatten()
            .with_context(|| self.said())
    }

    /// Everything that it said.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Ok(group) = i32::try_from(self.pid) else {
            return;
        };
        // Not if it has ended and is buried: its number may be another's by now.
        if self.child.id().is_some() {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

/// Runs a program to its end.
///
/// # Errors
/// With what it said, if it failed.
pub(crate) async fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().await;
    let program = command.as_std().get_program().to_owned();
    let output = output.with_context(|| format!("starting {}", program.display()))?;
    if !output.status.success() {
        bail!(
            "{} ended with {}: {}",
            program.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}
