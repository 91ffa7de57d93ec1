//! Which form an `Accept` header wants (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

use super::Format;

/// Our forms by their media types, the first preferred.
const OFFERED: [(Format, &str, &str); 3] = [
    (Format::Json, "application", "json"),
    (Format::Csv, "text", "csv"),
    (Format::Ndjson, "application", "x-ndjson"),
];

/// Weight of a media range that gives none, in thousandths.
const WHOLE: u16 = 1000;

/// One range of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    weight: u16,
}

/// The form that the client weighs highest, of equal ones the one it names more exactly, then the first of
/// ours; JSON if there is no header. `None` if it takes none of ours.
pub(super) fn best(headers: &HeaderMap) -> Option<Format> {
    let accepts = headers.get_all(header::ACCEPT).iter();
    let lines: Vec<&str> = accepts.filter_map(|line| line.to_str().ok()).collect();
    let text = lines.join(",");
    if text.trim().is_empty() {
        return Some(Format::Json);
    }
    let ranges: Vec<Range<'_>> = text.split(',').filter_map(range).collect();
    let mut best = None;
    for (format, kind, subtype) in OFFERED {
        // Of several ranges that fit, the most exact one counts.
        let exactness = ranges.iter().filter_map(|range| range.fits(kind, subtype));
        if let Some((exactness, weight)) = exactness.max()
            && weight > 0
            && best.is_none_or(|(other, _)| (weight, exactness) > other)
        {
            best = Some(((weight, exactness), format));
        }
    }
    best.map(|(_, format)| format)
}

impl Range<'_> {
    /// How exactly it names a media type, and how it weighs it; `None` if it does not.
    fn fits(&self, kind: &str, subtype: &str) -> Option<(u8, u16)> {
        let same = |ours: &str, named: &str| ours.eq_ignore_ascii_case(named);
        let exactness = match (self.kind, self.subtype) {
            ("*", "*") => 0,
            (named, "*") if same(kind, named) => 1,
            (named, exact) if same(kind, named) && same(subtype, exact) => 2,
            _ => return None,
        };
        Some((exactness, self.weight))
    }
}

fn range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        (name.trim().eq_ignore_ascii_case("q")).then(|| thousandths(value.trim()))
    });
    Some(Range {
        kind,
        subtype,
        weight: weight.unwrap_or(WHOLE),
    })
}

/// A weight to its third fraction digit, which is the last it may have; what is none counts whole.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = format!("{whole}{fraction:0<3.3}");
    digits.parse().unwrap_or(WHOLE).min(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        best(&headers)
    }

    #[test]
    fn the_client_is_given_what_it_weighs_highest() {
        assert_eq!(best(&HeaderMap::new()), Some(Format::Json));
        for (accept, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("application/*", Format::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Json),
            ("text/csv", Format::Csv),
            ("Text/CSV; header=present", Format::Csv),
            ("text/*", Format::Csv),
            ("*/*, text/csv", Format::Csv),
            (
                "application/x-ndjson, application/json;q=0.9",
                Format::Ndjson,
            ),
            ("application/json;q=0.1, text/csv;q=0.25", Format::Csv),
            ("application/json;q=0, */*;q=0.1", Format::Csv),
            ("text/csv;q=1.000, application/json;q=0.999", Format::Csv),
        ] {
            assert_eq!(of(accept), Some(format), "{accept}");
        }
    }

    #[test]
    fn who_takes_nothing_of_ours_gets_nothing() {
        for accept in [
            "text/html",
            "image/*",
            "*/*;q=0",
            "text/csv;q=0.0",
            "nonsense",
        ] {
            assert_eq!(of(accept), None, "{accept}");
        }
    }

    #[test]
    fn several_headers_are_one() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, "text/html".parse().unwrap());
        headers.append(header::ACCEPT, "text/csv".parse().unwrap());
        assert_eq!(best(&headers), Some(Format::Csv));
    }
}
