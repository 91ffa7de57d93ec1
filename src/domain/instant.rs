//! The sender's instants: .NET ticks of 100 ns, with 0 to n fraction digits. What comes in goes out.

use jiff::civil::DateTime;

/// Ticks of 100 ns in a second.
const TICKS_PER_SECOND: i64 = 10_000_000;

const TICKS_PER_MICROSECOND: i64 = 10;

/// Digits of a second that a tick can tell apart.
const TICK_DIGITS: usize = 7;

/// `yyyy-MM-ddTHH:mm:ss`.
const CIVIL_LEN: usize = 19;

/// `yyyy-MM-dd`.
const DAY_LEN: usize = 10;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// When the sender says an event happened.
///
/// Covers the years 0 to 9999, wider than `timestamptz` reads back and than [`jiff::Timestamp`] holds
/// (.NET's greatest instant is one that both refuse). Ordered and compared by 100 ns ticks alone.
#[derive(Debug, Clone)]
pub struct OccurredAt {
    ticks: i64,
    utc: String,
    sent: String,
}

impl OccurredAt {
    /// Reads `yyyy-MM-ddTHH:mm:ss[.digits][Z|±HH[:mm]]`; without an offset it is UTC.
    ///
    /// `None` if the text is anything else, or if the offset moves it out of the years 0 to 9999. Digits
    /// after the seventh are kept as text and have no part in the order. All of a second 60, which comes
    /// from a leap second or from rounding, is ordered as the first tick of the next minute.
    pub fn parse(sent: &str) -> Option<Self> {
        let text = sent.trim();
        let (civil, rest) = text.split_at_checked(CIVIL_LEN)?;
        let is_60 = civil.ends_with(":60");
        // This parser takes a second 60 for 59.
        let civil = civil_date_time(civil)?;
        let (fraction, offset) = split_fraction(rest)?;
        let offset = offset_seconds(offset)?;
        let utc = civil
            .checked_sub(jiff::SignedDuration::from_secs(offset))
            .ok()
            .filter(|utc| utc.year() >= 0)?;
        let seconds = utc.duration_since(EPOCH).as_secs();
        let within = if is_60 {
            // The next minute may be past the last year.
            utc.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
            TICKS_PER_SECOND
        } else {
            ticks_of(fraction)?
        };
        let ticks = seconds.checked_mul(TICKS_PER_SECOND)?.checked_add(within)?;
        let point = if fraction.is_empty() { "" } else { "." };
        let utc = if offset == 0 {
            // It says UTC already, as nearly all do: copying is a tenth of the cost of formatting.
            let (day, time) = (text.get(..DAY_LEN)?, text.get(DAY_LEN + 1..CIVIL_LEN)?);
            [day, "T", time, point, fraction, "Z"].concat()
        } else {
            let minute = utc.strftime("%Y-%m-%dT%H:%M");
            let second = if is_60 { 60 } else { utc.second() };
            format!("{minute}:{second:02}{point}{fraction}Z")
        };
        let sent = text.to_owned();
        Some(Self { ticks, utc, sent })
    }

    /// Reads an instant that says its offset, as callers must: only the sender's are UTC without one.
    pub fn parse_zoned(text: &str) -> Option<Self> {
        let after_seconds = text.trim().get(CIVIL_LEN..)?;
        let zoned = after_seconds.ends_with(['Z', 'z']) || after_seconds.contains(['+', '-']);
        Self::parse(text).filter(|_| zoned)
    }

