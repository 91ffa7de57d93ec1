//! Who changed what across all tickets.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::ToSpan;
use serde::Deserialize;

use super::{
    Page,
    given::{Given, read},
    reader::{Asker, reader},
};
use crate::{
    clock,
    domain::{
        doubt::Extent,
        feed::Outages,
        ids::Tenant,
        instant::{ticks_of_timestamp, timestamp_of_ticks},
        label::{ACTORS, Labels, wanted},
        search::{Narrowed, Parts, Predicate, QueryError, Span, When, ticket_columns},
    },
    http::{
        AppState,
        changes::{AskedChanges, ChangesParams, zone},
        error::ApiError,
        extract::{Path, unknown_tenant},
        timeline::{Include, Order},
    },
    render::html::{AuditPage, Audited, Choices, Pairs, Reader},
    store::{Store, StoreError, projection::Holdings},
};

/// Changes in a page, and tickets.
const SHOWN: u16 = 50;

/// Counts by actor and field that a page puts together.
const COUNTS: u32 = 100_000;

/// Parameters that are written into the search.
const PARTS: [&str; 7] = ["field", "from", "to", "actor", "since", "until", "team"];

/// The list that teams have their names in.
const TEAMS: &str = "project_id";

/// Parameters of [`show_audit`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuditParams {
    q: String,
    r#as: View,
    order: Option<Order>,
    include: Vec<Include>,
    zone: Option<String>,
    cursor: Option<String>,
    field: String,
    from: String,
    to: String,
    actor: String,
    since: String,
    until: String,
    team: String,
}

/// What is shown of what was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum View {
    #[default]
    Changes,
    Tickets,
    Counts,
}

/// `GET /t/{tenant}/audit`: with `q` as the API's search. What else a form fills in is written into `q`, and the
/// address with that is where it is shown.
pub(super) async fn show_audit(
    State(state): State<AppState>,
    Path(tenant): Path<Tenant>,
    who: Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let settled = settled(given.pairs());
    let params: AuditParams = read(&settled)?;
    let parts = params.parts();
    let unasked = match parts.join(&params.q) {
        Ok(_) if parts == Parts::default() => None,
        Ok(text) => {
            let pairs = settled.without(&PARTS).without(&["cursor"]);
            return Ok(given.elsewhere(&pairs.with("q", text)));
        }
        Err(error) => Some(error),
    };
    if settled != *given.pairs() {
        return Ok(given.elsewhere(&settled));
    }
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    let asking = Asking {
        state: &state,
        store: &store,
        tenant: &tenant,
        reader: &reader,
        pairs: &settled,
        parts: &parts,
        zone: zone(&store, &tenant, params.zone.as_deref()).await?.0,
        behind: behind(&store, &tenant).await?,
        choices: choices(&store, &tenant).await?,
    };
    match unasked {
        Some(error) => Ok(asking.wrong(Audited::Unasked(error))),
        None => asking.answer(params.r#as).await,
    }
}

/// The parameters without empty ones, and a search in the lines that it has.
fn settled(given: &Pairs) -> Pairs {
    let pairs = given.0.iter().map(|(name, value)| {
        let value = value.replace("\r\n", "\n");
        (name.clone(), value.trim().to_owned())
    });
    Pairs(pairs.filter(|(_, value)| !value.is_empty()).collect())
}

/// Events of the log that are not searched yet.
async fn behind(store: &Store, tenant: &Tenant) -> Result<i64, ApiError> {
    let holdings = store.find_holdings(tenant).await?;
    let Holdings { log, projected } = holdings.ok_or_else(|| unknown_tenant(tenant.as_str()))?;
    Ok(log.position.0 - projected.position.0)
}

async fn choices(store: &Store, tenant: &Tenant) -> Result<Choices, ApiError> {
    let mut fields = store.list_fields(tenant).await?;
    fields.extend(ticket_columns().iter().map(|name| (*name).to_owned()));
    fields.sort();
    fields.dedup();
    Ok(Choices {
        fields,
        people: store.list_label_texts(tenant, ACTORS).await?,
        teams: store.list_label_texts(tenant, TEAMS).await?,
    })
}

/// What is asked, and for whom.
struct Asking<'a> {
    state: &'a AppState,
    store: &'a Store,
    tenant: &'a Tenant,
    reader: &'a Reader,
    pairs: &'a Pairs,
    parts: &'a Parts,
    zone: String,
    behind: i64,
    choices: Choices,
}

