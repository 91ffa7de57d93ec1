//! `tenant`: what is set for a tenant, and the identity of its log.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::bail;
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{database::Database, hooks::tenant, print};
use crate::{
    config::Shared,
    domain::{ids::Tenant, zone::ZoneName},
    store::Store,
};

/// Sub-commands of `tenant`.
#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Change what is set for a tenant.
    #[command(after_help = "Example:\n  ticketlog tenant set Cust10498 --zone Europe/Oslo")]
    Set {
        /// The customer, as in `ContextIdentifier`; it need have no event yet.
        tenant: String,
        /// Its time zone, by its IANA name: in it a day begins and ends where a question names none.
        #[arg(long, value_parser = zone)]
        zone: ZoneName,
    },
    /// Show what is set for a tenant.
    #[command(after_help = "Example:\n  ticketlog tenant show Cust10498")]
    Show {
        /// The customer, as in `ContextIdentifier`.
        tenant: String,
    },
    /// Give logs another identity, after the database was restored from a backup.
    #[command(
        name = "renew-log",
        after_help = "Belongs to every restore: it tells those who follow a log by its log_id that what they have is not \
            what is here. Run it before anything new is stored. Events and their positions stay as they are.\n\n\
            Examples:\n  ticketlog tenant renew-log --all\n  ticketlog tenant renew-log Cust10498"
    )]
    RenewLog(RenewArgs),
}

/// Arguments of `tenant renew-log`.
#[derive(Debug, Args)]
pub(super) struct RenewArgs {
    /// The customers, as in `ContextIdentifier`.
    #[arg(value_name = "TENANT", required_unless_present = "all")]
    tenants: Vec<String>,
    /// Every tenant that has a log.
    #[arg(long, conflicts_with = "tenants")]
    all: bool,
}

fn zone(name: &str) -> Result<ZoneName, String> {
    ZoneName::parse(name).map_err(|error| error.to_string())
}

/// Carries out a sub-command.
pub(super) async fn run(shared: &Shared, command: TenantCommand) -> anyhow::Result<ExitCode> {
    let database = Database::open(shared).await?;
    let done = carry_out(&database.store, command).await;
    database.close().await?;
    print(&done?);
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(store: &Store, command: TenantCommand) -> anyhow::Result<String> {
    let name = match command {
        TenantCommand::Set { tenant: name, zone } => {
            store.put_zone(&tenant(&name)?, &zone).await?;
            name
        }
        TenantCommand::Show { tenant: name } => name,
        TenantCommand::RenewLog(args) => return renew(store, &args).await,
    };
    let tenant = tenant(&name)?;
    let zone = store.find_zone(&tenant).await?;
    let zone = zone.unwrap_or_else(|| "none, which means UTC".to_owned());
    Ok(format!("tenant: {tenant}\nzone: {zone}"))
}

/// Renews the logs of all or of those named, of which each must have one before any is renewed.
async fn renew(store: &Store, args: &RenewArgs) -> anyhow::Result<String> {
    let named = args.tenants.iter().map(|name| tenant(name));
    let named: BTreeSet<Tenant> = named.collect::<anyhow::Result<_>>()?;
    let there = store
        .list_tenants(Some(&named).filter(|_| !args.all))
        .await?;
    let there: BTreeSet<Tenant> = there.into_iter().map(|summary| summary.tenant).collect();
    if let Some(missing) = named.difference(&there).next() {
        bail!("no event of a tenant \"{missing}\" was ever received");
    }
    for tenant in &there {
        let log_id = Uuid::new_v4();
        if let Some(old) = store.renew_log(tenant, log_id).await? {
            // One by one: should the next one fail, it is known of these.
            print(&format!(
                "{tenant}: log {} up to position {} is now log {log_id}",
                old.log_id, old.head.0
            ));
        }
    }
    Ok(match there.len() {
        0 => "No event was ever received".to_owned(),
        _ => {
            "Events and positions are what they were. Whoever follows one of these logs by its log_id, or has a stream \
             of it open, is told that it is another one and has to start again from 0."
                .to_owned()
        }
    })
}
