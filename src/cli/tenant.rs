//! `tenant`: what is set for a tenant.

use std::process::ExitCode;

use clap::Subcommand;

use super::{database::Database, hooks::tenant, print};
use crate::{config::Shared, domain::zone::ZoneName, store::Store};

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
    };
    let tenant = tenant(&name)?;
    let zone = store.find_zone(&tenant).await?;
    let zone = zone.unwrap_or_else(|| "none, which means UTC".to_owned());
    Ok(format!("tenant: {tenant}\nzone: {zone}"))
}
