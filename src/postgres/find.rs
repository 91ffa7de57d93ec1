//! Which PostgreSQL to use: the one named, an installed one, one fetched earlier.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Settings;
use super::error::ClusterError;
use super::fetch;
use super::user::ServerUser;
use super::version::Version;

/// A program that does not even say its version within this time is no use.
const PROBE: Duration = Duration::from_secs(10);

/// Folders in which packagers put the programs; `*` stands for part of one name.
const USUAL: [&str; 13] = [
    // Debian and Ubuntu; SUSE; Red Hat with PostgreSQL's own packages; Alpine.
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    // Fedora, Arch; built from source.
    "/usr/bin",
    "/usr/local/bin",
    "/usr/local/pgsql/bin",
    // Homebrew on ARM, on Intel, on Linux.
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    // MacPorts, Postgres.app, EnterpriseDB.
    "/opt/local/lib/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/Library/PostgreSQL/*/bin",
];

/// A folder with `postgres` and `initdb`, which the server's user can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    pub(super) version: Version,
}

/// What a search gave.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) best: Option<Binaries>,
    /// Why one that is there was passed over, if none was good.
    pub(super) closed: Option<ClusterError>,
}

/// The binaries in the folder of `--pg-bin-dir`.
///
/// # Errors
///
/// [`ClusterError::BinDir`] or [`ClusterError::Closed`] if they cannot be used.
pub(super) async fn named(
    dir: &Path,
    needed: Option<u32>,
    user: &ServerUser,
) -> Result<Binaries, ClusterError> {
    let refuse = |why: String| ClusterError::BinDir {
        dir: dir.to_owned(),
        why,
    };
    let canonical = dir
        .canonicalize()
        .map_err(|error| refuse(error.to_string()))?;
    if !has_programs(&canonical) {
        return Err(refuse("it lacks postgres or initdb".to_owned()));
    }
    user.check_reach(&canonical, "--pg-bin-dir").await?;
    let version = probe(&canonical, user).await;
    let version = version.ok_or_else(|| refuse("its postgres does not run".to_owned()))?;
    if !version.fits(needed) {
        return Err(refuse(format!(
            "{} is needed, it has {version}",
            need(needed)
        )));
    }
    Ok(Binaries {
        dir: canonical,
        version,
    })
}

/// The best of the installed binaries: the highest version that fits.
pub(super) async fn installed(
    settings: &Settings,
    needed: Option<u32>,
    user: &ServerUser,
) -> Found {
    let path = settings.search_path.as_deref().unwrap_or_default();
    let mut dirs: Vec<PathBuf> = pg_config_dir(path).await.into_iter().collect();
    dirs.extend(std::env::split_paths(path).filter_map(|dir| behind(&dir)));
    dirs.extend(USUAL.iter().flat_map(|pattern| expand(pattern)));
    best_of(dirs, needed, user).await
}

/// The best of those fetched by an earlier run.
pub(super) async fn cached(root: &Path, needed: Option<u32>, user: &ServerUser) -> Found {
    let pattern = root.join("postgres-*");
    let kept = pattern.to_str().map(expand).unwrap_or_default();
    let dirs = kept.iter().flat_map(|dir| fetch::bin_dirs(dir)).collect();
    best_of(dirs, needed, user).await
}

/// The version that is asked for, as words.
pub(super) fn need(needed: Option<u32>) -> String {
    needed.map_or_else(
        || "PostgreSQL 14 or later".to_owned(),
        |major| format!("PostgreSQL {major}, which made this cluster,"),
    )
}

async fn best_of(dirs: Vec<PathBuf>, needed: Option<u32>, user: &ServerUser) -> Found {
    let mut seen = Vec::new();
    let mut usable = Vec::new();
    let mut closed = None;
    for dir in dirs.iter().filter_map(|dir| dir.canonicalize().ok()) {
        if seen.contains(&dir) || !has_programs(&dir) {
            continue;
        }
        seen.push(dir.clone());
        if let Err(error) = user.check_reach(&dir, "--pg-bin-dir").await {
            tracing::debug!(dir = %dir.display(), %error, "Passed over an installed PostgreSQL");
            closed = closed.or(Some(error));
        } else if let Some(version) = probe(&dir, user).await {
            usable.push(Binaries { dir, version });
        }
    }
    let best = choose(usable, needed);
    let closed = if best.is_none() { closed } else { None };
    Found { best, closed }
}

