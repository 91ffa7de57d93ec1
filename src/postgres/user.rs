//! Who runs the server, and whether that user gets to the files it needs.
//!
//! PostgreSQL refuses to run as root. A child is given its user by the standard library
//! between fork and exec, so no helper program is needed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::{Uid, User, geteuid};
use tokio::process::Command;

use super::error::ClusterError;

/// The user that runs `initdb` and the server.
#[derive(Debug, Clone)]
pub(super) struct ServerUser {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) name: String,
    /// Whether a child has to change to this user, because we are root.
    switch: bool,
}

impl ServerUser {
    /// The user for a cluster: its owner if it exists, else ourselves, and for root the
    /// user `postgres`, else `nobody`.
    pub(super) fn choose(cluster: &Path) -> Result<Self, ClusterError> {
        let me = geteuid();
        let owner = fs::metadata(cluster).ok().map(|found| found.uid());
        if !me.is_root() {
            if let Some(owner) = owner.filter(|owner| *owner != me.as_raw()) {
                return Err(ClusterError::Foreign {
                    dir: cluster.to_owned(),
                    owner: name_of(owner),
                });
            }
            let user = User::from_uid(me).ok().flatten();
            let user = user.ok_or(ClusterError::Nameless { uid: me.as_raw() })?;
            return Ok(Self::from_user(user, false));
        }
        // The server insists on owning its folder, so an existing one decides.
        let by_owner = owner
            .filter(|owner| *owner != 0)
            .and_then(|owner| User::from_uid(Uid::from_raw(owner)).ok().flatten());
        let by_name = || {
            ["postgres", "nobody"]
                .iter()
                .find_map(|name| User::from_name(name).ok().flatten())
        };
        let user = by_owner.or_else(by_name).ok_or(ClusterError::NoUser)?;
        Ok(Self::from_user(user, true))
    }

    fn from_user(user: User, switch: bool) -> Self {
        Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            name: user.name,
            switch,
        }
    }

    /// A command of this user that knows nothing of our environment: neither `PGDATA`
    /// and its like nor the locale may change what the server does.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TZ", "UTC")
            // macOS starts threads in a server without a valid LC_ALL, which it forbids.
            .env("LC_ALL", "C")
            // Ours may be closed to that user.
            .current_dir("/");
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a file or folder to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), ClusterError> {
        if !self.switch {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
            .map_err(ClusterError::io("changing the owner of", path))
    }

    /// Checks that this user can enter a folder, which is canonical, and all above it.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Closed`] names the outermost closed folder and `option`, which
    /// chose the path.
    pub(super) async fn check_reach(
        &self,
        dir: &Path,
        option: &'static str,
    ) -> Result<(), ClusterError> {
        if !self.switch {
            return Ok(());
        }
        let mut above: Vec<&Path> = dir.ancestors().collect();
        above.reverse();
        for folder in above {
            let found = fs::metadata(folder).map_err(ClusterError::io("reading", folder))?;
            let mode = found.permissions().mode() & 0o7777;
            if may_enter(mode, found.uid(), found.gid(), self.uid, self.gid)
                || self.enters(folder).await
            {
                continue;
            }
            return Err(ClusterError::Closed {
                folder: folder.to_owned(),
                mode,
                user: self.name.clone(),
                option,
            });
        }
        Ok(())
    }

    /// Tries it for real, because an access control list can open what the mode closes.
    async fn enters(&self, folder: &Path) -> bool {
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", "test -x \"$1\"", "sh"]).arg(folder);
        command.status().await.is_ok_and(|status| status.success())
    }
}

/// The name of a user, or the number where it has none.
pub(super) fn name_of(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

/// Whether the mode of a folder lets a user without further groups through.
fn may_enter(mode: u32, owner: u32, group: u32, uid: u32, gid: u32) -> bool {
    let bit = if owner == uid {
        0o100
    } else if group == gid {
        0o010
    } else {
        0o001
    };
    uid == 0 || mode & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_class_that_fits_decides() {
        assert!(may_enter(0o700, 5, 5, 5, 5));
        assert!(!may_enter(0o700, 0, 0, 5, 5));
        assert!(may_enter(0o711, 0, 0, 5, 5));
        assert!(may_enter(0o710, 0, 5, 5, 5));
        assert!(!may_enter(0o701, 0, 5, 5, 5), "the group is shut out");
        assert!(!may_enter(0o677, 5, 5, 5, 5), "the owner is shut out");
    }

    #[tokio::test]
    async fn the_closed_folder_is_named_not_the_one_below() {
        let Ok(user) = ServerUser::choose(Path::new("/nonexistent")) else {
            return;
        };
        if !user.switch {
            // Only root runs the server as another user.
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let closed = dir.path().canonicalize().unwrap().join("closed");
        let below = closed.join("below");
        fs::create_dir_all(&below).unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(dir.path(), 0o755);
        set(&closed, 0o700);
        set(&below, 0o755);
        let error = user.check_reach(&below, "--data-dir").await.unwrap_err();
        assert!(
            matches!(&error, ClusterError::Closed { folder, mode: 0o700, .. } if *folder == closed)
        );
        set(&closed, 0o711);
        user.check_reach(&below, "--data-dir").await.unwrap();
    }
}
