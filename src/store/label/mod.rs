//! Labels: recording them, listing them, and finding those of what is shown or asked for.

mod bridge;
mod kept;
mod list;
mod put;
mod text;

use std::collections::BTreeSet;

pub(super) use self::kept::KeptLabels;
pub use self::{kept::LabelVersion, list::LabelFilter};

use super::{Store, StoreError};
use crate::domain::{
    ids::Tenant,
    label::{BEGINNING, Labels, built_in},
};

impl Store {
    /// The labels, with their history, of ids in lists: the operator's, where there is none from the
    /// beginning the one built in, and for an owner and an actor whom the bridge joins those of the other.
    ///
    /// One look-up to learn whether what was found before still holds, then one an id that was not, served by the
    /// primary keys. Of one id's labels the newest 1,000 are known.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_labels(
        &self,
        tenant: &Tenant,
        wanted: &BTreeSet<(String, i64)>,
    ) -> Result<Labels, StoreError> {
        if wanted.is_empty() {
            return Ok(Labels::default());
        }
        let version = self.find_label_version(tenant).await?;
        self.find_labels_at(tenant, wanted, version).await
    }

    async fn find_label_version(&self, tenant: &Tenant) -> Result<LabelVersion, StoreError> {
        let question = sqlx::query!(
            "SELECT version FROM label_version WHERE tenant = $1",
            tenant.as_str()
        );
        let row = self.lookups.fetch_optional(question).await?;
        Ok(LabelVersion(row.map(|row| row.version)))
    }

    /// [`Store::find_labels`], for whoever has read which labels there are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_labels_at(
        &self,
        tenant: &Tenant,
        wanted: &BTreeSet<(String, i64)>,
        version: LabelVersion,
    ) -> Result<Labels, StoreError> {
        let mut labels = self.find_recorded(tenant, wanted, version).await?;
        for (list, id) in wanted {
            if let Some(name) = built_in(list, *id)
                && !labels.has(list, *id, BEGINNING)
            {
                labels.add(list, *id, BEGINNING, Some(name.to_owned()));
            }
        }
        Ok(labels)
    }

    /// The same without what is built in.
    async fn find_recorded(
        &self,
        tenant: &Tenant,
        wanted: &BTreeSet<(String, i64)>,
        version: LabelVersion,
    ) -> Result<Labels, StoreError> {
        if version == LabelVersion::default() {
            return Ok(Labels::default());
        }
        let (mut labels, missing) = self.labels.find(tenant, version, wanted);
        if !missing.is_empty() {
            let (version, found) = self.look_labels_up(tenant, &missing).await?;
            self.labels.keep(tenant, version, missing, &found);
            labels.extend(found);
        }
        Ok(labels)
    }

    /// Labels of some ids, and at which version they were read.
    async fn look_labels_up(
        &self,
        tenant: &Tenant,
        wanted: &BTreeSet<(String, i64)>,
    ) -> Result<(LabelVersion, Labels), StoreError> {
        let mut labels = Labels::default();
        let mut version = LabelVersion::default();
        let (lists, ids): (Vec<String>, Vec<i64>) = wanted.iter().cloned().unzip();
        // Look-ups with limits of their own: joined freely, Postgres read the whole tenant.
        let question = sqlx::query!(
            r#"SELECT (SELECT version FROM label_version WHERE tenant = $1) AS version,
                      wanted.list AS "list!", wanted.id AS "id!", found.valid_ticks AS "valid_ticks?",
                      found.label AS "label?", found.lent AS "lent?"
               FROM UNNEST($2::text[], $3::bigint[]) AS wanted (list, id)
               LEFT JOIN LATERAL (
                   (SELECT valid_ticks, label, false AS lent FROM label
                    WHERE tenant = $1 AND list = wanted.list AND id = wanted.id
                    ORDER BY valid_ticks DESC LIMIT 1000)
                   UNION ALL
                   (SELECT label.valid_ticks, label.label, true
                    FROM (SELECT 'actor' AS list, actor AS id FROM label_bridge
                          WHERE tenant = $1 AND owner = wanted.id AND wanted.list = 'owned_by'
                          UNION ALL
                          SELECT 'owned_by', owner FROM label_bridge
                          WHERE tenant = $1 AND actor = wanted.id AND wanted.list = 'actor'
                          LIMIT 1) AS same
                    CROSS JOIN LATERAL (
                        SELECT valid_ticks, label FROM label
                        WHERE tenant = $1 AND list = same.list AND id = same.id
                        ORDER BY valid_ticks DESC LIMIT 1000) AS label)) AS found ON true"#,
            tenant.as_str(),
            &lists,
            &ids,
        );
        let rows = self.lookups.fetch_all(question).await?;
        for row in rows {
            version = LabelVersion(row.version);
            match (row.valid_ticks, row.lent) {
                (Some(from), Some(true)) => labels.lend(&row.list, row.id, from, row.label),
                (Some(from), _) => labels.add(&row.list, row.id, from, row.label),
                // It has none.
                (None, _) => {}
            }
        }
        Ok((version, labels))
    }
}
