//! Labels: what ids mean, and which owner is which actor.

use std::fmt;

use axum::{Json, extract::State};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Visitor},
};

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, instant, limit, unknown_tenant},
    json_body::JsonBody,
    tenants::NoParams,
};
use crate::{
    clock,
    domain::{
        ids::Tenant,
        label::{LabelPlace, NewPair, NewRow, Subjects, read_label},
        page::{decode_cursor, encode_cursor},
    },
    render::{
        json::ListJson,
        label::{BridgedPairJson, RecordedLabelJson},
    },
    store::{LabelFilter, Store},
};

/// What is recorded as the source of labels that came through the API.
const SOURCE: &str = "api";

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
}

/// `GET /v1/tenants/{tenant}/labels`: the labels with their history, by list, id and instant.
pub(super) async fn list_labels(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    Query(params): Query<LabelsParams>,
) -> Result<Json<ListJson<RecordedLabelJson>>, ApiError> {
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
    let stale = store.list_stale(&tenant).await?;
    let items = labels.into_iter();
    let items = items
        .map(|label| RecordedLabelJson::new(label, &stale))
        .collect();
    Ok(Json(ListJson { items, next }))
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
    recorded: usize,
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

/// Parameters of [`list_bridge`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BridgeParams {
    /// Items in a page.
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// `GET /v1/tenants/{tenant}/labels/bridge`: which owner is which actor, by owner.
pub(super) async fn list_bridge(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    Query(params): Query<BridgeParams>,
) -> Result<Json<ListJson<BridgedPairJson>>, ApiError> {
    let limit = limit(params.limit)?;
    let query = format!("bridge {tenant}");
    let after: Option<i64> = match &params.cursor {
        Some(cursor) => Some(decode_cursor(&query, cursor)?),
        None => None,
    };
    let store = known(&state, &tenant).await?;
    let mut pairs = store
        .list_bridge(&tenant, after, limit.saturating_add(1))
        .await?;
    let more = pairs.len() > usize::from(limit);
    pairs.truncate(limit.into());
    let next = pairs.last().filter(|_| more);
    let next = next.map(|pair| encode_cursor(&query, &pair.owner));
    let items = pairs.into_iter().map(BridgedPairJson::from).collect();
    Ok(Json(ListJson { items, next }))
}

/// Pairs to be recorded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object {\"bridge\": […]}")]
pub(super) struct BridgeBody {
    /// The pairs, in any order.
    bridge: Vec<PairBody>,
}

/// An owner and an actor who are the same person, in the place of pairs that either was in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object {\"owner\", \"actor\"}")]
struct PairBody {
    /// An ejuser id, as in `owned_by`.
    owner: Id,
    /// An associate id, as in `actor`; null ends the pair of the owner.
    #[serde(deserialize_with = "Option::deserialize")]
    actor: Option<Id>,
}

/// `PUT /v1/tenants/{tenant}/labels/bridge`: joins owners with actors, all or none. Pairs of owners and
/// actors that are not named stay.
pub(super) async fn put_bridge(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    Query(NoParams {}): Query<NoParams>,
    JsonBody(body): JsonBody<BridgeBody>,
) -> Result<Json<RecordedJson>, ApiError> {
    let mut pairs = Vec::with_capacity(body.bridge.len());
    let mut subjects = Subjects::default();
    for (at, new) in (0..).zip(&body.bridge) {
        let pair = NewPair {
            owner: new.owner.0,
            actor: new.actor.map(|actor| actor.0),
        };
        unique(&mut subjects, &pair, "bridge", at)?;
        pairs.push(pair);
    }
    let store = known(&state, &tenant).await?;
    store
        .put_bridge(&tenant, &pairs, SOURCE, clock::now())
        .await?;
    let recorded = pairs.len();
    Ok(Json(RecordedJson { recorded }))
}

/// The store, if the tenant has a log. Before its first event only the command line takes labels: here a
/// name without a log is a slip of the pen.
async fn known(state: &AppState, tenant: &Tenant) -> Result<Store, ApiError> {
    let store = state.store().await?;
    match store.find_head(tenant).await? {
        Some(_) => Ok(store),
        None => Err(unknown_tenant(tenant.as_str())),
    }
}

fn unique(subjects: &mut Subjects, row: &impl NewRow, list: &str, at: u64) -> Result<(), ApiError> {
    match subjects.take(row, at) {
        None => Ok(()),
        Some((called, before)) => Err(ApiError::BadBody(format!(
            "{list}[{at}]: its {called} stands in {list}[{before}] too: say it once"
        ))),
    }
}

/// An id in a body.
#[derive(Debug, Clone, Copy)]
struct Id(i64);

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
