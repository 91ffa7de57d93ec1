//! What is wrong with a query, where, and what would be right.

use std::fmt;

/// Characters of a query that are shown on either side of a mistake.
const AROUND: usize = 60;

/// Where something stands in a query, in bytes. Two things that differ in nothing else are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place(Option<(usize, usize)>);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl Place {
    /// Of what stands in no text.
    pub const NONE: Self = Self(None);

    /// From one byte until another.
    pub(super) fn new(from: usize, until: usize) -> Self {
        Self(Some((from, until)))
    }

    /// False for what stands in no text.
    pub fn is_somewhere(self) -> bool {
        self.0.is_some()
    }

    /// A text with another one at this place; `None` if it is none of the text.
    pub(super) fn replaced(self, text: &str, by: &str) -> Option<String> {
        let (from, until) = self.0?;
        Some(format!("{}{by}{}", text.get(..from)?, text.get(until..)?))
    }
}

/// A query that cannot be read, or names what there is not.
///
/// Shows itself in up to four lines: what is wrong, the query, a caret under the place, what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    what: String,
    suggest: Option<String>,
    /// The query and the place in it, in characters: from, and how many.
    at: Option<(String, usize, usize)>,
    /// The query as it may have been meant.
    mended: Option<String>,
}

impl QueryError {
    /// Something wrong at a place in a text; without the text where the place is none.
    pub(super) fn new(text: &str, place: Place, what: &str, suggest: Option<String>) -> Self {
        let what = what.chars().map(plain).collect();
        let mended = suggest
            .as_deref()
            .and_then(|suggest| place.replaced(text, suggest));
        let at = place.0.map(|(from, until)| {
            let chars = |until: usize| {
                text.char_indices()
                    .take_while(|(at, _)| *at < until)
                    .count()
            };
            let (from, until) = (chars(from), chars(until));
            (text.to_owned(), from, until.saturating_sub(from).max(1))
        });
        Self {
            what,
            suggest,
            at,
            mended,
        }
    }

    /// The same, of a query in which something else than what is wrong is to be replaced.
    pub(super) fn mended_by(mut self, mended: Option<String>) -> Self {
        self.mended = mended.or(self.mended);
        self
    }

    /// What is wrong, in one line.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The query before the place, at the place, and after it, a character for a character; `None` if it has none.
    pub fn parts(&self) -> Option<[String; 3]> {
        let (query, at, length) = self.at.as_ref()?;
        let part =
            |from: usize, most: usize| query.chars().skip(from).take(most).map(plain).collect();
        Some([
            part(0, *at),
            part(*at, *length),
            part(at + length, usize::MAX),
        ])
    }

    /// The whole query with what is suggested in its place; `None` if nothing is.
    pub fn mended(&self) -> Option<&str> {
        self.mended.as_deref()
    }

    /// Characters of the query before the place; `None` if it has none.
    pub fn at(&self) -> Option<usize> {
        self.at.as_ref().map(|(_, at, _)| *at)
    }

    /// What may have been meant, to stand in its place.
    pub fn suggest(&self) -> Option<&str> {
        self.suggest.as_deref()
    }
}

impl std::error::Error for QueryError {}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some((query, at, length)) = &self.at {
            let start = at.saturating_sub(AROUND);
            let cut = |cut: bool| if cut { "…" } else { "" };
            let shown: String = query
                .chars()
                .skip(start)
                .take(2 * AROUND)
                .map(plain)
                .collect();
            let end = query.chars().nth(start + 2 * AROUND).is_some();
            let before = at - start + usize::from(start > 0);
            let carets = (*length).min(2 * AROUND - (at - start)).max(1);
            write!(f, "\n  {}{shown}{}", cut(start > 0), cut(end))?;
            write!(f, "\n  {}{}", " ".repeat(before), "^".repeat(carets))?;
        }
        match &self.suggest {
            Some(suggest) => {
                let suggest: String = suggest.chars().map(plain).collect();
                write!(f, "\ndid you mean: {suggest}")
            }
            None => Ok(()),
        }
    }
}

/// A piece of a query, for a message: at most 40 characters of it.
pub(super) fn short(piece: &str) -> String {
    const MAX_CHARS: usize = 40;
    match piece.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", piece.get(..end).unwrap_or_default()),
        None => piece.to_owned(),
    }
}

/// One character for one, so that the caret stands right; none that a terminal would obey.
fn plain(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        // Those that have no width or turn the direction of writing.
        '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' => '\u{FFFD}',
        c if c.is_control() => '\u{FFFD}',
        c => c,
    }
}

/// Of some words the one that another is most likely a misspelling of.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let far = 1 + lower.chars().count() / 3;
    known
        .into_iter()
        .map(|known| {
            let apart = strsim::damerau_levenshtein(&lower, &known.to_lowercase());
            (apart, known)
        })
        .filter(|(apart, known)| *apart <= far && *apart < known.chars().count())
        .min()
        .map(|(_, known)| known)
}
