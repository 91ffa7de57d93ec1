//! What one actor did.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Page,
    given::{Given, Settled, read},
    reader::{Asker, reader},
};
use crate::{
    domain::{
        daily::{Day, of_year},
        ids::{Actor, Tenant},
        label::{ACTORS, wanted},
        zone::ZoneName,
    },
    http::{
        AppState,
        actors::unknown_actor,
        changes::{AskedChanges, ChangesParams},
        error::ApiError,
        extract::Path,
        projected::Stale,
    },
    render::html::{ActorPage, Reader, asked_of_actor},
    store::COUNTED_CHANGES,
};

/// Changes in a page, as far as there is room.
const SHOWN: u16 = 50;

/// Parameters of [`show_actor`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActorParams {
    /// The year to show; that of the last event if nobody says.
    year: Option<i16>,
    /// Whose days: else the reader's.
    zone: Option<String>,
    /// Of the changes.
    cursor: Option<String>,
}

/// `GET /t/{tenant}/actors/{actor}`: a year of what somebody did; of `none` the events that do not say who it was.
pub(super) async fn show_actor(
    State(state): State<AppState>,
    Path((tenant, actor)): Path<(Tenant, Option<Actor>)>,
    who: Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let store = state.store().await?;
    let reader = reader(&store, &who, Some(&tenant)).await?;
    let pairs = match given.settle(&reader) {
        Settled::Here(pairs) => pairs,
        Settled::Elsewhere(redirect) => return Ok(redirect),
    };
    let params: ActorParams = read(&pairs)?;
    state.projected(&store, &tenant, Some(Stale::Allow)).await?;
    let span = store.find_actor_span(&tenant, actor).await?;
    let span = span.ok_or_else(|| unknown_actor(&tenant, actor))?;
    let zone = zone(params.zone.as_deref(), &reader)?;
    let year = params.year.unwrap_or_else(|| zone.year(span.1));
    let days = days(year, &zone)?;
    let window = window(&days);
    let done = store.count_actor_days(&tenant, actor, &days).await?;
    let by_field = store.count_latest_by_field(&tenant, actor, window).await?;
    let mut asked = asked_of_actor(actor, window)
        .with("order", "desc")
        .with("limit", SHOWN.to_string())
        .with("stale", "allow");
    if let Some(cursor) = params.cursor {
        asked = asked.with("cursor", cursor);
    }
    let changes: ChangesParams = read(&asked)?;
    let changes = AskedChanges::read(&state, &tenant, &changes).await?;
    let (latest, next) = changes.find_changes().await?;
    let events: Vec<_> = latest
        .iter()
        .map(|found| (found.ticket, found.event_id))
        .collect();
    let doubts = store.find_doubts(&tenant, &events).await?;
    let mut labelled = wanted(&latest);
    labelled.extend(actor.map(|actor| (ACTORS.to_owned(), actor.0)));
    let labels = store.find_labels(&tenant, &labelled).await?;
    let page = ActorPage {
        tenant: &tenant,
        actor,
        span,
        year,
        zone: zone.zone_name(),
        window,
        days: &done,
        fields: &by_field.fields,
        counted: by_field.capped.then_some(COUNTED_CHANGES),
        latest: &latest,
        doubts: &doubts,
        labels: &labels,
        query: &pairs,
        reader: &reader,
    };
    let text = page.render(|cut| cut.map_or(next, |last| Some(changes.cursor_after(last))));
    Ok(Page(text).into_response())
}

/// In whose zone the days are.
fn zone(named: Option<&str>, reader: &Reader) -> Result<Reader, ApiError> {
    let Some(name) = named else {
        return Ok(reader.clone());
    };
    let name = ZoneName::parse(name);
    let name = name.map_err(|error| ApiError::BadParameter(format!("zone: {error}")))?;
    Ok(Reader::new(name.as_str()))
}

fn days(year: i16, zone: &Reader) -> Result<Vec<Day>, ApiError> {
    let days = of_year(year, zone.zone());
    days.filter(|days| !days.is_empty())
        .ok_or_else(|| ApiError::BadParameter("year is one like 2025".to_owned()))
}

/// From the first instant of the days to the first after them.
fn window(days: &[Day]) -> (i64, i64) {
    let since = days.first().map_or(i64::MIN, |day| day.from_ticks);
    (since, days.last().map_or(i64::MAX, |day| day.until_ticks))
}
