//! What a report can be asked with.

use jiff::civil::Date;

use crate::domain::{history, instant::OccurredAt, zone::ZoneName};

/// What tickets are grouped by.
const GROUPS: [&str; 9] = [
    "team",
    "owner",
    "priority",
    "category",
    "status",
    "ticket_status",
    "slevel",
    "type",
    "month",
];

/// Days of the week, as business hours name them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Longest text that is taken, in bytes: names of fields and lists of holidays are shorter.
const MAX_BYTES: usize = 4096;

/// A parameter of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// What it does.
    pub about: String,
    /// What it is if it is not given; empty for nothing.
    pub default: String,
}

/// What a parameter holds. Each reaches SQL as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The name of a field.
    Field,
    /// An instant in RFC 3339.
    Instant,
    /// A day.
    Date,
    /// A time zone by its IANA name.
    Zone,
    /// What tickets are grouped by.
    Group,
    /// Business hours, like `Mon-Fri 08:00-16:00, Sat 10:00-14:00`.
    Hours,
    /// Days, with commas between.
    Dates,
    /// Percentiles, with commas between.
    Percentiles,
    /// Kinds of change, with commas between.
    Kinds,
    /// One of some words.
    Choice(Vec<String>),
    /// A whole number.
    Integer,
    /// Any text.
    Text,
}

impl Kind {
    /// Reads a type as a report file writes it; `None` for a word that is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "field" => Self::Field,
            "instant" => Self::Instant,
            "date" => Self::Date,
            "zone" => Self::Zone,
            "group" => Self::Group,
            "hours" => Self::Hours,
            "dates" => Self::Dates,
            "percentiles" => Self::Percentiles,
            "kind" => Self::Kinds,
            "integer" => Self::Integer,
            "text" => Self::Text,
            _ => {
                let words = text.strip_prefix("choice(")?.strip_suffix(')')?;
                let words = words.split('|').map(|word| word.trim().to_owned());
                Self::Choice(words.collect())
            }
        })
    }

    /// What would be right, for people.
    pub fn expects(&self) -> String {
        match self {
            Self::Field => "the name of a field, like ticket_status".to_owned(),
            Self::Instant => "an instant like 2025-05-19T09:56:33Z".to_owned(),
            Self::Date => "a day like 2025-05-19".to_owned(),
            Self::Zone => "a time zone like Europe/Oslo".to_owned(),
            Self::Group => format!("one of {}", GROUPS.join(", ")),
            Self::Hours => {
                "business hours like \"Mon-Fri 08:00-16:00, Sat 10:00-14:00\", no two on one day that overlap"
                    .to_owned()
            }
            Self::Dates => "days like 2025-05-17,2025-12-25".to_owned(),
            Self::Percentiles => "percentiles between 0 and 100 like 90,95".to_owned(),
            Self::Kinds => "kinds of change like changed,set".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Integer => "a whole number".to_owned(),
            Self::Text => "a text".to_owned(),
        }
    }

    /// The words that it takes, if they can be listed.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Self::Group => GROUPS.to_vec(),
            Self::Choice(words) => words.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// A value in the form in which SQL takes it.
    ///
    /// # Errors
    /// What is wrong with it, where there is more to say than what was expected.
    pub(super) fn read(&self, text: &str) -> Result<String, Option<String>> {
        let text = text.trim();
        if text.len() > MAX_BYTES || text.contains('\0') {
            return Err(None);
        }
        let read = match self {
            Self::Field => (!text.is_empty()).then(|| text.to_owned()),
            // In a query string "+" means a blank; nobody means a blank here.
            // And Postgres has no year 0.
            Self::Instant => OccurredAt::parse_zoned(&text.replace(' ', "+"))
                .map(|at| at.as_utc().to_owned())
                .filter(|utc| !utc.starts_with("0000")),
            Self::Date => date(text),
            Self::Zone => {
                let zone = ZoneName::parse(text).map_err(|error| Some(error.to_string()))?;
                Some(zone.as_str().to_owned())
            }
            Self::Group => GROUPS.contains(&text).then(|| text.to_owned()),
            Self::Hours => hours(text),
            Self::Dates => list(text, date),
            Self::Percentiles => list(text, percentile),
            Self::Kinds => list(text, |word| {
                history::Kind::read(word).map(|kind| kind.as_str().to_owned())
            }),
            Self::Choice(words) => words.iter().find(|word| *word == text).cloned(),
            Self::Integer => text.parse::<i64>().ok().map(|number| number.to_string()),
            Self::Text => Some(text.to_owned()),
        };
        read.ok_or(None)
    }
}

/// Items with commas between, of which there is at least one; `None` if one is wrong.
fn list(text: &str, read: impl Fn(&str) -> Option<String>) -> Option<String> {
    let items: Option<Vec<String>> = text.split(',').map(|item| read(item.trim())).collect();
    Some(items?.join(","))
}

