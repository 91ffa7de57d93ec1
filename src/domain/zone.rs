//! Time zones by name, from the database inside the program.

use jiff::tz;
use serde::Serialize;

/// Names that are suggested for one that there is not.
const MAX_SUGGESTIONS: usize = 3;

/// How near a name must come to be suggested, from 0 to 1.
const NEAR: f64 = 0.8;

/// The IANA name of a time zone that there is, in its own spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ZoneName(String);

/// There is no such zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone \"{name}\"; {}", suggest(near))]
pub struct UnknownZone {
    name: String,
    near: Vec<String>,
}

impl ZoneName {
    /// Reads a name in any case.
    ///
    /// # Errors
    /// [`UnknownZone`], with names that may have been meant.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        let known = tz::db().available().map(|zone| zone.as_str().to_owned());
        let known: Vec<String> = known.collect();
        match known.iter().find(|zone| zone.eq_ignore_ascii_case(name)) {
            Some(zone) => Ok(Self(zone.clone())),
            None => Err(UnknownZone {
                name: name.to_owned(),
                near: near(name, known),
            }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The zones whose names, or whose cities, come nearest.
fn near(name: &str, known: Vec<String>) -> Vec<String> {
    let name = name.to_ascii_lowercase().replace(' ', "_");
    let nearness = |zone: &str| {
        let zone = zone.to_ascii_lowercase();
        let city = zone.rsplit('/').next().unwrap_or_default();
        strsim::jaro_winkler(&name, &zone).max(strsim::jaro_winkler(&name, city))
    };
    let mut near: Vec<(f64, String)> = known
        .into_iter()
        .map(|zone| (nearness(&zone), zone))
        .filter(|(nearness, _)| *nearness >= NEAR)
        .collect();
    near.sort_by(|(a, zone_a), (b, zone_b)| b.total_cmp(a).then_with(|| zone_a.cmp(zone_b)));
    near.truncate(MAX_SUGGESTIONS);
    near.into_iter().map(|(_, zone)| zone).collect()
}

fn suggest(near: &[String]) -> String {
    match near {
        [] => "zones have IANA names like Europe/Oslo".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::ZoneName;

    #[test]
    fn a_zone_is_known_by_its_name_in_any_case() {
        for (given, name) in [
            ("Europe/Oslo", "Europe/Oslo"),
            ("europe/oslo", "Europe/Oslo"),
            ("UTC", "UTC"),
            (
                "america/argentina/buenos_aires",
                "America/Argentina/Buenos_Aires",
            ),
        ] {
            assert_eq!(ZoneName::parse(given).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_zone_that_is_none_brings_to_mind_which_was_meant() {
        for (given, meant) in [
            ("Europe/Olso", "Europe/Oslo"),
            ("Oslo", "Europe/Oslo"),
            ("europe/osloo", "Europe/Oslo"),
            ("Asia/Calcuta", "Asia/Calcutta"),
            ("new york", "America/New_York"),
        ] {
            let error = ZoneName::parse(given).unwrap_err().to_string();
            let (said, suggested) = error.split_once("; ").unwrap();
            assert_eq!(said, format!("there is no time zone \"{given}\""));
            let first = suggested.strip_prefix("did you mean ").unwrap();
            assert!(first.starts_with(meant), "{error}");
        }
        for given in [
            "",
            "+02:00",
            "/etc/passwd",
            "../UTC",
            "\u{202e}",
            "qqqqqqqqqqq",
        ] {
            let error = ZoneName::parse(given).unwrap_err().to_string();
            assert!(!error.is_empty(), "{error}");
        }
    }
}
