//! One owner a cluster: a lock on a file that the system drops with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::error::ClusterError;
use super::layout::Layout;
use super::process;

/// How long a start withstands others that only look whether there is an owner.
const LOOKERS: Duration = Duration::from_millis(300);

/// How long a start waits for the `initdb` of an owner that was killed; it holds the lock.
const ORPHANED_INIT: Duration = Duration::from_mins(1);

/// Takes the lock and writes this process into it.
///
/// # Errors
///
/// [`ClusterError::Owned`] if another process holds it.
pub(super) async fn take(layout: &Layout) -> Result<File, ClusterError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        // Whoever may open it may also lock it.
        .mode(0o600)
        .open(&layout.lock)
        .map_err(ClusterError::io("opening", &layout.lock))?;
    let mut held = || try_lock(&file, &layout.lock);
    let mut taken = wait_for(LOOKERS, &mut held).await?;
    if !taken && holder(&layout.lock).is_some_and(|pid| !process::lives(pid)) {
        taken = wait_for(ORPHANED_INIT, &mut held).await?;
    }
    if !taken {
        return Err(ClusterError::Owned {
            data_dir: layout.root.clone(),
            pid: holder(&layout.lock),
        });
    }
    write_holder(&mut file).map_err(ClusterError::io("writing", &layout.lock))?;
    Ok(file)
}

/// Whether a living process owns the cluster.
pub(super) fn is_held(layout: &Layout) -> Result<bool, ClusterError> {
    let file = match File::open(&layout.lock) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(ClusterError::io("opening", &layout.lock))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(ClusterError::io("locking", &layout.lock)(error)),
    }
}

/// The process that wrote itself into the lock.
pub(super) fn holder(lock: &Path) -> Option<u32> {
    std::fs::read_to_string(lock).ok()?.trim().parse().ok()
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn try_lock(file: &File, path: &Path) -> Result<bool, ClusterError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(ClusterError::io("locking", path)(error)),
    }
}

/// Polls for the lock.
async fn wait_for(
    within: Duration,
    attempt: &mut (dyn FnMut() -> Result<bool, ClusterError> + Send),
) -> Result<bool, ClusterError> {
    let end = tokio::time::Instant::now() + within;
    loop {
        if attempt()? {
            return Ok(true);
        }
        if tokio::time::Instant::now() >= end {
            return Ok(false);
        }
        tokio::time::sleep(process::POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_owner_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        assert!(!is_held(&layout).unwrap());
        let first = take(&layout).await.unwrap();
        assert!(is_held(&layout).unwrap());
        let error = take(&layout).await.unwrap_err();
        let me = std::process::id();
        assert!(matches!(error, ClusterError::Owned { pid: Some(pid), .. } if pid == me));
        drop(first);
        assert!(!is_held(&layout).unwrap());
        take(&layout).await.unwrap();
    }
}
