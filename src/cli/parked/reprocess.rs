//! `parked reprocess`: reads parked bodies again as if they arrived now.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use uuid::Uuid;

use crate::{
    cli::{
        hooks::{read_hooks, tenant},
        print,
    },
    domain::{
        delivery::{Delivery, Outcome},
        event::{ParkReason, Reading},
        parked::{Parked, ParkedPlace, Say, rule_for},
    },
    render,
    store::{ParkedFilter, Store, StoreError},
};

/// Parked bodies that are looked up at a time; only their ids and first bytes are held.
const PAGE: u16 = 500;

/// Arguments of `parked reprocess`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog parked reprocess --hooks hooks.toml\n  \
    ticketlog parked reprocess 019c1f9e-5a6e-7a53-9c1e-7f2a55e01b64 --tenant Acme\n\n\
    Give it the hooks file that `serve` has: it says which hook may speak for which tenants. Without one,\n\
    only the hook `default` may, for any tenant, and what names a foreign tenant stays parked.\n\n\
    What is taken keeps its arrival, signature and headers. The parked copy stays, and running it again\n\
    adds nothing. Exit code: 0 if every body was taken, 2 if some stay parked, 1 if it could not go on.")]
pub(in crate::cli) struct ReprocessArgs {
    /// Parked bodies, by id; none means all that are not history yet.
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    /// They are this tenant's, whatever they and their hooks say.
    #[arg(long, conflicts_with = "hooks")]
    tenant: Option<String>,
    /// The hooks file, for the tenants that each hook may speak for.
    #[arg(long, value_name = "FILE")]
    hooks: Option<PathBuf>,
}

/// What became of the bodies, by outcome, and how many stay.
#[derive(Debug, Default)]
struct Tally {
    taken: BTreeMap<&'static str, u64>,
    before: u64,
    stay: u64,
}

pub(super) async fn run(store: &Store, args: &ReprocessArgs) -> anyhow::Result<ExitCode> {
    let say = match (&args.tenant, &args.hooks) {
        (Some(name), _) => Say::Tenant(tenant(name)?),
        (None, Some(file)) => {
            let hooks = read_hooks(file).with_context(|| format!("reading {}", file.display()))?;
            Say::Hooks(hooks)
        }
        (None, None) => Say::Nothing,
    };
    let mut tally = Tally::default();
    if args.ids.is_empty() {
        reprocess_all(store, &say, &mut tally).await?;
    } else {
        for id in &args.ids {
            // All are looked up first, so that a slip of the pen does nothing at all.
            super::find(store, *id).await?;
        }
        for id in &args.ids {
            reprocess(store, *id, &say, &mut tally).await?;
        }
    }
    print(&tally.summary());
    Ok(if tally.stay == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

/// Page by page in the order of arrival, so that those that stay are met once.
async fn reprocess_all(store: &Store, say: &Say, tally: &mut Tally) -> anyhow::Result<()> {
    let mut after = ParkedPlace::START;
    loop {
        let page = store
            .list_parked(ParkedFilter::default(), after, PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.place;
        for parked in &page {
            reprocess(store, parked.place.parked_id, say, tally).await?;
        }
    }
}

async fn reprocess(store: &Store, id: Uuid, say: &Say, tally: &mut Tally) -> anyhow::Result<()> {
    let parked = super::find(store, id).await?;
    if let Some(it) = &parked.reprocessed {
        tally.before += 1;
        print(&format!("{id}  before: {}", render::parked::outcome(it)));
        return Ok(());
    }
    match take(store, parked, say).await? {
        Taken::Now(outcome) => {
            *tally.taken.entry(outcome.as_str()).or_default() += 1;
            print(&format!("{id}  {}", shown(&outcome)));
        }
        Taken::Before => {
            tally.before += 1;
            print(&format!("{id}  before, by another run"));
        }
        Taken::Stays(why) => {
            tally.stay += 1;
            print(&format!("{id}  stays parked: {why}"));
        }
    }
    Ok(())
}

/// What became of one body.
enum Taken {
    Now(Outcome),
    Before,
    Stays(String),
}

async fn take(store: &Store, parked: Parked, say: &Say) -> anyhow::Result<Taken> {
    let rule = match rule_for(say, &parked.arrival.origin, parked.reason) {
        Ok(rule) => rule,
        Err(why) => return Ok(Taken::Stays(why.to_string())),
    };
    let delivery = Delivery::read(parked.body, &rule, parked.arrival);
    if let Reading::Parked(reason) = delivery.reading {
        return Ok(Taken::Stays(reason.explain().to_owned()));
    }
    match store.reprocess(&delivery).await {
        Ok(Some(outcome)) => Ok(Taken::Now(outcome)),
        Ok(None) => Ok(Taken::Before),
        Err(StoreError::Refused(error)) => {
            tracing::warn!(parked.id = %delivery.arrival.arrival_id, %error, "The database refused an event");
            Ok(Taken::Stays(ParkReason::Refused.explain().to_owned()))
        }
        Err(error) => Err(error).context("what follows was not reprocessed: run it again"),
    }
}

fn shown(outcome: &Outcome) -> String {
    let word = outcome.as_str();
    match outcome {
        Outcome::Stored(place) | Outcome::Duplicate(place) | Outcome::Conflict(place) => format!(
            "{word}: event {} of {}, position {}",
            place.event_id, place.tenant, place.position.0
        ),
        Outcome::Ignored { tenant, .. } => format!("{word}: a registration test of {tenant}"),
        Outcome::Parked(reason) => reason.explain().to_owned(),
        Outcome::Spooled { .. } => word.to_owned(),
    }
}

impl Tally {
    fn summary(&self) -> String {
        let taken: u64 = self.taken.values().sum();
        let each = self
            .taken
            .iter()
            .map(|(word, count)| format!("{count} {word}"));
        let mut text = format!("{taken} taken");
        if taken > 0 {
            text = format!("{text} ({})", each.collect::<Vec<_>>().join(", "));
        }
        if self.before > 0 {
            text = format!("{text}, {} taken before", self.before);
        }
        format!("{text}, {} left parked", self.stay)
    }
}
