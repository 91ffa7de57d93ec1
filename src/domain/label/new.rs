//! Labels as an operator brings them: what can be one, and what is wrong with what cannot.

use std::collections::BTreeMap;

use super::{ACTORS, BEGINNING};
use crate::domain::{ids::is_plain_name, instant::OccurredAt};

/// Longest label in characters: names of people and lists are under 250 in SuperOffice.
pub const MAX_LABEL_CHARS: usize = 1000;

/// A label to be recorded.
#[derive(Debug, Clone)]
pub struct NewLabel {
    /// The list.
    pub list: String,
    /// The id in it.
    pub id: i64,
    /// From when on it holds; `None` from the beginning.
    pub valid_from: Option<OccurredAt>,
    /// The name; `None` if the id has none from then on.
    pub label: Option<String>,
}

/// Why something cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Not the name of a list.
    #[error(
        "\"{0}\" is no list: a field's name or actor, 1 to 64 letters, digits, '.', '_' or '-'"
    )]
    List(String),
    /// Nothing but blanks.
    #[error("a label has 1 to {MAX_LABEL_CHARS} characters, and not only blanks")]
    Blank,
    /// More characters than a label has.
    #[error("a label has 1 to {MAX_LABEL_CHARS} characters, this one {0}")]
    Long(usize),
    /// What no text of Postgres holds.
    #[error("a label cannot hold the character NUL")]
    Nul,
    /// Not an instant.
    #[error("\"{0}\" is no instant like 2025-05-19T09:56:33Z or 2025-05-19T11:56:33+02:00")]
    ValidFrom(String),
}

/// Reads a label. `changed_by` is another name of the list `actor`.
///
/// # Errors
/// [`LabelError`] says what it is that cannot be, with the name of the part: `list`, `label` or
/// `valid_from`.
pub fn read_label(
    list: &str,
    id: i64,
    label: Option<&str>,
    valid_from: Option<&str>,
) -> Result<NewLabel, (&'static str, LabelError)> {
    let list = list_name(list).map_err(|error| ("list", error))?;
    let valid_from = valid_from
        .map(|text| {
            OccurredAt::parse_zoned(text).ok_or_else(|| LabelError::ValidFrom(text.to_owned()))
        })
        .transpose()
        .map_err(|error| ("valid_from", error))?;
    if let Some(text) = label {
        check_text(text).map_err(|error| ("label", error))?;
    }
    Ok(NewLabel {
        list,
        id,
        valid_from,
        label: label.map(ToOwned::to_owned),
    })
}

fn list_name(text: &str) -> Result<String, LabelError> {
    match text {
        "changed_by" => Ok(ACTORS.to_owned()),
        _ if is_plain_name(text) => Ok(text.to_owned()),
        _ => Err(LabelError::List(text.to_owned())),
    }
}

fn check_text(text: &str) -> Result<(), LabelError> {
    let chars = text.chars().count();
    if text.trim().is_empty() {
        return Err(LabelError::Blank);
    }
    if chars > MAX_LABEL_CHARS {
        return Err(LabelError::Long(chars));
    }
    if text.contains('\0') {
        return Err(LabelError::Nul);
    }
    Ok(())
}

impl NewLabel {
    /// From when on it holds, in ticks of 100 ns.
    pub fn valid_ticks(&self) -> i64 {
        self.valid_from
            .as_ref()
            .map_or(BEGINNING, OccurredAt::ticks)
    }
}

/// An owner and an actor who are the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPair {
    /// An ejuser id, as in `owned_by`.
    pub owner: i64,
    /// An associate id; `None` if the owner is to be joined with nobody.
    pub actor: Option<i64>,
}

/// What a row to be recorded says something about. Two rows in one body or file that say something about
/// the same cannot both be meant.
pub trait NewRow {
    /// Each subject, and what it is called.
    fn subjects(&self) -> Vec<(&'static str, Subject)>;
}

/// Of a label, or of one side of a pair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A list, an id and the instant from which a label holds.
    Label(String, i64, i64),
    /// An owner.
    Owner(i64),
    /// An actor.
    Actor(i64),
}

