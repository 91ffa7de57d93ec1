//! `search`: questions to the history in its language.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{database::Database, hooks::tenant, print, print_bytes};
use crate::{
    clock,
    config::Shared,
    domain::{
        ids::Tenant,
        instant::ticks_of_timestamp,
        label::{Labels, wanted as wanted_labels},
        page::{MAX_LIMIT, cut},
        search::{FoundChange, FoundCount, FoundTicket, Query, Search},
        zone::ZoneName,
    },
    render::{
        csv,
        found::{self, CountJson, FoundChangeJson, FoundCountJson, FoundTicketJson},
        json::ListJson,
    },
    store::{Store, StoreError},
};

/// Arguments of `search`.
#[derive(Debug, Args)]
#[command(
    after_help = "The language is described in docs/search.md.\n\nExamples:\n  \
        ticketlog search Cust10498 'status changed from 1 to 2 by 19 after 2016-05-01'\n  \
        ticketlog search Cust10498 \"ticket_status changed to 'Resolved'\" --return count\n  \
        ticketlog search Cust10498 'after 2016-05-01' --return matrix --csv"
)]
pub(super) struct SearchArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// The search.
    query: String,
    /// What to give.
    #[arg(long = "return", value_enum, default_value_t = Give::Changes)]
    give: Give,
    /// The time zone of its days, by its IANA name; without it the tenant's, else UTC.
    #[arg(long)]
    zone: Option<String>,
    /// Show how Postgres would find the changes instead of finding them.
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    explain: bool,
    #[command(flatten)]
    form: Form,
}

/// What is given of the changes that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Give {
    /// The changes.
    Changes,
    /// Their tickets.
    Tickets,
    /// Their number.
    Count,
    /// How many each actor made to each field.
    Matrix,
}

/// How much, and in which form.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a command line")]
pub(super) struct Form {
    /// With what is left out otherwise: fields that were declared but held, and bookkeeping.
    #[arg(long)]
    noise: bool,
    /// Most that are shown.
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: usize,
    /// Newest first; tickets with the greatest number first; a matrix from its end.
    #[arg(long)]
    desc: bool,
    /// As the JSON that the API gives.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// As CSV.
    #[arg(long)]
    csv: bool,
}

/// What is asked, of whom.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) tenant: Tenant,
    pub(super) query: Query,
    pub(super) give: Give,
    pub(super) zone: Option<String>,
    pub(super) explain: bool,
}

/// Prints what a search finds.
pub(super) async fn run(shared: &Shared, args: SearchArgs) -> anyhow::Result<ExitCode> {
    let wanted = Ask {
        tenant: tenant(&args.tenant)?,
        query: Query::parse(&args.query)?,
        give: args.give,
        zone: args.zone,
        explain: args.explain,
    };
    ask(shared, wanted, args.form).await
}

/// Opens the database, asks, and prints the answer.
pub(super) async fn ask(shared: &Shared, wanted: Ask, form: Form) -> anyhow::Result<ExitCode> {
    let database = Database::open(shared).await?;
    let shown = answer(&database, wanted, &form).await;
    database.close().await?;
    if form.csv {
        // Its rows have their ends.
        print_bytes(shown?.as_bytes())?;
    } else {
        print(&shown?);
    }
    Ok(ExitCode::SUCCESS)
}

async fn answer(database: &Database, wanted: Ask, form: &Form) -> anyhow::Result<String> {
    let Ask {
        tenant,
        query,
        give,
        zone,
        explain,
    } = wanted;
    let store = &database.store;
    database.projected(&tenant).await?;
    let query = query.and(Vec::new(), form.noise)?;
    let zone = match zone {
        Some(name) => Some(ZoneName::parse(&name)?.as_str().to_owned()),
        None => store.find_zone(&tenant).await?,
    };
    // A name that this program does not know was set by a later one.
    let zone = zone
        .and_then(|name| TimeZone::get(&name).ok())
        .unwrap_or(TimeZone::UTC);
    let known = store.find_known(&tenant, &query.wanted()).await?;
    let search = query.resolve(&known, &zone)?;
    if explain {
        let plan = store
            .explain_search(&tenant, &search, form.desc, MAX_LIMIT)
            .await?;
        return Ok(plan.join("\n"));
    }
    let (shown, count, more) = match give {
        Give::Changes => {
            let (found, more) = changes(store, &tenant, &search, form).await?;
            let labels = store.find_labels(&tenant, &wanted_labels(&found)).await?;
            (form.changes(&found, &labels)?, found.len(), more)
        }
        Give::Tickets => {
            let (found, more) = tickets(store, &tenant, &search, form).await?;
            (form.tickets(&found)?, found.len(), more)
        }
        Give::Count => {
            let count = store.search_count(&tenant, &search).await?;
            return form.count(CountJson { count });
        }
        Give::Matrix => {
            let (found, more) = counts(store, &tenant, &search, form).await?;
            let labels = store.find_labels(&tenant, &wanted_labels(&found)).await?;
            (form.matrix(&found, &labels)?, found.len(), more)
        }
    };
    if form.json || form.csv {
        return Ok(shown);
    }
    let what = match give {
        Give::Tickets => "tickets",
        Give::Matrix => "pairs of actor and field",
        Give::Changes | Give::Count => "changes",
    };
    let rest = if more { "; --limit shows more" } else { "" };
    Ok(format!("{shown}\n{count} {what}{rest}"))
}

