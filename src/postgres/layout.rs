//! Where everything lies under the data folder, and the folder itself.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::ClusterError;

/// A log larger than this is put aside at the next start, in bytes.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;

/// How much of the log an error shows: enough for a failed start, in bytes.
const TAIL_BYTES: u64 = 4096;

/// How many lines of the log an error shows.
const TAIL_LINES: usize = 12;

/// The paths under one data folder, which is canonical and exists.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) unfinished: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) log: PathBuf,
}

impl Layout {
    /// The layout of an existing folder; `None` if there is no such folder.
    pub(super) fn find(data_dir: &Path) -> Result<Option<Self>, ClusterError> {
        match data_dir.canonicalize() {
            Ok(root) => Ok(Some(Self::below(root))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ClusterError::io("finding", data_dir)(error)),
        }
    }

    /// The layout of a folder that is created, with its parents, where it is absent.
    pub(super) fn create(data_dir: &Path) -> Result<Self, ClusterError> {
        create_open(data_dir).map_err(ClusterError::io("creating", data_dir))?;
        let root = data_dir
            .canonicalize()
            .map_err(ClusterError::io("finding", data_dir))?;
        Ok(Self::below(root))
    }

    fn below(root: PathBuf) -> Self {
        Self {
            cluster: root.join("cluster"),
            unfinished: root.join("cluster.new"),
            lock: root.join("cluster.lock"),
            log: root.join("postgres.log"),
            root,
        }
    }

    /// Sixteen hexadecimal digits that stand for this folder in names elsewhere.
    pub(super) fn digest(&self) -> String {
        use std::os::unix::ffi::OsStrExt;

        let digest = Sha256::digest(self.root.as_os_str().as_bytes());
        digest.iter().take(8).fold(String::new(), |text, byte| {
            text + format!("{byte:02x}").as_str()
        })
    }

    /// The major version that made the cluster; `None` without a cluster.
    pub(super) fn major(&self) -> Option<u32> {
        let text = fs::read_to_string(self.cluster.join("PG_VERSION")).ok()?;
        text.trim().parse().ok()
    }

    /// Opens the server's log for appending; puts a large one aside first.
    pub(super) fn open_log(&self) -> io::Result<fs::File> {
        use std::os::unix::fs::OpenOptionsExt;

        if fs::metadata(&self.log).is_ok_and(|log| log.len() > MAX_LOG_BYTES) {
            fs::rename(&self.log, self.root.join("postgres.log.1"))?;
        }
        // A failed statement is logged with its text, so only the owner reads it.
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.log)
    }

    /// The last lines of the server's log; empty if it cannot be read.
    pub(super) fn log_tail(&self) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = fs::File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        last_lines(&String::from_utf8_lossy(&read().unwrap_or_default()))
    }
}

/// The last [`TAIL_LINES`] lines of a text, without blank ends.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    lines.get(start..).unwrap_or_default().join("\n")
}

/// Creates a folder and its missing parents so that other users can pass through,
/// whatever the umask: the server may run as another user. Existing ones stay as they are.
pub(super) fn create_open(dir: &Path) -> io::Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_open(parent)?;
    }
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {
            return Ok(());
        }
        made => made?,
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_shown() {
        let lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
        let tail = last_lines(&lines.join("\n"));
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("line 39"));
    }

    #[test]
    fn a_large_log_is_put_aside_once() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        let large = usize::try_from(MAX_LOG_BYTES).unwrap() + 1;
        fs::write(&layout.log, vec![b'x'; large]).unwrap();
        layout.open_log().unwrap();
        assert_eq!(fs::metadata(&layout.log).unwrap().len(), 0);
        fs::write(&layout.log, "small").unwrap();
        layout.open_log().unwrap();
        assert_eq!(fs::read_to_string(&layout.log).unwrap(), "small");
        let aside = fs::metadata(layout.root.join("postgres.log.1")).unwrap();
        assert_eq!(aside.len(), MAX_LOG_BYTES + 1);
    }

    #[test]
    fn the_digest_depends_on_the_folder_only() {
        let one = Layout::below(PathBuf::from("/a"));
        assert_eq!(one.digest(), Layout::below(PathBuf::from("/a")).digest());
        assert_ne!(one.digest(), Layout::below(PathBuf::from("/b")).digest());
        assert_eq!(one.digest().len(), 16);
    }
}
