//! `tail`: follows a tenant's log in the terminal.

use std::{fmt::Write, ops::ControlFlow, process::ExitCode};

use clap::Args;

use super::{database::Database, hooks::tenant, output::Output, signals::StopSignals};
use crate::{
    config::Shared,
    domain::{
        ids::{Position, Tenant},
        label::Labels,
        log::StoredEvent,
    },
    render::{feed, json::EventJson, lines},
    store::{FollowError, Follower, PageSize, Store},
};

/// Events that are shown from before, as `tail -f` does.
const BEFORE: i64 = 10;

/// What is read at once, so that the first lines come soon.
const PAGE: PageSize = PageSize {
    events: 500,
    bytes: 1 << 20,
};

/// Arguments of `tail`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog tail Cust10498\n  \
    ticketlog tail Cust10498 --from-start --json | jq .body.FieldValues.status\n\n\
    Begins with the last 10 events. Ends with Ctrl-C, or when nobody reads any more.")]
pub(super) struct TailArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// Begin after this position.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..), conflicts_with = "from_start")]
    after: Option<i64>,
    /// Begin with the first event.
    #[arg(long)]
    from_start: bool,
    /// Each event as the JSON that the API gives, in one line.
    #[arg(long)]
    json: bool,
}

/// Prints events as they are stored, until it is told to stop.
pub(super) async fn run(shared: &Shared, args: TailArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let mut signals = StopSignals::listen()?;
    let database = Database::open(shared).await?;
    let shown = show(&database.store, tenant, &args, &mut signals).await;
    database.close().await?;
    shown?;
    Ok(ExitCode::SUCCESS)
}

async fn show(
    store: &Store,
    tenant: Tenant,
    args: &TailArgs,
    signals: &mut StopSignals,
) -> anyhow::Result<()> {
    let after = match args.after {
        Some(after) => Position(after),
        None if args.from_start => Position(0),
        None => {
            let head = store.find_head(&tenant).await?.unwrap_or(Position(0));
            Position((head.0 - BEFORE).max(0))
        }
    };
    let mut follower = store.follow(tenant, after, None);
    let mut output = Output::standard();
    loop {
        let (events, labels) = tokio::select! {
            page = next(&mut follower) => page?,
            () = signals.told() => return Ok(()),
        };
        let rows = if args.json {
            let events = events.into_iter();
            let events: Vec<EventJson> = events.map(|it| EventJson::new(it, &labels)).collect();
            lines::lines(&events)
        } else {
            text(&events, &labels)
        };
        let (written, told) = signals.outlast(output.write(&rows)).await;
        if written? == ControlFlow::Break(()) || told {
            return Ok(());
        }
    }
}

/// The next events, once there are some.
async fn next(follower: &mut Follower) -> Result<(Vec<StoredEvent>, Labels), FollowError> {
    loop {
        let log = follower.look().await?;
        let (events, labels) = follower.read_labelled(log.head, PAGE).await?;
        if !events.is_empty() {
            return Ok((events, labels));
        }
        follower.wait().await;
    }
}

fn text(events: &[StoredEvent], labels: &Labels) -> Vec<u8> {
    let text = events.iter().fold(String::new(), |mut text, event| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", feed::line(event, labels));
        text
    });
    text.into_bytes()
}
