//! What an operator has set for a tenant.

use std::collections::{BTreeMap, BTreeSet};

use super::{Store, StoreError};
use crate::domain::{ids::Tenant, zone::ZoneName};

impl Store {
    /// The time zone in which a tenant's days are counted, by its IANA name; `None` if none was set, which
    /// means UTC.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_zone(&self, tenant: &Tenant) -> Result<Option<String>, StoreError> {
        let question = sqlx::query!(
            "SELECT zone FROM tenant_setting WHERE tenant = $1",
            tenant.as_str()
        );
        let row = self.lookups.fetch_optional(question).await?;
        Ok(row.and_then(|row| row.zone))
    }

    /// The zones of those of `among` that have one; `None` is all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_zones(
        &self,
        among: Option<&BTreeSet<Tenant>>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let among: Option<Vec<&str>> =
            among.map(|tenants| tenants.iter().map(Tenant::as_str).collect());
        let rows = sqlx::query!(
            r#"SELECT tenant, zone AS "zone!" FROM tenant_setting
               WHERE zone IS NOT NULL AND ($1::text[] IS NULL OR tenant = ANY($1))"#,
            among as _,
        )
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.into_iter().map(|row| (row.tenant, row.zone)).collect())
    }

    /// Sets a tenant's time zone, whether or not it has a log yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn put_zone(&self, tenant: &Tenant, zone: &ZoneName) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO tenant_setting (tenant, zone) VALUES ($1, $2)
             ON CONFLICT (tenant) DO UPDATE SET zone = EXCLUDED.zone",
            tenant.as_str(),
            zone.as_str(),
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }
}
