//! Changes across tickets: by plain parameters, by the search language, or by both.

mod asked;

use std::fmt::Write;

use axum::{extract::State, response::Response};
use jiff::tz::TimeZone;
use serde::Deserialize;

pub(super) use self::asked::AskedChanges;
use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, actors, instant},
    list::{Asked, Format, Page},
    openapi::{Changes, SomeActor, TenantPath},
    projected::Stale,
    timeline::{Include, Order},
};
use crate::{
    clock,
    domain::{
        history::Kind,
        ids::{Actor, Tenant, TicketId},
        instant::ticks_of_timestamp,
        label::wanted,
        search::{self, Plain},
        zone::ZoneName,
    },
    render::{
        found::{CountJson, FoundChangeJson, FoundCountJson, FoundTicketJson},
        json::ListJson,
    },
    store::Store,
};

/// Parameters of [`list_changes`]. All of them have to be true of a change.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesParams {
    /// A search in the language of docs/search.md.
    #[param(format = "ticketlog-search")]
    q: Option<String>,
    /// Only changes of any of these fields.
    #[serde(default)]
    #[param(style = Form, explode)]
    field: Vec<String>,
    /// Only of any of these kinds.
    #[serde(default)]
    #[param(style = Form, explode, value_type = Vec<Kind>)]
    kind: Vec<Word>,
    /// Only from any of these values: JSON, else a string.
    #[serde(default)]
    #[param(style = Form, explode)]
    from_value: Vec<String>,
    /// Only to any of these values: JSON, else a string; of a ticket field `none` is no value.
    #[serde(default)]
    #[param(style = Form, explode)]
    to_value: Vec<String>,
    /// Only by any of these actors; `none` is nobody whom the sender named.
    #[serde(default, deserialize_with = "actors")]
    #[param(style = Form, explode, value_type = Vec<SomeActor>, inline)]
    actor: Vec<Option<Actor>>,
    /// Only of any of these tickets.
    #[serde(default)]
    #[param(style = Form, explode, value_type = Vec<TicketId>)]
    ticket: Vec<i64>,
    /// Not before this instant.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Only those that the sender declared, or only the others.
    declared: Option<bool>,
    /// What is left out otherwise.
    #[serde(default)]
    #[param(style = Form, explode, inline)]
    include: Vec<Include>,
    /// By time; tickets by number.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// The zone of the days in `q`: an IANA name.
    #[param(format = "iana-time-zone")]
    zone: Option<String>,
    /// What to give.
    #[serde(default, rename = "return")]
    #[param(inline)]
    give: Give,
    /// Whether to wait for the projections.
    #[param(inline)]
    stale: Option<Stale>,
    /// The form of the answer.
    #[param(inline)]
    format: Option<Format>,
    /// Items in a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where to go on.
    #[param(format = "ticketlog-cursor")]
    cursor: Option<String>,
}

/// A kind of change by its word.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Changed,
    Initial,
    NotSent,
    Set,
    Touched,
}

/// What is given of the changes that were found.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Give {
    /// The changes.
    #[default]
    Changes,
    /// Their tickets.
    Tickets,
    /// Their number.
    Count,
    /// Their number by actor and field: a table of who changed what.
    Matrix,
}

