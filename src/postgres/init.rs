//! Makes a new cluster, complete or not at all.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Output, Stdio};

use super::SUPERUSER;
use super::error::ClusterError;
use super::layout::last_lines;
use super::notice::Notice;
use super::server::Site;

/// First major version with a locale of its own, the same on every system.
const BUILTIN_LOCALE_SINCE: u32 = 17;

/// Locales of the C library in which `lower('Å')` is `å`, in order. macOS has no C.UTF-8
/// and old Linux systems do not either.
const LOCALES: &[&str] = if cfg!(target_os = "macos") {
    &["en_US.UTF-8"]
} else {
    &["C.UTF-8", "en_US.UTF-8"]
};

/// Makes the cluster if there is none. What an interrupted attempt left is removed.
///
/// `lock` is the taken lock of the cluster. `initdb` holds it too, so that after our
/// sudden end nobody begins anew while it still writes.
///
/// # Errors
///
/// [`ClusterError::Init`] with the end of what `initdb` said.
pub(super) async fn ensure(
    site: &Site,
    lock: &fs::File,
    notify: &(dyn Fn(Notice) + Send + Sync),
) -> Result<(), ClusterError> {
    let layout = &site.layout;
    if layout.cluster.exists() {
        return match layout.major() {
            Some(_) => Ok(()),
            None => Err(ClusterError::Init {
                output: format!("{} is not a cluster", layout.cluster.display()),
            }),
        };
    }
    notify(Notice::Creating {
        cluster: layout.cluster.clone(),
        version: site.binaries.version.to_string(),
    });
    let mut said = String::new();
    for locale in LOCALES {
        empty(&layout.unfinished)?;
        site.user.own(&layout.unfinished)?;
        let output = initdb(site, locale, lock).await?;
        if output.status.success() {
            return finish(site);
        }
        said = last_lines(&String::from_utf8_lossy(&output.stderr));
        if !said.contains("locale") {
            break;
        }
    }
    Err(ClusterError::Init { output: said })
}

async fn initdb(site: &Site, locale: &str, lock: &fs::File) -> Result<Output, ClusterError> {
    let program = site.binaries.dir.join("initdb");
    let stdin = lock
        .try_clone()
        .map_err(ClusterError::io("sharing", &site.layout.lock))?;
    let mut command = site.user.command(&program);
    command
        .arg("--pgdata")
        .arg(&site.layout.unfinished)
        .arg(format!("--username={SUPERUSER}"))
        // The folder of the socket is the fence; nothing listens on the network.
        .args(["--auth-local=trust", "--auth-host=reject"])
        .args(["--encoding=UTF8", "--data-checksums", "--no-instructions"])
        .arg(format!("--locale={locale}"));
    if site.binaries.version.major >= BUILTIN_LOCALE_SINCE {
        command.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    }
    command
        .stdin(Stdio::from(stdin))
        .process_group(0)
        .output()
        .await
        .map_err(ClusterError::io("running", program))
}

/// Removes what is there and makes an empty folder: only we may write beside the cluster,
/// so `initdb` could not make it itself.
fn empty(dir: &Path) -> Result<(), ClusterError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        removed => removed.map_err(ClusterError::io("removing", dir))?,
    }
    fs::DirBuilder::new()
        .mode(0o700)
        .create(dir)
        .map_err(ClusterError::io("creating", dir))
}

/// Gives the cluster its name, durably: from then on it holds data.
fn finish(site: &Site) -> Result<(), ClusterError> {
    let layout = &site.layout;
    fs::rename(&layout.unfinished, &layout.cluster)
        .map_err(ClusterError::io("renaming", &layout.unfinished))?;
    fs::File::open(&layout.root)
        .and_then(|root| root.sync_all())
        .map_err(ClusterError::io("syncing", &layout.root))
}
