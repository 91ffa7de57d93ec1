//! What a tenant has that a search can name.

use crate::{
    domain::{
        ids::Tenant,
        search::{Known, Wanted},
    },
    store::{Store, StoreError},
};

impl Store {
    /// What a tenant has of what a query names: fields, and if it lacks one, those that it has, at most
    /// 1,000; labels, with their ids and the others of their lists. Two look-ups a label.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_known(&self, tenant: &Tenant, wanted: &Wanted) -> Result<Known, StoreError> {
        let mut known = Known::default();
        if !wanted.fields.is_empty() {
            let names: Vec<String> = wanted.fields.iter().cloned().collect();
            known.fields = self
                .find_fields(tenant, &names)
                .await?
                .into_iter()
                .collect();
            if known.fields.len() < names.len() {
                known.fields.extend(self.list_fields(tenant).await?);
            }
        }
        for (list, text) in &wanted.labels {
            // No list and no label holds NUL, and Postgres takes no text that does.
            if list.contains('\0') {
                continue;
            }
            if !known.texts.contains_key(list) {
                let texts = self.list_label_texts(tenant, list).await?;
                known.texts.insert(list.clone(), texts);
            }
            if !text.contains('\0') {
                let ids = self.find_label_ids(tenant, list, text).await?;
                known.ids.insert((list.clone(), text.clone()), ids);
            }
        }
        known.texts.retain(|_, texts| !texts.is_empty());
        Ok(known)
    }

    /// Those of some fields that a ticket of the tenant ever had.
    async fn find_fields(
        &self,
        tenant: &Tenant,
        names: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let fields =
            sqlx::query_file_scalar!("src/store/search/known_fields.sql", tenant.as_str(), names)
                .fetch_all(&self.reads)
                .await?;
        Ok(fields)
    }

    /// The fields that changed, by name, at most 1,000: from one to the next in `change_by_field`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_fields(&self, tenant: &Tenant) -> Result<Vec<String>, StoreError> {
        let fields = sqlx::query_scalar!(
            r#"WITH RECURSIVE name AS (
                   (SELECT field FROM change WHERE tenant = $1 AND NOT noise ORDER BY field LIMIT 1)
                   UNION ALL
                   SELECT (SELECT field FROM change
                           WHERE tenant = $1 AND field > name.field AND NOT noise
                           ORDER BY field LIMIT 1)
                   FROM name WHERE name.field IS NOT NULL)
               SELECT field AS "field!" FROM name WHERE field IS NOT NULL LIMIT 1000"#,
            tenant.as_str(),
        )
        .fetch_all(&self.reads)
        .await?;
        Ok(fields)
    }
}