fn date(text: &str) -> Option<String> {
    Some(text.parse::<Date>().ok()?.to_string())
}

fn percentile(text: &str) -> Option<String> {
    let share: f64 = text.parse().ok()?;
    (share > 0.0 && share < 100.0).then(|| text.to_owned())
}

/// Business hours in one spelling; `None` if one is none or two meet.
fn hours(text: &str) -> Option<String> {
    let stretches: Option<Vec<Stretch>> = text.split(',').map(Stretch::parse).collect();
    let stretches = stretches?;
    let meet = stretches
        .iter()
        .enumerate()
        .any(|(nth, one)| stretches.iter().skip(nth + 1).any(|other| one.meets(other)));
    let spelt: Vec<String> = stretches.iter().map(Stretch::spell).collect();
    (!meet).then(|| spelt.join(", "))
}

/// `Mon-Fri 08:00-16:00`: days of the week, which may go over its end, and the hours of each.
struct Stretch {
    days: Vec<usize>,
    spelt_days: String,
    opens: u16,
    closes: u16,
}

impl Stretch {
    fn parse(text: &str) -> Option<Self> {
        let (days, hours) = text.trim().split_once(char::is_whitespace)?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (first, last) = (day(first)?, day(last)?);
        let mut all = vec![first];
        let mut at = first;
        while at != last {
            at = (at + 1) % DAYS.len();
            all.push(at);
        }
        let (opens, closes) = hours.trim().split_once('-')?;
        let (opens, closes) = (minutes(opens)?, minutes(closes)?);
        (opens < closes).then(|| Self {
            days: all,
            spelt_days: days.to_owned(),
            opens,
            closes,
        })
    }

    fn meets(&self, other: &Self) -> bool {
        let share_a_day = self.days.iter().any(|day| other.days.contains(day));
        share_a_day && self.opens < other.closes && other.opens < self.closes
    }

    fn spell(&self) -> String {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        format!(
            "{} {}-{}",
            self.spelt_days,
            time(self.opens),
            time(self.closes)
        )
    }
}

fn day(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_lowercase();
    DAYS.iter().position(|day| *day == text)
}

/// `08:00` in minutes since midnight; `24:00` is the end of the day.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two_digits = |text: &str| {
        let fine = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        fine.then(|| text.parse::<u16>().ok())?
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= 24 * 60).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn business_hours_are_days_and_times_that_do_not_meet() {
        for (given, read) in [
            ("Mon-Fri 08:00-16:00", Some("Mon-Fri 08:00-16:00")),
            (
                " mon-fri  08:00-12:00 ,Mon-Fri 12:00-16:00",
                Some("mon-fri 08:00-12:00, Mon-Fri 12:00-16:00"),
            ),
            ("Sat-Sun 00:00-24:00", Some("Sat-Sun 00:00-24:00")),
            (
                "Fri-Mon 10:00-11:00, Tue 10:00-11:00",
                Some("Fri-Mon 10:00-11:00, Tue 10:00-11:00"),
            ),
            ("Fri-Mon 10:00-11:00, Sun 10:30-12:00", None),
            ("Mon 16:00-08:00", None),
            ("Mon 8:00-16:00", None),
            ("Mon 08:00-24:01", None),
            ("Mon 08:00-16:60", None),
            ("Mon-Fri", None),
            ("Day 08:00-16:00", None),
            ("", None),
        ] {
            assert_eq!(Kind::Hours.read(given).ok().as_deref(), read, "{given}");
        }
    }

    #[test]
    fn every_kind_refuses_what_is_none_of_it() {
        for (kind, good, bad) in [
            (
                Kind::Instant,
                "2025-05-19T09:56:33.1554128+02:00",
                "2025-05-19",
            ),
            (Kind::Date, "2025-05-19", "2025-02-30"),
            (Kind::Zone, "europe/oslo", "Oslo"),
            (Kind::Group, "team", "teams"),
            (Kind::Dates, "2025-05-17, 2025-12-25", "2025-05-17,"),
            (Kind::Percentiles, "50,99.9", "100"),
            (Kind::Kinds, "changed,not_sent", "changed,moved"),
            (Kind::Integer, "-3", "3.5"),
            (Kind::Field, "x_mine", " "),
            (Kind::Choice(vec!["a".to_owned()]), "a", "A"),
            (Kind::Text, "", "\0"),
        ] {
            assert!(kind.read(good).is_ok(), "{kind:?} takes {good}");
            assert!(kind.read(bad).is_err(), "{kind:?} refuses {bad}");
            assert!(!kind.expects().is_empty());
        }
        assert_eq!(
            Kind::Instant.read("2025-05-19T09:56:33.1554128 02:00"),
            Ok("2025-05-19T07:56:33.1554128Z".to_owned())
        );
    }
}
