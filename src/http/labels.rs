//! Labels: what ids mean.

use std::fmt;

use axum::{Json, extract::State, response::Response};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Visitor},
};

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, instant, limit, unknown_tenant},
    json_body::JsonBody,
    list::{Asked, Format},
    tenants::NoParams,
};
use crate::{
    clock,
    domain::{
        ids::Tenant,
        label::{LabelPlace, NewRow, Subjects, read_label},
        page::{decode_cursor, encode_cursor},
    },
    render::{json::ListJson, label::RecordedLabelJson},
    store::{LabelFilter, Store},
};

/// What is recorded as the source of labels that came through the API.
pub(super) const SOURCE: &str = "api";

/// Parameters of [`list_labels`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelsParams {
    /// Only of this list: a field's name, or `actor`.
    #[serde(default)]
    list: Vec<String>,
    /// Only of this id.
    #[serde(default)]
    id: Vec<i64>,
    /// Only those valid at this instant: one of each id.
    at: Option<String>,
    /// Items in a page.
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// The form of the list.
    format: Option<Format>,
}

/// `GET /v1/tenants/{tenant}/labels`: the labels with their history, by list, id and instant.
pub(super) async fn list_labels(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    Query(params): Query<LabelsParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = limit(params.limit)?;
    let at_ticks = params
        .at
        .as_deref()
        .map(|at| instant("at", at))
        .transpose()?;
    let filter = LabelFilter {
        lists: params.list.into_iter().collect(),
        ids: params.id.into_iter().collect(),
        at_ticks,
    };
    let query = format!("labels {tenant} {filter:?}");
    let after: Option<LabelPlace> = match &params.cursor {
        Some(cursor) => Some(decode_cursor(&query, cursor)?),
        None => None,
    };
    let store = known(&state, &tenant).await?;
    // One more than asked for tells whether another page follows.
    let read = limit.saturating_add(1);
    let mut labels = store
        .list_labels(&tenant, &filter, after.as_ref(), read)
        .await?;
    let more = labels.len() > usize::from(limit);
    labels.truncate(limit.into());
    let next = labels.last().filter(|_| more);
    let next = next.map(|label| encode_cursor(&query, &label.place));
    let outdated = store.list_stale(&tenant).await?;
    let items = labels.into_iter();
    let items: Vec<_> = items
        .map(|label| RecordedLabelJson::new(label, &outdated))
        .collect();
    Ok(form.answer(&ListJson { items, next }))
}

/// Labels to be recorded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object {\"labels\": […]}")]
pub(super) struct LabelsBody {
    /// The labels, in any order.
    labels: Vec<LabelBody>,
}

/// A label of an id, in the place of one of the same list, id and instant.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object {\"list\", \"id\", \"label\", \"valid_from\"}"
)]
struct LabelBody {
    /// The field whose values the ids are, or `actor`.
    list: String,
    /// The id.
    id: Id,
    /// The name, 1 to 1,000 characters; null if the id has none from then on.
    #[serde(deserialize_with = "Option::deserialize")]
    label: Option<String>,
    /// From when on it holds; from the beginning without it.
    #[serde(default)]
    valid_from: Option<String>,
}

/// How many labels or pairs were recorded.
#[derive(Debug, Serialize)]
pub(super) struct RecordedJson {
    /// All that the body held.
    pub(super) recorded: usize,
}

/// `PUT /v1/tenants/{tenant}/labels`: records labels, all or none. Those that are not named stay.
pub(super) async fn put_labels(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    Query(NoParams {}): Query<NoParams>,
    JsonBody(body): JsonBody<LabelsBody>,
) -> Result<Json<RecordedJson>, ApiError> {
    let mut labels = Vec::with_capacity(body.labels.len());
    let mut subjects = Subjects::default();
    for (at, new) in (0..).zip(&body.labels) {
        let (label, from) = (new.label.as_deref(), new.valid_from.as_deref());
        let label = read_label(&new.list, new.id.0, label, from)
            .map_err(|(part, error)| ApiError::BadBody(format!("labels[{at}].{part}: {error}")))?;
        unique(&mut subjects, &label, "labels", at)?;
        labels.push(label);
    }
    let store = known(&state, &tenant).await?;
    store
        .put_labels(&tenant, &labels, SOURCE, clock::now())
        .await?;
    let recorded = labels.len();
    Ok(Json(RecordedJson { recorded }))
}

/// The store, if the tenant has a log. Before its first event only the command line takes labels: here a
/// name without a log is a slip of the pen.
pub(super) async fn known(state: &AppState, tenant: &Tenant) -> Result<Store, ApiError> {
    let store = state.store().await?;
    match store.find_head(tenant).await? {
        Some(_) => Ok(store),
        None => Err(unknown_tenant(tenant.as_str())),
    }
}

/// Takes an element of the body, unless an earlier one says something about the same.
pub(super) fn unique(
    subjects: &mut Subjects,
    row: &impl NewRow,
    list: &str,
    at: u64,
) -> Result<(), ApiError> {
    match subjects.take(row, at) {
        None => Ok(()),
        Some((called, before)) => Err(ApiError::BadBody(format!(
            "{list}[{at}]: its {called} stands in {list}[{before}] too: say it once"
        ))),
    }
}

/// An id in a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(pub(super) i64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Integer;
        impl Visitor<'_> for Integer {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer of 64 bits like 3")
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Unsigned(id), &self);
                i64::try_from(id).map(Id).map_err(|_| wrong())
            }
        }
        deserializer.deserialize_i64(Integer)
    }
}
