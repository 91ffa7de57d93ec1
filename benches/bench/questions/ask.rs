//! Asking in a closed loop.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use reqwest::Client;
use tokio::task::JoinSet;

/// Asks for these paths in turn over some connections for some time; gives how long each answer took.
///
/// # Errors
/// If an answer is not 200.
pub(crate) async fn ask(
    client: &Client,
    paths: &[String],
    connections: usize,
    time: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let paths: Arc<[String]> = paths.into();
    let end = Instant::now() + time;
    let mut asking = JoinSet::new();
    for first in 0..connections {
        let (client, paths) = (client.clone(), Arc::clone(&paths));
        asking.spawn(async move {
            let mut times = Vec::new();
            let turn = paths.iter().cycle().skip(first * paths.len() / connections);
            for path in turn {
                let begun = Instant::now();
                if begun >= end {
                    break;
                }
                let answer = client.get(path).send().await?;
                let status = answer.status();
                let body = answer.bytes().await?;
                ensure!(
                    status.is_success(),
                    "{path} was answered {status}: {}",
                    String::from_utf8_lossy(&body)
                );
                times.push(begun.elapsed());
            }
            Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = asking.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}