impl NewRow for NewLabel {
    fn subjects(&self) -> Vec<(&'static str, Subject)> {
        let subject = Subject::Label(self.list.clone(), self.id, self.valid_ticks());
        vec![("list, id and valid_from", subject)]
    }
}

impl NewRow for NewPair {
    fn subjects(&self) -> Vec<(&'static str, Subject)> {
        let owner = ("owner", Subject::Owner(self.owner));
        let actor = self.actor.map(|actor| ("actor", Subject::Actor(actor)));
        [Some(owner), actor].into_iter().flatten().collect()
    }
}

/// The subjects of rows so far, with the place at which each stands: a line or an index.
#[derive(Debug, Default)]
pub struct Subjects(BTreeMap<Subject, u64>);

impl Subjects {
    /// Takes the subjects of the row at a place. If there was one before, gives what it is called and its
    /// place, and takes nothing.
    pub fn take(&mut self, row: &impl NewRow, place: u64) -> Option<(&'static str, u64)> {
        let subjects = row.subjects();
        for (called, subject) in &subjects {
            if let Some(before) = self.0.get(subject) {
                return Some((called, *before));
            }
        }
        let places = subjects.into_iter().map(|(_, subject)| (subject, place));
        self.0.extend(places);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{LabelError, NewPair, Subjects, read_label};

    #[test]
    fn what_cannot_be_recorded_says_which_part_and_why() {
        let read = |list, label, from| read_label(list, 1, label, from).map(|label| label.list);
        assert_eq!(
            read("changed_by", Some("Kari"), None),
            Ok("actor".to_owned())
        );
        assert_eq!(
            read(
                "x_1",
                Some("\u{202e}<b>\n\"'"),
                Some("2025-05-19T11:56:33.1+02:00")
            ),
            Ok("x_1".to_owned())
        );
        assert_eq!(read("status", None, None), Ok("status".to_owned()));
        let long = "å".repeat(1001);
        for (list, label, from, part, error) in [
            ("a b", "x", None, "list", LabelError::List("a b".to_owned())),
            ("status", " ", None, "label", LabelError::Blank),
            ("status", "", None, "label", LabelError::Blank),
            ("status", "a\0", None, "label", LabelError::Nul),
            (
                "status",
                long.as_str(),
                None,
                "label",
                LabelError::Long(1001),
            ),
            (
                "status",
                "x",
                Some("2025-05-19T11:56:33"),
                "valid_from",
                LabelError::ValidFrom("2025-05-19T11:56:33".to_owned()),
            ),
        ] {
            assert_eq!(read(list, Some(label), from), Err((part, error)));
        }
        assert!(read("status", Some(&"å".repeat(1000)), None).is_ok());
    }

    #[test]
    fn two_rows_on_one_subject_are_told() {
        let mut subjects = Subjects::default();
        let pair = |owner, actor| NewPair { owner, actor };
        assert_eq!(subjects.take(&pair(8, Some(19)), 2), None);
        assert_eq!(subjects.take(&pair(19, Some(8)), 3), None);
        assert_eq!(subjects.take(&pair(8, None), 4), Some(("owner", 2)));
        assert_eq!(subjects.take(&pair(9, Some(8)), 5), Some(("actor", 3)));
        assert_eq!(subjects.take(&pair(9, Some(9)), 6), None);
        // As instants, not as texts.
        let label = |from| read_label("status", 1, Some("x"), Some(from)).unwrap();
        assert_eq!(subjects.take(&label("2025-01-01T00:00:00Z"), 7), None);
        let same = label("2025-01-01T02:00:00.0+02:00");
        assert_eq!(
            subjects.take(&same, 8),
            Some(("list, id and valid_from", 7))
        );
    }
}