    /// The instant of these ticks as a sender in .NET writes it: in UTC, with the digits of a second that it needs.
    /// `None` outside the years 0 to 9999.
    pub fn of_ticks(ticks: i64) -> Option<Self> {
        let seconds = jiff::SignedDuration::from_secs(ticks.div_euclid(TICKS_PER_SECOND));
        let civil = EPOCH
            .checked_add(seconds)
            .ok()
            .filter(|civil| civil.year() >= 0)?;
        let fraction = match ticks.rem_euclid(TICKS_PER_SECOND) {
            0 => String::new(),
            within => format!(".{within:07}"),
        };
        let (date, time) = (civil.date(), civil.time());
        let utc = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            fraction.trim_end_matches('0')
        );
        let sent = utc.clone();
        Some(Self { ticks, utc, sent })
    }

    /// Ticks of 100 ns since 1970-01-01T00:00:00Z; negative before.
    pub fn ticks(&self) -> i64 {
        self.ticks
    }

    /// RFC 3339 in UTC, with the fraction digits the sender gave.
    pub fn as_utc(&self) -> &str {
        &self.utc
    }

    /// RFC 3339 in UTC with six digits of a second, what lies beyond them cut off: for readers that take no
    /// more. A second 60 is the first of the next minute; the year 0, which many do not know, is the first
    /// instant of the year 1.
    pub fn to_microseconds(&self) -> String {
        let seconds = self.ticks.div_euclid(TICKS_PER_SECOND);
        let micros = self.ticks.rem_euclid(TICKS_PER_SECOND) / TICKS_PER_MICROSECOND;
        let civil = EPOCH.checked_add(jiff::SignedDuration::from_secs(seconds));
        match civil.ok().filter(|civil| civil.year() > 0) {
            Some(civil) => format!("{}.{micros:06}Z", civil.strftime("%Y-%m-%dT%H:%M:%S")),
            None => "0001-01-01T00:00:00.000000Z".to_owned(),
        }
    }

    /// The text as sent, without surrounding blanks; [`OccurredAt::parse`] reads it again.
    pub fn as_sent(&self) -> &str {
        &self.sent
    }
}

