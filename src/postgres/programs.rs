//! The programs of a cluster, in the order of preference: named, installed, fetched
//! earlier, fetched now.

use std::path::PathBuf;

use super::error::ClusterError;
use super::find::{self, Binaries};
use super::layout::Layout;
use super::notice::Notice;
use super::user::ServerUser;
use super::{Settings, fetch, install, pinned};

/// The programs to use, fetched if that is allowed and needed.
pub(super) async fn find_or_fetch(
    settings: &Settings,
    layout: &Layout,
    user: &ServerUser,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> Result<Binaries, ClusterError> {
    let needed = layout.major();
    if let Some(dir) = &settings.bin_dir {
        return find::named(dir, needed, user).await;
    }
    let installed = find::installed(settings, needed, user).await;
    if let Some(binaries) = installed.best {
        return Ok(binaries);
    }
    if let Some(binaries) = find::cached(&layout.root, needed, user).await.best {
        return Ok(binaries);
    }
    let why = if settings.offline {
        "fetching it is forbidden by --offline".to_owned()
    } else if needed.is_some_and(|needed| needed != pinned::MAJOR) {
        format!("only PostgreSQL {} can be fetched", pinned::MAJOR)
    } else {
        let path = settings.search_path.as_deref();
        match fetch::fetch(&layout.root, path, notify).await? {
            Ok(()) => match find::cached(&layout.root, needed, user).await.best {
                Some(binaries) => return Ok(binaries),
                None => "the fetched one does not run here".to_owned(),
            },
            Err(reasons) => format!("could not be fetched ({reasons})"),
        }
    };
    // One that is installed but out of reach is the nearest way out.
    Err(installed
        .closed
        .unwrap_or_else(|| ClusterError::NoBinaries {
            need: find::need(needed),
            why,
            install: install::line(needed),
        }))
}

/// The `psql` that comes with the programs a cluster uses, else the first in `PATH`.
pub(super) async fn psql(settings: &Settings) -> Option<PathBuf> {
    let path = settings.search_path.clone().unwrap_or_default();
    let layout = Layout::find(&settings.data_dir).ok()??;
    let user = ServerUser::choose(&layout.cluster).ok()?;
    let offline = Settings {
        offline: true,
        ..settings.clone()
    };
    let binaries = find_or_fetch(&offline, &layout, &user, &|_| ()).await;
    let beside = binaries.ok().map(|found| found.dir);
    beside
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join("psql"))
        .find(|program| program.is_file())
}