/// The highest version that fits; of equal ones the first.
fn choose(usable: Vec<Binaries>, needed: Option<u32>) -> Option<Binaries> {
    usable
        .into_iter()
        .filter(|found| found.version.fits(needed))
        .reduce(|best, next| {
            if next.version > best.version {
                next
            } else {
                best
            }
        })
}

fn has_programs(dir: &Path) -> bool {
    dir.join("postgres").is_file() && dir.join("initdb").is_file()
}

/// Asks a `postgres` for its version, as the user that is to run it.
pub(super) async fn probe(dir: &Path, user: &ServerUser) -> Option<Version> {
    let mut command = user.command(&dir.join("postgres"));
    command.arg("--version").kill_on_drop(true);
    let output = timeout(PROBE, command.output()).await.ok()?.ok()?;
    Version::parse(&String::from_utf8_lossy(&output.stdout))
}

/// Where `pg_config` says the programs are.
async fn pg_config_dir(path: &OsStr) -> Option<PathBuf> {
    let program = std::env::split_paths(path)
        .map(|dir| dir.join("pg_config"))
        .find(|program| program.is_file())?;
    let mut command = Command::new(program);
    command.arg("--bindir").kill_on_drop(true);
    let output = timeout(PROBE, command.output()).await.ok()?.ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(printed.trim()))
}

/// The folder in which the `postgres` of a folder really lies: it may be a link.
fn behind(dir: &Path) -> Option<PathBuf> {
    let real = dir.join("postgres").canonicalize().ok()?;
    real.parent().map(Path::to_owned)
}

/// The folders a pattern stands for: `*` is any part of one name, once in a path.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let entries = std::fs::read_dir(format!("{parent}/"));
    let mut found: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| match after.trim_start_matches('/') {
            "" => entry.path(),
            below => entry.path().join(below),
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(dir: &str, major: u32, minor: u32) -> Binaries {
        Binaries {
            dir: PathBuf::from(dir),
            version: Version { major, minor },
        }
    }

    fn chosen(needed: Option<u32>) -> Option<PathBuf> {
        let usable = vec![
            some("/old", 13, 9),
            some("/a", 15, 2),
            some("/b", 17, 1),
            some("/c", 17, 1),
            some("/d", 16, 9),
        ];
        choose(usable, needed).map(|found| found.dir)
    }

    #[test]
    fn the_highest_version_is_chosen_and_of_equal_ones_the_first() {
        assert_eq!(chosen(None), Some(PathBuf::from("/b")));
    }

    #[test]
    fn the_version_of_an_existing_cluster_goes_before_the_highest() {
        assert_eq!(chosen(Some(15)), Some(PathBuf::from("/a")));
        assert_eq!(chosen(Some(14)), None);
        assert_eq!(chosen(Some(13)), None, "too old for our settings");
    }

    #[test]
    fn a_pattern_stands_for_the_folders_that_exist() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["pg-15/bin", "pg-16/bin", "other/bin"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let pattern = format!("{}/pg-*/bin", dir.path().display());
        let expected = [dir.path().join("pg-15/bin"), dir.path().join("pg-16/bin")];
        assert_eq!(expand(&pattern), expected);
        assert_eq!(expand("/nonexistent/*/bin"), Vec::<PathBuf>::new());
    }

    #[tokio::test]
    async fn a_named_folder_without_a_server_is_refused() {
        let Ok(user) = ServerUser::choose(Path::new("/nonexistent")) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        for wrong in [dir.path(), Path::new("/nonexistent")] {
            let refused = named(wrong, None, &user).await;
            assert!(matches!(refused, Err(ClusterError::BinDir { .. })));
        }
    }
}
