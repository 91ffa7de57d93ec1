//! The bridge: which owner is the same person as which actor.

use axum::{Json, extract::State, response::Response};
use serde::Deserialize;

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, limit},
    json_body::{JsonBody, Object, Shape},
    labels::{Id, RecordedJson, SOURCE, known, unique},
    list::{Asked, Format},
    openapi::TenantPath,
    tenants::NoParams,
};
use crate::{
    clock,
    domain::{
        ids::Tenant,
        label::{NewPair, Subjects},
        page::{cut, encode_cursor, find_cursor},
    },
    render::{json::ListJson, label::BridgedPairJson, schema::ListId},
};

/// Parameters of [`list_bridge`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BridgeParams {
    /// Items in a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    #[param(format = "ticketlog-cursor")]
    cursor: Option<String>,
    /// The form of the list.
    #[param(inline)]
    format: Option<Format>,
}

/// `GET /v1/tenants/{tenant}/labels/bridge`: which owner is which actor, by owner.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/labels/bridge",
    tag = "labels",
    summary = "Which owner is which actor",
    description = "Owners (`owned_by`, ejuser ids) and actors (associate ids) who are the same person, by owner.",
    params(TenantPath, BridgeParams),
    responses((status = 200, description = "A page of pairs", body = ListJson<BridgedPairJson>)),
)]
pub(super) async fn list_bridge(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    Query(params): Query<BridgeParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let limit = limit(params.limit)?;
    let query = format!("bridge {tenant}");
    let after: Option<i64> = find_cursor(&query, params.cursor.as_deref())?;
    let store = known(&state, &tenant).await?;
    let mut pairs = store
        .list_bridge(&tenant, after, limit.saturating_add(1))
        .await?;
    let last = cut(&mut pairs, limit);
    let next = last.map(|pair| encode_cursor(&query, &pair.owner));
    let items: Vec<_> = pairs.into_iter().map(BridgedPairJson::from).collect();
    Ok(form.answer(&ListJson { items, next }))
}

/// Pairs to be recorded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBridge)]
pub(super) struct BridgeBody {
    /// The pairs, in any order.
    #[schema(value_type = Vec<PairBody>)]
    bridge: Vec<Object<PairBody>>,
}

impl Shape for BridgeBody {
    const SHAPE: &'static str = "an object {\"bridge\": […]}";
}

/// An owner and an actor who are the same person, in the place of pairs that either was in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewBridgedPair)]
#[serde(deny_unknown_fields)]
struct PairBody {
    /// An ejuser id, as in `owned_by`.
    #[schema(value_type = ListId)]
    owner: Id,
    /// An associate id, as in `actor`; null ends the pair of the owner.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<ListId>, required)]
    actor: Option<Id>,
}

impl Shape for PairBody {
    const SHAPE: &'static str = "an object {\"owner\", \"actor\"}";
}

/// `PUT /v1/tenants/{tenant}/labels/bridge`: joins owners with actors, all or none. Pairs of owners and
/// actors that are not named stay.
#[utoipa::path(
    put,
    path = "/v1/tenants/{tenant}/labels/bridge",
    tag = "labels",
    summary = "Say which owner is which actor",
    description = "Records all pairs of the body or none. Pairs of owners and actors that it does not name stay; \
        none may be named twice.",
    params(TenantPath),
    request_body = BridgeBody,
    responses((status = 200, description = "How many were recorded", body = RecordedJson)),
)]
pub(super) async fn put_bridge(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    Query(NoParams {}): Query<NoParams>,
    JsonBody(body): JsonBody<BridgeBody>,
) -> Result<Json<RecordedJson>, ApiError> {
    let mut pairs = Vec::with_capacity(body.bridge.len());
    let mut subjects = Subjects::default();
    for (at, Object(new)) in (0..).zip(&body.bridge) {
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
