//! The real program in a process of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::JoinHandle,
    time::Duration,
};

use super::app::SECRET;

/// `ticketlog` with a clean environment.
pub(crate) fn ticketlog<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketlog"));
    command
        .env_remove("DATABASE_URL")
        .env_remove("TICKETLOG_SECRET")
        .env_remove("TICKETLOG_DATA_DIR")
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// What a run printed, as text.
pub(crate) fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Makes a token for all in the database that these arguments name.
pub(crate) fn create_token(arguments: &[&str]) -> String {
    let mut command = ticketlog(["token", "create", "--scope", "admin"]);
    let output = command.args(arguments).output().unwrap();
    let (token, log) = printed(&output);
    assert!(output.status.success(), "{log}");
    token.trim_end().to_owned()
}

/// A running `serve`; killed when dropped.
pub(crate) struct Serve {
    child: Child,
    pub(crate) url: String,
    log: Option<JoinHandle<String>>,
}

impl Serve {
    /// On a free port, with the secret of the tests.
    pub(crate) fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::spawn(Self::command(data_dir, arguments))
    }

    /// Not started yet.
    pub(crate) fn command(data_dir: &Path, arguments: &[&str]) -> Command {
        let mut command = ticketlog(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        command
            .arg(data_dir)
            .args(arguments)
            .env("TICKETLOG_SECRET", SECRET);
        command
    }

    /// Waits until Postgres takes its deliveries.
    pub(crate) fn spawn(command: Command) -> Self {
        let serve = Self::spawn_listening(command);
        while !serve.readiness().contains("\"database\":\"ok\"") {
            // The start itself needs the cores.
            std::thread::sleep(Duration::from_millis(10));
        }
        serve
    }

    /// What it says of itself; panics with its log if it has ended.
    pub(crate) fn readiness(&self) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let asked = TcpStream::connect(address).and_then(|mut stream| {
            stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        });
        asked.unwrap_or_else(|error| panic!("serve does not answer: {error}"))
    }

    /// Waits until it listens.
    pub(crate) fn spawn_listening(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let mut greeting = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut greeting).unwrap();
        let Some(url) = greeting
            .strip_prefix("Listening on ")
            .and_then(|rest| rest.split(';').next())
        else {
            child.wait().unwrap();
            panic!("serve did not start: {greeting}{}", log.join().unwrap());
        };
        Self {
            url: url.to_owned(),
            child,
            log: Some(log),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Tells it to stop; gives how it ended and what it logged.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let status = self.child.wait().unwrap();
        (status, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