async fn changes(
    store: &Store,
    tenant: &Tenant,
    search: &Search,
    form: &Form,
) -> anyhow::Result<(Vec<FoundChange>, bool)> {
    let page = async |last: Option<&FoundChange>| {
        let after = last.map(FoundChange::place);
        store
            .search_changes(tenant, search, form.desc, after, MAX_LIMIT)
            .await
    };
    gather(form.limit, page).await
}

async fn tickets(
    store: &Store,
    tenant: &Tenant,
    search: &Search,
    form: &Form,
) -> anyhow::Result<(Vec<FoundTicket>, bool)> {
    let page = async |last: Option<&FoundTicket>| {
        let after = last.map(|found| found.ticket);
        store
            .search_tickets(tenant, search, form.desc, after, MAX_LIMIT)
            .await
    };
    gather(form.limit, page).await
}

async fn counts(
    store: &Store,
    tenant: &Tenant,
    search: &Search,
    form: &Form,
) -> anyhow::Result<(Vec<FoundCount>, bool)> {
    let one_more = form.limit.saturating_add(1).try_into().unwrap_or(u32::MAX);
    let mut found = store
        .search_counts(tenant, search, form.desc, None, one_more)
        .await?;
    let more = cut(&mut found, form.limit).is_some();
    Ok((found, more))
}

/// As many as are wanted, page by page after the last of the page before, and whether there are more.
async fn gather<T>(
    most: usize,
    page: impl AsyncFn(Option<&T>) -> Result<Vec<T>, StoreError>,
) -> anyhow::Result<(Vec<T>, bool)> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let mut found = page(all.last()).await?;
        let is_last = found.len() < usize::from(MAX_LIMIT);
        all.append(&mut found);
        if is_last || all.len() > most {
            let more = cut(&mut all, most).is_some();
            return Ok((all, more));
        }
    }
}

impl Form {
    fn changes(&self, found: &[FoundChange], labels: &Labels) -> anyhow::Result<String> {
        if !self.json && !self.csv {
            return Ok(found::changes(found, labels));
        }
        let items = found.iter().cloned();
        self.items(
            items
                .map(|found| FoundChangeJson::new(found, labels))
                .collect(),
        )
    }

    fn tickets(&self, found: &[FoundTicket]) -> anyhow::Result<String> {
        if !self.json && !self.csv {
            return Ok(found::tickets(found));
        }
        self.items(found.iter().cloned().map(FoundTicketJson::from).collect())
    }

    fn matrix(&self, found: &[FoundCount], labels: &Labels) -> anyhow::Result<String> {
        let now = ticks_of_timestamp(clock::now());
        if !self.json && !self.csv {
            return Ok(found::counts(found, labels, now));
        }
        let items = found.iter().cloned();
        self.items(
            items
                .map(|found| FoundCountJson::new(found, labels, now))
                .collect(),
        )
    }

    fn items<T: Serialize + csv::Table>(&self, items: Vec<T>) -> anyhow::Result<String> {
        if self.json {
            return Ok(serde_json::to_string_pretty(&ListJson {
                items,
                next: None,
            })?);
        }
        as_csv(&items)
    }

    fn count(&self, count: CountJson) -> anyhow::Result<String> {
        match (self.json, self.csv) {
            (true, _) => Ok(serde_json::to_string_pretty(&count)?),
            (_, true) => as_csv(&[count]),
            _ => Ok(count.count.to_string()),
        }
    }
}

fn as_csv<T: csv::Table>(items: &[T]) -> anyhow::Result<String> {
    let mut table = csv::header::<T>();
    table.extend(csv::rows(items));
    Ok(String::from_utf8(table)?)
}
