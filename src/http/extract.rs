//! Extractors whose rejections are problem documents.

use std::ops::RangeInclusive;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};

use super::error::ApiError;
use crate::domain::{
    ids::{Actor, EventId, Tenant, TicketId},
    instant::OccurredAt,
    page::{DEFAULT_LIMIT, MAX_LIMIT},
};

/// The query string; a name that no field has is an error that names it, and one that may stand more
/// than once is a `Vec`.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Reads a query string.
///
/// # Errors
/// 400 that names the parameter.
pub(super) fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    // A search is read by its own language. Written like this alone: a percent sign is written %25.
    let mut others = query.split('&').filter(|pair| !pair.starts_with("q="));
    if others.any(|pair| pair.contains("%00")) {
        return Err(ApiError::BadParameter(
            "no parameter holds the character NUL: no text in the log does".to_owned(),
        ));
    }
    let form = serde_html_form::Deserializer::from_bytes(query.as_bytes());
    serde_path_to_error::deserialize(form).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner().to_string();
        ApiError::BadParameter(explain(query, &path, &cause))
    })
}

/// What is wrong with a parameter: the path to it, like `limit` or `actor[0]`, and the cause in the words of a parser.
fn explain(query: &str, path: &str, cause: &str) -> String {
    // An unknown name is named by the cause, which also lists the known ones, and so is one that is missing.
    if let Some(rest) = cause.strip_prefix("unknown field") {
        return format!("unknown parameter{rest}");
    }
    if let Some(rest) = cause.strip_prefix("missing field") {
        return format!("the parameter{rest} is missing");
    }
    let (name, nth) = path.strip_suffix(']').map_or((path, 0), |path| {
        let (name, nth) = path.split_once('[').unwrap_or((path, ""));
        (name, nth.parse().unwrap_or(0))
    });
    let pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap_or_default();
    let mut given = pairs.iter().filter(|(other, _)| other == name);
    if cause == "unsupported value" && given.clone().count() > 1 {
        return format!("{name} may stand once only");
    }
    // The words of Rust's parser of integers.
    let is_number = cause.contains("invalid digit")
        || cause.contains("integer from empty")
        || cause.contains("number too");
    match given.nth(nth) {
        Some((_, text)) if is_number => {
            format!("{name} must be a whole number in its range, not \"{text}\"")
        }
        _ => format!("{name}: {cause}"),
    }
}

/// The actors of a parameter that may be repeated; `none` is nobody.
///
/// # Errors
/// If one is neither that nor a number.
pub(super) fn actors<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Option<Actor>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let actors = texts.iter().map(|text| Actor::read(text));
    actors.collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// `{tenant}`, and if the path has them `{ticket}`, `{event_id}` or `{actor}`.
#[derive(Debug)]
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for Path<Tenant> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        Ok(Self(tenant(&params)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Path<(Tenant, TicketId)> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let text = find(&params, "ticket");
        let ticket = text.parse().ok().and_then(TicketId::new).ok_or_else(|| {
            ApiError::Unknown(format!(
                "\"{text}\" is no ticket: tickets are numbers from 1"
            ))
        })?;
        Ok(Self((tenant(&params)?, ticket)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Path<(Tenant, EventId)> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let text = find(&params, "event_id");
        let event_id = EventId::parse(text).ok_or_else(|| {
            ApiError::Unknown(format!("\"{text}\" is no event id: those are UUIDs"))
        })?;
        Ok(Self((tenant(&params)?, event_id)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Path<(Tenant, Option<Actor>)> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let actor = Actor::read(find(&params, "actor"));
        let actor = actor.map_err(|error| ApiError::Unknown(error.to_string()))?;
        Ok(Self((tenant(&params)?, actor)))
    }
}

/// `{hook}`.
#[derive(Debug)]
pub(super) struct HookName(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for HookName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        Ok(Self(find(&params, "hook").to_owned()))
    }
}

/// `{asset}`.
#[derive(Debug)]
pub(super) struct AssetName(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for AssetName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        Ok(Self(find(&params, "asset").to_owned()))
    }
}

/// `{tenant}` and `{report}`.
#[derive(Debug)]
pub(super) struct ReportName(pub(super) Tenant, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for ReportName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let report = find(&params, "report").to_owned();
        Ok(Self(tenant(&params)?, report))
    }
}

async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, ApiError> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::Unknown("the path is not UTF-8".to_owned()))
}

