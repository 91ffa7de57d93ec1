//! Where a command's rows go: standard output, or a file.

use std::{
    io::{ErrorKind, SeekFrom},
    ops::ControlFlow,
    path::Path,
};

use anyhow::{Context, ensure};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt, Stdout, stdout},
};

/// Takes rows.
#[derive(Debug)]
pub(super) enum Output {
    /// Whoever reads it may go away.
    Stdout(Stdout),
    /// With its length: whole rows only.
    File(File, u64),
}

impl Output {
    /// Standard output.
    pub(super) fn standard() -> Self {
        Self::Stdout(stdout())
    }

    /// A file that is not there yet.
    pub(super) async fn create(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).open(path).await;
        let file = opened.with_context(|| format!("making {}", path.display()))?;
        Ok(Self::File(file, 0))
    }

    /// A file to go on with, which is made if it is not there; it must end with a whole row.
    pub(super) async fn go_on(path: &Path) -> anyhow::Result<Self> {
        let open = async {
            let mut options = OpenOptions::new();
            // Only its last byte is read.
            options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(path).await?;
            let length = file.seek(SeekFrom::End(0)).await?;
            let whole = length == 0 || ends_with_line(&mut file).await?;
            Ok::<_, std::io::Error>((file, length, whole))
        };
        let opened = open.await;
        let (file, length, whole) =
            opened.with_context(|| format!("opening {}", path.display()))?;
        ensure!(
            whole,
            "{} ends in the middle of a row: it was not made by an export that ended in order",
            path.display()
        );
        Ok(Self::File(file, length))
    }

    /// True for a file with something in it.
    pub(super) fn has_rows(&self) -> bool {
        matches!(self, Self::File(_, length) if *length > 0)
    }

    /// Writes rows: all, or if that fails and it is a file, none. Breaks if nobody reads any more.
    pub(super) async fn write(&mut self, rows: &[u8]) -> anyhow::Result<ControlFlow<()>> {
        match self {
            Self::Stdout(out) => {
                let written = async {
                    out.write_all(rows).await?;
                    out.flush().await
                };
                match written.await {
                    Ok(()) => Ok(ControlFlow::Continue(())),
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                        Ok(ControlFlow::Break(()))
                    }
                    Err(error) => Err(error).context("writing to standard output"),
                }
            }
            Self::File(file, length) => {
                let written = async {
                    file.write_all(rows).await?;
                    file.flush().await
                };
                if let Err(error) = written.await {
                    // Half a row would be in the way of going on.
                    let _ = file.set_len(*length).await;
                    return Err(error).context("writing to the file");
                }
                *length += u64::try_from(rows.len()).unwrap_or_default();
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// Makes a file durable.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(file, _) => file.sync_all().await.context("writing to the file"),
        }
    }
}

async fn ends_with_line(file: &mut File) -> std::io::Result<bool> {
    use tokio::io::AsyncReadExt;

    file.seek(SeekFrom::End(-1)).await?;
    Ok(file.read_u8().await? == b'\n')
}
