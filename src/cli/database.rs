//! Which database a command uses: the one it was given, or the private cluster.

use std::path::PathBuf;

use anyhow::Context;

use crate::{
    config::{DatabaseUrl, Shared},
    domain::ids::{Position, Tenant},
    postgres::{self, Endpoint, SUPERUSER, Session, notice::Notice},
    project,
    store::{self, Address, SERVICE, Store, StoreError},
};

/// A store, and the private cluster behind it if there is one.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) store: Store,
    session: Option<Session>,
}

impl Database {
    /// Opens the database for a command that ends by itself. A private cluster that runs is used,
    /// otherwise one is started for as long as the command takes.
    pub(super) async fn open(shared: &Shared) -> anyhow::Result<Self> {
        if let Some(address) = given(shared)? {
            let store = Store::open(&address)
                .await
                .context("opening the database")?;
            return Ok(Self {
                store,
                session: None,
            });
        }
        let settings = shared.postgres(data_dir(shared)?);
        let session = postgres::attach_or_start(&settings, &tell).await?;
        let store = open_private(session.endpoint())
            .await
            .context("opening the private Postgres")?;
        Ok(Self {
            store,
            session: Some(session),
        })
    }

    /// True for the cluster of our own.
    pub(super) fn is_private(&self) -> bool {
        self.session.is_some()
    }

    /// Projects what of a tenant's log is not projected yet, unless a `serve` is at it; gives the position
    /// that the projection has reached at least.
    pub(super) async fn projected(&self, tenant: &Tenant) -> anyhow::Result<Position> {
        let head = self.store.find_head(tenant).await?;
        let head =
            head.with_context(|| format!("no event of a tenant \"{tenant}\" was ever received"))?;
        project::catch_up(&self.store, tenant, head)
            .await
            .context("projecting")?;
        Ok(head)
    }

    /// Closes the store and ends the cluster, if it was started for this command.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.store.close().await;
        if let Some(session) = self.session {
            session.close(&tell).await?;
        }
        Ok(())
    }
}

/// The folder of everything local.
pub(super) fn data_dir(shared: &Shared) -> anyhow::Result<PathBuf> {
    shared
        .data_dir()
        .context("there is no home folder to keep data in: give --data-dir")
}

/// The database that the user named.
pub(super) fn given(shared: &Shared) -> anyhow::Result<Option<Address>> {
    let url = shared.database_url.as_ref().map(DatabaseUrl::expose);
    let url = url.filter(|url| !url.is_empty());
    Ok(url.map(Address::parse).transpose()?)
}

/// Opens the service's database in a private cluster, making it first if it is new.
pub(super) async fn open_private(endpoint: &Endpoint) -> Result<Store, StoreError> {
    let address =
        |role, database| Address::of_socket(&endpoint.socket_dir, endpoint.port, role, database);
    store::provision(&address(SUPERUSER, "postgres"), SERVICE).await?;
    Store::open(&address(SERVICE, SERVICE)).await
}

/// The URL of the service's database in a private cluster.
pub(super) fn url(endpoint: &Endpoint) -> String {
    let host: String = endpoint
        .socket_dir
        .to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!(
        "postgres://{SERVICE}@localhost/{SERVICE}?host={host}&port={}",
        endpoint.port
    )
}

/// Shows what the private cluster has to say.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a callback takes what it is given"
)]
pub(super) fn tell(notice: Notice) {
    match &notice {
        Notice::Died { log, .. } | Notice::RestartFailed { log, .. } => {
            tracing::error!("{notice}\n{log}");
        }
        _ => tracing::info!("{notice}"),
    }
}
