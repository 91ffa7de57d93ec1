//! The parameters of a page as a form sends them, and as they stand in an address that can be handed on: without
//! empty ones, and with instants that mean the same in every zone.

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime};
use serde::de::DeserializeOwned;

use crate::{
    domain::report::{Kind, Report},
    http::{error::ApiError, extract::read_query},
    render::html::{Pairs, Reader},
};

/// Of a date and time without a zone: from its first instant on.
const STARTS: [&str; 3] = ["since", "until", "from"];

/// Up to its last: what happened in the second that was named has happened.
const ENDS: [&str; 3] = ["as_of", "to", "known_at"];

/// As of which instant a report answers.
const AS_OF: &str = "at";

/// Of the slider: seconds since 1970.
const SLIDER: &str = "at";

/// The parameters of a page.
#[derive(Debug)]
pub(super) struct Given {
    uri: Uri,
    pairs: Pairs,
}

impl<S: Sync> FromRequestParts<S> for Given {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self {
            uri: parts.uri.clone(),
            pairs: Pairs(read_query(parts.uri.query().unwrap_or_default())?),
        })
    }
}

/// The parameters, or where they stand as they can be handed on.
pub(super) enum Settled {
    /// As they are.
    Here(Pairs),
    /// There.
    Elsewhere(Response),
}

impl Given {
    /// The parameters as they were given.
    pub(super) fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// The same page with other parameters.
    pub(super) fn elsewhere(&self, pairs: &Pairs) -> Response {
        Redirect::to(&pairs.link(self.uri.path())).into_response()
    }

    /// Settles what the parameters mean for a reader.
    pub(super) fn settle(self, reader: &Reader) -> Settled {
        let mut settled = self.meant(reader, |name| {
            let start = STARTS.contains(&name).then_some(Edge::Start);
            ENDS.contains(&name).then_some(Edge::End).or(start)
        });
        if let Some(moved) = self.pairs.first(SLIDER).and_then(of_slider) {
            settled = settled.without(&[SLIDER]).with("as_of", moved);
        }
        self.settled(settled)
    }

    /// The same for the page of a report, whose parameters mean what it says.
    pub(super) fn settle_for(self, report: &Report, reader: &Reader) -> Settled {
        let settled = self.meant(reader, |name| {
            let edge = if name == AS_OF {
                Edge::End
            } else {
                Edge::Start
            };
            (report.kind(name) == Some(&Kind::Instant)).then_some(edge)
        });
        self.settled(settled)
    }

    fn meant(&self, reader: &Reader, edge: impl Fn(&str) -> Option<Edge>) -> Pairs {
        let pairs = self.pairs.0.iter();
        let meant = pairs.filter(|(_, value)| !value.is_empty());
        let meant = meant.map(|(name, value)| {
            let local = edge(name).and_then(|edge| local(value, edge, reader));
            (name.clone(), local.unwrap_or_else(|| value.clone()))
        });
        Pairs(meant.collect())
    }

    fn settled(self, settled: Pairs) -> Settled {
        if settled == self.pairs {
            return Settled::Here(settled);
        }
        Settled::Elsewhere(self.elsewhere(&settled))
    }
}

/// Reads settled parameters.
///
/// # Errors
/// 400 that names the parameter.
pub(super) fn read<T: DeserializeOwned>(pairs: &Pairs) -> Result<T, ApiError> {
    read_query(&pairs.encoded())
}

/// Which instant of a second is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

/// A date and time in the reader's zone as an instant in UTC; `None` for all else, as for an instant.
fn local(text: &str, edge: Edge, reader: &Reader) -> Option<String> {
    let text = text.trim();
    let unit = match text.len() {
        // Browsers leave out seconds that are 0, of a field that has them too.
        16 | 19 => SignedDuration::from_secs(1),
        20.. if text
            .get(19..)?
            .strip_prefix('.')?
            .bytes()
            .all(|b| b.is_ascii_digit()) =>
        {
            SignedDuration::ZERO
        }
        _ => return None,
    };
    let civil: DateTime = text.parse().ok()?;
    let zoned = reader.zone().to_ambiguous_zoned(civil).compatible().ok()?;
    let at = zoned.timestamp();
    let tick = SignedDuration::from_nanos(100);
    let at = if edge == Edge::End && !unit.is_zero() {
        at.checked_add(unit).ok()?.checked_sub(tick).ok()?
    } else {
        at
    };
    Some(at.to_string())
}

/// The last instant of a second.
fn of_slider(seconds: &str) -> Option<String> {
    let begins = Timestamp::from_second(seconds.parse().ok()?).ok()?;
    let last = SignedDuration::from_nanos(999_999_900);
    Some(begins.checked_add(last).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(query: &str) -> String {
        let given = Given {
            uri: "/t".parse().unwrap(),
            pairs: Pairs(read_query(query).unwrap()),
        };
        match given.settle(&Reader::new("Europe/Oslo")) {
            Settled::Here(pairs) => pairs.encoded(),
            Settled::Elsewhere(response) => {
                response.headers()["location"].to_str().unwrap().to_owned()
            }
        }
    }

    #[test]
    fn local_times_become_instants_and_what_is_empty_goes() {
        for (given, meant) in [
            ("", ""),
            (
                "as_of=2025-05-19T09%3A56%3A33.1Z",
                "as_of=2025-05-19T09%3A56%3A33.1Z",
            ),
            ("as_of=&field=status", "/t?field=status"),
            (
                "since=2025-05-19T11%3A56",
                "/t?since=2025-05-19T09%3A56%3A00Z",
            ),
            (
                "as_of=2025-05-19T11%3A56%3A33",
                "/t?as_of=2025-05-19T09%3A56%3A33.9999999Z",
            ),
            (
                "as_of=2025-05-19T11%3A56",
                "/t?as_of=2025-05-19T09%3A56%3A00.9999999Z",
            ),
            (
                "to=2025-05-19T11%3A56%3A33.5",
                "/t?to=2025-05-19T09%3A56%3A33.5Z",
            ),
            ("known_at=17", "known_at=17"),
            ("at=0&as_of=x", "/t?as_of=1970-01-01T00%3A00%3A00.9999999Z"),
            // No such time: what reads it says so.
            ("as_of=yesterday", "as_of=yesterday"),
        ] {
            assert_eq!(settled(given), meant, "{given}");
        }
    }
}
