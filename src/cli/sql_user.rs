//! `sql-user`: who may read the schema `report` over a connection of their own.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, Subcommand};

use super::{database::Database, print, print_bytes, serve::duration};
use crate::{
    config::Shared,
    domain::{
        ids::Tenant,
        near::{likeness, nearest},
        sql_user::{Password, SqlUserName, SqlUserOrigin},
    },
    render::{
        json::ListJson,
        sql_user::{SqlUserJson, list},
    },
    store::{NewSqlUser, Opening, SqlUserError, Store},
};

/// Sub-commands of `sql-user`.
#[derive(Debug, Subcommand)]
pub(super) enum SqlUserCommand {
    /// Make a SQL user and print how it connects, alone and only this once, to standard output.
    #[command(after_help = "Examples:\n  \
        ticketlog sql-user create acme_bi --tenant Cust10498\n  \
        ticketlog sql-user create group_bi --tenant Cust10498 --tenant Cust20512 --timeout 5m\n  \
        psql \"$(ticketlog sql-user create kari --tenant Cust10498)\"\n\n\
        Works while `serve` runs. Of a database of your own its login must have CREATEROLE.")]
    Create(CreateArgs),
    /// Show which SQL users there are, and whose rows they see.
    #[command(after_help = "Example:\n  ticketlog sql-user list --json")]
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Drop a SQL user, ending its sessions.
    #[command(after_help = "Example:\n  ticketlog sql-user drop acme_bi")]
    Drop {
        /// Its name.
        #[arg(value_parser = name)]
        name: SqlUserName,
    },
}

/// Arguments of `sql-user create`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// What it is called: small letters, digits and '_'. A role of the whole Postgres, whose name all that log in
    /// there can see.
    #[arg(value_parser = name)]
    name: SqlUserName,
    /// A tenant whose rows it sees; may be repeated.
    #[arg(long, required = true, value_name = "TENANT", value_parser = tenant)]
    tenant: Vec<Tenant>,
    /// What a statement of its may take. It may ask for more itself; what no statement may exceed is
    /// `serve --sql-limit`.
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = timeout)]
    timeout: Duration,
}

fn name(name: &str) -> Result<SqlUserName, String> {
    SqlUserName::parse(name).map_err(|error| error.to_string())
}

fn tenant(name: &str) -> Result<Tenant, String> {
    super::hooks::tenant(name).map_err(|error| error.to_string())
}

/// What Postgres takes: whole milliseconds in 31 bits.
fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    match i32::try_from(timeout.as_millis()) {
        Ok(1..) => Ok(timeout),
        _ => Err("from 1ms to 24 days".to_owned()),
    }
}

