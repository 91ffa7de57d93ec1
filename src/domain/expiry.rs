//! When something ends, as people say it: at an instant, on a date, or after a while.

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// Reads an instant in RFC 3339 with an offset, a date, which means its first instant in UTC, or a span
/// from now like `90d`, `12h` or `1 year`; days are of 24 hours and months those of the calendar in UTC.
///
/// # Errors
/// A sentence that says what would be right, if the text is none of these or not after `now`.
pub fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let at = instant(text)
        .or_else(|| first_of_date(text))
        .or_else(|| after(text, now))
        .ok_or_else(|| {
            format!(
                "\"{text}\" is no end: give an instant like 2027-01-31T12:00:00Z, a date like 2027-01-31, or a \
                 span like 90d or 12h"
            )
        })?;
    if at <= now {
        return Err(format!("{at} is not in the future"));
    }
    Ok(at)
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn first_of_date(text: &str) -> Option<Timestamp> {
    // The parser takes a date-time for its date.
    let date: Date = (text.len() == "2027-01-31".len())
        .then(|| text.parse().ok())
        .flatten()?;
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

fn after(text: &str, now: Timestamp) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    let zoned = now.to_zoned(TimeZone::UTC).checked_add(span).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::expiry;

    fn at(text: &str) -> Result<String, String> {
        let now = "2026-11-24T15:30:00Z".parse().unwrap();
        expiry(text, now).map(|at| at.to_string())
    }

    #[test]
    fn an_instant_a_date_and_a_span_are_ends() {
        for (text, expected) in [
            ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z"),
            ("2026-11-25", "2026-11-25T00:00:00Z"),
            ("90d", "2027-02-22T15:30:00Z"),
            ("12h", "2026-11-25T03:30:00Z"),
            ("1 year", "2027-11-24T15:30:00Z"),
            ("1s", "2026-11-24T15:30:01Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_end_or_over_is_refused() {
        for text in [
            "",
            "90",
            "soon",
            "2027-13-01",
            "2027-01-31T12:00:00",
            "9999999y",
        ] {
            assert!(at(text).unwrap_err().contains("is no end"), "{text}");
        }
        for text in ["2026-11-24T15:30:00Z", "2026-11-24", "-90d", "0d"] {
            assert!(at(text).unwrap_err().contains("future"), "{text}");
        }
    }
}
