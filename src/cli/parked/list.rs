//! `parked list`: which bodies are parked, and why.

use std::process::ExitCode;

use clap::Args;
use uuid::Uuid;

use crate::{
    cli::print,
    domain::{
        event::ParkReason,
        parked::{ParkedPlace, ParkedSummary},
    },
    render::parked::{self, ParkedJson, ParkedListJson},
    store::{ParkedFilter, Store},
};

/// Arguments of `parked list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog parked list\n  \
    ticketlog parked list --reason foreign_tenant --limit 20 --json\n\n\
    Without --all, those that `parked reprocess` made history of are left out.")]
pub(in crate::cli) struct ListArgs {
    /// Also those that are history by now.
    #[arg(long)]
    all: bool,
    /// Only those parked for this reason: `not_an_object`, `no_event_name`, `no_tenant`,
    /// `foreign_tenant` or `refused`.
    #[arg(long, value_parser = reason)]
    reason: Option<ParkReason>,
    /// Most bodies shown.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Go on after this parked body.
    #[arg(long, value_name = "ID")]
    after: Option<Uuid>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

fn reason(word: &str) -> Result<ParkReason, String> {
    ParkReason::parse(word).ok_or_else(|| {
        let words = ParkReason::ALL.map(ParkReason::as_str);
        format!("reasons are {}", words.join(", "))
    })
}

pub(super) async fn run(store: &Store, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let filter = ParkedFilter {
        all: args.all,
        reason: args.reason,
    };
    let after = match args.after {
        None => ParkedPlace::START,
        Some(id) => ParkedPlace {
            received_at: super::find(store, id).await?.arrival.received_at,
            parked_id: id,
        },
    };
    // One more tells whether there is more.
    let mut found = store.list_parked(filter, after, args.limit + 1).await?;
    let more = found.len() > usize::from(args.limit);
    found.truncate(args.limit.into());
    let next = found.last().filter(|_| more).map(id);
    if args.json {
        let items = found.into_iter().map(ParkedJson::from).collect();
        let list = ParkedListJson { items, next };
        print(&serde_json::to_string_pretty(&list)?);
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        print("nothing is parked");
        return Ok(ExitCode::SUCCESS);
    }
    let more = next.map_or_else(String::new, |id| format!("; more with --after {id}"));
    let table = parked::list(&found);
    print(&format!("{table}\n{} parked{more}", found.len()));
    Ok(ExitCode::SUCCESS)
}

fn id(parked: &ParkedSummary) -> Uuid {
    parked.place.parked_id
}
