//! `changes`: who changed what, across tickets, by plain options.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::{
    hooks::tenant,
    search::{Ask, Form, Give, ask},
};
use crate::{
    config::Shared,
    domain::{
        history::Kind,
        ids::{Actor, NoActor},
        instant::OccurredAt,
        search::{Plain, Query},
    },
};

/// An actor, or nobody.
#[derive(Debug, Clone, Copy)]
struct Whom(Option<Actor>);

fn actor(text: &str) -> Result<Whom, NoActor> {
    Actor::read(text).map(Whom)
}

/// Arguments of `changes`.
#[derive(Debug, Args)]
#[command(
    after_help = "An option that is given more than once means any of.\n\nExample:\n  \
        ticketlog changes Cust10498 --field ticket_status --to 7 --since 2016-06-01T00:00:00Z --desc"
)]
pub(super) struct ChangesArgs {
    /// The customer, as in `ContextIdentifier`.
    tenant: String,
    /// Only changes of this field.
    #[arg(long)]
    field: Vec<String>,
    /// Only changes of this kind.
    #[arg(long)]
    kind: Vec<Word>,
    /// Only from this value of the field: JSON, else a string or a label; of a ticket field `none` is no value.
    #[arg(
        long,
        value_name = "VALUE",
        requires = "field",
        allow_hyphen_values = true
    )]
    from: Vec<String>,
    /// Only to this value of the field: JSON, else a string or a label.
    #[arg(
        long,
        value_name = "VALUE",
        requires = "field",
        allow_hyphen_values = true
    )]
    to: Vec<String>,
    /// Only by this actor; `none` is nobody whom the sender named.
    #[arg(long, allow_negative_numbers = true, value_parser = actor)]
    actor: Vec<Whom>,
    /// Only of this ticket.
    #[arg(long)]
    ticket: Vec<i64>,
    /// Not before this instant, like 2025-05-19T09:56:33Z.
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Before this instant.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// Only what the sender declared.
    #[arg(long, conflicts_with = "undeclared")]
    declared: bool,
    /// Only what the sender did not declare.
    #[arg(long)]
    undeclared: bool,
    #[command(flatten)]
    form: Form,
}

/// A kind of change by its word.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Word {
    Changed,
    Initial,
    NotSent,
    Set,
    Touched,
}

/// Prints changes.
pub(super) async fn run(shared: &Shared, args: ChangesArgs) -> anyhow::Result<ExitCode> {
    let tenant = tenant(&args.tenant)?;
    let instant = |text: &String| {
        OccurredAt::parse_zoned(text)
            .map(|at| at.ticks())
            .with_context(|| format!("\"{text}\" is no instant like 2025-05-19T09:56:33Z"))
    };
    let plain = Plain {
        fields: args.field,
        kinds: args.kind.into_iter().map(Kind::from).collect(),
        from_values: args.from,
        to_values: args.to,
        actors: args.actor.into_iter().map(|Whom(actor)| actor).collect(),
        tickets: args.ticket,
        since_ticks: args.since.as_ref().map(instant).transpose()?,
        until_ticks: args.until.as_ref().map(instant).transpose()?,
        declared: (args.declared || args.undeclared).then_some(args.declared),
    };
    let query = Query::parse("")?.and(plain.into_exprs()?, false)?;
    let wanted = Ask {
        tenant,
        query,
        give: Give::Changes,
        zone: None,
        explain: false,
    };
    ask(shared, wanted, args.form).await
}

impl From<Word> for Kind {
    fn from(word: Word) -> Self {
        match word {
            Word::Changed => Self::Changed,
            Word::Initial => Self::Initial,
            Word::NotSent => Self::NotSent,
            Word::Set => Self::Set,
            Word::Touched => Self::Touched,
        }
    }
}
