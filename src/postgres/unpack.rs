//! Unpacks what was fetched: files with their modes, in folders everybody may enter.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

/// Header files: half of the entries, and nobody compiles against this server.
const LEFT_OUT: &str = "/include/";

/// Writes files below one folder, whatever the umask.
struct Target<'a> {
    root: &'a Path,
    dirs: BTreeSet<PathBuf>,
}

/// Unpacks a wheel, which is a zip file.
pub(super) fn wheel(file: &Path, into: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(fs::File::open(file)?)?;
    let mut target = Target::new(into)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.is_file() {
            let path = PathBuf::from(entry.name()?.into_owned());
            let mode = entry.unix_mode().unwrap_or(0o644);
            target.write(&path, mode, &mut entry)?;
        }
    }
    Ok(())
}

/// Unpacks an npm archive, which is a tar file, and makes the links it lists: npm archives
/// cannot hold any.
pub(super) fn npm(file: &Path, into: &Path) -> io::Result<()> {
    let packed = fs::File::open(file)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut target = Target::new(into)?;
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = entry.path()?.into_owned();
            let mode = entry.header().mode()?;
            target.write(&path, mode, &mut entry)?;
        }
    }
    let package = into.join("package");
    let listed = fs::read(package.join("native/pg-symlinks.json"))?;
    let links: Vec<Link> = serde_json::from_slice(&listed)?;
    links.iter().try_for_each(|link| link.make(&package))
}

/// One line of an npm archive's list of links.
#[derive(Deserialize)]
struct Link {
    /// The file that exists.
    source: PathBuf,
    /// The name to give it.
    target: PathBuf,
}

impl Link {
    fn make(&self, package: &Path) -> io::Result<()> {
        let name = self.source.file_name();
        let beside = self.source.parent() == self.target.parent();
        let (Some(name), true, true) = (name, beside, is_below(&self.target)) else {
            return Err(outside(&self.target));
        };
        std::os::unix::fs::symlink(name, package.join(&self.target))
    }
}

impl<'a> Target<'a> {
    fn new(root: &'a Path) -> io::Result<Self> {
        let mut target = Self {
            root,
            dirs: BTreeSet::new(),
        };
        target.make_dir(root)?;
        Ok(target)
    }

    fn write(&mut self, path: &Path, mode: u32, content: &mut dyn Read) -> io::Result<()> {
        if !is_below(path) {
            return Err(outside(path));
        }
        if path.to_string_lossy().contains(LEFT_OUT) {
            return Ok(());
        }
        let file = self.root.join(path);
        if let Some(parent) = file.parent() {
            self.make_dir(parent)?;
        }
        io::copy(content, &mut fs::File::create(&file)?)?;
        let mode = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))
    }

    fn make_dir(&mut self, dir: &Path) -> io::Result<()> {
        if self.dirs.insert(dir.to_owned()) {
            super::layout::create_open(dir)?;
        }
        Ok(())
    }
}

/// Whether a path of an archive stays below the folder it is unpacked into.
fn is_below(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_)))
}

fn outside(path: &Path) -> io::Error {
    io::Error::other(format!("{} leads out of the archive", path.display()))
}
