//! `token`: who may read over HTTP.

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use uuid::Uuid;

use super::{database::Database, print, print_bytes};
use crate::{
    clock,
    config::Shared,
    domain::{
        expiry::expiry,
        ids::Tenant,
        token::{Access, Scope, Token, TokenState, TokenSummary},
    },
    render::{
        json::ListJson,
        token::{TokenJson, list, scopes, tenants},
    },
    store::Store,
};

/// Tokens that are read at a time.
const PAGE: u16 = 500;

/// Fewest characters of a prefix by which a token is revoked: fewer are more likely an accident.
const MIN_PREFIX_CHARS: usize = 6;

/// Sub-commands of `token`.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it, alone and only this once, to standard output.
    #[command(after_help = "Examples:\n  \
        ticketlog token create --scope read\n  \
        ticketlog token create --tenant Cust10498 --scope read --scope report --expires 90d --name 'BI'\n  \
        TOKEN=$(ticketlog token create --scope admin --expires 2027-01-31)\n  \
        curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/v1/tenants\n\n\
        Works while `serve` runs, and counts at once.")]
    Create(CreateArgs),
    /// Show which tokens there are: how each begins and what it is good for.
    #[command(after_help = "Example:\n  ticketlog token list --json")]
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Refuse a token from now on.
    #[command(after_help = "Example:\n  ticketlog token revoke tl_Ab3dEf9h")]
    Revoke {
        /// How the token begins, as `token list` shows it, or its id.
        prefix: String,
    },
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// A tenant that it may ask about; may be repeated. Without any it may ask about all, also those to
    /// come.
    #[arg(long, value_name = "TENANT", value_parser = tenant)]
    tenant: Vec<Tenant>,
    /// What it is good for; may be repeated: `read` (histories), `report` (reports), `admin` (both, what is
    /// set, and how the service is).
    #[arg(long, required = true, value_parser = scope)]
    scope: Vec<Scope>,
    /// When it ends: an instant (`2027-01-31T12:00:00Z`), a date (its first instant in UTC) or a span
    /// (`90d`, `12h`). Without, it lasts until it is revoked.
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// What to know it by.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

fn tenant(name: &str) -> Result<Tenant, String> {
    super::hooks::tenant(name).map_err(|error| error.to_string())
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::parse(word).ok_or_else(|| {
        let words = Scope::ALL.map(Scope::as_str);
        format!("scopes are {}", words.join(", "))
    })
}

/// Carries out a sub-command.
pub(super) async fn run(shared: &Shared, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    // What is wrong with them should not take a database to say.
    let expires_at = match &command {
        TokenCommand::Create(CreateArgs {
            expires: Some(text),
            ..
        }) => Some(expiry(text, now).map_err(|error| anyhow::anyhow!("--expires: {error}"))?),
        _ => None,
    };
    let database = Database::open(shared).await?;
    let store = &database.store;
    let done = match command {
        TokenCommand::Create(args) => create(shared, store, args, expires_at, now).await,
        TokenCommand::List { json } => show(store, json, now).await,
        TokenCommand::Revoke { prefix } => revoke(store, &prefix, now).await,
    };
    database.close().await?;
    done?;
    Ok(ExitCode::SUCCESS)
}

/// Says on standard error once more how to make one, if none was ever made.
pub(super) async fn tell_if_none(shared: &Shared, store: &Store) {
    match store.has_any_token().await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(
            "No token has been made: reads are refused. Make one with: ticketlog token create --scope read{}",
            shared.elsewhere()
        ),
        Err(error) => tracing::warn!(%error, "Could not see whether a token has been made"),
    }
}

async fn create(
    shared: &Shared,
    store: &Store,
    args: CreateArgs,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("asking the system for random bits")?;
    let token = Token::of(random);
    let made = TokenSummary {
        token_id: Uuid::now_v7(),
        prefix: token.prefix().to_owned(),
        access: Access {
            tenants: (!args.tenant.is_empty()).then(|| args.tenant.into_iter().collect()),
            scopes: args.scope.into_iter().collect(),
        },
        name: args.name,
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    store.insert_token(&token.hash(), &made).await?;
    explain(&made, &shared.elsewhere());
    for tenant in made.access.tenants.iter().flatten() {
        if store.find_head(tenant).await?.is_none() {
            eprintln!(
                "No event of a tenant \"{tenant}\" was received yet: is it spelt as SuperOffice does?"
            );
        }
    }
    print_bytes(format!("{}\n", token.expose()).as_bytes())
}

/// All but the token itself.
fn explain(made: &TokenSummary, elsewhere: &str) {
    let tenants = match &made.access.tenants {
        None => "all tenants".to_owned(),
        Some(_) => tenants(&made.access),
    };
    let end = match made.expires_at {
        None => "until it is revoked".to_owned(),
        Some(at) => format!("until {at}"),
    };
    eprintln!(
        "The token {0}… is good for {1} of {tenants}, {end}. It is shown only this once. To use and to revoke it:\n  \
         curl -H 'Authorization: Bearer TOKEN' http://127.0.0.1:8080/v1/tenants\n  \
         ticketlog token revoke {0}{elsewhere}",
        made.prefix,
        scopes(&made.access),
    );
}

async fn show(store: &Store, json: bool, now: Timestamp) -> anyhow::Result<()> {
    let mut tokens: Vec<TokenSummary> = Vec::new();
    loop {
        let after = tokens.last().map(|token| token.token_id);
        let mut page = store.list_tokens(after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        tokens.append(&mut page);
    }
    if json {
        let items: Vec<TokenJson> = tokens
            .into_iter()
            .map(|token| TokenJson::new(token, now))
            .collect();
        let json = ListJson { items, next: None };
        print(&serde_json::to_string_pretty(&json)?);
    } else if tokens.is_empty() {
        print("no token has been made");
    } else {
        print(&list(&tokens, now));
    }
    Ok(())
}

async fn revoke(store: &Store, named: &str, now: Timestamp) -> anyhow::Result<()> {
    // Somebody may have nothing but the token itself at hand.
    let token = Token::parse(named);
    let named = token.as_ref().map_or(named, Token::prefix);
    ensure!(
        named.len() >= MIN_PREFIX_CHARS,
        "give at least {MIN_PREFIX_CHARS} characters of the token, as `token list` shows them"
    );
    let mut found = store.list_tokens_called(named, PAGE).await?;
    ensure!(
        !found.is_empty(),
        "no token begins with {named}: `token list` shows all"
    );
    let revoked = |token: &TokenSummary| token.state(now) == TokenState::Revoked;
    if !found.iter().all(revoked) {
        found.retain(|token| !revoked(token));
    }
    match found.as_slice() {
        [token] if revoked(token) => {
            print(&format!("{}… was revoked before", token.prefix));
        }
        [token] => {
            store.revoke_token(token.token_id, now).await?;
            print(&format!("{}… is revoked", token.prefix));
        }
        several => bail!(
            "several tokens begin with {named}: give more of it, or the id that `token list --json` shows\n{}",
            list(several, now)
        ),
    }
    Ok(())
}
