//! Time zones by name, from the database inside the program.

use jiff::tz;
use serde::Serialize;

use super::near::{likeness, nearest};

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
    nearest(known, |zone| {
        let zone = zone.to_ascii_lowercase();
        let city = zone.rsplit('/').next().unwrap_or_default();
        likeness(&name, &zone).max(likeness(&name, city))
    })
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
