//! Memory: of `serve`, and of commands that must not need more for more.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::{process::Command, time::sleep};

use super::{
    bars::{Bar, Findings},
    cpu,
    database::Database,
    load::Load,
    postgres::Postgres,
    sides::Server,
    slice::number,
};

/// Between looks at a command's memory.
const POLL: Duration = Duration::from_millis(5);

const MIB: f64 = 1_048_576.0;

/// A new `serve`, idle and then under load, projector and all.
pub(crate) async fn of_serve(
    load: &Load,
    postgres: &Postgres,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let database = Database::create(postgres.endpoint(), "memory").await?;
    let serve = Server::serve("memory", postgres, database).await?;
    serve.takes_deliveries().await?;
    let idle = number(cpu::resident(serve.pid())) / MIB;
    found.row(
        "memory of serve, idle",
        "",
        (known(idle), "MiB"),
        Some(Bar::AtMost(40.0)),
    );
    for _ in 0..3 {
        load.closed(&serve, 256, 1).await?;
    }
    let most = number(cpu::peak(serve.pid())) / MIB;
    let what = "memory of serve, 256 connections, the most";
    found.row(what, "", (known(most), "MiB"), Some(Bar::AtMost(150.0)));
    serve.check_stored().await
}

/// The most memory that a command has until it ends, in MiB.
///
/// # Errors
/// If it fails.
pub(crate) async fn of_command(mut command: Command) -> anyhow::Result<f64> {
    let mut child = command.kill_on_drop(true).spawn()?;
    let pid = child.id().context("it ended at once")?;
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        most = most.max(cpu::peak(pid));
        sleep(POLL).await;
    };
    ensure!(status.success(), "a command ended with {status}");
    Ok(known(number(most) / MIB))
}

/// Nothing has no memory.
fn known(mib: f64) -> f64 {
    if mib > 0.0 { mib } else { f64::NAN }
}
