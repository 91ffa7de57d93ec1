//! Changes across tickets: by plain parameters, by the search language, or by both.

use std::fmt::Write;

use axum::{extract::State, response::Response};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    AppState,
    error::ApiError,
    extract::{Path, Query, instant, limit},
    list::{Asked, Format, Page},
    openapi::{Changes, TenantPath},
    projected::Stale,
    timeline::{Include, Order},
};
use crate::{
    domain::{
        history::Kind,
        ids::{Actor, EventId, Tenant, TicketId},
        label::wanted,
        page::{cut, encode_cursor, find_cursor},
        search::{self, After, Plain, Search},
        zone::ZoneName,
    },
    render::{
        found::{CountJson, FoundChangeJson, FoundTicketJson},
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
    /// Only to any of these values: JSON, else a string.
    #[serde(default)]
    #[param(style = Form, explode)]
    to_value: Vec<String>,
    /// Only by any of these actors.
    #[serde(default)]
    #[param(style = Form, explode, value_type = Vec<Actor>)]
    actor: Vec<i64>,
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
}

/// Where a page of changes ends.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    ticks: i64,
    event: Uuid,
    nth: i32,
}

/// A page to find.
struct Wanted<'a> {
    store: &'a Store,
    tenant: &'a Tenant,
    search: &'a Search,
    /// What a cursor is good for.
    query: String,
    cursor: Option<String>,
    descending: bool,
    limit: u16,
}

/// `GET /v1/tenants/{tenant}/changes`: the changes that were asked for, their tickets or their number.
#[utoipa::path(
    get,
    path = "/v1/tenants/{tenant}/changes",
    tag = "history",
    summary = "Who changed what, across tickets",
    description = "The changes for which all parameters are true, their tickets or their number. Noise, which is \
        bookkeeping fields and the kind `touched`, is left out unless it is asked for.",
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
    let limit = limit(params.limit)?;
    let query = params.query()?;
    let store = state.store().await?;
    state.projected(&store, &tenant, params.stale).await?;
    let (zone_name, zone) = match (&params.q, &params.zone) {
        // Only the search language has days.
        (None, None) => ("UTC".to_owned(), TimeZone::UTC),
        (_, named) => zone(&store, &tenant, named.as_deref()).await?,
    };
    let known = store.find_known(&tenant, &query.wanted()).await?;
    let search = query.resolve(&known, &zone)?;
    let wanted = Wanted {
        store: &store,
        tenant: &tenant,
        search: &search,
        query: params.describe(&tenant, &zone_name),
        cursor: params.cursor,
        descending: params.order == Order::Desc,
        limit,
    };
    Ok(match params.give {
        Give::Changes => form.answer(&wanted.changes().await?),
        Give::Tickets => form.answer(&wanted.tickets().await?),
        Give::Count => {
            let count = store.search_count(&tenant, &search).await?;
            form.answer(&CountJson { count })
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

impl Wanted<'_> {
    async fn changes(&self) -> Result<ListJson<FoundChangeJson>, ApiError> {
        let after = self.after()?.map(|at: At| After {
            ticks: at.ticks,
            event_id: EventId(at.event),
            nth: at.nth,
        });
        let Self {
            store,
            tenant,
            search,
            ..
        } = self;
        // One more than asked for tells whether another page follows.
        let most = self.limit.saturating_add(1);
        let found = store.search_changes(tenant, search, self.descending, after, most);
        let (found, last) = self.cut(found.await?);
        let next = last.map(|last| {
            let After {
                ticks,
                event_id,
                nth,
            } = last.place();
            let event = event_id.0;
            encode_cursor(&self.query, &At { ticks, event, nth })
        });
        let labels = store.find_labels(tenant, &wanted(&found)).await?;
        let items = found.into_iter();
        let items = items
            .map(|found| FoundChangeJson::new(found, &labels))
            .collect();
        Ok(ListJson { items, next })
    }

    async fn tickets(&self) -> Result<ListJson<FoundTicketJson>, ApiError> {
        let after = self.after()?.and_then(TicketId::new);
        let Self {
            store,
            tenant,
            search,
            ..
        } = self;
        let most = self.limit.saturating_add(1);
        let found = store.search_tickets(tenant, search, self.descending, after, most);
        let (found, last) = self.cut(found.await?);
        let next = last.map(|last| encode_cursor(&self.query, &last.ticket.number()));
        let items = found.into_iter().map(FoundTicketJson::from).collect();
        Ok(ListJson { items, next })
    }

    fn after<T: DeserializeOwned + Serialize>(&self) -> Result<Option<T>, ApiError> {
        Ok(find_cursor(&self.query, self.cursor.as_deref())?)
    }

    /// The page, and its last item if others follow.
    fn cut<T: Clone>(&self, mut found: Vec<T>) -> (Vec<T>, Option<T>) {
        let last = cut(&mut found, self.limit).cloned();
        (found, last)
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
