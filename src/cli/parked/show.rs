//! `parked show`: one parked body with all that is known of it.

use std::process::ExitCode;

use clap::Args;
use uuid::Uuid;

use crate::{
    cli::{print, print_bytes},
    render::parked,
    store::Store,
};

/// Arguments of `parked show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ticketlog parked show 019c1f9e-5a6e-7a53-9c1e-7f2a55e01b64\n  \
    ticketlog parked show 019c1f9e-5a6e-7a53-9c1e-7f2a55e01b64 --raw > body.json")]
pub(in crate::cli) struct ShowArgs {
    /// Its id, as `parked list` gives it.
    id: Uuid,
    /// The body alone, byte for byte.
    #[arg(long)]
    raw: bool,
}

pub(super) async fn run(store: &Store, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let found = super::find(store, args.id).await?;
    if args.raw {
        print_bytes(&found.body)?;
    } else {
        print(&parked::show(&found));
    }
    Ok(ExitCode::SUCCESS)
}
