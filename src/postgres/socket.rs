//! The folder of the Unix socket: private, ours, and short enough.
//!
//! The folder is the fence: whoever enters it is the superuser of the cluster.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::error::ClusterError;
use super::layout::Layout;
use super::user::{ServerUser, name_of};

/// The port only names the socket, where nothing listens on the network.
pub(super) const PORT: u16 = 5432;

/// Longest path of a Unix socket, in bytes, without the closing NUL.
const MAX_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The socket's name below its folder, as PostgreSQL makes it.
fn socket_name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}

/// The lock file beside the socket.
pub(super) fn lock_file(dir: &Path, port: u16) -> PathBuf {
    dir.join(format!("{}.lock", socket_name(port)))
}

/// Makes the folder of the socket, or checks the one that is there.
///
/// Below the data folder if the path is short and plain, else below `runtime_dir` or
/// `/tmp` under a name that stands for the data folder.
///
/// # Errors
///
/// [`ClusterError::Socket`] if something that is not ours stands in its place.
pub(super) async fn prepare(
    layout: &Layout,
    runtime_dir: Option<&Path>,
    user: &ServerUser,
) -> Result<PathBuf, ClusterError> {
    let inside = layout.root.join("socket");
    if fits(&inside) {
        return make(&inside, user);
    }
    let name = format!("ticketlog-{}", layout.digest());
    for base in [runtime_dir, Some(Path::new("/tmp"))].into_iter().flatten() {
        let Ok(base) = base.canonicalize() else {
            continue;
        };
        let dir = base.join(&name);
        if fits(&dir) && user.check_reach(&base, "--data-dir").await.is_ok() {
            return make(&dir, user);
        }
    }
    Err(ClusterError::Socket {
        dir: inside,
        why: format!("its path is longer than {MAX_PATH_BYTES} bytes"),
    })
}

/// Whether the socket's path is short enough and needs no quoting, neither in the server's
/// list of folders nor in a client's list of hosts.
fn fits(dir: &Path) -> bool {
    let plain = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || "/ ._-+@~()".contains(c))
    };
    // With the longest port, so that the folder is the same whatever the port.
    let bytes = dir.join(socket_name(u16::MAX)).as_os_str().len();
    bytes <= MAX_PATH_BYTES && dir.to_str().is_some_and(plain)
}

/// Creates the folder for its user alone; one that exists has to be just that.
fn make(dir: &Path, user: &ServerUser) -> Result<PathBuf, ClusterError> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(ClusterError::io("creating", dir)(error)),
    }
    let refuse = |why: String| ClusterError::Socket {
        dir: dir.to_owned(),
        why,
    };
    let found = fs::symlink_metadata(dir).map_err(ClusterError::io("reading", dir))?;
    if !found.is_dir() {
        return Err(refuse("it is not a folder".to_owned()));
    }
    // Ours, but not yet given away: nobody else can exchange it, since its parent is ours
    // or sticky.
    let fresh = found.uid() == geteuid().as_raw();
    if !fresh && found.uid() != user.uid {
        let owner = name_of(found.uid());
        return Err(refuse(format!("it belongs to user {owner}")));
    }
    let mode = found.permissions().mode() & 0o777;
    if mode != 0o700 {
        return Err(refuse(format!("its mode is {mode:04o}, not 0700")));
    }
    user.own(dir)?;
    Ok(dir.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_may_have_exactly_the_bytes_the_system_allows() {
        let room = MAX_PATH_BYTES - socket_name(u16::MAX).len() - 2;
        assert!(fits(Path::new(&format!("/{}", "a".repeat(room)))));
        assert!(!fits(Path::new(&format!("/{}", "a".repeat(room + 1)))));
        let wide = format!("/{}", "å".repeat(room / 2 + 1));
        assert!(!fits(Path::new(&wide)), "bytes count, not characters");
    }

    #[test]
    fn a_path_that_would_be_read_as_two_is_not_used() {
        assert!(fits(Path::new("/srv/Åses logg/socket")));
        assert!(!fits(Path::new("/srv/a,b/socket")));
        assert!(!fits(Path::new("/srv/a\"b/socket")));
        assert!(!fits(Path::new("/srv/a\nb/socket")));
    }

    #[test]
    fn a_planted_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let Ok(user) = ServerUser::choose(Path::new("/nonexistent")) else {
            return;
        };
        let good = dir.path().join("fine");
        make(&good, &user).unwrap();
        make(&good, &user).unwrap();
        let open = dir.path().join("open");
        make(&open, &user).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&good, &link).unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for planted in [&open, &link, &file] {
            let refused = make(planted, &user);
            assert!(
                matches!(refused, Err(ClusterError::Socket { .. })),
                "{planted:?}"
            );
        }
    }
}
