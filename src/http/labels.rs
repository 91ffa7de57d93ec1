//! Labels: what ids mean.

use axum::{Json, extract::State, response::Response};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected},
};
use serde_json::value::RawValue;

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, instant, limit, unknown_tenant},
    json_body::{JsonBody, Object, Shape},
    list::{Asked, Format},
    openapi::TenantPath,
    tenants::NoParams,
};
use crate::{
    clock,
    domain::{
        ids::Tenant,
        label::{LabelPlace, NewRow, Subjects, read_label},
        page::{cut, encode_cursor, find_cursor},
    },
    render::{json::ListJson, label::RecordedLabelJson, schema::ListId},
    store::{LabelFilter, Store},
};

/// What is recorded as the source of labels that came through the API.
pub(super) const SOURCE: &str = "api";

/// Beyond it floats are not all integers: 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Most of what is no id that an answer repeats.
const MAX_SHOWN_CHARS: usize = 50;

/// Parameters of [`list_labels`].
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LabelsParams {
    /// Only of this list: a field's name, or `actor`.
    #[serde(default)]
    #[param(style = Form, explode)]
    list: Vec<String>,
    /// Only of this id.
    #[serde(default)]
    #[param(style = Form, explode, value_type = Vec<ListId>)]
    id: Vec<i64>,
    /// Only those valid at this instant: one of each id.
    #[param(format = DateTime)]
    at: Option<String>,
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

/// `GET /v1/tenants/{tenant}/labels`: the labels with their history, by list, id and instant.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/labels",
    tag = "labels",
    summary = "What ids are called",
    description = "The labels with their history, by list, id and instant.",
    params(TenantPath, LabelsParams),
    responses((status = 200, description = "A page of labels", body = ListJson<RecordedLabelJson>)),
)]
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
    let after: Option<LabelPlace> = find_cursor(&query, params.cursor.as_deref())?;
    let store = known(&state, &tenant).await?;
    let read = limit.saturating_add(1);
    let mut labels = store
        .list_labels(&tenant, &filter, after.as_ref(), read)
        .await?;
    let last = cut(&mut labels, limit);
    let next = last.map(|label| encode_cursor(&query, &label.place));
    let outdated = store.list_stale(&tenant).await?;
    let items = labels.into_iter();
    let items: Vec<_> = items
        .map(|label| RecordedLabelJson::new(label, &outdated))
        .collect();
    Ok(form.answer(&ListJson { items, next }))
}

/// Labels to be recorded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewLabels)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelsBody {
    /// The labels, in any order.
    #[schema(value_type = Vec<LabelBody>)]
    labels: Vec<Object<LabelBody>>,
}

impl Shape for LabelsBody {
    const SHAPE: &'static str = "an object {\"labels\": […]}";
}

/// A label of an id, in the place of one of the same list, id and instant.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewLabel)]
#[serde(deny_unknown_fields)]
struct LabelBody {
    /// The field whose values the ids are, or `actor`.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    list: String,
    /// The id.
    #[schema(value_type = ListId)]
    id: Id,
    /// The name, 1 to 1,000 characters; null if the id has none from then on.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(
        required,
        min_length = 1,
        max_length = 1000,
        pattern = r"^[^\x00]*[^\s\x00][^\x00]*$"
    )]
    label: Option<String>,
    /// From when on it holds; from the beginning without it.
    #[serde(default)]
    #[schema(format = DateTime)]
    valid_from: Option<String>,
}

impl Shape for LabelBody {
    const SHAPE: &'static str = "an object {\"list\", \"id\", \"label\", \"valid_from\"}";
}

/// How many labels or pairs were recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Recorded)]
pub(super) struct RecordedJson {
    /// All that the body held.
    pub(super) recorded: usize,
}

/// `PUT /v1/tenants/{tenant}/labels`: records labels, all or none. Those that are not named stay.
#[utoipa::path(
    put,
    path = "/v1/tenants/{tenant}/labels",
    tag = "labels",
    summary = "Say what ids are called",
    description = "Records all labels of the body or none. Those that it does not name stay; none may be named \
        twice.",
    params(TenantPath),
    request_body = LabelsBody,
    responses((status = 200, description = "How many were recorded", body = RecordedJson)),
)]
pub(super) async fn put_labels(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    Query(NoParams {}): Query<NoParams>,
    JsonBody(body): JsonBody<LabelsBody>,
) -> Result<Json<RecordedJson>, ApiError> {
    let mut labels = Vec::with_capacity(body.labels.len());
    let mut subjects = Subjects::default();
    for (at, Object(new)) in (0..).zip(&body.labels) {
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
    /// Read from its text, for a float is not always the number that was written.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let text = json.get();
        whole(text).map(Self).ok_or_else(|| {
            let expected = &"an integer of 64 bits like 3";
            match text.parse() {
                Ok(number) if text.contains(['.', 'e', 'E']) => {
                    D::Error::invalid_type(Unexpected::Float(number), expected)
                }
                Ok(_) => D::Error::invalid_value(Unexpected::Other(text), expected),
                Err(_) => {
                    let start: String = text.chars().take(MAX_SHOWN_CHARS).collect();
                    let found = match start.strip_prefix('"') {
                        Some(rest) => format!("string \"{}\"", rest.trim_end_matches('"')),
                        None => start,
                    };
                    D::Error::invalid_type(Unexpected::Other(&found), expected)
                }
            }
        })
    }
}

/// A number of JSON that is an integer: `3`, `3.0` and `3e0` are the same one.
fn whole(text: &str) -> Option<i64> {
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    if text.contains(['e', 'E']) {
        let number: f64 = text.parse().ok()?;
        let exact = number.fract() == 0.0 && number.abs() <= MAX_EXACT;
        return exact.then(|| format!("{number:.0}").parse().ok())?;
    }
    let zeros = fraction.bytes().all(|digit| digit == b'0');
    zeros.then(|| digits.parse().ok())?
}
