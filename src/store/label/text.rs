//! From labels to ids: for searches by name.

use std::collections::BTreeSet;

use crate::{
    domain::{
        ids::Tenant,
        label::{ACTORS, BEGINNING, BUILT_IN, OWNERS},
    },
    store::{Store, StoreError},
};

/// Most ids that bear one label, and most labels of a list that are given.
const MOST: i64 = 1000;

impl Store {
    /// The ids of a list that bear or ever bore exactly this label, in order, 1,000 at most: as it is
    /// recorded, built in where nothing else was recorded from the beginning, and for owners and actors
    /// also of the same person in the other list, unless a label of its own hides that.
    ///
    /// Served by `label_by_text` and the keys of the bridge.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_label_ids(
        &self,
        tenant: &Tenant,
        list: &str,
        label: &str,
    ) -> Result<Vec<i64>, StoreError> {
        let other = match list {
            OWNERS => ACTORS,
            ACTORS => OWNERS,
            // Nobody's list.
            _ => "",
        };
        let rows = sqlx::query_scalar!(
            r#"SELECT id AS "id!" FROM label
               WHERE tenant = $1 AND list = $2 AND left(label, 200) = left($3, 200) AND label = $3
               UNION
               SELECT same.id
               FROM label AS lent
               CROSS JOIN LATERAL (
                   SELECT CASE WHEN $2 = 'owned_by' THEN owner ELSE actor END AS id FROM label_bridge
                   WHERE tenant = $1 AND ($2 = 'owned_by' AND actor = lent.id
                                          OR $2 = 'actor' AND owner = lent.id)) AS same
               WHERE lent.tenant = $1 AND lent.list = $4
                 AND left(lent.label, 200) = left($3, 200) AND lent.label = $3
                 AND NOT EXISTS (SELECT FROM label WHERE tenant = $1 AND list = $2 AND id = same.id
                                 AND valid_ticks <= lent.valid_ticks)
               ORDER BY 1 LIMIT $5"#,
            tenant.as_str(),
            list,
            label,
            other,
            MOST,
        )
        .fetch_all(&self.reads)
        .await?;
        let mut ids: BTreeSet<i64> = rows.into_iter().collect();
        let built_in = self.list_built_in(tenant, list).await?;
        let bearing = built_in.into_iter().filter(|(_, text)| *text == label);
        ids.extend(bearing.map(|(id, _)| id));
        Ok(ids.into_iter().collect())
    }

    /// The labels that ids of a list bear or ever bore, by text, 1,000 at most: to suggest from.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_label_texts(
        &self,
        tenant: &Tenant,
        list: &str,
    ) -> Result<Vec<String>, StoreError> {
        // The index on their starts gives them in order.
        let rows = sqlx::query_scalar!(
            r#"SELECT DISTINCT label AS "label!"
               FROM (SELECT label FROM label WHERE tenant = $1 AND list = $2 AND label IS NOT NULL
                     ORDER BY left(label, 200) LIMIT $3) AS first"#,
            tenant.as_str(),
            list,
            MOST,
        )
        .fetch_all(&self.reads)
        .await?;
        let mut texts: BTreeSet<String> = rows.into_iter().collect();
        let built_in = self.list_built_in(tenant, list).await?;
        texts.extend(built_in.into_iter().map(|(_, text)| text.to_owned()));
        Ok(texts.into_iter().collect())
    }

    /// The built-in labels of a list that count: where none was recorded from the beginning.
    async fn list_built_in(
        &self,
        tenant: &Tenant,
        list: &str,
    ) -> Result<Vec<(i64, &'static str)>, StoreError> {
        let of_list = || BUILT_IN.iter().filter(|(of, ..)| *of == list);
        let wanted = of_list().map(|(of, id, _)| ((*of).to_owned(), *id));
        let labels = self.find_labels(tenant, &wanted.collect()).await?;
        let count = of_list().filter(|(of, id, text)| labels.at(of, *id, BEGINNING) == Some(text));
        Ok(count.map(|(_, id, text)| (*id, *text)).collect())
    }
}
