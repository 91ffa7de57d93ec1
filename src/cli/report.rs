//! `report`: questions that are asked again and again, answered in the terminal.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;

use super::{database::Database, hooks::tenant, own_reports, print, print_bytes};
use crate::{
    config::Shared,
    domain::{
        ids::Tenant,
        report::{Arguments, MAX_BYTES, MAX_ROWS, Report, find},
    },
    render::{
        lines,
        report::{self, AnswerJson},
    },
    store::{ReportAnswer, built_in_reports},
};

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a name it lists the reports that there are; with --about it says what one means.\n\n\
    Examples:\n  \
    ticketlog report time_in_field --tenant Cust10498 --field status --group-by priority\n  \
    ticketlog report throughput --tenant Cust10498 --since 2016-03-01T00:00:00Z --zone Europe/Oslo\n  \
    ticketlog report transitions --tenant Cust10498 --csv > transitions.csv"
)]
pub(super) struct ReportArgs {
    /// Which report.
    name: Option<String>,
    /// The customer, as in `ContextIdentifier`.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Say what the report answers, what its words mean and what it takes.
    #[arg(long, requires = "name")]
    about: bool,
    #[command(flatten)]
    given: Given,
    /// Reports of your own: each file NAME.sql in this folder is one, as of `serve`.
    #[arg(long, value_name = "FOLDER")]
    reports: Option<PathBuf>,
    /// Another parameter, of a report of your own.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    others: Vec<String>,
    /// The tickets and events behind a row: what stands in its column `drill`.
    #[arg(long, value_name = "DRILL")]
    drill: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// As what the answer is printed; as a table without any.
#[derive(Debug, Args)]
struct Form {
    /// As the JSON that the API gives.
    #[arg(long, requires = "name", conflicts_with_all = ["csv", "ndjson"])]
    json: bool,
    /// As CSV.
    #[arg(long, requires = "name", conflicts_with = "ndjson")]
    csv: bool,
    /// As a line of JSON a row.
    #[arg(long, requires = "name")]
    ndjson: bool,
}

/// The parameters that reports that come with the program take; each takes some of them.
#[derive(Debug, Args)]
struct Given {
    /// The field that it is about.
    #[arg(long)]
    field: Option<String>,
    /// From this instant on, like 2025-05-19T09:56:33Z.
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Before this instant.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// As of this instant.
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// A row for each group: team, owner, priority, category, month …
    #[arg(long, value_name = "GROUP")]
    group_by: Option<String>,
    /// Where days, months and business hours are counted; else the tenant's zone, else UTC.
    #[arg(long)]
    zone: Option<String>,
    /// Business hours, like "Mon-Fri 08:00-16:00, Sat 10:00-14:00".
    #[arg(long)]
    hours: Option<String>,
    /// Days without business hours, like 2025-05-17,2025-12-25; needs --hours.
    #[arg(long, value_name = "DAYS")]
    holidays: Option<String>,
    /// Percentiles besides the median, like 90,95.
    #[arg(long)]
    percentiles: Option<String>,
    /// The kinds of change that count, like changed,set.
    #[arg(long)]
    kind: Option<String>,
}

impl Given {
    fn pairs(&self) -> Vec<(String, String)> {
        let all = [
            ("field", &self.field),
            ("since", &self.since),
            ("until", &self.until),
            ("at", &self.at),
            ("group_by", &self.group_by),
            ("zone", &self.zone),
            ("hours", &self.hours),
            ("holidays", &self.holidays),
            ("percentiles", &self.percentiles),
            ("kind", &self.kind),
        ];
        let given = all.into_iter().filter_map(|(name, value)| {
            let value = value.clone()?;
            Some((name.to_owned(), value))
        });
        given.collect()
    }
}

impl ReportArgs {
    fn given(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut given = self.given.pairs();
        for other in &self.others {
            let (name, value) = other
                .split_once('=')
                .with_context(|| format!("--set is NAME=VALUE, not \"{other}\""))?;
            given.push((name.to_owned(), value.to_owned()));
        }
        let drill = self.drill.as_ref();
        given.extend(drill.map(|drill| ("drill".to_owned(), drill.clone())));
        Ok(given)
    }
}

/// Prints the answer of a report, or what reports there are.
pub(super) async fn run(shared: &Shared, args: ReportArgs) -> anyhow::Result<ExitCode> {
    let own = args.reports.as_deref().map(own_reports::load).transpose()?;
    let own = own.unwrap_or_default().reports;
    let all = built_in_reports().iter().chain(&own);
    let Some(name) = &args.name else {
        print(&report::list(all));
        return Ok(ExitCode::SUCCESS);
    };
    let report = find(all, name)?;
    if args.about {
        print(&report::about(report));
        return Ok(ExitCode::SUCCESS);
    }
    let named = args.tenant.as_deref();
    let tenant = tenant(named.context("whose? give --tenant, as in `ContextIdentifier`")?)?;
    let arguments = report.read(&tenant, &args.given()?)?;
    let database = Database::open(shared).await?;
    let answered = answer(&database, &tenant, report, &arguments).await;
    database.close().await?;
    print_answer(&args.form, report, &arguments, &answered?)?;
    Ok(ExitCode::SUCCESS)
}

fn print_answer(
    form: &Form,
    report: &Report,
    arguments: &Arguments,
    answer: &ReportAnswer,
) -> anyhow::Result<()> {
    let found = &answer.found;
    if form.csv {
        print_bytes(&report::csv(&found.columns, &found.rows))?;
    } else if form.ndjson {
        print_bytes(&lines::lines(&found.rows))?;
    } else if form.json {
        let doubt = (answer.suspect_share, answer.unproven_share);
        let json = AnswerJson::new(report, arguments.shown(), doubt, &found.rows, found.capped);
        print(&serde_json::to_string_pretty(&json)?);
    } else {
        print(&show(report, arguments, answer));
    }
    // Rows alone look whole, and go into a file where nobody sees how they end.
    if found.capped && (form.csv || form.ndjson) {
        eprintln!(
            "Cut off after {} rows: there are more, and {MAX_ROWS} rows and {} MiB are the most. {}",
            found.rows.len(),
            MAX_BYTES >> 20,
            narrower(report),
        );
    }
    Ok(())
}

/// How to ask for less.
fn narrower(report: &Report) -> String {
    let takes = |name: &str| report.kind(name).is_some();
    if takes("since") && takes("until") {
        "Ask for shorter times one after the other, with --since and --until.".to_owned()
    } else {
        format!(
            "Ask for less: `ticketlog report {} --about` says with what.",
            report.name
        )
    }
}

async fn answer(
    database: &Database,
    tenant: &Tenant,
    report: &Report,
    arguments: &Arguments,
) -> anyhow::Result<ReportAnswer> {
    database.projected(tenant).await?;
    let answer = database.store.run_report(tenant, report, arguments).await;
    answer.map_err(|error| match error.refusal() {
        Some(refusal) => anyhow::anyhow!("Postgres refuses a parameter: {refusal}"),
        None => error.into(),
    })
}

fn show(report: &Report, arguments: &Arguments, answer: &ReportAnswer) -> String {
    let found = &answer.found;
    let plot = report
        .plot
        .as_deref()
        .filter(|_| arguments.drill().is_none());
    let table = match found.rows.len() {
        0 => String::new(),
        _ => format!("{}\n", report::table(&found.columns, &found.rows, plot)),
    };
    let rows = match found.rows.len() {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    let capped = if found.capped {
        format!(
            ", and there are more: {MAX_ROWS} rows and {} MiB are the most",
            MAX_BYTES >> 20
        )
    } else {
        String::new()
    };
    format!(
        "{table}{rows}{capped}. Of the intervals between events {:.1} % are suspect, {:.1} % unproven.",
        answer.suspect_share * 100.0,
        answer.unproven_share * 100.0,
    )
}