impl Asking<'_> {
    async fn answer(&self, view: View) -> Result<Response, ApiError> {
        match self.found(view).await {
            Err(ApiError::BadQuery(error)) => Ok(self.unread(&error)),
            Err(ApiError::Store(StoreError::TooBroad)) => {
                let narrower = self.narrower().await?;
                Ok(self.wrong(Audited::TooBroad(narrower)))
            }
            found => found,
        }
    }

    async fn found(&self, view: View) -> Result<Response, ApiError> {
        let params: ChangesParams = read(&self.asked())?;
        let asked = AskedChanges::read(self.state, self.tenant, &params).await?;
        let (store, tenant) = (self.store, self.tenant);
        let text = match view {
            View::Changes => {
                let (found, next) = asked.find_changes().await?;
                let events: Vec<_> = found
                    .iter()
                    .map(|found| (found.ticket, found.event_id))
                    .collect();
                let doubts = &store.find_doubts(tenant, &events).await?;
                let labels = store.find_labels(tenant, &wanted(&found)).await?;
                let found = &found;
                let page = self.page(
                    Audited::Changes {
                        found,
                        doubts,
                        next,
                    },
                    &labels,
                );
                page.render(|last| Some(asked.cursor_after(last)))
            }
            View::Tickets => {
                let (found, next) = asked.find_tickets().await?;
                let tickets: Vec<_> = found.iter().map(|found| found.ticket).collect();
                let doubts = &store.find_ticket_doubts(tenant, &tickets).await?;
                let found = &found;
                self.page(
                    Audited::Tickets {
                        found,
                        doubts,
                        next,
                    },
                    &Labels::default(),
                )
                .render(|_| None)
            }
            View::Counts => {
                let found = asked.all_counts(COUNTS).await?;
                // Outages say something of the open intervals alone.
                let (intervals, _) = store
                    .count_intervals(tenant, &Extent::default(), &Outages::default())
                    .await?;
                let labels = store.find_labels(tenant, &wanted(&found)).await?;
                let answer = Audited::Counts {
                    capped: u32::try_from(found.len()).is_ok_and(|len| len >= COUNTS),
                    found: &found,
                    intervals,
                };
                self.page(answer, &labels).render(|_| None)
            }
        };
        Ok(Page(text).into_response())
    }

    /// The same as parameters of the API, which answers from what is there.
    fn asked(&self) -> Pairs {
        let own = self.pairs.only(&["q", "zone", "include", "cursor"]);
        let order = self.pairs.first("order").unwrap_or("desc");
        own.with("order", order)
            .with("limit", SHOWN.to_string())
            .with("stale", "allow")
    }

    fn page<'p>(&'p self, answer: Audited<'p>, labels: &'p Labels) -> AuditPage<'p> {
        AuditPage {
            tenant: self.tenant,
            query: self.pairs,
            zone: &self.zone,
            parts: self.parts,
            choices: &self.choices,
            answer,
            labels_at: ticks_of_timestamp(clock::now()),
            labels,
            behind: self.behind,
            reader: self.reader,
        }
    }

    fn unread(&self, error: &QueryError) -> Response {
        self.wrong(Audited::Unread(error))
    }

    fn wrong(&self, answer: Audited<'_>) -> Response {
        let text = self.page(answer, &Labels::default()).render(|_| None);
        (StatusCode::BAD_REQUEST, Page(text)).into_response()
    }

    /// The search of the last month in which something happened.
    async fn narrower(&self) -> Result<Option<String>, ApiError> {
        let among = std::collections::BTreeSet::from([self.tenant.clone()]);
        let log = self.store.list_tenants(Some(&among)).await?.pop();
        let last = log
            .and_then(|log| log.last_at)
            .map(|at| timestamp_of_ticks(at.ticks()));
        let last = last.map(|at| self.reader.zone().to_datetime(at).date());
        let since = last.and_then(|last| last.checked_sub(30.days()).ok());
        let text = self.pairs.first("q").unwrap_or_default();
        Ok(since.map(|since| {
            let since = Predicate::Time(Span::Since(When::Day(since)));
            Narrowed::new(text).by(&[since])
        }))
    }
}

impl AuditParams {
    fn parts(&self) -> Parts {
        Parts {
            field: self.field.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            actor: self.actor.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            team: self.team.clone(),
        }
    }
}