/// `GET /v1/tenants/{tenant}/changes`: the changes that were asked for, their tickets, their number, or their number
/// by actor and field.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/changes",
    tag = "history",
    summary = "Who changed what, across tickets",
    description = "The changes for which all parameters are true, their tickets or their number, also by actor and \
        field. Noise, which is bookkeeping fields and the kind `touched`, is left out unless it is asked for.",
    params(TenantPath, ChangesParams),
    responses((status = 200, description = "As `return` says", body = Changes)),
)]
pub(super) async fn list_changes(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    asked: Asked,
    Query(params): Query<ChangesParams>,
) -> Result<Response, ApiError> {
    let form = asked.form(params.format)?;
    let asked = AskedChanges::read(&state, &tenant, &params).await?;
    let store = state.store().await?;
    Ok(match params.give {
        Give::Changes => {
            let (found, next) = asked.find_changes().await?;
            let labels = store.find_labels(&tenant, &wanted(&found)).await?;
            let items = found.into_iter();
            let items = items.map(|found| FoundChangeJson::new(found, &labels));
            let items: Vec<FoundChangeJson> = items.collect();
            form.answer(&ListJson { items, next })
        }
        Give::Tickets => {
            let (found, next) = asked.find_tickets().await?;
            let items: Vec<FoundTicketJson> = found.into_iter().map(Into::into).collect();
            form.answer(&ListJson { items, next })
        }
        Give::Count => {
            let count = asked.count().await?;
            form.answer(&CountJson { count })
        }
        Give::Matrix => {
            let (found, next) = asked.find_counts().await?;
            let labels = store.find_labels(&tenant, &wanted(&found)).await?;
            let now = ticks_of_timestamp(clock::now());
            let items = found.into_iter();
            let items = items.map(|found| FoundCountJson::new(found, &labels, now));
            let items: Vec<FoundCountJson> = items.collect();
            form.answer(&ListJson { items, next })
        }
    })
}

impl Page for CountJson {
    type Item = Self;

    fn items(&self) -> &[Self] {
        std::slice::from_ref(self)
    }

    fn next(&self) -> Option<(&'static str, String)> {
        None
    }
}

impl ChangesParams {
    fn query(&self) -> Result<search::Query, ApiError> {
        let ticks = |name, text: &Option<String>| {
            text.as_deref().map(|text| instant(name, text)).transpose()
        };
        if self.ticket.iter().any(|number| *number < 1) {
            return Err(ApiError::BadParameter(
                "ticket: tickets are numbers from 1".to_owned(),
            ));
        }
        let plain = Plain {
            fields: self.field.clone(),
            kinds: self.kind.iter().copied().map(Kind::from).collect(),
            from_values: self.from_value.clone(),
            to_values: self.to_value.clone(),
            actors: self.actor.clone(),
            tickets: self.ticket.clone(),
            since_ticks: ticks("since", &self.since)?,
            until_ticks: ticks("until", &self.until)?,
            declared: self.declared,
        };
        let plain = plain.into_exprs().map_err(|error| {
            ApiError::BadParameter(format!("from_value and to_value need a field: {error}"))
        })?;
        let query = search::Query::parse(self.q.as_deref().unwrap_or_default())?;
        Ok(query.and(plain, self.include.contains(&Include::Noise))?)
    }

    /// What a cursor of this query is good for: everything but the cursor and the limit.
    fn describe(&self, tenant: &Tenant, zone: &str) -> String {
        let mut query = format!("changes {tenant} {zone} {:?}", self.q);
        let which = (&self.field, &self.kind, &self.from_value, &self.to_value);
        let whose = (&self.actor, &self.ticket, &self.since, &self.until);
        let how = (self.declared, &self.include, self.order, self.give);
        // Writing into a string cannot fail.
        let _ = write!(query, " {which:?} {whose:?} {how:?}");
        query
    }
}

impl From<Word> for Kind {
    fn from(word: Word) -> Self {
        match word {
            Word::Changed => Self::Changed,
            Word::Initial => Self::Initial,
            Word::NotSent => Self::NotSent,
            Word::Set => Self::Set,
            Word::Touched => Self::Touched,
        }
    }
}

/// The zone in which days are counted: the one that was named, else the tenant's, else UTC.
pub(super) async fn zone(
    store: &Store,
    tenant: &Tenant,
    named: Option<&str>,
) -> Result<(String, TimeZone), ApiError> {
    let name = match named {
        Some(name) => {
            let name = ZoneName::parse(name);
            let name = name.map_err(|error| ApiError::BadParameter(format!("zone: {error}")))?;
            Some(name.as_str().to_owned())
        }
        None => store.find_zone(tenant).await?,
    };
    let name = name.unwrap_or_else(|| "UTC".to_owned());
    // A name that this program does not know was set by a later one.
    let zone = TimeZone::get(&name).unwrap_or(TimeZone::UTC);
    Ok((name, zone))
}
