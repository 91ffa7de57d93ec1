//! How long questions take, asked of a running `serve`: so many connections, each asks its next question when the
//! last was answered, about tickets, people and instants drawn from the log itself.

mod all;
mod ask;

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;

pub(crate) use self::all::Sample;
use self::ask::ask;

/// What is asked of whom.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// Where `serve` listens.
    url: String,
    /// A token with the scope `read`.
    token: String,
    /// Whose log.
    tenant: String,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Seconds for each kind of question.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// A client that shows this token.
pub(crate) fn client(token: &str) -> anyhow::Result<reqwest::Client> {
    let mut bearer = reqwest::header::HeaderValue::try_from(format!("Bearer {token}"))?;
    bearer.set_sensitive(true);
    let headers = [(reqwest::header::AUTHORIZATION, bearer)];
    let client = builder().default_headers(headers.into_iter().collect());
    Ok(client.build()?)
}

/// Of clients for services on this machine.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// Asks all kinds in turn and prints a line for each.
pub(crate) async fn run(args: &Asked) -> anyhow::Result<()> {
    ensure!(args.connections > 0, "--connections must be 1 or more");
    let client = client(&args.token)?;
    let base = format!("{}/v1/tenants/{}", args.url, args.tenant);
    let sample = Sample::draw(&client, &base)
        .await
        .context("drawing from the log")?;
    println!(
        "{} events; {} connections, {} s a question",
        sample.head, args.connections, args.seconds
    );
    println!(
        "{:<34} {:>9} {:>10} {:>10} {:>10}",
        "question", "answers/s", "median ms", "p99 ms", "max ms"
    );
    for question in &all::ALL {
        let paths = sample.paths(question, &base);
        let time = Duration::from_secs(args.seconds);
        let mut times = ask(&client, &paths, args.connections, time).await?;
        times.sort_unstable();
        let at = |share: f64| {
            let last = times.len().saturating_sub(1);
            let nth = (0..=last)
                .find(|nth| portion(*nth, last) >= share)
                .unwrap_or(last);
            times
                .get(nth)
                .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        println!(
            "{:<34} {:>9} {:>10.2} {:>10.2} {:>10.2}",
            question.name,
            u64::try_from(times.len()).unwrap_or(u64::MAX) / args.seconds.max(1),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    Ok(())
}

fn portion(nth: usize, last: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if last == 0 {
        1.0
    } else {
        number(nth) / number(last)
    }
}
