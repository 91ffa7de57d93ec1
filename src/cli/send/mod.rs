//! `send`: signs and posts bodies as SuperOffice does, retries and all; for trying out and for tests.

mod bodies;
mod deliver;
mod plan;
mod request;
mod summary;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;

use super::print;
use crate::domain::signature::Secret;

/// Arguments of `send`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog send tests/data/sample.ndjson --url http://127.0.0.1:8080/webhook --secret s3cret\n  \
    ticketlog send events.ndjson.gz --url http://127.0.0.1:8080/webhook/acme --secret-file secret --rate 50 --chaos\n\n\
    Exit code: 0 if everything was taken, 1 if the webhook was turned off or could not be reached.")]
pub(super) struct SendArgs {
    /// One webhook body a line, plain or gzip; or a file that is one body; `-` is standard input.
    file: PathBuf,
    /// Where the hook is, like `http://127.0.0.1:8080/webhook`.
    #[arg(long)]
    url: reqwest::Url,
    /// Secret to sign with, verbatim.
    #[arg(
        long,
        env = "TICKETLOG_SECRET",
        hide_env_values = true,
        value_parser = super::hooks::secret,
        required_unless_present = "secret_file"
    )]
    secret: Option<Secret>,
    /// File whose first line is the secret.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Most new events a second; without it, as fast as they are taken.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Deliveries under way at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024))]
    connections: u32,
    /// The sender at its worst: shuffled, doubled, again later, and as copies for another webhook.
    #[arg(long)]
    chaos: bool,
    /// Makes `--chaos` repeat itself.
    #[arg(long)]
    seed: Option<u64>,
}

/// Sends everything and says how it went.
pub(super) async fn run(args: SendArgs) -> anyhow::Result<ExitCode> {
    let secret = secret(&args)?;
    let file = args.file.clone();
    let bodies = tokio::task::spawn_blocking(move || bodies::read(&file))
        .await
        .context("reading the bodies")??;
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let plan = if args.chaos {
        print(&format!("Chaos with --seed {seed}"));
        plan::chaos(&bodies, seed)
    } else {
        bodies
    };
    let options = deliver::Options {
        url: args.url,
        secret,
        rate: args.rate,
        connections: usize::try_from(args.connections)?,
        retry_after: [Duration::from_secs(1), Duration::from_secs(4)],
    };
    let summary = deliver::all(plan, options).await?;
    print(&summary.to_string());
    Ok(if summary.turned_off.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn secret(args: &SendArgs) -> anyhow::Result<Secret> {
    match (&args.secret_file, &args.secret) {
        (Some(file), _) => first_line(file).with_context(|| format!("reading {}", file.display())),
        (None, Some(secret)) => Ok(secret.clone()),
        (None, None) => bail!("give --secret or --secret-file"),
    }
}

fn first_line(file: &Path) -> anyhow::Result<Secret> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    Secret::new(line).context("its first line holds no secret")
}
