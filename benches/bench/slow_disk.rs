//! A disk that is slower than this machine's: `fdatasync` takes a millisecond longer.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::postgres::folder_open_to_all;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/bench/slow_disk.c");

/// The programs of Postgres, with a server that finds its disk slow.
pub(crate) struct SlowDisk {
    folder: TempDir,
}

impl SlowDisk {
    /// Wraps the programs beside this one. The server is given no environment of ours, so a script sets what it
    /// takes.
    ///
    /// # Errors
    /// Says why it cannot be done here: no Linux, no C compiler.
    pub(crate) fn prepare(postgres: &Path) -> anyhow::Result<Self> {
        if !cfg!(target_os = "linux") {
            bail!("it is emulated on Linux only");
        }
        let folder = folder_open_to_all()?;
        let library = folder.path().join("slow_disk.so");
        compile(&library)?;
        let programs = postgres.parent().context("Postgres is in no folder")?;
        let wrapped = folder.path().join("bin");
        fs::create_dir(&wrapped)?;
        for entry in fs::read_dir(programs)? {
            let entry = entry?;
            if entry.file_name() != "postgres" {
                symlink(entry.path(), wrapped.join(entry.file_name()))?;
            }
        }
        let script = wrapped.join("postgres");
        let (library, postgres) = (library.display(), postgres.display());
        fs::write(
            &script,
            format!("#!/bin/sh\nLD_PRELOAD='{library}' exec '{postgres}' \"$@\"\n"),
        )?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder })
    }

    /// The folder of the programs.
    pub(crate) fn bin_dir(&self) -> PathBuf {
        self.folder.path().join("bin")
    }
}

fn compile(library: &Path) -> anyhow::Result<()> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(&compiler);
    command.args(["-O2", "-shared", "-fPIC", "-o"]);
    let output = match command.arg(library).arg(SOURCE).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("there is no C compiler"),
        output => output?,
    };
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    fs::set_permissions(library, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