/// `{tenant}`, whatever it is; `None` if the path has none.
pub(super) async fn tenant_name<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<Option<String>, ApiError> {
    let params = params(parts, state).await?;
    let tenant = params.iter().find(|(name, _)| *name == "tenant");
    Ok(tenant.map(|(_, value)| value.to_owned()))
}

fn find<'a>(params: &'a RawPathParams, wanted: &str) -> &'a str {
    params
        .iter()
        .find_map(|(name, value)| (name == wanted).then_some(value))
        .unwrap_or_default()
}

fn tenant(params: &RawPathParams) -> Result<Tenant, ApiError> {
    let name = find(params, "tenant");
    Tenant::parse(name).ok_or_else(|| unknown_tenant(name))
}

/// 404 for a tenant without a log.
pub(super) fn unknown_tenant(name: &str) -> ApiError {
    ApiError::Unknown(format!("no event of a tenant \"{name}\" was ever received"))
}

/// The items a page may have.
///
/// # Errors
/// 400 outside 1 to [`MAX_LIMIT`].
pub(super) fn limit(limit: Option<u32>) -> Result<u16, ApiError> {
    const ALLOWED: RangeInclusive<u16> = 1..=MAX_LIMIT;
    match limit.map(u16::try_from) {
        None => Ok(DEFAULT_LIMIT),
        Some(Ok(limit)) if ALLOWED.contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::BadParameter(format!(
            "limit must be 1 to {MAX_LIMIT}"
        ))),
    }
}

/// An instant of a parameter, in ticks of 100 ns.
///
/// # Errors
/// 400 if it is not RFC 3339 with an offset.
pub(super) fn instant(name: &str, text: &str) -> Result<i64, ApiError> {
    moment(name, text).map(|at| at.ticks())
}

/// [`instant`] with its text.
///
/// # Errors
/// 400 if it is not RFC 3339 with an offset.
pub(super) fn moment(name: &str, text: &str) -> Result<OccurredAt, ApiError> {
    // In a query string "+" means a blank; nobody means a blank here.
    let text = text.replace(' ', "+");
    let at = OccurredAt::parse_zoned(&text);
    at.ok_or_else(|| {
        ApiError::BadParameter(format!(
            "{name} must be an instant like 2025-05-19T09:56:33Z or 2025-05-19T11:56:33+02:00, not \"{text}\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only mistakes are read")]
    struct Params {
        from: String,
        limit: Option<u32>,
        #[serde(default)]
        ticket: Vec<i64>,
        #[serde(default, deserialize_with = "actors")]
        actor: Vec<Option<Actor>>,
    }

    #[test]
    fn what_is_wrong_and_what_would_be_right_is_said() {
        for (query, said) in [
            ("", "the parameter `from` is missing"),
            (
                "from=a&limit=abc",
                "limit must be a whole number in its range, not \"abc\"",
            ),
            ("from=a&limit=99999999999", "not \"99999999999\""),
            ("from=a&limit=-1", "not \"-1\""),
            ("limit=1&limit=2&from=a", "limit may stand once only"),
            (
                "from=a&ticket=1&ticket=x%2Cy",
                "ticket must be a whole number in its range, not \"x,y\"",
            ),
            (
                "from=a&actor=1&actor=me",
                "\"me\" is no actor: those are numbers, or `none`",
            ),
            (
                "from=a&form=b",
                "unknown parameter `form`, expected one of `from`",
            ),
            ("from=%00", "NUL"),
        ] {
            let Err(ApiError::BadParameter(detail)) = read_query::<Params>(query) else {
                panic!("{query} is taken");
            };
            assert!(detail.contains(said), "{query}: {detail}");
        }
        let params: Params = read_query("from=a&actor=none&actor=-7").unwrap();
        assert_eq!(params.actor, [None, Some(Actor(-7))]);
    }
}
