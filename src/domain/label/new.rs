//! Labels as an operator brings them: what can be one, and what is wrong with what cannot.

use std::collections::{BTreeMap, BTreeSet};

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
    #[error("\"{0}\" is no list: a field's name or actor, 1 to 64 letters, digits, '.', '_' or '-'")]
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
        self.valid_from.as_ref().map_or(BEGINNING, OccurredAt::ticks)
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