/// Carries out a sub-command.
pub(super) async fn run(shared: &Shared, command: SqlUserCommand) -> anyhow::Result<ExitCode> {
    let database = Database::open(shared).await?;
    let done = match command {
        SqlUserCommand::Create(args) => create(shared, &database, args).await,
        SqlUserCommand::List { json } => show(&database.store, json).await,
        SqlUserCommand::Drop { name } => forget(&database.store, &name).await,
    };
    database.close().await?;
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn create(shared: &Shared, database: &Database, args: CreateArgs) -> anyhow::Result<()> {
    let store = &database.store;
    let tenants: BTreeSet<Tenant> = args.tenant.into_iter().collect();
    for tenant in &tenants {
        ensure_log(store, tenant).await?;
    }
    let password = Password::of(random()?);
    let new = NewSqlUser {
        name: &args.name,
        verifier: &password.verifier(random()?),
        tenants: &tenants,
        statement_timeout: args.timeout,
    };
    let elsewhere = shared.elsewhere();
    let made = store.create_sql_user(&new).await;
    let closed = made.map_err(|error| explained(error, &args.name, &elsewhere))?;
    let network = if database.is_private() {
        store.find_network_url(&args.name, &password).await?
    } else {
        None
    };
    explain(&new, &closed, &elsewhere);
    if database.is_private() && network.is_none() {
        eprintln!(
            "This Postgres listens only on its socket, for the user that runs it. For tools elsewhere start\n  \
             ticketlog serve --sql-listen 127.0.0.1:6432{elsewhere}\n\
             and connect to that address and port with the same user, password and database."
        );
    }
    let url = network.unwrap_or_else(|| store.url_of_sql_user(&args.name, &password));
    print_bytes(format!("{url}\n").as_bytes())
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut random = [0; N];
    getrandom::fill(&mut random).context("asking the system for random bits")?;
    Ok(random)
}

/// Refuses a tenant without a log, which is more likely misspelt than to come.
async fn ensure_log(store: &Store, tenant: &Tenant) -> anyhow::Result<()> {
    if store.find_head(tenant).await?.is_some() {
        return Ok(());
    }
    let known = store.list_tenants(None).await?;
    let known = known
        .into_iter()
        .map(|known| known.tenant.as_str().to_owned());
    let asked = tenant.as_str().to_ascii_lowercase();
    let near = nearest(known.collect(), |name| {
        likeness(&asked, &name.to_ascii_lowercase())
    });
    ensure!(
        !near.is_empty(),
        "no event of a tenant \"{tenant}\" was ever received"
    );
    bail!(
        "no event of a tenant \"{tenant}\" was ever received; did you mean {}?",
        near.join(" or ")
    )
}

/// All but the connection string.
fn explain(new: &NewSqlUser<'_>, closed: &[String], elsewhere: &str) {
    let tenants: Vec<&str> = new.tenants.iter().map(Tenant::as_str).collect();
    for statement in closed {
        eprintln!("Closed to everybody but the service: {statement}");
    }
    eprintln!(
        "The SQL user {0} reads {1} in the schema report and nothing else, {2:?} a statement. How it connects is shown \
         only this once: the password is in it. To try it and to undo it:\n  \
         psql 'STRING' -c '\\d+ report.*'\n  \
         ticketlog sql-user drop {0}{elsewhere}",
        new.name,
        tenants.join(", "),
        new.statement_timeout,
    );
}

async fn show(store: &Store, json: bool) -> anyhow::Result<()> {
    let users = store.list_sql_users().await?;
    if json {
        let items: Vec<SqlUserJson> = users.into_iter().map(SqlUserJson::from).collect();
        let json = ListJson { items, next: None };
        print(&serde_json::to_string_pretty(&json)?);
    } else if users.is_empty() {
        print("no SQL user has been made");
    } else {
        print(&list(&users));
    }
    Ok(())
}

async fn forget(store: &Store, name: &SqlUserName) -> anyhow::Result<()> {
    let dropped = store.drop_sql_user(name).await;
    dropped.map_err(|error| explained(error, name, ""))?;
    print(&format!("{name} is dropped"));
    Ok(())
}

/// What to do about it.
fn explained(error: SqlUserError, name: &SqlUserName, elsewhere: &str) -> anyhow::Error {
    match error {
        SqlUserError::MayNot(role) => anyhow!(
            "the role \"{role}\" may not make roles. Let a superuser run\n  ALTER ROLE \"{role}\" CREATEROLE;"
        ),
        SqlUserError::Exists(SqlUserOrigin::Ours) => anyhow!(
            "there is a SQL user {name} already. To make it anew, drop it first:\n  \
             ticketlog sql-user drop {name}{elsewhere}"
        ),
        SqlUserError::Exists(_) => anyhow!(
            "there is a role {name} already that was not made for this database: choose another name"
        ),
        SqlUserError::Open(openings) => anyhow!("{}", opened(name, &openings)),
        SqlUserError::Unknown => {
            anyhow!("there is no SQL user {name}: `ticketlog sql-user list` shows all")
        }
        SqlUserError::Foreign => anyhow!(
            "the role {name} was not made for this database by sql-user create, so it stays. To take its tenants \
             from it:\n  DELETE FROM report_reader WHERE role = '{name}';"
        ),
        SqlUserError::Busy => anyhow!(
            "the sessions of {name} do not end. It can no longer log in; try again in a while"
        ),
        error => error.into(),
    }
}

fn opened(name: &SqlUserName, openings: &[Opening]) -> String {
    let lines = |text: fn(&Opening) -> &str, end: &str| -> String {
        let lines = openings.iter().map(|it| format!("\n  {}{end}", text(it)));
        lines.collect()
    };
    format!(
        "{name} could do more than read the schema report, as everybody can in this database:{}\n\
         and it is not the service's to close. Nothing was changed. Let the owner, or a superuser, run in it{}",
        lines(|it| &it.what, ""),
        lines(|it| &it.close, ";"),
    )
}