/// Ticks of 100 ns between 1970 and an instant of ours.
pub fn ticks_of_timestamp(at: jiff::Timestamp) -> i64 {
    let ticks = at.as_nanosecond().div_euclid(100);
    // jiff's range is ±10,000 years: 3.2e18 ticks, which fit.
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

/// An instant of ours from ticks of 100 ns since 1970; cut to the range that [`jiff::Timestamp`] has.
pub fn timestamp_of_ticks(ticks: i64) -> jiff::Timestamp {
    let limit = if ticks < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    jiff::Timestamp::from_nanosecond(i128::from(ticks) * 100).unwrap_or(limit)
}

/// Reads exactly `yyyy-MM-ddTHH:mm:ss`, so that no looser form of the parser below gets in.
fn civil_date_time(text: &str) -> Option<DateTime> {
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => matches!(byte, b'T' | b't' | b' '),
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if !shape {
        return None;
    }
    text.parse().ok()
}

/// Splits `.digits` from what follows; a point without digits is an error.
fn split_fraction(rest: &str) -> Option<(&str, &str)> {
    let Some(after_point) = rest.strip_prefix('.') else {
        return Some(("", rest));
    };
    let end = after_point
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(after_point.len());
    (end > 0).then(|| after_point.split_at_checked(end))?
}

/// The first seven digits as ticks; fewer stand for tenths, hundredths and so on.
fn ticks_of(fraction: &str) -> Option<i64> {
    let digits = fraction.get(..TICK_DIGITS).unwrap_or(fraction);
    let given: i64 = match digits {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let missing = TICK_DIGITS.checked_sub(digits.len())?;
    Some(given * 10_i64.pow(u32::try_from(missing).ok()?))
}

/// Seconds east of UTC of `""`, `Z`, `±HH`, `±HHmm` or `±HH:mm`.
fn offset_seconds(offset: &str) -> Option<i64> {
    if matches!(offset, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, digits) = match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let two_digits = |text: &str| -> Option<i64> {
        let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok())?
    };
    let hours = two_digits(hours).filter(|h| *h <= 23)?;
    let minutes = match minutes {
        "" => 0,
        text => two_digits(text).filter(|m| *m <= 59)?,
    };
    Some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::OccurredAt;

    /// The first tick of the year 0.
    const FIRST: i64 = -621_672_192_000_000_000;
    /// The last of the year 9999.
    const LAST: i64 = 2_534_023_007_999_999_999;

    #[track_caller]
    fn reads(sent: &str, ticks: i64, utc: &str) {
        let at = OccurredAt::parse(sent).unwrap();
        assert_eq!((at.ticks(), at.as_utc(), at.as_sent()), (ticks, utc, sent));
    }

    #[test]
    fn what_comes_in_goes_out() {
        reads("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z");
        reads(
            "1970-01-01T00:00:00.1Z",
            1_000_000,
            "1970-01-01T00:00:00.1Z",
        );
        reads(
            "1970-01-01T00:00:00.10",
            1_000_000,
            "1970-01-01T00:00:00.10Z",
        );
        reads(
            "1969-12-31T23:59:59.9999999Z",
            -1,
            "1969-12-31T23:59:59.9999999Z",
        );
        reads(
            "2025-05-19T09:56:33.1554128Z",
            17_476_485_931_554_128,
            "2025-05-19T09:56:33.1554128Z",
        );
        reads(
            "1970-01-01T00:00:00.123456789Z",
            1_234_567,
            "1970-01-01T00:00:00.123456789Z",
        );
        reads(
            "1970-01-01T02:00:00.5+02:00",
            5_000_000,
            "1970-01-01T00:00:00.5Z",
        );
        reads("1969-12-31T19:30:00-0430", 0, "1970-01-01T00:00:00Z");
    }

    #[test]
    fn six_digits_are_cut_and_always_there() {
        for (sent, micros) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
            (
                "2025-05-19T09:56:33.1554128Z",
                "2025-05-19T09:56:33.155412Z",
            ),
            (
                "1969-12-31T23:59:59.9999999Z",
                "1969-12-31T23:59:59.999999Z",
            ),
            ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.000000Z"),
            (
                "9999-12-31T23:59:59.9999999Z",
                "9999-12-31T23:59:59.999999Z",
            ),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
            ("0001-01-01T00:00:00.7+01:00", "0001-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(OccurredAt::parse(sent).unwrap().to_microseconds(), micros);
        }
    }

    #[test]
    fn the_first_and_the_last_instant_of_dotnet_are_instants() {
        reads(
            "0001-01-01T00:00:00Z",
            -621_355_968_000_000_000,
            "0001-01-01T00:00:00Z",
        );
        reads(
            "9999-12-31T23:59:59.9999999Z",
            2_534_023_007_999_999_999,
            "9999-12-31T23:59:59.9999999Z",
        );
        reads(
            "0001-01-01T00:00:00+01:00",
            -621_356_004_000_000_000,
            "0000-12-31T23:00:00Z",
        );
        assert!(OccurredAt::parse("9999-12-31T23:59:59-01:00").is_none());
    }

    proptest! {
        #[test]
        fn ticks_are_written_as_they_are_read(ticks in FIRST..=LAST, zeros in 0_u32..=7) {
            for ticks in [ticks, ticks - ticks.rem_euclid(10_i64.pow(zeros)), FIRST, LAST] {
                let written = OccurredAt::of_ticks(ticks).unwrap();
                let read = OccurredAt::parse(written.as_sent()).unwrap();
                prop_assert_eq!(read.ticks(), ticks);
                prop_assert_eq!((read.as_utc(), written.ticks()), (written.as_utc(), ticks));
            }
        }
    }

    #[test]
    fn the_usual_form_has_the_digits_it_needs() {
        for text in [
            "2025-05-19T09:56:33.1554128Z",
            "2025-05-19T09:56:33.15Z",
            "2025-05-19T09:56:33Z",
            "0000-01-01T00:00:00Z",
        ] {
            let ticks = OccurredAt::parse(text).unwrap().ticks();
            assert_eq!(OccurredAt::of_ticks(ticks).unwrap().as_sent(), text);
        }
        assert!(OccurredAt::of_ticks(FIRST - 1).is_none());
        assert!(OccurredAt::of_ticks(LAST + 1).is_none());
        assert!(OccurredAt::of_ticks(i64::MAX).is_none());
    }

    #[test]
    fn a_leap_second_comes_after_its_minute_and_keeps_its_digits() {
        let next = OccurredAt::parse("2017-01-01T00:00:00Z").unwrap().ticks();
        reads("2016-12-31T23:59:60Z", next, "2016-12-31T23:59:60Z");
        reads("2016-12-31T23:59:60.75Z", next, "2016-12-31T23:59:60.75Z");
        reads("2017-01-01T05:29:60.1+0530", next, "2016-12-31T23:59:60.1Z");
        reads(
            "2016-12-31T23:59:59.9999999Z",
            next - 1,
            "2016-12-31T23:59:59.9999999Z",
        );
        for text in ["2016-12-31T23:59:61Z", "9999-12-31T23:59:60Z"] {
            assert!(OccurredAt::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "now",
            "2025-05-19",
            "2025-05-19T09:56",
            "2025-02-30T00:00:00Z",
            "2025-05-19T25:00:00Z",
            "2025-05-19T09:56:33.Z",
            "2025-05-19T09:56:33+2",
            "2025-05-19T09:56:33Zulu",
            "2025-05-19T09:56:33+24:00",
            "2025-05-19T09:56:3é.1Z",
            "+02025-05-19T09:56:33Z",
            "20250519T095633Z",
        ] {
            assert!(OccurredAt::parse(text).is_none(), "{text}");
        }
    }
}
