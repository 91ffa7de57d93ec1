//! Labels as they are recorded, page by page, and which of them may be out of date.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        ids::Tenant,
        instant::{OccurredAt, ticks_of_timestamp},
        label::{BEGINNING, BUILT_IN, LabelPlace, Labels, RecordedLabel, lists_meant},
    },
    store::{Store, StoreError},
};

/// Which labels a list gives; the default is all of them.
#[derive(Debug, Clone, Default)]
pub struct LabelFilter {
    /// Only of these lists; of all if empty.
    pub lists: BTreeSet<String>,
    /// Only of these ids; of all if empty.
    pub ids: BTreeSet<i64>,
    /// Only those valid at this instant, in ticks of 100 ns: one of each id, none of an id that has none.
    pub at_ticks: Option<i64>,
}

impl LabelFilter {
    fn takes(&self, list: &str, id: i64) -> bool {
        (self.lists.is_empty() || self.lists.contains(list))
            && (self.ids.is_empty() || self.ids.contains(&id))
    }
}

impl Store {
    /// Labels after a place, by list, id and instant, `limit` at most; the built-in ones that nothing
    /// replaces among them. Served by the primary key; `lists` bound the part that is read, `ids` do not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_labels(
        &self,
        tenant: &Tenant,
        filter: &LabelFilter,
        after: Option<&LabelPlace>,
        limit: u16,
    ) -> Result<Vec<RecordedLabel>, StoreError> {
        let recorded = self.list_recorded(tenant, filter, after, limit).await?;
        let mut page: BTreeMap<LabelPlace, RecordedLabel> = recorded
            .into_iter()
            .map(|label| (label.place.clone(), label))
            .collect();
        for label in self.list_unreplaced(tenant, filter).await? {
            if after.is_none_or(|after| *after < label.place) {
                page.entry(label.place.clone()).or_insert(label);
            }
        }
        Ok(page.into_values().take(limit.into()).collect())
    }

    async fn list_recorded(
        &self,
        tenant: &Tenant,
        filter: &LabelFilter,
        after: Option<&LabelPlace>,
        limit: u16,
    ) -> Result<Vec<RecordedLabel>, StoreError> {
        let lists: Vec<&str> = filter.lists.iter().map(String::as_str).collect();
        let first_list = lists.first().copied().unwrap_or("");
        let ids: Vec<i64> = filter.ids.iter().copied().collect();
        let rows = sqlx::query!(
            // Names of lists are ASCII without "~". The two ends are for the index, which must not begin
            // at the first list for the sake of the last.
            r#"SELECT list, id, valid_ticks, valid_text, label, source,
                      recorded_at AS "recorded_at: jiff_sqlx::Timestamp"
               FROM label
               WHERE tenant = $1 AND (list, id, valid_ticks) >= ($2, $3, $4) AND list <= $5
                 AND ($6::text[] = '{}' OR list = ANY($6)) AND ($7::bigint[] = '{}' OR id = ANY($7))
                 AND ($8::bigint IS NULL OR valid_ticks <= $8 AND label IS NOT NULL AND NOT EXISTS (
                     SELECT FROM label AS later
                     WHERE later.tenant = $1 AND later.list = label.list AND later.id = label.id
                       AND later.valid_ticks > label.valid_ticks AND later.valid_ticks <= $8))
               ORDER BY list, id, valid_ticks LIMIT $9"#,
            tenant.as_str(),
            after.map_or(first_list, |after| after.list.as_str()),
            after.map_or(i64::MIN, |after| after.id),
            // After a place is from the next tick on.
            after.map_or(i64::MIN, |after| after.valid_ticks.saturating_add(1)),
            lists.last().copied().unwrap_or("~"),
            &lists as _,
            &ids,
            filter.at_ticks,
            i64::from(limit),
        )
        .fetch_all(&self.reads)
        .await?;
        let labels = rows.into_iter().map(|row| {
            let valid_from = match row.valid_text {
                None => None,
                Some(text) => {
                    Some(OccurredAt::parse(&text).ok_or_else(|| StoreError::Corrupt {
                        table: "label",
                        column: "valid_text",
                        row: format!("{tenant}/{}/{}/{}", row.list, row.id, row.valid_ticks),
                    })?)
                }
            };
            Ok(RecordedLabel {
                place: LabelPlace {
                    list: row.list,
                    id: row.id,
                    valid_ticks: row.valid_ticks,
                },
                label: row.label,
                valid_from,
                source: row.source,
                recorded_at: Some(row.recorded_at.to_jiff()),
            })
        });
        labels.collect()
    }

    /// The built-in labels that a filter takes and that no recorded one stands in the place of.
    async fn list_unreplaced(
        &self,
        tenant: &Tenant,
        filter: &LabelFilter,
    ) -> Result<Vec<RecordedLabel>, StoreError> {
        let taken = || (BUILT_IN.iter()).filter(|(list, id, _)| filter.takes(list, *id));
        // Without an instant, a recorded one in the same place comes before it anyway.
        let mut recorded = Labels::default();
        if filter.at_ticks.is_some() {
            let wanted = taken().map(|(list, id, _)| ((*list).to_owned(), *id));
            let version = self.find_label_version(tenant).await?;
            recorded = self
                .find_recorded(tenant, &wanted.collect(), version)
                .await?;
        }
        let unreplaced = taken().filter(|(list, id, _)| {
            let at = filter.at_ticks.unwrap_or(BEGINNING);
            !recorded.has(list, *id, at)
        });
        let labels = unreplaced.map(|(list, id, text)| RecordedLabel {
            place: LabelPlace {
                list: (*list).to_owned(),
                id: *id,
                valid_ticks: BEGINNING,
            },
            label: Some((*text).to_owned()),
            valid_from: None,
            source: "built-in".to_owned(),
            recorded_at: None,
        });
        Ok(labels.collect())
    }

    /// The lists whose labels may be out of date: SuperOffice said that it changed the list, or those who
    /// work in it, after labels of it were last recorded. Looks at the last 10,000 events that say so.
    /// Served by `event_about_lists`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_stale(&self, tenant: &Tenant) -> Result<BTreeSet<String>, StoreError> {
        let events = sqlx::query!(
            r#"SELECT left(name, 100) AS "name!", occurred_ticks,
                      received_at AS "received_at!: jiff_sqlx::Timestamp"
               FROM event
               WHERE tenant = $1 AND (name LIKE 'list.%' OR name LIKE 'associate.%')
               ORDER BY position DESC LIMIT 10000"#,
            tenant.as_str(),
        )
        .fetch_all(&self.reads)
        .await?;
        let mut changed: BTreeMap<&str, i64> = BTreeMap::new();
        for event in &events {
            let received = ticks_of_timestamp(event.received_at.to_jiff());
            // Nothing arrives before it happened, whatever the sender's clock says.
            let at = event.occurred_ticks.unwrap_or(received).min(received);
            for list in lists_meant(&event.name) {
                let last = changed.entry(list).or_insert(at);
                *last = (*last).max(at);
            }
        }
        let lists: Vec<&str> = changed.keys().copied().collect();
        let recorded = sqlx::query!(
            r#"SELECT list, recorded_at AS "recorded_at: jiff_sqlx::Timestamp" FROM label_list
               WHERE tenant = $1 AND list = ANY($2::text[])"#,
            tenant.as_str(),
            &lists as _,
        )
        .fetch_all(&self.reads)
        .await?;
        let stale = recorded.into_iter().filter(|row| {
            let recorded = ticks_of_timestamp(row.recorded_at.to_jiff());
            changed
                .get(row.list.as_str())
                .is_some_and(|changed| recorded < *changed)
        });
        Ok(stale.map(|row| row.list).collect())
    }
}
