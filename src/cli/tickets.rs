//! `tickets`: the desk, now or then, in the terminal.

use std::{fmt::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::{database::Database, hooks::tenant, print, print_bytes};
use crate::{
    clock,
    config::Shared,
    domain::{
        desk::{Filter, Order},
        fields::TICKET_FIELDS,
        history::History,
        ids::{Position, Tenant, TicketId},
        instant::{OccurredAt, ticks_of_timestamp, timestamp_of_ticks},
        label::wanted,
    },
    render::{
        csv, desk,
        json::{ListJson, TicketJson},
    },
    store::{Desk, Store, TicketHistory},
};

/// Tickets folded at a time.
const PAGE: usize = 1000;

/// Arguments of `tickets`.
#[derive(Debug, Args)]
#[command(
    after_help = "A field that is asked for more than once may hold any of the values; several fields all have to \
        hold theirs. A value is JSON, else a string; `none` is any of a field's none-values.\n\nExamples:\n  \
        ticketlog tickets Cust10498 --where ticket_status=3 --where owned_by=none\n  \
        ticketlog tickets Cust10498 --where status=1 --as-of 2016-03-05T00:00:00Z"
)]
pub(super) struct TicketsArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// Only tickets that hold this value in this field; may be repeated.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    /// The tickets that there were at this instant (inclusive), as they were then.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<String>,
    /// From what was in the log by this position or instant.
    #[arg(long, value_name = "POSITION|INSTANT")]
    known_at: Option<String>,
    /// Only tickets with a last event at this instant or later.
    #[arg(long, value_name = "INSTANT")]
    changed_since: Option<String>,
    /// By number, or by last event; with a minus the greatest first.
    #[arg(long, value_enum, default_value_t = By::Ticket, allow_hyphen_values = true)]
    order: By,
    /// Most that are shown.
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: usize,
    /// As the JSON that the API gives.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// As CSV.
    #[arg(long)]
    csv: bool,
}

/// An order of tickets by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    #[value(name = "ticket")]
    Ticket,
    #[value(name = "-ticket")]
    TicketDown,
    #[value(name = "last")]
    Last,
    #[value(name = "-last")]
    LastDown,
}

/// Prints the tickets that are, or were, as asked.
pub(super) async fn run(shared: &Shared, args: TicketsArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let filter = args.filter()?;
    let database = Database::open(shared).await?;
    let shown = show(&database, &tenant, filter, &args).await;
    database.close().await?;
    if args.csv {
        // Its rows have their ends.
        print_bytes(shown?.as_bytes())?;
    } else {
        print(&shown?);
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(
    database: &Database,
    tenant: &Tenant,
    filter: Filter,
    args: &TicketsArgs,
) -> anyhow::Result<String> {
    let store = &database.store;
    let head = database.projected(tenant).await?;
    let known_at = match &args.known_at {
        Some(text) => Some(known_at(store, tenant, head, text).await?),
        None => None,
    };
    let desk = Desk {
        filter,
        order: args.order.into(),
        known_at,
    };
    let (found, more) = list(store, tenant, &desk, args.limit).await?;
    let states = found.iter().map(|found| &found.history.state);
    let labels = store.find_labels(tenant, &wanted(states)).await?;
    let now = || ticks_of_timestamp(clock::now());
    let at = desk.filter.as_of_ticks.unwrap_or_else(now);
    if args.json || args.csv {
        let items = found.into_iter().map(|found| {
            let counts = (found.events, found.undated);
            TicketJson::new(found.ticket, found.history, counts, &labels, at)
        });
        let items: Vec<TicketJson> = items.collect();
        if args.csv {
            let mut table = csv::header::<TicketJson>();
            table.extend(csv::rows(&items));
            return Ok(String::from_utf8(table)?);
        }
        return Ok(serde_json::to_string_pretty(&ListJson {
            items,
            next: None,
        })?);
    }
    let rows = found.iter().map(|found| (found.ticket, &found.history));
    let rows: Vec<(TicketId, &History)> = rows.collect();
    let mut text = desk::tickets(&rows, &labels, at);
    let more = if more {
        "; there are more: --limit shows them"
    } else {
        ""
    };
    // Writing into a string cannot fail.
    let _ = write!(text, "\n{}{more}", counted(rows.len(), "ticket"));
    Ok(text)
}

/// Page after page, until there are enough or no more; true if there are more.
async fn list(
    store: &Store,
    tenant: &Tenant,
    desk: &Desk,
    limit: usize,
) -> anyhow::Result<(Vec<TicketHistory>, bool)> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .list_desk(tenant, desk, after, PAGE.min(limit - found.len()))
            .await?;
        found.extend(page.items);
        after = page.next;
        if after.is_none() || found.len() >= limit {
            return Ok((found, after.is_some()));
        }
    }
}

/// The position that `--known-at` means.
pub(super) async fn known_at(
    store: &Store,
    tenant: &Tenant,
    head: Position,
    text: &str,
) -> anyhow::Result<Position> {
    if let Ok(position) = text.parse() {
        return Ok(Position(position).min(head));
    }
    let at = timestamp_of_ticks(instant(text)?.ticks());
    Ok(store.find_position_at(tenant, at).await?)
}

/// An instant of an option.
pub(super) fn instant(text: &str) -> anyhow::Result<OccurredAt> {
    OccurredAt::parse_zoned(text)
        .with_context(|| format!("\"{text}\" is no instant like 2025-05-19T09:56:33Z"))
}

/// `1 ticket`, `2 tickets`.
pub(super) fn counted(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

impl TicketsArgs {
    fn filter(&self) -> anyhow::Result<Filter> {
        let ticks = |text: &Option<String>| -> anyhow::Result<Option<i64>> {
            text.as_deref()
                .map(|text| instant(text).map(|at| at.ticks()))
                .transpose()
        };
        let mut filter = Filter {
            since_ticks: ticks(&self.changed_since)?,
            as_of_ticks: ticks(&self.as_of)?,
            ..Filter::default()
        };
        for asked in &self.fields {
            let (field, value) = asked
                .split_once('=')
                .with_context(|| format!("\"{asked}\" is no FIELD=VALUE"))?;
            let own = field.strip_prefix("field.").filter(|own| !own.is_empty());
            match own.or_else(|| TICKET_FIELDS.contains(&field).then_some(field)) {
                Some(field) => filter.ask(field, value),
                None => bail!(
                    "\"{field}\" is none of the ticket fields ({}); any other is asked for as field.{field}",
                    TICKET_FIELDS.join(", ")
                ),
            }
        }
        if Order::from(self.order).is_by_last() && (self.as_of.is_some() || self.known_at.is_some())
        {
            bail!("the order by last event is that of now: leave out --as-of and --known-at");
        }
        Ok(filter)
    }
}

impl From<By> for Order {
    fn from(by: By) -> Self {
        match by {
            By::Ticket => Self::Ticket,
            By::TicketDown => Self::TicketDown,
            By::Last => Self::Last,
            By::LastDown => Self::LastDown,
        }
    }
}
